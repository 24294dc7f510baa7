"""Checks of the assignment on autoregressive flows: one function per exercise, named after it."""

from course_lib.checks.autoregressive_flows.dequantised_logit import dequantised_logit
from course_lib.checks.autoregressive_flows.made_masks import made_masks
from course_lib.checks.autoregressive_flows.maf_inverse import maf_inverse
from course_lib.checks.autoregressive_flows.maf_log_prob import maf_log_prob
from course_lib.checks.autoregressive_flows.monotone import monotone
from course_lib.checks.autoregressive_flows.stacked_log_prob import stacked_log_prob

__all__ = [
    "dequantised_logit",
    "made_masks",
    "maf_inverse",
    "maf_log_prob",
    "monotone",
    "stacked_log_prob",
]
