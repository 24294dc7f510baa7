"""A VAE in which the class is a latent variable that is sometimes observed (slide 8)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from course_lib import objectives
from course_lib.arguments import as_count, as_shape, as_weight
from course_lib.distributions import (
    Brick,
    ConditionalGaussian,
    StandardGaussian,
    mlp,
)
from course_lib.distributions.codes import ConditionalCategorical, UniformCategorical
from course_lib.distributions.labels import UNLABELLED, check_labels, one_hot_or_zeros
from course_lib.models.vae import decoder, encoder
from course_lib.objectives import Elbo

__all__ = ["UNLABELLED", "SemiSupervisedVAE"]


class SemiSupervisedVAE(nn.Module):
    r"""p(x) = sum_y p(y) E_p(z) p(x|y,z), with q(y|x) where y is missing (slide 8).

    .. math:: L(x, y) = E_{q(z|x,y)}[\log p(x|y,z)] + \log p(y) - KL(q(z|x,y), p(z))
              \le \log p(x, y), \qquad
              U(x) = \sum_y q(y|x) L(x, y) + H(q(y|x)) \le \log p(x)

    The sum over y is computed exactly, not sampled. An observed label is the special case of a
    q(y|x) that puts all its mass on y and has entropy 0, so one formula gives both bounds.

    Args:
        prior: the brick p(z).
        class_prior: the brick p(y) over one-hot vectors.
        likelihood: the brick p(x|y,z), called with z and y side by side.
        posterior: the brick q(z|x,y), called with x, flattened, and y side by side.
        classifier: the brick q(y|x).
        alpha: weight of log q(y|x) at a labelled example: without it q(y|x) would not learn from
            labels. The paper's 0.1 N for N examples, N_l of them labelled, is 0.1 N / N_l here.

    Raises:
        ValueError: if two bricks disagree on z or y, or ``alpha`` is negative or not finite.

    Example:
        >>> model = SemiSupervisedVAE.build(x_shape=(1, 4, 4), classes=3, z_dim=2, hidden=(16,))
        >>> x = model.sample(4, label=2)
        >>> u = model.elbo(x, torch.full((4,), UNLABELLED))
        >>> torch.allclose(u.total, u.reconstruction - u.kl)
        True

    Paper: Kingma, Rezende, Mohamed, Welling (2014), Semi-supervised learning with deep generative
    models, arXiv:1406.5298 (the model M2).
    """

    def __init__(
        self,
        prior: Brick,
        class_prior: Brick,
        likelihood: Brick,
        posterior: Brick,
        classifier: Brick,
        *,
        alpha: float = 1.0,
    ) -> None:
        super().__init__()
        pairs = ("posterior", posterior, prior), ("classifier", classifier, class_prior)
        for name, brick, of in pairs:
            if brick.event_shape != of.event_shape:
                raise ValueError(
                    f"{name}: expected events of its prior's shape {tuple(of.event_shape)},"
                    f" got {tuple(brick.event_shape)}"
                )
        self.prior, self.class_prior, self.likelihood = prior, class_prior, likelihood
        self.posterior, self.classifier = posterior, classifier
        self.alpha = as_weight(alpha, "alpha", finite=True)

    @classmethod
    def build(
        cls,
        x_shape: int | tuple[int, ...],
        classes: int,
        z_dim: int,
        hidden: Sequence[int] = (200, 200),
        likelihood: str = "bernoulli",
        *,
        alpha: float = 1.0,
    ) -> Self:
        """Return a semi-supervised VAE from plain sizes, with a uniform p(y).

        Args:
            x_shape: the shape of one observation, e.g. ``784`` or ``(1, 28, 28)``.
            classes: the number of classes.
            z_dim: the number of latent dimensions.
            hidden: hidden widths of encoder and classifier; the decoder mirrors them.
            likelihood: ``"bernoulli"`` for binary x, ``"gaussian"`` for real x.
            alpha: the weight of the classification term.

        Raises:
            ValueError: if a size is not a positive integer, or the likelihood is unknown.
        """
        z_dim, classes = as_count(z_dim, "z_dim"), as_count(classes, "classes")
        hidden, shape = as_shape(hidden, "hidden"), as_shape(x_shape, "x_shape")
        return cls(
            StandardGaussian(z_dim),
            UniformCategorical(classes),
            decoder(shape, z_dim + classes, hidden, likelihood),
            ConditionalGaussian(mlp(math.prod(shape) + classes, hidden, 2 * z_dim), z_dim),
            ConditionalCategorical(encoder(shape, hidden, classes), classes),
            alpha=alpha,
        )

    def elbo(self, x: Tensor, label: Tensor | None = None, samples: int = 1) -> Elbo:
        """Return L(x, y) where a label is given and U(x) where it is not (slide 8).

        Args:
            x: (batch, *event) observations.
            label: (batch,) int64 classes, ``UNLABELLED`` = -1 where not observed; None for none.
            samples: how many z are drawn for each x and each y.

        Returns:
            ``Elbo(total, reconstruction, kl)``, each (batch,), in nats: bounds on log p(x, y) or
            log p(x). The kl includes the term for y: KL(q(y|x), p(y)), or -log p(y).

        Raises:
            TypeError, ValueError: if ``x`` is not a batch that the likelihood could have produced,
                or ``label`` is not one class or -1 for each.
        """
        self._check(x, label)
        return self._elbo(x, label, self.classifier(x), samples)

    def importance_bound(self, x: Tensor, k: int, label: Tensor | None = None) -> Tensor:
        """Return the k-sample lower bound on log p(x), or on log p(x, y) where y is given.

        The sum over y is exact, each y with k samples of z: (batch,) nats. Arguments and errors
        are those of ``elbo``.
        """
        self._check(x, label)
        given_y = objectives.importance_bound(self.prior(), *self._conditionals(x), x, k)
        log_joint = given_y.T + self.class_prior().logits
        if label is None:
            return log_joint.logsumexp(-1)
        at_label = (self._one_hot(label, x) * log_joint).sum(-1)
        return torch.where(label == UNLABELLED, log_joint.logsumexp(-1), at_label)

    def losses(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return minus the mean of the bounds and of alpha log q(y|x) at the labelled examples.

        Args:
            batch: ``{"x": (batch, *event), "label": (batch,)}``, labels as for ``elbo``.

        Raises:
            ValueError: if the batch has other keys; also as ``elbo``.
        """
        if not isinstance(batch, Mapping) or set(batch) != {"x", "label"}:
            got = ", ".join(batch) if isinstance(batch, Mapping) else type(batch).__name__
            raise ValueError(f"batch: expected a dictionary with x and label, got {got}")
        x, label = batch["x"], batch["label"]
        self._check(x, label)
        q = self.classifier(x)
        log_q = (self._one_hot(label, x) * q.logits).sum(-1)
        return {"model": -(self._elbo(x, label, q).total + self.alpha * log_q).mean()}

    @torch.no_grad()
    def classify(self, x: Tensor) -> Tensor:
        """Return the class that q(y|x) finds most likely: (batch,) int64."""
        self.likelihood.check_event(x, "x")
        return self.classifier(x).logits.argmax(-1)

    @torch.no_grad()
    def sample(self, n: int, label: int | None = None) -> Tensor:
        """Return n draws of x ~ p(x|y,z), z ~ p(z), with y ~ p(y) or the class asked for.

        Raises:
            ValueError: if ``label`` is not a class.
        """
        z, y = self.prior().sample((n,)), self.class_prior().sample((n,))
        if label is not None:
            if label not in range(self.classes):
                raise ValueError(f"label: expected a class, 0 to {self.classes - 1}, got {label!r}")
            y = self._one_hot(torch.full_like(z[:, 0], label, dtype=torch.int64), y)
        return self.likelihood(torch.cat([z, y], -1)).sample()

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.class_prior.event_shape[0]

    def _elbo(self, x: Tensor, label: Tensor | None, q: Distribution, samples: int = 1) -> Elbo:
        """Return sum_y w_y L(x, y) + H(w), where w is q(y|x), or one at the label."""
        weight, entropy = q.mean, q.entropy()
        if label is not None:
            missing = label == UNLABELLED
            weight = torch.where(missing[:, None], weight, self._one_hot(label, x))
            entropy = entropy * missing
        given_y = objectives.elbo(self.prior(), *self._conditionals(x), x, samples)
        reconstruction = (weight * given_y.reconstruction.T).sum(-1)
        kl = (weight * (given_y.kl.T - self.class_prior().logits)).sum(-1) - entropy
        return Elbo(reconstruction - kl, reconstruction, kl)

    def _conditionals(self, x: Tensor) -> tuple[Callable[[Tensor], Distribution], Distribution]:
        """Return p(x|y,z) as a function of z, and q(z|x,y), for every y: batch (classes, batch)."""
        classes = torch.eye(self.classes, dtype=x.dtype, device=x.device)
        y = classes[:, None].expand(-1, len(x), -1)
        posterior = self.posterior(torch.cat([x.flatten(1).expand(len(y), -1, -1), y], -1))

        def likelihood(z: Tensor) -> Distribution:
            return self.likelihood(torch.cat([z, y.expand(*z.shape[:-1], -1)], -1))

        return likelihood, posterior

    def _one_hot(self, label: Tensor, x: Tensor) -> Tensor:
        return one_hot_or_zeros(label, x, self.classes)

    def _check(self, x: Tensor, label: Tensor | None) -> None:
        self.likelihood.check_event(x, "x")
        if label is not None:
            check_labels(label, len(x), self.classes)
