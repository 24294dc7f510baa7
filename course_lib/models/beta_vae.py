"""The beta-VAE: the rate is weighted by beta (slide 18); remedies for an unused z."""

from __future__ import annotations

from torch import Tensor

from course_lib import objectives
from course_lib.arguments import as_weight
from course_lib.distributions import Brick
from course_lib.models.vae import VAE

__all__ = ["BetaVAE"]


class BetaVAE(VAE):
    r"""A VAE trained by E_q[log p(x|z)] - beta KL(q(z|x), p(z)) (slide 18).

    .. math:: E_{p_d}[\cdot] + H(p_d) = -(\beta-1)\, I_q(x;z) - \beta\, KL(q(z), p(z))
              - E_{q(z)} KL(q(x|z), p(x|z))

    A beta above 1 penalises the information in z, one below 1 rewards it; -beta is the slope of
    the distortion as a function of the rate. Two remedies for collapse (slide 16) change the KL
    term during training only: free bits, and the warm-up that every VAE has. ``elbo`` is the
    model's own bound, whatever beta is.

    Args:
        prior: the brick p(z).
        likelihood: the brick p(x|z).
        posterior: the brick q(z|x).
        beta: weight of the KL; at 1 this is a VAE.
        free_bits: KL below this many nats per latent dimension (batch mean) costs nothing; it
            needs a Gaussian posterior and a Gaussian prior.
        options: ``warm_up``, after which the weight is beta, and ``input_noise``, as in ``VAE``.

    Raises:
        ValueError: if a weight is negative or not a finite number, or the bricks do not fit.

    Example:
        >>> import torch; model = BetaVAE.build(x_shape=6, z_dim=2, hidden=(16,), beta=0.0).eval()
        >>> x = torch.bernoulli(torch.full((5, 6), 0.5))
        >>> _ = torch.manual_seed(0); loss = model.losses(x)["model"]
        >>> _ = torch.manual_seed(0); torch.equal(loss, -model.elbo(x).reconstruction.mean())
        True

    Paper: Higgins et al. (2017), beta-VAE, ICLR.
    """

    def __init__(
        self,
        prior: Brick,
        likelihood: Brick,
        posterior: Brick,
        *,
        beta: float = 1.0,
        free_bits: float = 0.0,
        **options: float,
    ) -> None:
        super().__init__(prior, likelihood, posterior, **options)
        self.beta = as_weight(beta, "beta", finite=True)
        self.free_bits = as_weight(free_bits, "free_bits", finite=True)

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Return the batch mean of beta KL - E_q[log p(x|z)], with the remedies in training."""
        self.likelihood.check_event(batch, "x")
        q = self.encode(batch)
        bound = objectives.elbo(self.prior(), self.likelihood, q, batch)
        if not self.training or not self.free_bits:
            return {"model": self.weighed_loss(bound, self.beta)}
        kl = objectives.free_bits(objectives.kl_per_dimension(q, self.prior()), self.free_bits)
        return {"model": self.beta * self.warm_up() * kl - bound.reconstruction.mean()}
