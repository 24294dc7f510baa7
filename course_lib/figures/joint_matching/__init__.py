"""The figures of lecture 7, joint matching (slides 12 to 15): three explorables and one picture."""

from course_lib.figures.joint_matching.joint_tables import joint_tables
from course_lib.figures.joint_matching.latent_cloud import latent_cloud
from course_lib.figures.joint_matching.optima import likelihood_and_elbo
from course_lib.figures.joint_matching.sharper_samples import sharper_samples

__all__ = ["joint_tables", "latent_cloud", "likelihood_and_elbo", "sharper_samples"]
