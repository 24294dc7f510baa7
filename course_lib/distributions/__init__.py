"""The bricks: every brick is a conditional distribution, and any fits where its events do."""

from course_lib.distributions.autoregressive import (
    AutoregressiveBernoulli,
    ConditionalAutoregressiveBernoulli,
)
from course_lib.distributions.base import Brick, rsample_and_log_prob
from course_lib.distributions.bernoulli import ConditionalBernoulli, IndependentBernoulli
from course_lib.distributions.flow import Flow, Pushforward
from course_lib.distributions.gaussian import (
    ConditionalGaussian,
    DiagonalGaussian,
    StandardGaussian,
)
from course_lib.distributions.networks import MaskedLinear, MaskedMLP, mlp
from course_lib.distributions.transforms import (
    AffineAutoregressive,
    Inverse,
    Planar,
    Transform,
    constrain_planar,
    planar,
)

__all__ = [
    "AffineAutoregressive",
    "AutoregressiveBernoulli",
    "Brick",
    "ConditionalAutoregressiveBernoulli",
    "ConditionalBernoulli",
    "ConditionalGaussian",
    "DiagonalGaussian",
    "Flow",
    "IndependentBernoulli",
    "Inverse",
    "MaskedLinear",
    "MaskedMLP",
    "Planar",
    "Pushforward",
    "StandardGaussian",
    "Transform",
    "constrain_planar",
    "mlp",
    "planar",
    "rsample_and_log_prob",
]
