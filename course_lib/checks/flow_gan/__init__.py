"""Checks of the assignment on FlowGAN: one function per exercise, of the same name."""

from course_lib.checks.flow_gan.coupling import coupling
from course_lib.checks.flow_gan.generator_losses import generator_losses
from course_lib.checks.flow_gan.hybrid_loss import hybrid_loss
from course_lib.checks.flow_gan.jsd_from_logits import jsd_from_logits
from course_lib.checks.flow_gan.kl_and_jsd import kl_and_jsd
from course_lib.checks.flow_gan.log_condition import log_condition
from course_lib.checks.flow_gan.optimal_logit import optimal_logit

__all__ = [
    "coupling",
    "generator_losses",
    "hybrid_loss",
    "jsd_from_logits",
    "kl_and_jsd",
    "log_condition",
    "optimal_logit",
]
