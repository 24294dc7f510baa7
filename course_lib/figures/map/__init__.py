"""The figure of lecture 0, the map: the lecture's grid of bricks and comparisons (slides 2, 19)."""

from course_lib.figures.map.grid_of_bricks import SYSTEMS, System, grid_of_bricks

__all__ = ["SYSTEMS", "System", "grid_of_bricks"]
