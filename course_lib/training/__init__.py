"""One loop for every model: players in turn, a progress bar, a history, and exact resume."""

from course_lib.training.interruption import Stopped
from course_lib.training.loop import cosine, fit
from course_lib.training.run import History

__all__ = ["History", "Stopped", "cosine", "fit"]
