"""The figures of lecture 4, several modalities (slide 8): experts as ellipses, and the tie."""

from course_lib.figures.multimodal.experts import experts
from course_lib.figures.multimodal.tie import tie

__all__ = ["experts", "tie"]
