"""Held-out numbers with their uncertainty, each named for what it is: bound, gap or density."""

from course_lib.evaluation.aggregate import marginal_kl, marginal_kl_floor, matched_posteriors
from course_lib.evaluation.annealing import (
    AISEstimate,
    BidirectionalBounds,
    ais_lower_bound,
    ais_upper_bound,
    bidirectional_monte_carlo,
)
from course_lib.evaluation.conditioning import log_condition
from course_lib.evaluation.gap import GapTerms, gap_terms
from course_lib.evaluation.held_out import (
    Estimate,
    Evaluation,
    bits_per_dim,
    evaluate,
    mean_and_error,
)
from course_lib.evaluation.information import (
    InformationTerms,
    active_units,
    information_terms,
    latent_shuffle_cost,
)
from course_lib.evaluation.interface import LatentVariableModel, quadrature_world
from course_lib.evaluation.leaderboard import Leaderboard, Row, my_folder
from course_lib.evaluation.memoriser import Memoriser
from course_lib.evaluation.plain_elbo import plain_elbo
from course_lib.evaluation.probe import Probe, linear_probe
from course_lib.evaluation.refitting import FAMILIES, FittedPosterior, fit_posterior
from course_lib.evaluation.scoring import (
    EXACT,
    Cost,
    Score,
    rank_correlation,
    relative_costs,
    sample_accuracy,
    score,
)
from course_lib.evaluation.two_sample import (
    PrecisionAndRecall,
    TwoSample,
    classifier_two_sample,
    mmd_test,
    precision_and_recall,
)
from course_lib.evaluation.variance import VarianceShares, variance_shares

__all__ = [
    "EXACT",
    "FAMILIES",
    "AISEstimate",
    "BidirectionalBounds",
    "Cost",
    "Estimate",
    "Evaluation",
    "FittedPosterior",
    "GapTerms",
    "InformationTerms",
    "LatentVariableModel",
    "Leaderboard",
    "Memoriser",
    "PrecisionAndRecall",
    "Probe",
    "Row",
    "Score",
    "TwoSample",
    "VarianceShares",
    "active_units",
    "ais_lower_bound",
    "ais_upper_bound",
    "bidirectional_monte_carlo",
    "bits_per_dim",
    "classifier_two_sample",
    "evaluate",
    "fit_posterior",
    "gap_terms",
    "information_terms",
    "latent_shuffle_cost",
    "linear_probe",
    "log_condition",
    "marginal_kl",
    "marginal_kl_floor",
    "matched_posteriors",
    "mean_and_error",
    "mmd_test",
    "my_folder",
    "plain_elbo",
    "precision_and_recall",
    "quadrature_world",
    "rank_correlation",
    "relative_costs",
    "sample_accuracy",
    "score",
    "variance_shares",
]
