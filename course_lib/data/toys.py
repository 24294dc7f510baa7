"""Densities known exactly: sample them, evaluate them, and compare a model with the truth.

The held-out nats of a model p of such data are E_pd[-log p] = H(p_d) + KL(p_d, p), with H(p_d)
known, so that the error of a fit is known exactly. Everything lies within about [-4, 4].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.arguments import as_count, as_floats

__all__ = [
    "Checkerboard",
    "Density",
    "GaussianMixture",
    "eight_gaussians",
    "mixture_1d",
    "rings",
    "two_moons",
]

CHUNK = 8192  # grid points evaluated at once, so that memory stays small


class Density:
    """A distribution on the line or in the plane whose log-density is known at every point.

    A subclass gives ``log_prob`` and ``sample``; the integrals are then computed here by the
    midpoint rule, whose error for smooth densities falls faster than any power of the step.

    Args:
        box: (low, high) of each coordinate, beyond which the mass is negligible.
        step: the widest step that still resolves the density, in units of x.
    """

    def __init__(self, box: tuple[tuple[float, float], ...], step: float) -> None:
        self.box, self.step = box, step

    @property
    def dim(self) -> int:
        """The number of coordinates of x."""
        return len(self.box)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p(x) in nats: (..., dim) -> (...), in the precision of ``x``."""
        raise NotImplementedError

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """Return n exact draws, (n, dim), on the generator's device; rounded to ``dtype``."""
        raise NotImplementedError

    def grid(self) -> tuple[Tensor, float]:
        """Return the midpoints of a grid over the box, (points, dim) float64, and a cell's size."""
        axes, volume = [], 1.0
        for low, high in self.box:
            count = math.ceil((high - low) / self.step)
            width = (high - low) / count
            axes.append(low + width * (torch.arange(count, dtype=torch.float64) + 0.5))
            volume *= width
        return torch.cartesian_prod(*axes).reshape(-1, self.dim), volume

    def mass(self) -> float:
        """Return the integral of p over the box, which is 1 for a density."""
        log_p, volume = self._log_prob_on_grid()
        return float(log_p.exp().sum() * volume)

    def entropy(self) -> float:
        r"""Return H(p) = -\int p log p in nats, by quadrature; 0 log 0 counts as 0."""
        log_p, volume = self._log_prob_on_grid()
        return float(-torch.xlogy(log_p.exp(), log_p.exp()).sum() * volume)

    def _log_prob_on_grid(self) -> tuple[Tensor, float]:
        points, volume = self.grid()
        with torch.no_grad():
            return torch.cat([self.log_prob(part) for part in points.split(CHUNK)]), volume

    def _check_points(self, x: Tensor) -> None:
        as_floats(x, "x")
        if x.dim() == 0 or x.shape[-1] != self.dim:
            raise ValueError(f"x: expected shape (..., {self.dim}), got {tuple(x.shape)}")


