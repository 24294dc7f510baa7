"""The lecture's systems, one file each: a short combination of bricks and an objective."""

from course_lib.models.flow_posterior_vae import FlowPosteriorVAE
from course_lib.models.vae import VAE

__all__ = ["VAE", "FlowPosteriorVAE"]
