"""The figures of lecture 6, FlowGAN (slides 10 and 11): two explorables and two pictures."""

from course_lib.figures.flow_gan.discriminator import discriminator
from course_lib.figures.flow_gan.gradients import generator_gradients
from course_lib.figures.flow_gan.sweep import lambda_sweep
from course_lib.figures.flow_gan.two_objectives import two_objectives

__all__ = ["discriminator", "generator_gradients", "lambda_sweep", "two_objectives"]
