"""The neural autoregressive layer: a small monotone network per dimension (slide 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from course_lib.arguments import as_count
from course_lib.distributions.base import known_true
from course_lib.distributions.networks import MaskedMLP
from course_lib.distributions.transforms.base import Transform, softclip
from course_lib.distributions.transforms.stepwise import Stepwise, sequence_of

__all__ = ["NeuralAutoregressive", "SigmoidalFlow", "inverse_sigmoidal_flow", "sigmoidal_flow"]


class SigmoidalFlow(NamedTuple):
    """The parameters of a deep sigmoidal flow, each (..., units): K sigmoids and their weights.

    Attributes:
        log_slope: log a.
        shift: b.
        log_weight: log w, with the weights on the simplex.
    """

    log_slope: Tensor
    shift: Tensor
    log_weight: Tensor


def sigmoidal_flow(x: Tensor, parameters: SigmoidalFlow) -> tuple[Tensor, Tensor]:
    r"""Return z = logit(sum_k w_k sigmoid(a_k x + b_k)) and log dz/dx, in log-sum-exp space.

    .. math:: \log\frac{dz}{dx} = \log\sum_k w_k a_k s_k (1 - s_k) - \log\sum_k w_k s_k
              - \log\sum_k w_k (1 - s_k), \quad s_k = \sigma(a_k x + b_k)

    z grows in x, from minus to plus infinity: its range is all real numbers.

    Args:
        x: (...) points.
        parameters: of a shape that broadcasts to (..., units).

    Returns:
        z, (...), and the logarithm of the slope, (...).

    Paper: Huang, Krueger, Lacoste, Courville (2018), arXiv:1804.00779, section 3.
    """
    log_slope, shift, log_weight = parameters
    t = log_slope.exp() * x.unsqueeze(-1) + shift
    log_s = logsigmoid(t)
    log_not = log_s - t
    above = torch.logsumexp(log_weight + log_s, -1)
    below = torch.logsumexp(log_weight + log_not, -1)
    slope = torch.logsumexp(log_weight + log_slope + log_s + log_not, -1)
    return above - below, slope - above - below


def inverse_sigmoidal_flow(z: Tensor, parameters: SigmoidalFlow) -> Tensor:
    r"""Return the x that ``sigmoidal_flow`` maps to z, differentiable in z and in the parameters.

    The value at x lies between the smallest and the largest of the a_k x + b_k, so that the root
    lies between the smallest and the largest of (z - b_k) / a_k. Newton steps, and a bisection
    where they would leave that bracket, narrow it to the last bits of the dtype.

    Args:
        z: (...) points.
        parameters: of a shape that broadcasts to (..., units).

    Returns:
        x, (...): its image is z to within a few units in the last place of the larger of the two.

    Raises:
        ValueError: if the root of some z lies beyond the largest number of the dtype.
    """
    with torch.no_grad():
        x = _root(z, parameters)
        slope = sigmoidal_flow(x, parameters)[1].exp()
    step = (z - sigmoidal_flow(x, parameters)[0]) / slope.clamp(min=torch.finfo(z.dtype).tiny)
    return x + (step - step.detach())


def _root(z: Tensor, parameters: SigmoidalFlow) -> Tensor:
    ends = (z.unsqueeze(-1) - parameters.shift) * (-parameters.log_slope).exp()
    low, high = ends.amin(-1), ends.amax(-1)
    if known_true((low + high).isfinite().logical_not().any()):
        raise ValueError(
            f"z: no finite x is mapped to {z[~torch.isfinite(low + high)][0].item():g}"
        )
    x = (low + high) / 2
    eps = torch.finfo(z.dtype).eps
    for _ in range(200):
        value, log_slope = sigmoidal_flow(x, parameters)
        low, high = torch.where(value < z, x, low), torch.where(value < z, high, x)
        newton = x + (z - value) * (-log_slope).exp()
        inside = (newton > low) & (newton < high)
        after = torch.where(inside, newton, (low + high) / 2)
        settled = ((after - x).abs() <= 2 * eps * x.abs().clamp(min=1)).all()
        x = after
        if known_true(settled):
            break
    return x


class NeuralAutoregressive(Transform):
    r"""The masked autoregressive layer with a monotone network per dimension: NAF (slide 5).

    .. math:: z_i = \operatorname{logit} \sum_k w_{ik}\, \sigma(a_{ik} x_i + b_{ik}), \qquad
              a, b, w \text{ functions of } x_{<i}

    ``inverse`` (a density at given points) is one pass of the network; ``forward`` (sampling) goes
    dimension by dimension and solves for each. Both directions reach every real number. It
    starts near the identity: at slope 1, with the K sigmoids spread evenly over (-1, 1).

    Args:
        dim: the number of dimensions.
        hidden: widths of the network's hidden layers.
        units: K, the number of sigmoids.
        context_dim: size of the context; 0 for none.
        order: (dim,) a permutation: ``order[i]`` is the place of dimension i.
        bound: |log a| stays below this number.

    Example:
        >>> naf, x = NeuralAutoregressive(3, (16,)), torch.randn(5, 3)
        >>> z, log_det = naf.inverse(x)
        >>> torch.allclose(naf(z)[0], x, atol=1e-5)
        True

    Paper: Huang, Krueger, Lacoste, Courville (2018), Neural autoregressive flows, arXiv:1804.00779.
    """

    def __init__(
        self,
        dim: int,
        hidden: Sequence[int],
        *,
        units: int = 8,
        context_dim: int = 0,
        order: Tensor | None = None,
        bound: float = 7.0,
    ) -> None:
        super().__init__()
        units = as_count(units, "units")
        self.network = MaskedMLP(dim, hidden, 3 * units, context_dim=context_dim, order=order)
        places = (2 * torch.arange(units) + 1) / units - 1
        self.register_buffer("places", places, persistent=False)
        self.bound = bound

    @property
    def sequence(self) -> Tensor:
        """The dimensions in the order in which they are sampled: (dim,)."""
        return sequence_of(self.network)

    def parameters_given(self, outputs: Tensor) -> SigmoidalFlow:
        """Return the sigmoidal flow that the network's outputs, (..., 3 * units), describe."""
        log_slope, shift, weight = outputs.chunk(3, -1)
        return SigmoidalFlow(
            softclip(log_slope, self.bound), shift + self.places, torch.log_softmax(weight, -1)
        )

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return x and log|det dx/dz|, one dimension after the other.

        Raises:
            ValueError: if no finite x is mapped to one of the z.
        """
        visits = Stepwise(self.network, z.shape[:-1], context)
        z, log_det = z[..., visits.sequence], z.new_zeros(z.shape[:-1])
        for places, outputs in visits:
            parameters = self.parameters_given(outputs)
            x = inverse_sigmoidal_flow(z[..., places], parameters)
            visits.reveal(x)
            log_det = log_det - sigmoidal_flow(x, parameters)[1].sum(-1)
        return visits.x, log_det

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return z and log|det dz/dx| by one pass of the network."""
        z, log_slope = sigmoidal_flow(x, self.parameters_given(self.network(x, context)))
        return z, log_slope.sum(-1)
