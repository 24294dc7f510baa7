"""The figures of lecture 5, the variational RNN (slide 9)."""

from course_lib.figures.variational_rnn.row_by_row import row_by_row

__all__ = ["row_by_row"]
