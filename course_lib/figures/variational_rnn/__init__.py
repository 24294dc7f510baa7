"""The figures of lecture 5, the variational RNN (slide 9): two explorables and three pictures."""

from course_lib.figures.variational_rnn.bounds import bounds_over_time, chorale_ladder
from course_lib.figures.variational_rnn.filtering_price import filtering_price
from course_lib.figures.variational_rnn.row_by_row import row_by_row
from course_lib.figures.variational_rnn.sound import Recording
from course_lib.figures.variational_rnn.who_sees_what import who_sees_what

__all__ = [
    "Recording",
    "bounds_over_time",
    "chorale_ladder",
    "filtering_price",
    "row_by_row",
    "who_sees_what",
]
