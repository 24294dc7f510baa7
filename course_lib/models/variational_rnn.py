"""The variational recurrent network: a VAE at every step, given all steps before (slide 9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from course_lib import objectives
from course_lib.arguments import as_count
from course_lib.distributions import (
    Brick,
    ConditionalAutoregressiveBernoulli,
    ConditionalGaussian,
    GatedRecurrence,
    StandardGaussian,
    mlp,
    rsample_and_log_prob,
)
from course_lib.models.vae import decoder
from course_lib.objectives import Elbo
from course_lib.objectives.padding import Batch, read_sequences, stack_over_time, valid_steps

__all__ = ["Trajectory", "VariationalRNN"]


class Trajectory(NamedTuple):
    """One sampled path through a batch of sequences; the first dimension is always time.

    Attributes:
        z: (time, samples, batch, z_dim) draws from q.
        state: (time, samples, batch, state) h_{t-1}, what is known before step t.
        prior: p(z_t | h_{t-1}).
        posterior: q(z_t | x_t, h_{t-1}).
        last: (samples, batch, state) the state after the last step.
    """

    z: Tensor
    state: Tensor
    prior: Distribution
    posterior: Distribution
    last: Tensor


class VariationalRNN(nn.Module):
    r"""A sequence model whose steps are VAEs that share a memory h (slide 9).

    .. math:: p(x, z) = \prod_t p(x_t | z_{\le t}, x_{<t}) \, p(z_t | z_{<t}, x_{<t}), \qquad
              q(z | x) = \prod_t q(z_t | z_{<t}, x_{\le t})

    h_{t-1} stands for all of z_<t and x_<t. The four parts are those of the slide's diagram. A
    batch is x, (batch, time, dim), or ``(x, length)``, or ``{"x": x, "length": length}``; steps
    from ``length`` on are padding, and may hold anything.

    q sees nothing after step t, although the true posterior does, so part of the gap cannot close.

    Args:
        prior: the brick p(z_t | h_{t-1}), called with (..., state); ``StandardGaussian`` for the
            variant whose prior does not look back.
        generation: the brick p(x_t | z_t, h_{t-1}), called with (..., z_dim + state).
        recurrence: h_t = f(x_t, z_t, h_{t-1}), called with (..., features + z_dim) and the state;
            its ``hidden_size`` is the size of the state.
        inference: the Gaussian brick q(z_t | x_t, h_{t-1}), called with (..., features + state).
        features: what inference and recurrence see of x, computed for all steps at once,
            (time, batch, dim) -> (time, batch, features); x itself if None.
        dropout: the share of the features, and of the state given to generation, that is set to
            zero in training.

    Raises:
        ValueError: if prior and inference have z of different shapes, or ``dropout`` is not in
            0..1.

    Example:
        >>> vrnn = VariationalRNN.build(x_dim=5, z_dim=2, hidden=16)
        >>> music = {"x": torch.zeros(3, 7, 5), "length": torch.tensor([7, 1, 4])}
        >>> bound = vrnn.elbo(music)
        >>> torch.allclose(bound.total, bound.reconstruction - bound.kl)
        True

    Paper: Chung, Kastner, Dinh, Goel, Courville, Bengio (2015), A recurrent latent variable model
    for sequential data, arXiv:1506.02216.
    """

    def __init__(
        self,
        prior: Brick,
        generation: Brick,
        recurrence: nn.Module,
        inference: Brick,
        features: nn.Module | None = None,
        *,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if prior.event_shape != inference.event_shape:
            raise ValueError(
                f"inference: expected events of the prior's shape {tuple(prior.event_shape)},"
                f" got {tuple(inference.event_shape)}"
            )
        self.prior, self.generation = prior, generation
        self.recurrence, self.inference = recurrence, inference
        self.features = nn.Identity() if features is None else features
        self.dropout = nn.Dropout(dropout)

    @classmethod
    def build(
        cls,
        x_dim: int,
        z_dim: int,
        hidden: int = 64,
        likelihood: str = "bernoulli",
        *,
        learned_prior: bool = True,
        dropout: float = 0.0,
    ) -> Self:
        """Return a model from plain sizes, with one hidden layer in every part.

        Args:
            x_dim: the number of entries of one step.
            z_dim: the number of latent dimensions of one step.
            hidden: size of the state and of every hidden layer; the autoregressive one is four
                times as wide.
            likelihood: ``"bernoulli"`` for independent bits given z_t and h_{t-1}, ``"gaussian"``
                for real x, ``"autoregressive"`` for bits that also depend on the bits before them.
            learned_prior: False for p(z_t) = N(0, I).
            dropout: as for the class.

        Raises:
            ValueError: if a size is not a positive integer, or the likelihood is unknown.
        """
        sizes = {"x_dim": x_dim, "z_dim": z_dim, "hidden": hidden}
        x, z, h = (as_count(size, name) for name, size in sizes.items())
        gaussian = ConditionalGaussian(mlp(h, (h,), 2 * z), z)
        return cls(
            gaussian if learned_prior else StandardGaussian(z),
            _generation(x, z + h, (h,), likelihood),
            GatedRecurrence(h + z, h),
            ConditionalGaussian(mlp(2 * h, (h,), 2 * z), z),
            nn.Sequential(nn.Linear(x, h), nn.ReLU()),
            dropout=dropout,
        )

    def infer(self, batch: Batch, samples: int = 1) -> Trajectory:
        """Return z_t ~ q(z_t | x_t, h_{t-1}) for t = 1..T, with what led to it (slide 9)."""
        x, _ = self._read(batch)
        return self._walk(x, as_count(samples, "samples"))

    def elbo(self, batch: Batch, samples: int = 1) -> Elbo:
        """Return L(x), the sum over time of reconstruction and KL (slide 9).

        Args:
            batch: (batch, time, dim) observations, with lengths if they differ.
            samples: how many paths are drawn for each sequence.

        Returns:
            ``Elbo(total, reconstruction, kl)``, each (batch,), in nats per sequence.

        Raises:
            TypeError, ValueError: if x is not a batch that the likelihood could have produced, or
                a length is out of range.
        """
        x, valid = self._read(batch)
        path = self._walk(x, as_count(samples, "samples"))
        return objectives.sequence_elbo(
            path.prior,
            self._generate(path.z, path.state),
            path.posterior,
            x[:, None],
            path.z,
            valid,
        )

    def importance_bound(self, batch: Batch, k: int) -> Tensor:
        """Return the bound of k whole paths on log p(x): (batch,), in nats; raises as ``elbo``."""
        x, valid = self._read(batch)
        z, state, prior, posterior, _ = self._walk(x, as_count(k, "k"))
        likelihood = self._generate(z, state).log_prob(x[:, None])
        log_weight = likelihood + prior.log_prob(z) - posterior.log_prob(z)
        return objectives.sequence_importance_bound(log_weight, valid)

    def filtering_bound(self, batch: Batch, k: int, threshold: float = 0.5) -> Tensor:
        """Return the particle filter's bound on log p(x): (batch,), in nats; raises as ``elbo``.

        Args:
            batch: as for ``elbo``.
            k: how many paths are kept.
            threshold: paths are resampled when the effective share of paths falls below this.
        """
        x, valid = self._read(batch)
        features = self._see(x)

        def propose(t: int, state: Tensor) -> tuple[Tensor, Tensor]:
            seen = features[t].expand(*state.shape[:2], -1)
            z, log_q = rsample_and_log_prob(self._look(seen, state))
            log_p = self._generate(z, state).log_prob(x[t]) + self.prior(state).log_prob(z)
            return log_p - log_q, self._advance(seen, z, state)

        start = self._start(features, as_count(k, "k"))
        return objectives.filtering_bound(propose, start, valid, threshold)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the training loss, the batch mean of -L(x), in nats per sequence."""
        return {"model": -self.elbo(batch).total.mean()}

    @torch.no_grad()
    def sample(self, n: int, steps: int) -> Tensor:
        """Return n sequences drawn step by step, z_t from the prior: (n, steps, dim)."""
        weight = next(self.parameters())
        state = weight.new_zeros(as_count(n, "n"), self.recurrence.hidden_size)
        return self._dream(state, steps)

    @torch.no_grad()
    def continuation(self, batch: Batch, steps: int) -> Tensor:
        """Return how each sequence could go on after its own last step: (batch, steps, dim).

        Args:
            batch: the beginnings, as for ``elbo``; their z is drawn from q.
            steps: how many steps to draw.
        """
        x, valid = self._read(batch)
        path = self._walk(x, 1)
        states = torch.cat((path.state[:, 0], path.last))
        return self._dream(states[valid.sum(0), torch.arange(x.shape[1])], steps)

    def _read(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return x with the time first and zeros for padding, and which steps are valid."""
        x, length = read_sequences(batch)
        x, valid = x.transpose(0, 1), valid_steps(length, x.shape[1])
        self.generation.check_event(x[valid], "x")
        return x.where(valid[..., None], 0.0), valid

    def _walk(self, x: Tensor, samples: int) -> Trajectory:
        # Only what the next step needs is in the loop; prior and generation follow for all at once.
        features = self._see(x)
        state = self._start(features, samples)
        states, draws, posteriors = [], [], []
        for seen in features[:, None].expand(-1, samples, -1, -1).unbind():
            q = self._look(seen, state)
            z = q.rsample()
            for record, value in ((states, state), (draws, z), (posteriors, q)):
                record.append(value)
            state = self._advance(seen, z, state)
        states = torch.stack(states)
        posterior = stack_over_time(posteriors)
        return Trajectory(torch.stack(draws), states, self.prior(states), posterior, state)

    def _dream(self, state: Tensor, steps: int) -> Tensor:
        drawn = []
        for _ in range(as_count(steps, "steps")):
            prior = self.prior(state)
            z = prior.sample(state.shape[:-1] if prior.batch_shape == () else ())
            drawn.append(self._generate(z, state).sample())
            state = self._advance(self._see(drawn[-1][None])[0], z, state)
        return torch.stack(drawn, 1)

    def _see(self, x: Tensor) -> Tensor:
        return self.dropout(self.features(x))

    def _start(self, features: Tensor, samples: int) -> Tensor:
        return features.new_zeros(samples, features.shape[1], self.recurrence.hidden_size)

    def _look(self, seen: Tensor, state: Tensor) -> Distribution:
        return self.inference(torch.cat((seen, state), -1))

    def _generate(self, z: Tensor, state: Tensor) -> Distribution:
        return self.generation(torch.cat((z, self.dropout(state)), -1))

    def _advance(self, seen: Tensor, z: Tensor, state: Tensor) -> Tensor:
        return self.recurrence(torch.cat((seen, z), -1), state)


def _generation(x_dim: int, context_dim: int, hidden: Sequence[int], likelihood: str) -> Brick:
    if likelihood == "autoregressive":
        # the first bits may use but a few of the hidden units: those that no later bit feeds
        wide = tuple(4 * width for width in hidden)
        return ConditionalAutoregressiveBernoulli(x_dim, wide, context_dim=context_dim)
    return decoder(x_dim, context_dim, hidden, likelihood)
