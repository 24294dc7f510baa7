"""Checks of the assignment on the variational RNN: one function per exercise, of the same name."""

from course_lib.checks.variational_rnn.dream import dream
from course_lib.checks.variational_rnn.filter_step import filter_step
from course_lib.checks.variational_rnn.masked_sum import masked_sum
from course_lib.checks.variational_rnn.path_bound import path_bound
from course_lib.checks.variational_rnn.vrnn_elbo import vrnn_elbo
from course_lib.checks.variational_rnn.vrnn_step import vrnn_step

__all__ = ["dream", "filter_step", "masked_sum", "path_bound", "vrnn_elbo", "vrnn_step"]
