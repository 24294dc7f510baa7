"""One training loop for every model: several players, progress, history, exact resume."""

from course_lib.training.interruption import Stopped
from course_lib.training.loop import cosine, fit
from course_lib.training.run import History

__all__ = ["History", "Stopped", "cosine", "fit"]
