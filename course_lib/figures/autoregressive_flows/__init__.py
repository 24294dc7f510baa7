"""The figures of lecture 2, autoregressive flows (slide 5): two explorables and still pictures."""

from course_lib.figures.autoregressive_flows.area import area
from course_lib.figures.autoregressive_flows.costs import costs
from course_lib.figures.autoregressive_flows.layers import layer_by_layer
from course_lib.figures.autoregressive_flows.matrices import jacobians, masks
from course_lib.figures.autoregressive_flows.monotone import monotone_network
from course_lib.figures.autoregressive_flows.pixels import pixel
from course_lib.figures.autoregressive_flows.plane import conditionals, plane

__all__ = [
    "area",
    "conditionals",
    "costs",
    "jacobians",
    "layer_by_layer",
    "masks",
    "monotone_network",
    "pixel",
    "plane",
]
