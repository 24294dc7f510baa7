"""The linear-Gaussian world: a VAE with a linear decoder, where every integral is closed.

Identity 1 is executed here for any Gaussian q, and the gap of the best mean-field q is a number
known before any training.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Generator, Tensor
from torch.distributions import Distribution, MultivariateNormal, kl_divergence

from course_lib.arguments import as_count
from course_lib.exact.arrays import as_float64, check_shape

__all__ = ["LinearGaussian"]


class LinearGaussian:
    r"""p(z) = N(0, I) and p(x|z) = N(Wz + b, s^2 I), in float64 (slides 3 and 6).

    .. math:: p(x) = N(b, W W^\top + s^2 I), \qquad
              p(z|x) = N(\Lambda^{-1} W^\top (x - b) / s^2, \Lambda^{-1}), \qquad
              \Lambda = I + W^\top W / s^2

    Args:
        weight: (x_dim, z_dim) W.
        bias: (x_dim,) b.
        noise_scale: s, the standard deviation of x given z.

    Raises:
        ValueError: if a shape does not fit, a value is not finite, or ``noise_scale`` is not
            positive.

    Example:
        >>> world = LinearGaussian([[1.0], [2.0], [0.0]], [0.0, 0.0, 0.0], 0.5)
        >>> posterior = world.posterior([[1.0, 1.0, 1.0]])
        >>> gap = world.gap([[1.0, 1.0, 1.0]], posterior.mean, posterior.covariance_matrix)
        >>> bool(gap.abs() < 1e-10)
        True

    Paper: Tipping, Bishop (1999), Probabilistic principal component analysis, JRSS B 61(3).
    """

    def __init__(self, weight: Any, bias: Any, noise_scale: float) -> None:
        self.weight = check_shape(as_float64(weight, "weight"), ("x_dim", "z_dim"), "weight")
        self.x_dim, self.z_dim = self.weight.shape
        self.bias = check_shape(as_float64(bias, "bias"), (self.x_dim,), "bias")
        _check_finite(self.weight, "weight")
        _check_finite(self.bias, "bias")
        self.noise_scale = float(noise_scale)
        if not 0 < self.noise_scale < math.inf:
            raise ValueError(f"noise_scale: expected a positive number, got {noise_scale!r}")
        self._variance = self.noise_scale**2
        identity = torch.eye(self.z_dim, dtype=torch.float64)
        self.precision = identity + self.weight.T @ self.weight / self._variance
        noise = self._variance * torch.eye(self.x_dim, dtype=torch.float64)
        self._marginal = MultivariateNormal(self.bias, self.weight @ self.weight.T + noise)

    @classmethod
    def random(cls, x_dim: int, z_dim: int, noise_scale: float, seed: int) -> LinearGaussian:
        """Return a world whose W and b are standard normal numbers drawn with this seed."""
        generator = Generator().manual_seed(seed)
        shape = as_count(x_dim, "x_dim"), as_count(z_dim, "z_dim")
        weight = torch.randn(shape, generator=generator, dtype=torch.float64)
        bias = torch.randn(x_dim, generator=generator, dtype=torch.float64)
        return cls(weight, bias, noise_scale)

    @classmethod
    def fit(cls, data: Any, z_dim: int, rotation: Any = None) -> LinearGaussian:
        r"""Return the world of maximum likelihood: probabilistic PCA.

        .. math:: W = U_d (L_d - s^2 I)^{1/2} R, \qquad s^2 = \tfrac{1}{D-d} \sum_{i>d} \lambda_i

        with the d leading eigenvectors U_d and eigenvalues L_d of the data's covariance. Any
        rotation R of z gives the same p(x), and another mean-field gap.

        Args:
            data: (n, x_dim) observations.
            z_dim: d, smaller than x_dim.
            rotation: (z_dim, z_dim) orthogonal R; the identity if None.

        Raises:
            ValueError: if a shape does not fit, R is not orthogonal, or no noise is left over.
        """
        data = check_shape(as_float64(data, "data"), ("n", "x_dim"), "data")
        if as_count(z_dim, "z_dim") >= _check_finite(data, "data").shape[1]:
            raise ValueError(f"z_dim: expected fewer than x_dim = {data.shape[1]}, got {z_dim}")
        identity = torch.eye(z_dim, dtype=torch.float64)
        rotation = as_float64(identity if rotation is None else rotation, "rotation")
        check_shape(rotation, (z_dim, z_dim), "rotation")
        if not torch.allclose(rotation @ rotation.T, identity, atol=1e-9):
            raise ValueError(
                "rotation: expected an orthogonal matrix, but R R' is not the identity"
            )
        covariance = torch.cov(data.T, correction=0)
        values, vectors = (part.flip(-1) for part in torch.linalg.eigh(covariance))
        variance = values[z_dim:].mean()
        if not variance > 1e-12 * values[0]:
            raise ValueError(f"data: expected variance outside {z_dim} dimensions, got {variance}")
        weight = vectors[:, :z_dim] * (values[:z_dim] - variance).clamp(min=0).sqrt()
        return cls(weight @ rotation, data.mean(0), float(variance.sqrt()))

    def log_prob(self, x: Any) -> Tensor:
        """Return log p(x) in nats: (batch, x_dim) -> (batch,)."""
        return self._marginal.log_prob(self._observed(x))

    def posterior(self, x: Any) -> MultivariateNormal:
        """Return p(z|x), one Gaussian for each row of x: batch (batch,), event (z_dim,)."""
        projected = (self._observed(x) - self.bias) @ self.weight / self._variance
        root = torch.linalg.cholesky(self.precision)
        mean = torch.cholesky_solve(projected.T, root).T
        covariance = torch.cholesky_inverse(root).expand(len(mean), -1, -1)
        return MultivariateNormal(mean, covariance)

    def elbo(self, x: Any, q_mean: Any, q_cov: Any) -> Tensor:
        r"""Return the ELBO of q(z|x) = N(m, S), any covariance, in closed form (slide 6).

        .. math:: -\tfrac D2 \log 2\pi s^2 - \frac{\|x - Wm - b\|^2 + tr(W S W^\top)}{2 s^2}
                  - \tfrac12 [tr S + m^\top m - d - \log|S|]

        Args:
            x: (batch, x_dim) observations.
            q_mean: (batch, z_dim), or (z_dim,) for all.
            q_cov: (batch, z_dim, z_dim), or (z_dim, z_dim) for all.

        Returns:
            (batch,) the bound, in nats.

        Raises:
            ValueError: if a shape does not fit or ``q_cov`` is not a covariance.
        """
        x = self._observed(x)
        mean, root = self._gaussian(q_mean, q_cov, len(x))
        misfit = (x - self.bias - mean @ self.weight.T).square().sum(-1)
        spread = (self.weight @ root).square().sum((-2, -1))
        log_normaliser = 0.5 * self.x_dim * math.log(2 * math.pi * self._variance)
        reconstruction = -log_normaliser - (misfit + spread) / (2 * self._variance)
        moments = root.square().sum((-2, -1)) + mean.square().sum(-1)
        log_det = 2 * root.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return reconstruction - 0.5 * (moments - self.z_dim - log_det)

    def kl(self, q_mean: Any, q_cov: Any, x: Any) -> Tensor:
        """Return KL(q(z|x), p(z|x)) for a Gaussian q, in nats: (batch,) (slide 6)."""
        posterior = self.posterior(x)
        mean, root = self._gaussian(q_mean, q_cov, len(posterior.mean))
        return kl_divergence(MultivariateNormal(mean, scale_tril=root), posterior)

    def gap(self, x: Any, q_mean: Any, q_cov: Any) -> Tensor:
        """Return log p(x) - ELBO, what the bound of a Gaussian q leaves out: (batch,)."""
        return self.log_prob(x) - self.elbo(x, q_mean, q_cov)

    def best_mean_field(self, x: Any) -> tuple[Tensor, Tensor]:
        r"""Return mean and variance of the best Gaussian q with independent dimensions.

        Its mean is the posterior's; its variance is :math:`1/\Lambda_{ii}`, never more than the
        posterior's :math:`(\Lambda^{-1})_{ii}`.

        Args:
            x: (batch, x_dim) observations.

        Returns:
            The mean and the variance, each (batch, z_dim).
        """
        mean = self.posterior(x).mean
        return mean, (1 / self.precision.diagonal()).expand_as(mean)

    def mean_field_gap(self) -> float:
        r"""Return the gap of that q, the same for every x, in nats.

        .. math:: \tfrac12 \left(\sum_i \log \Lambda_{ii} - \log|\Lambda|\right)
        """
        return 0.5 * float(self.precision.diagonal().log().sum() - self.precision.logdet())

    def mutual_information(self) -> float:
        r"""Return I(x; z) under p, in nats: :math:`\tfrac12 \log|\Lambda|`."""
        return 0.5 * float(self.precision.logdet())

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        """Return n draws of x: first z from the prior, then x given z: (n, x_dim)."""
        size = as_count(n, "n")
        z = torch.randn(size, self.z_dim, generator=generator, dtype=torch.float64)
        noise = torch.randn(size, self.x_dim, generator=generator, dtype=torch.float64)
        return z @ self.weight.T + self.bias + self.noise_scale * noise

    def importance_bound(
        self, x: Any, k: int, proposal: Distribution, generator: Generator | None = None
    ) -> Tensor:
        r"""Return one Monte-Carlo draw of the k-sample bound for each row of x.

        .. math:: \log \frac1k \sum_{j=1}^k \frac{p(x, z_j)}{q(z_j|x)}, \qquad z_j \sim q

        Its expectation L_k is a lower bound on log p(x); it is never log p(x) itself.

        Args:
            x: (batch, x_dim) observations.
            k: samples that share one logarithm.
            proposal: q, with event (z_dim,) and batch () or (batch,).
            generator: source of the draws; torch's global one if None.

        Returns:
            (batch,) draws whose mean is the bound, in nats.

        Raises:
            ValueError: if the proposal's shape does not fit or k is not positive.

        Paper: Burda, Grosse, Salakhutdinov (2016), Importance weighted autoencoders,
        arXiv:1509.00519.
        """
        x = self._observed(x)
        z = _draw(proposal, as_count(k, "k"), len(x), generator)
        check_shape(z, (k, len(x), self.z_dim), "a sample of proposal")
        log_weight = self._log_joint(x, z) - proposal.log_prob(z)
        return log_weight.logsumexp(0) - math.log(k)

    def _log_joint(self, x: Tensor, z: Tensor) -> Tensor:
        """Return log p(x, z): (batch, x_dim) and (k, batch, z_dim) -> (k, batch)."""
        standardised = (x - self.bias - z @ self.weight.T) / self.noise_scale
        square = standardised.square().sum(-1) + z.square().sum(-1)
        log_scales = self.x_dim * math.log(self.noise_scale)
        return -0.5 * (square + (self.x_dim + self.z_dim) * math.log(2 * math.pi)) - log_scales

    def _observed(self, x: Any) -> Tensor:
        return _check_finite(check_shape(as_float64(x, "x"), ("batch", self.x_dim), "x"), "x")

    def _gaussian(self, q_mean: Any, q_cov: Any, batch: int) -> tuple[Tensor, Tensor]:
        """Return q's mean, (batch, z_dim), and the Cholesky root of its covariance."""
        mean, cov = as_float64(q_mean, "q_mean"), as_float64(q_cov, "q_cov")
        mean = mean.expand(batch, -1) if mean.dim() == 1 else mean
        cov = cov.expand(batch, -1, -1) if cov.dim() == 2 else cov
        check_shape(mean, (batch, self.z_dim), "q_mean")
        check_shape(cov, (batch, self.z_dim, self.z_dim), "q_cov")
        root, failed = torch.linalg.cholesky_ex(cov)
        if failed.any() or not torch.allclose(cov, cov.mT, rtol=1e-9):
            raise ValueError("q_cov: expected symmetric positive definite matrices")
        return mean, root


def _check_finite(value: Tensor, name: str) -> Tensor:
    if not torch.isfinite(value).all():
        raise ValueError(f"{name}: expected finite numbers, got infinity")
    return value


def _draw(q: Distribution, k: int, batch: int, generator: Generator | None) -> Tensor:
    """Return (k, batch, z_dim) draws; torch's distributions take no generator: seed them by it."""
    shape = (k,) if q.batch_shape else (k, batch)
    if generator is None:
        return q.sample(shape)
    seed = int(torch.randint(2**62, (), generator=generator))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return q.sample(shape)
