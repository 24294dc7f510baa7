"""Held-out numbers, each with its spread, each called what it is: a bound, a gap, a density."""

from course_lib.evaluation.annealing import (
    Annealed,
    Bracket,
    annealed_bound,
    bracket,
    reverse_annealed_bound,
)
from course_lib.evaluation.gap import GapSplit, split_gap
from course_lib.evaluation.held_out import Evaluation, Mean, bits_per_dim, evaluate, mean_and_error
from course_lib.evaluation.information import (
    InformationSplit,
    active_units,
    information_split,
    shuffle_cost,
)
from course_lib.evaluation.interface import LatentVariableModel, latent_world
from course_lib.evaluation.probe import Probe, linear_probe
from course_lib.evaluation.refitting import FAMILIES, refit
from course_lib.evaluation.two_sample import (
    PrecisionAndRecall,
    TwoSample,
    classifier_two_sample,
    mmd_squared,
    precision_and_recall,
)

__all__ = [
    "FAMILIES",
    "Annealed",
    "Bracket",
    "Evaluation",
    "GapSplit",
    "InformationSplit",
    "LatentVariableModel",
    "Mean",
    "PrecisionAndRecall",
    "Probe",
    "TwoSample",
    "active_units",
    "annealed_bound",
    "bits_per_dim",
    "bracket",
    "classifier_two_sample",
    "evaluate",
    "information_split",
    "latent_world",
    "linear_probe",
    "mean_and_error",
    "mmd_squared",
    "precision_and_recall",
    "refit",
    "reverse_annealed_bound",
    "shuffle_cost",
    "split_gap",
]
