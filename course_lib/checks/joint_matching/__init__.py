"""Checks of the assignment on joint matching: one function per exercise, of the same name."""

from course_lib.checks.joint_matching.aae_losses import aae_losses
from course_lib.checks.joint_matching.aggregate_log_prob import aggregate_log_prob
from course_lib.checks.joint_matching.joints import joints
from course_lib.checks.joint_matching.kl import kl
from course_lib.checks.joint_matching.mmd2 import mmd2
from course_lib.checks.joint_matching.rate_parts import (
    rate_parts,
)
from course_lib.checks.joint_matching.split_joint_kl import split_joint_kl

__all__ = [
    "aae_losses",
    "aggregate_log_prob",
    "joints",
    "kl",
    "mmd2",
    "rate_parts",
    "split_joint_kl",
]