class GaussianMixture(Density):
    r"""A finite mixture of round Gaussians.

    .. math:: p(x) = \sum_k w_k N(x; \mu_k, \sigma_k^2 I)

    Args:
        weight: (K,) positive weights, normalised here.
        mu: (K, dim) means, dim 1 or 2.
        log_scale: (K,) log of each component's standard deviation.

    Raises:
        ValueError: if the shapes disagree or a weight is not positive and finite.

    Example:
        >>> one = GaussianMixture(torch.ones(1), torch.zeros(1, 2), torch.zeros(1))
        >>> round(one.mass(), 9), round(one.entropy(), 9)
        (1.0, 2.837877066)
    """

    def __init__(self, weight: Tensor, mu: Tensor, log_scale: Tensor) -> None:
        if mu.dim() != 2 or mu.shape[1] not in (1, 2) or len(mu) == 0:
            raise ValueError(f"mu: expected shape (K, 1) or (K, 2), got {tuple(mu.shape)}")
        for name, value in (("weight", weight), ("log_scale", log_scale)):
            if value.shape != mu.shape[:1]:
                raise ValueError(f"{name}: expected shape ({len(mu)},), got {tuple(value.shape)}")
        for name, value in (("weight", weight.log()), ("mu", mu), ("log_scale", log_scale)):
            if not value.isfinite().all():
                wanted = "positive" if name == "weight" else "finite"
                raise ValueError(f"{name}: expected {wanted} numbers, got NaN, infinity or less")
        self.mu, self.log_scale = mu.double(), log_scale.double()
        self.log_weight = weight.double().log() - weight.double().sum().log()
        reach = 8 * self.log_scale.exp().unsqueeze(1)  # a Gaussian has 1e-15 of its mass beyond
        low, high = (self.mu - reach).amin(0), (self.mu + reach).amax(0)
        box = tuple(zip(low.tolist(), high.tolist(), strict=True))
        super().__init__(box, step=self.log_scale.min().exp().item() / 3)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p(x) in nats: (..., dim) -> (...), in the precision of ``x``."""
        self._check_points(x)
        mu, log_scale, log_weight = (v.to(x) for v in (self.mu, self.log_scale, self.log_weight))
        squares = sum((x[..., i, None] - mu[:, i]).square() for i in range(self.dim))
        log_peak = log_weight - self.dim * (log_scale + 0.5 * math.log(2 * math.pi))
        return torch.logsumexp(log_peak - 0.5 * squares * (-2 * log_scale).exp(), -1)

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """Return n exact draws, (n, dim): a component by its weight, then a Gaussian."""
        device = _sampling_device(n, generator)
        mu, log_scale, log_weight = (
            v.to(device) for v in (self.mu, self.log_scale, self.log_weight)
        )
        k = torch.multinomial(log_weight.exp(), n, replacement=True, generator=generator)
        noise = torch.randn(n, self.dim, generator=generator, dtype=mu.dtype, device=device)
        return (mu[k] + log_scale[k].exp().unsqueeze(1) * noise).to(dtype)


class Checkerboard(Density):
    """Uniform on the dark squares of a board of 4x4, each square 2 wide, centred at the origin.

    Its density jumps, and log p(x) is minus infinity on the light squares.

    Example:
        >>> board = Checkerboard()
        >>> round(board.mass(), 9), round(math.exp(board.entropy()), 9)
        (1.0, 32.0)
    """

    def __init__(self) -> None:
        super().__init__(((-4.0, 4.0), (-4.0, 4.0)), step=0.5)  # divides the squares: no error

    def log_prob(self, x: Tensor) -> Tensor:
        """Return -log 32 on the dark squares, else -infinity: (..., 2) -> (...)."""
        self._check_points(x)
        inside = ((x >= -4) & (x < 4)).all(-1)
        dark = (x / 2).floor().sum(-1).remainder(2) == 0
        level = x.new_tensor([-math.inf, -math.log(32)])
        return level[(inside & dark).long()]

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """Return n exact draws, (n, 2): a dark square, then a place in it."""
        device = _sampling_device(n, generator)
        across = torch.randint(0, 4, (n,), generator=generator, device=device)
        pair = torch.randint(0, 2, (n,), generator=generator, device=device)
        square = torch.stack([across, 2 * pair + across % 2], 1) - 2
        place = torch.rand(n, 2, generator=generator, dtype=torch.float64, device=device)
        top = torch.nextafter((2 * square + 2).to(dtype), (2 * square).to(dtype))
        return torch.minimum((2 * (square + place)).to(dtype), top)


def mixture_1d() -> GaussianMixture:
    """Return two unequal bumps on the line: 0.7 N(-1.5, 0.5^2) + 0.3 N(2, 0.8^2).

    No single Gaussian fits it, so KL and JSD choose different compromises (slides 10 and 11).

    Example:
        >>> round(mixture_1d().mass(), 9)
        1.0
    """
    weight, mu, scale = torch.tensor([[0.7, 0.3], [-1.5, 2.0], [0.5, 0.8]], dtype=torch.float64)
    return GaussianMixture(weight, mu.unsqueeze(1), scale.log())


def eight_gaussians() -> GaussianMixture:
    """Return eight equal bumps of standard deviation 0.3 on a circle of radius 3.

    Example:
        >>> round(eight_gaussians().mass(), 9)
        1.0
    """
    angle = torch.arange(8, dtype=torch.float64) * (math.pi / 4)
    mu = 3 * torch.stack([angle.cos(), angle.sin()], 1)
    return GaussianMixture(torch.ones(8), mu, torch.full((8,), math.log(0.3), dtype=torch.float64))


def two_moons() -> GaussianMixture:
    """Return two interlocked half circles of radius 2, blurred by a Gaussian of scale 0.2.

    Each arc is a row of Gaussians one scale apart or closer: away from its ends the density along
    it is level to 1e-8, and it is a finite mixture, so nothing in ``log_prob`` is approximate.

    Example:
        >>> round(two_moons().mass(), 9)
        1.0
    """
    upper = _arc(radius=2, start=0, stop=math.pi, scale=0.2) - torch.tensor([1.0, 0.5])
    return _blurred([upper, -upper], scale=0.2)


def rings() -> GaussianMixture:
    """Return three equally probable rings of radius 1, 2 and 3, blurred by a Gaussian of scale 0.1.

    Example:
        >>> round(rings().mass(), 9)
        1.0
    """
    return _blurred([_arc(r, 0, 2 * math.pi, scale=0.1)[:-1] for r in (1, 2, 3)], scale=0.1)


def _arc(radius: float, start: float, stop: float, scale: float) -> Tensor:
    """Return points on an arc, both ends included, at most ``scale`` apart: (points, 2)."""
    gaps = math.ceil(radius * (stop - start) / scale)
    angle = torch.linspace(start, stop, gaps + 1, dtype=torch.float64)
    return radius * torch.stack([angle.cos(), angle.sin()], 1)


def _blurred(curves: list[Tensor], scale: float) -> GaussianMixture:
    """Return equally probable curves, each a row of equal Gaussians."""
    weight = torch.cat([torch.full((len(c),), 1 / len(c), dtype=torch.float64) for c in curves])
    mu = torch.cat(curves)
    return GaussianMixture(weight, mu, torch.full_like(weight, math.log(scale)))


def _sampling_device(n: int, generator: torch.Generator) -> torch.device:
    as_count(n, "n")
    if not isinstance(generator, torch.Generator):
        raise TypeError(f"generator: expected a torch.Generator, got {type(generator).__name__}")
    return generator.device
