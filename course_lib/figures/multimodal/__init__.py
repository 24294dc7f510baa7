"""The figures of lecture 4, several modalities (slide 8): two explorables and a trained tie."""

from course_lib.figures.multimodal.experts import experts
from course_lib.figures.multimodal.learned_tie import learned_tie
from course_lib.figures.multimodal.tie import tie

__all__ = ["experts", "learned_tie", "tie"]
