"""The bricks: every brick is a conditional distribution, and any fits where its events do."""

from course_lib.distributions.autoregressive import (
    AutoregressiveBernoulli,
    ConditionalAutoregressiveBernoulli,
)
from course_lib.distributions.base import Brick, rsample_and_log_prob
from course_lib.distributions.bernoulli import ConditionalBernoulli, IndependentBernoulli
from course_lib.distributions.codes import (
    Category,
    ConditionalCategory,
    SideBySide,
    UniformCategory,
    UniformInterval,
)
from course_lib.distributions.experts import ProductOfExperts, product_of_gaussians
from course_lib.distributions.feature_map import FeatureMap
from course_lib.distributions.flow import Flow, Pushforward
from course_lib.distributions.gaussian import (
    ConditionalGaussian,
    DiagonalGaussian,
    StandardGaussian,
)
from course_lib.distributions.modalities import (
    ConditionalModalities,
    InferenceNets,
    Modalities,
    SideBySideNetwork,
    subsets,
)
from course_lib.distributions.networks import MaskedLinear, MaskedMLP, mlp
from course_lib.distributions.pixelcnn import AutoregressivePixels, ConditionalPixelCNN
from course_lib.distributions.recurrence import GatedRecurrence
from course_lib.distributions.transforms import (
    AffineAutoregressive,
    Coupling,
    Diagonal,
    Inverse,
    Logit,
    Marginal,
    NeuralAutoregressive,
    Planar,
    Reshape,
    Transform,
    checkerboard,
    constrain_planar,
    halves,
    planar,
)

__all__ = [
    "AffineAutoregressive",
    "AutoregressiveBernoulli",
    "AutoregressivePixels",
    "Brick",
    "Category",
    "ConditionalAutoregressiveBernoulli",
    "ConditionalBernoulli",
    "ConditionalCategory",
    "ConditionalGaussian",
    "ConditionalModalities",
    "ConditionalPixelCNN",
    "Coupling",
    "Diagonal",
    "DiagonalGaussian",
    "FeatureMap",
    "Flow",
    "GatedRecurrence",
    "IndependentBernoulli",
    "InferenceNets",
    "Inverse",
    "Logit",
    "Marginal",
    "MaskedLinear",
    "MaskedMLP",
    "Modalities",
    "NeuralAutoregressive",
    "Planar",
    "ProductOfExperts",
    "Pushforward",
    "Reshape",
    "SideBySide",
    "SideBySideNetwork",
    "StandardGaussian",
    "Transform",
    "UniformCategory",
    "UniformInterval",
    "checkerboard",
    "constrain_planar",
    "halves",
    "mlp",
    "planar",
    "product_of_gaussians",
    "rsample_and_log_prob",
    "subsets",
]
