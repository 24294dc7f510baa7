"""A VAE over several modalities, with inference from any observed subset (slide 8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Self

import torch
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from course_lib import objectives
from course_lib.arguments import as_count, as_shape, as_weight
from course_lib.distributions import (
    Brick,
    ConditionalModalities,
    DiagonalGaussian,
    InferenceNets,
    ProductOfExperts,
    StandardGaussian,
)
from course_lib.distributions.modalities import check_are_names
from course_lib.models.vae import VAE, decoder
from course_lib.objectives import sample_and_kl

__all__ = ["MultimodalVAE", "jmvae_objective", "mvae_objective"]

Views = Mapping[str, Tensor]


class MultimodalVAE(VAE):
    r"""p(x1, x2) = E_p(z) p(x1|z) p(x2|z), with q(z|x1), q(z|x2), q(z|x1,x2) (slide 8).

    It is the VAE of slide 3, but an observation is a dictionary {name: x_m}. Every method takes any
    set of modalities that the posterior knows: ``elbo({"x1": x1})`` bounds log p(x1).

    Args:
        prior: the brick p(z).
        likelihoods: for each modality's name the brick p(x_m|z).
        posterior: q(z | the observed modalities), called with their dictionary: ``InferenceNets``
            or ``ProductOfExperts``.
        objective: what training maximises: maps the model and a batch to (batch,) numbers; during
            a warm-up it is also given ``kl_weight``, the weight of the KL in its bounds.
        options: ``warm_up`` and ``input_noise``, as in ``VAE``.

    Example:
        >>> model = MultimodalVAE.build({"grey": (1, 4, 4), "colour": 6}, z_dim=2, hidden=(16,))
        >>> x = model.sample(5)
        >>> alone = model.elbo({"grey": x["grey"]})
        >>> torch.equal(alone.kl, torch.distributions.kl_divergence(
        ...     model.posterior({"grey": x["grey"]}), model.prior()))
        True
        >>> model.sample_given({"grey": x["grey"]}, n=3)["colour"].shape
        torch.Size([3, 5, 6])

    Papers: Suzuki, Nakayama, Matsuo (2016), Joint multimodal learning with deep generative models,
    arXiv:1611.01891; Wu, Goodman (2018), arXiv:1802.05335.
    """

    def __init__(
        self,
        prior: Brick,
        likelihoods: Mapping[str, Brick],
        posterior: InferenceNets | ProductOfExperts,
        objective: Callable[..., Tensor] | None = None,
        **options: float,
    ) -> None:
        super().__init__(prior, ConditionalModalities(likelihoods), posterior, **options)
        self.objective = jmvae_objective if objective is None else objective

    @classmethod
    def build(
        cls,
        shapes: Mapping[str, int | tuple[int, ...]],
        z_dim: int,
        hidden: Sequence[int] = (200, 200),
        likelihood: str | Mapping[str, str] = "bernoulli",
        *,
        inference: str = "nets",
        objective: Callable[..., Tensor] | None = None,
        **options: float,
    ) -> Self:
        """Return a multimodal VAE from plain sizes.

        Args:
            shapes: for each modality's name the shape of one observation.
            z_dim: the number of latent dimensions.
            hidden: widths of every encoder's hidden layers; the decoders mirror them.
            likelihood: ``"bernoulli"`` or ``"gaussian"``, one for all or one for each name.
            inference: ``"nets"``, one for each set of modalities, trained by ``jmvae_objective``;
                or ``"product"``, one expert for each modality, trained by ``mvae_objective``.
            objective: replaces the default training objective.
            options: ``warm_up`` and ``input_noise``, as in ``VAE``.

        Raises:
            ValueError: if there is no modality, a size is not a positive integer, or a name is
                unknown.
        """
        z_dim, hidden = as_count(z_dim, "z_dim"), as_shape(hidden, "hidden")
        if inference not in INFERENCE:
            raise ValueError(f"inference: expected nets or product, got {inference!r}")
        check_are_names(shapes, "shapes")
        kinds = dict.fromkeys(shapes, likelihood) if isinstance(likelihood, str) else likelihood
        parts = {m: decoder(shape, z_dim, hidden, kinds.get(m)) for m, shape in shapes.items()}
        posterior, bound = INFERENCE[inference]
        return cls(
            StandardGaussian(z_dim),
            parts,
            posterior.build(shapes, z_dim, hidden),
            objective or bound,
            **options,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the modalities."""
        return self.likelihood.names

    def losses(self, batch: Views) -> dict[str, Tensor]:
        """Return the training loss: the batch mean of minus the objective, in nats."""
        options = {"kl_weight": self.warm_up()} if self.warm_up.over else {}
        return {"model": -self.objective(self, batch, **options).mean()}

    def encoder_input(self, x: Views) -> dict[str, Tensor]:
        """Return every modality as the encoders see it, with their noise in training."""
        return {name: super(MultimodalVAE, self).encoder_input(x_m) for name, x_m in x.items()}

    def conditional_bound(self, x: Views, given: Sequence[str], k: int) -> Tensor:
        r"""Return a lower bound on the log-probability with which ``sample_given`` draws the rest.

        .. math:: \log E_{q(z|x_1)}\, p(x_2|z) \ge
                  E \log \tfrac1k \sum_j \frac{p(x_2|z_j)\, q(z_j|x_1)}{q(z_j|x_1, x_2)}

        The z_j come from q(z|x1,x2), because draws from q(z|x1) alone would rarely explain x2.

        Args:
            x: all modalities to score and to condition on, each (batch, *event).
            given: the names that are observed; the others are scored.
            k: how many samples share one logarithm.

        Returns:
            (batch,) nats, a lower bound in expectation.

        Raises:
            ValueError: if ``given`` is empty, unknown, or all of ``x``; also as ``elbo``.
        """
        observed, rest = self._split(x, given)
        return objectives.importance_bound(
            self.posterior(observed), self.likelihood, self.posterior(x), rest, k
        )

    def conditional_estimate(self, x: Views, given: Sequence[str], k: int) -> Tensor:
        """Return an estimate of log p(x2|x1) = log p(x1,x2) - log p(x1) under the model itself.

        Each term is a k-sample lower bound, so the difference is an estimate, not a bound: a poor
        q(z|x1) loosens the second term and inflates the estimate, which converges to the true value
        as k grows. Arguments and errors are those of ``conditional_bound``.

        Returns:
            (batch,) nats.
        """
        observed, _ = self._split(x, given)
        return self.importance_bound(x, k) - self.importance_bound(observed, k)

    @torch.no_grad()
    def sample_given(
        self, observed: Views, names: Sequence[str] | None = None, n: int = 1
    ) -> dict[str, Tensor]:
        """Return x_m ~ p(x_m|z) with z ~ q(z | observed), one z for all modalities of a draw.

        Args:
            observed: some of the modalities, each (batch, *event).
            names: which modalities to draw; if None, those that were not observed.
            n: how many draws for each example.

        Returns:
            For each name (n, batch, *event).

        Raises:
            TypeError, ValueError: if ``observed`` is not a batch of known modalities, or a name
                is unknown.
        """
        self.likelihood.check_event(observed, "observed")
        names = [m for m in self.names if m not in observed] if names is None else names
        if not names or any(m not in self.names for m in names):
            raise ValueError(f"names: expected some of {', '.join(self.names)}, got {names!r}")
        z = self.posterior(observed).sample((as_count(n, "n"),))
        return self.likelihood.of(names)(z).sample()

    def _split(self, x: Views, given: Sequence[str]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the observed modalities and the rest, neither of them empty."""
        self.likelihood.check_event(x, "x")
        observed = {m: value for m, value in x.items() if m in given}
        rest = {m: value for m, value in x.items() if m not in given}
        if not rest or len(observed) != len(set(given)) or not observed:
            raise ValueError(
                f"given: expected some but not all of {', '.join(x)}, got {tuple(given)!r}"
            )
        return observed, rest


def jmvae_objective(
    model: MultimodalVAE,
    x: Views,
    *,
    alpha: float = 1.0,
    direction: str = "forward",
    detach_joint: bool = True,
    kl_weight: float | Tensor = 1.0,
) -> Tensor:
    r"""Return ELBO(x1,x2) - alpha sum_m KL(q(z|x1,x2), q(z|x_m)), tied (slide 8).

    In this direction q(z|x1) must cover q(z|x1,x2) for every plausible x2: its optimum is their
    average over x2, uncertain about everything that x1 does not determine. The optimum of the
    reverse, KL(q(z|x_m), q(z|x1,x2)), is proportional to their geometric mean: as narrow as each of
    them, however far apart they lie.

    Args:
        model: the model.
        x: every modality, each (batch, *event).
        alpha: the weight of the tie.
        direction: ``"forward"`` or ``"reverse"``.
        detach_joint: whether q(z|x1,x2), a Gaussian, is held constant in the tie: then only the
            q(z|x_m) get its gradient, and the joint posterior is trained by the ELBO alone. In the
            original objective (JMVAE-kl, arXiv:1611.01891) it gets that gradient too, and a large
            alpha drags it towards nets that see less.
        kl_weight: the weight of the ELBO's KL, below 1 in a warm-up.

    Returns:
        (batch,) nats; with any alpha >= 0 and the whole KL a lower bound on log p(x1,x2), since a
        KL is never negative.

    Raises:
        ValueError: if a modality is missing, ``alpha`` is negative or not finite, or the direction
            is unknown.
    """
    if direction not in ("forward", "reverse"):
        raise ValueError(f"direction: expected forward or reverse, got {direction!r}")
    alpha = as_weight(alpha, "alpha", finite=True)
    model.likelihood.check_event(x, "x")
    if set(x) != set(model.names):
        raise ValueError(f"x: expected all of {', '.join(model.names)}, got {', '.join(x)}")
    seen = model.encoder_input(x)
    joint = model.posterior(seen)
    bound = objectives.elbo(model.prior(), model.likelihood, joint, x).weighed(kl_weight)
    joint = _held(joint) if detach_joint else joint
    for names in model.posterior.subsets:
        if len(names) < len(x):
            part = model.posterior({m: seen[m] for m in names})
            pair = (joint, part) if direction == "forward" else (part, joint)
            bound = torch.sub(bound, _kl(*pair), alpha=alpha)
    return bound


def mvae_objective(model: MultimodalVAE, x: Views, *, kl_weight: float | Tensor = 1.0) -> Tensor:
    """Return the sum over every observed set S of modalities of ELBO(x_S) (slide 8).

    Every expert is trained alone and together with others, so that a modality may be missing later.
    A modality that is missing from ``x`` is not part of any S.

    Returns:
        (batch,) nats: a sum of lower bounds on log p(x_S), one for each S.

    Paper: Wu, Goodman (2018), arXiv:1802.05335.
    """
    sets = [names for names in model.posterior.subsets if set(names) <= set(x)]
    model.likelihood.check_event(x, "x")
    bounds = [model.elbo({m: x[m] for m in names}) for names in sets]
    return sum(bound.weighed(kl_weight) for bound in bounds)


def _kl(q: Distribution, p: Distribution) -> Tensor:
    """Return KL(q, p), (batch,): exact, without a draw of z, wherever torch knows a formula."""
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        return sample_and_kl(q, p)[1]


def _held(q: DiagonalGaussian) -> DiagonalGaussian:
    """Return the same Gaussian, detached from the graph."""
    return DiagonalGaussian(q.mu.detach(), q.log_scale.detach(), len(q.event_shape))


INFERENCE = {
    "nets": (InferenceNets, jmvae_objective),
    "product": (ProductOfExperts, mvae_objective),
}
