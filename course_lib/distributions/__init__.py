"""The bricks: conditional distributions that fit wherever their event shapes match."""

from course_lib.distributions.autoregressive import (
    AutoregressiveBernoulli,
    ConditionalAutoregressiveBernoulli,
)
from course_lib.distributions.base import Brick, rsample_and_log_prob
from course_lib.distributions.bernoulli import ConditionalBernoulli, IndependentBernoulli
from course_lib.distributions.codes import (
    ConditionalCategorical,
    JointBrick,
    OneHotCategorical,
    UniformBox,
    UniformCategorical,
)
from course_lib.distributions.experts import ProductOfExperts, product_of_gaussians
from course_lib.distributions.feature_map import FeatureMap, UpsampledMap
from course_lib.distributions.flow import Flow, Pushforward
from course_lib.distributions.gaussian import (
    ConditionalGaussian,
    DiagonalGaussian,
    StandardGaussian,
)
from course_lib.distributions.modalities import (
    ConcatNetwork,
    ConditionalModalities,
    InferenceNets,
    Modalities,
    subsets,
)
from course_lib.distributions.networks import MaskedLinear, MaskedMLP, mlp
from course_lib.distributions.pixelcnn import AutoregressivePixels, ConditionalPixelCNN
from course_lib.distributions.recurrence import GatedRecurrence
from course_lib.distributions.transforms import (
    AffineAutoregressive,
    AffinePixels,
    Coupling,
    ElementwiseAffine,
    ElementwiseSigmoidal,
    Inverse,
    Logit,
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
    "AffinePixels",
    "AutoregressiveBernoulli",
    "AutoregressivePixels",
    "Brick",
    "ConcatNetwork",
    "ConditionalAutoregressiveBernoulli",
    "ConditionalBernoulli",
    "ConditionalCategorical",
    "ConditionalGaussian",
    "ConditionalModalities",
    "ConditionalPixelCNN",
    "Coupling",
    "DiagonalGaussian",
    "ElementwiseAffine",
    "ElementwiseSigmoidal",
    "FeatureMap",
    "Flow",
    "GatedRecurrence",
    "IndependentBernoulli",
    "InferenceNets",
    "Inverse",
    "JointBrick",
    "Logit",
    "MaskedLinear",
    "MaskedMLP",
    "Modalities",
    "NeuralAutoregressive",
    "OneHotCategorical",
    "Planar",
    "ProductOfExperts",
    "Pushforward",
    "Reshape",
    "StandardGaussian",
    "Transform",
    "UniformBox",
    "UniformCategorical",
    "UpsampledMap",
    "checkerboard",
    "constrain_planar",
    "halves",
    "mlp",
    "planar",
    "product_of_gaussians",
    "rsample_and_log_prob",
    "subsets",
]
