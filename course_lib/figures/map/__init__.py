"""The figure of lecture 0, the map: the lecture's grid of bricks and comparisons (slides 2, 19)."""

from course_lib.figures.map.grid_of_bricks import SYSTEMS, System, grid_of_bricks
from course_lib.figures.map.named_systems import NamedSystems, named_systems

__all__ = ["SYSTEMS", "NamedSystems", "System", "grid_of_bricks", "named_systems"]
