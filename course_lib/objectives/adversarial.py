"""Objectives that need only samples: a critic tells two distributions apart (slides 10-12, 15).

A critic gives one number per example. Each function takes its outputs on the two sides; where the
critic maximises a bound, its loss is the negative. In the bounds on f-divergences the number is a
logit, an estimate of log(p_data / p), and all of them are tight at that one critic.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

__all__ = [
    "gradient_penalty",
    "jsd_bound",
    "kl_bound",
    "non_saturating_loss",
    "pearson_bound",
    "r1_penalty",
    "reverse_kl_bound",
    "wasserstein_bound",
]


def jsd_bound(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the lower bound on JSD(p_data, p) that a critic's logits give (slides 10, 11).

    .. math:: JSD \ge \log 2 + \tfrac12 E_{p_{data}}[\log \sigma(T)]
              + \tfrac12 E_p[\log(1-\sigma(T))]

    with equality at T* = log(p_data / p). It equals V/2 + log 2, where V is the GAN's value. At T*
    its gradient in the generator, with the critic held fixed, is that of the JSD as well.

    Args:
        real: (n,) logits on samples of p_data.
        fake: (m,) logits on samples of p.

    Returns:
        () nats: an estimate of the bound; its expectation is at most log 2.

    Raises:
        ValueError: if a side is not a vector, or is empty.

    Example:
        >>> jsd_bound(torch.zeros(4), torch.zeros(5))  # a critic that knows nothing
        tensor(0.)

    Paper: Goodfellow et al. (2014), Generative adversarial nets, arXiv:1406.2661.
    """
    _check_sides(real, fake)
    return math.log(2) + (logsigmoid(real).mean() - softplus(fake).mean()) / 2


def kl_bound(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the lower bound on KL(p_data, p) that a critic's logits give (slide 10).

    .. math:: D_f \ge E_{p_{data}}[f'(e^T)] - E_p[e^T f'(e^T) - f(e^T)], \qquad f(u) = u \log u

    The second term is f-GAN's E_p[f*(f')]; the bound is tight at T* = log(p_data / p).

    Args:
        real: (n,) logits on samples of p_data.
        fake: (m,) logits on samples of p.

    Returns:
        () nats.

    Raises:
        ValueError: if a side is not a vector, or is empty.

    Example:
        >>> kl_bound(torch.zeros(4), torch.zeros(5))  # a critic that knows nothing
        tensor(0.)

    Paper: Nowozin, Cseke, Tomioka (2016), f-GAN, arXiv:1606.00709.
    """
    _check_sides(real, fake)
    return 1 + real.mean() - fake.exp().mean()


def reverse_kl_bound(real: Tensor, fake: Tensor) -> Tensor:
    """Return the lower bound on KL(p, p_data): ``kl_bound`` with f(u) = -log u (slide 10)."""
    _check_sides(real, fake)
    return 1 - fake.mean() - (-real).exp().mean()


def pearson_bound(real: Tensor, fake: Tensor) -> Tensor:
    """Return the lower bound on Pearson's chi^2: ``kl_bound`` with f(u) = (u - 1)^2 (slide 10)."""
    _check_sides(real, fake)
    return 2 * real.exp().mean() - (2 * fake).exp().mean() - 1


def non_saturating_loss(fake: Tensor) -> Tensor:
    r"""Return E_p[-log sigma(T)], which the generator minimises in place of the JSD (slide 10).

    It has the same fixed point as the game, and a usable gradient where the critic is confident. It
    is not the JSD: with the optimal critic its slope is twice the JSD's at p = p_data, and for two
    Gaussians of width 1 it is 18 times as large at a distance of 3. Minimise ``jsd_bound`` for
    value and slope of the JSD.

    Args:
        fake: (m,) logits on samples of p.

    Returns:
        () nats.

    Paper: Goodfellow et al. (2014), Generative adversarial nets, arXiv:1406.2661.
    """
    return softplus(-fake).mean()


def wasserstein_bound(real: Tensor, fake: Tensor) -> Tensor:
    r"""Return E_p_data[T] - E_p[T], at most the Wasserstein-1 distance for a 1-Lipschitz T.

    Args:
        real: (n,) scores of samples of p_data.
        fake: (m,) scores of samples of p.

    Returns:
        (), in units of the data.

    Raises:
        ValueError: if a side is not a vector, or is empty.

    Paper: Arjovsky, Chintala, Bottou (2017), arXiv:1701.07875.
    """
    _check_sides(real, fake)
    return real.mean() - fake.mean()


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    r"""Return E[(|grad T(x)| - 1)^2] on points between real and fake samples.

    It keeps the critic close to 1-Lipschitz, which stabilises training.

    Args:
        critic: maps (n, *event) to (n,) scores.
        real: (n, *event) samples of p_data.
        fake: (n, *event) samples of p.

    Returns:
        () the penalty, differentiable in the critic's parameters.

    Raises:
        ValueError: if the two sides differ in shape.

    Example:
        >>> x = torch.randn(5, 3)
        >>> gradient_penalty(lambda x: x[:, 0], x, x + 1)  # a critic of slope one
        tensor(0.)

    Paper: Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville (2017), arXiv:1704.00028.
    """
    if real.shape != fake.shape:
        raise ValueError(f"fake: expected the shape {tuple(real.shape)}, got {tuple(fake.shape)}")
    weight = torch.rand(len(real), *[1] * (real.dim() - 1), dtype=real.dtype, device=real.device)
    slope = _slope(critic, weight * real + (1 - weight) * fake)
    return (slope - 1).square().mean()


def r1_penalty(critic: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    r"""Return E_p_data[|grad T(x)|^2] / 2: the R1 penalty on the critic's gradient at the data.

    At the fixed point p = p_data the optimal critic is flat; without the penalty even simple games
    circle around that point.

    Args:
        critic: maps (n, *event) to (n,) logits.
        real: (n, *event) samples of p_data.

    Returns:
        () the penalty, differentiable in the critic's parameters.

    Example:
        >>> r1_penalty(lambda x: 3 * x[:, 0], torch.randn(5, 3))
        tensor(4.5000)

    Paper: Mescheder, Geiger, Nowozin (2018), arXiv:1801.04406.
    """
    return _slope(critic, real).square().mean() / 2


def _slope(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return the norm of the critic's gradient at each x: (n,)."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return slope.flatten(1).norm(dim=1)


def _check_sides(real: Tensor, fake: Tensor) -> None:
    for name, side in (("real", real), ("fake", fake)):
        if side.dim() != 1 or len(side) == 0:
            raise ValueError(f"{name}: expected (n,) numbers, n > 0, got shape {tuple(side.shape)}")
