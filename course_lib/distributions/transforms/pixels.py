"""Map grey levels to the real line and back, with the exact change of units (slide 5)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from course_lib.distributions.base import known_true
from course_lib.distributions.transforms.base import Transform

__all__ = ["Logit"]


class Logit(Transform):
    r"""z = logit(alpha + (1 - 2 alpha) x / levels): grey levels on the whole real line.

    .. math:: \log|\det \partial z/\partial x| = \sum_i [\log\tfrac{1 - 2\alpha}{L}
              - \log p_i - \log(1 - p_i)], \quad p_i = \alpha + (1 - 2\alpha) x_i / L

    ``Flow(base, [*maps, Inverse(Logit(17))])`` is a density of y = x + u in units of one grey
    level. Its mean over u bounds log P(x) from below, so that its negative is an upper bound on the
    nats of the whole image, whatever alpha is: the flow has some of its mass in a margin of
    alpha L / (1 - 2 alpha) on both sides of [0, L], and what lies there is lost to the model.

    Args:
        levels: L, the number of grey levels; dequantised data lie in [0, L).
        alpha: the margin that keeps 0 and L away from infinity, in (0, 0.5).

    Raises:
        ValueError: if ``levels`` is not a positive number or ``alpha`` is outside (0, 0.5).

    Example:
        >>> logit, x = Logit(levels=17, alpha=0.01), torch.tensor([[0.0, 8.5, 17.0]])
        >>> z, log_det = logit(x)
        >>> torch.allclose(logit.inverse(z)[0], x, atol=1e-5), z[0, 1].item()
        (True, 0.0)

    Papers: Dinh, Sohl-Dickstein, Bengio (2017), arXiv:1605.08803, section 4.1; Papamakarios,
    Pavlakou, Murray (2017), arXiv:1705.07057, appendix E.
    """

    def __init__(self, levels: float, alpha: float = 1e-3) -> None:
        super().__init__()
        if isinstance(levels, bool) or not 0 < levels < math.inf:
            raise ValueError(f"levels: expected a positive number, got {levels!r}")
        if not 0 < alpha < 0.5:
            raise ValueError(f"alpha: expected a number between 0 and 0.5, got {alpha!r}")
        self.levels, self.alpha = float(levels), float(alpha)
        self.slope = (1 - 2 * self.alpha) / self.levels

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the logits of grey levels, (..., dim), and their log-determinant, (...).

        Raises:
            ValueError: if a level lies outside [0, levels] and outside the margin.
        """
        p = self.alpha + self.slope * z
        eps = torch.finfo(p.dtype).eps
        if known_true(((p <= -eps) | (p >= 1 + eps) | p.isnan()).any()):
            raise ValueError(
                f"x: expected grey levels in [0, {self.levels:g}],"
                f" got values from {z.min().item():g} to {z.max().item():g}"
            )
        # keep the density finite for samples so far out that p rounds to one
        p = p.clamp(torch.finfo(p.dtype).tiny, 1 - eps / 2)
        log_p, log_q = p.log(), torch.log1p(-p)
        return log_p - log_q, (math.log(self.slope) - log_p - log_q).sum(-1)

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the grey levels of logits, (..., dim), and the log-determinant, (...)."""
        log_det = logsigmoid(x) + logsigmoid(-x) - math.log(self.slope)
        return (torch.sigmoid(x) - self.alpha) / self.slope, log_det.sum(-1)
