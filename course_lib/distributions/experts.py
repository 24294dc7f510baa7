"""A product of Gaussian experts combines what each modality says about z (slide 8)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from course_lib.arguments import as_shape
from course_lib.distributions.base import Brick
from course_lib.distributions.gaussian import (
    ConditionalGaussian,
    DiagonalGaussian,
    StandardGaussian,
)
from course_lib.distributions.modalities import Shapes, check_names, subsets
from course_lib.distributions.networks import mlp

__all__ = ["ProductOfExperts", "product_of_gaussians"]


def product_of_gaussians(experts: Sequence[DiagonalGaussian]) -> DiagonalGaussian:
    r"""Return the normalised product of Gaussian densities: precisions add (slide 8).

    .. math:: \sigma^{-2} = \sum_m \sigma_m^{-2}, \qquad
              \mu = \sum_m \frac{\sigma_m^{-2}}{\sigma^{-2}}\, \mu_m

    The weights of the means are a softmax of the log-precisions, so that neither a very precise nor
    a very vague expert overflows.

    Args:
        experts: at least one; their batch shapes broadcast.

    Raises:
        ValueError: if there is no expert.

    Example:
        >>> one = DiagonalGaussian(torch.tensor([3.0]), torch.zeros(1))
        >>> two = product_of_gaussians([one, DiagonalGaussian(torch.zeros(1), torch.zeros(1))])
        >>> two.mean, two.variance
        (tensor([1.5000]), tensor([0.5000]))

    Paper: Hinton (2002), Training products of experts by minimizing contrastive divergence.
    """
    if not experts:
        raise ValueError("experts: expected at least one expert, got none")
    means = torch.broadcast_tensors(*(expert.mu for expert in experts))
    scales = torch.broadcast_tensors(*(expert.log_scale for expert in experts))
    log_precision = -2 * torch.stack(scales)
    mu = (log_precision.softmax(0) * torch.stack(means)).sum(0)
    return DiagonalGaussian(mu, -0.5 * log_precision.logsumexp(0), len(experts[0].event_shape))


class ProductOfExperts(Brick):
    r"""q(z|x_S) proportional to p(z) prod_{m in S} q~(z|x_m): a missing one drops out (slide 8).

    It has the form of the true posterior of modalities that are independent given z,
    p(z|x1,x2) proportional to p(z) [p(z|x1)/p(z)] [p(z|x2)/p(z)], in which every expert q~(z|x_m)
    stands for p(z|x_m)/p(z): the prior counts once, whatever was observed.

    Args:
        experts: for each modality's name the brick q~(z|x_m), called with x_m.

    Raises:
        ValueError: if there is no expert, or two of them have z of different shapes.

    Example:
        >>> from course_lib.distributions import ConditionalGaussian
        >>> q = ProductOfExperts({"x1": ConditionalGaussian(nn.Linear(3, 4), 2)})
        >>> q({}).mean, q({}).stddev  # nothing observed: the prior
        (tensor([0., 0.]), tensor([1., 1.]))

    Paper: Wu, Goodman (2018), Multimodal generative models for scalable weakly-supervised
    learning, arXiv:1802.05335.
    """

    def __init__(self, experts: Mapping[str, Brick]) -> None:
        shapes = {tuple(expert.event_shape) for expert in experts.values()}
        if len(shapes) != 1:
            raise ValueError(f"experts: expected experts on one shape of z, got {sorted(shapes)}")
        super().__init__(shapes.pop())
        self.prior = StandardGaussian(self.event_shape)
        self.experts = nn.ModuleDict(experts)
        self.subsets = tuple(subsets(tuple(experts)))

    @classmethod
    def build(cls, shapes: Shapes, z_dim: int, hidden: Sequence[int]) -> ProductOfExperts:
        """Return one Gaussian expert for each modality; sizes as for ``InferenceNets.build``."""
        experts = {}
        for name, shape in shapes.items():
            event = as_shape(shape, f"shapes[{name!r}]")
            network = mlp(math.prod(event), hidden, 2 * z_dim, flatten=len(event))
            experts[name] = ConditionalGaussian(network, z_dim)
        return cls(experts)

    def forward(self, context: Mapping[str, Tensor]) -> DiagonalGaussian:
        """Return q(z | the modalities in the dictionary); the prior N(0, I) if it is empty.

        Raises:
            ValueError: if a name is unknown.
        """
        if context:
            check_names(context, tuple(self.experts), "context")
        opinions = [self.experts[name](value) for name, value in context.items()]
        return product_of_gaussians([self.prior(), *opinions])
