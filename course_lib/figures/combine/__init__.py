"""The figures of lecture 9: the leaderboard, and menus that train the reader's own model."""

from course_lib.figures.combine.buttons import Menus, menus
from course_lib.figures.combine.recipe import BUDGET, COURSE, build, options, row_of, title, train
from course_lib.figures.combine.session import Session
from course_lib.figures.combine.table import COLUMNS, leaderboard, values

__all__ = [
    "BUDGET",
    "COLUMNS",
    "COURSE",
    "Menus",
    "Session",
    "build",
    "leaderboard",
    "menus",
    "options",
    "row_of",
    "title",
    "train",
    "values",
]
