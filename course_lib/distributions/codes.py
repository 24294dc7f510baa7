"""Structured codes: categories, uniform numbers, and concatenations of independent parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Size, Tensor, nn
from torch.distributions import Distribution, Independent, Uniform, constraints
from torch.nn.functional import one_hot

from course_lib.arguments import as_count
from course_lib.distributions.base import Brick

__all__ = [
    "ConditionalCategorical",
    "Joint",
    "JointBrick",
    "OneHotCategorical",
    "UniformBox",
    "UniformCategorical",
]


class OneHotCategorical(Distribution):
    r"""One of K categories as a one-hot vector c (slide 17).

    .. math:: \log p(c) = \sum_k c_k \log \pi_k

    torch's own class inspects every value, which on a GPU forces a synchronisation each time.

    Args:
        logits: (*batch, K) log-odds; they are normalised here.

    Example:
        >>> OneHotCategorical(torch.zeros(5, 4)).log_prob(torch.eye(4)[0]).exp()
        tensor([0.2500, 0.2500, 0.2500, 0.2500, 0.2500])
    """

    arg_constraints = {}  # noqa: RUF012 - the name and type are torch's
    support = constraints.one_hot

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits.log_softmax(-1)
        super().__init__(logits.shape[:-1], logits.shape[-1:], validate_args=False)

    @property
    def probs(self) -> Tensor:
        """The probabilities, (*batch, K)."""
        return self.logits.exp()

    mean = probs

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-probability of one-hot vectors: (..., K) -> (...)."""
        return (value * self.logits).sum(-1)

    def sample(self, sample_shape: tuple[int, ...] = Size()) -> Tensor:
        """Return one-hot vectors as floats; no gradient passes through."""
        with torch.no_grad():
            shape = self._extended_shape(Size(sample_shape))
            rows = self.probs.expand(shape).reshape(-1, shape[-1])
            chosen = torch.multinomial(rows, 1).reshape(shape[:-1])
            return one_hot(chosen, shape[-1]).to(self.logits.dtype)

    def entropy(self) -> Tensor:
        """Return the entropy of the choice: (*batch,)."""
        return -(self.probs * self.logits).sum(-1)


class UniformCategorical(Brick):
    """One of K equally likely categories, as a one-hot vector (slide 17).

    Args:
        categories: K.

    Example:
        >>> UniformCategorical(4)().entropy().exp()
        tensor(4.)
    """

    def __init__(self, categories: int) -> None:
        super().__init__(as_count(categories, "categories"))
        self.register_buffer("logits", torch.zeros(categories), persistent=False)

    def forward(self, context: Any = None) -> OneHotCategorical:
        """Return the uniform distribution; a context is ignored."""
        return OneHotCategorical(self.logits)


class ConditionalCategorical(Brick):
    """One of K categories as a one-hot vector, its log-odds computed from the context (slide 17).

    Args:
        network: maps a context to (..., K) logits.
        categories: K.

    Example:
        >>> ConditionalCategorical(nn.Linear(3, 4), 4)(torch.zeros(5, 3)).sample().sum(-1)
        tensor([1., 1., 1., 1., 1.])
    """

    def __init__(self, network: nn.Module, categories: int) -> None:
        super().__init__(as_count(categories, "categories"))
        self.network = network

    def forward(self, context: Tensor) -> OneHotCategorical:
        """Return the categories' distribution given the context."""
        return OneHotCategorical(self.network(context))


class UniformBox(Brick):
    """Independent numbers, uniform between -1 and 1 (slide 17).

    Args:
        dim: how many.

    Example:
        >>> UniformBox(2)().entropy().exp()
        tensor(4.)
    """

    def __init__(self, dim: int) -> None:
        super().__init__(as_count(dim, "dim"))
        self.register_buffer("one", torch.ones(dim), persistent=False)

    def forward(self, context: Any = None) -> Independent:
        """Return the uniform distribution; a context is ignored."""
        return Independent(Uniform(-self.one, self.one, validate_args=False), 1, False)


class Joint(Distribution):
    """Independent vectors, concatenated into one vector.

    Args:
        parts: distributions over vectors, of one batch shape.
    """

    arg_constraints = {}  # noqa: RUF012 - the name and type are torch's
    support = constraints.real_vector

    def __init__(self, parts: Iterable[Distribution]) -> None:
        self.parts = tuple(parts)
        self.sizes = [part.event_shape[-1] for part in self.parts]
        super().__init__(self.parts[0].batch_shape, Size([sum(self.sizes)]), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the sum of the parts' log-densities: (..., dim) -> (...)."""
        pieces = value.split(self.sizes, -1)
        return sum(part.log_prob(piece) for part, piece in zip(self.parts, pieces, strict=True))

    def sample(self, sample_shape: tuple[int, ...] = Size()) -> Tensor:
        """Return the parts' samples, concatenated; no gradient passes through."""
        return torch.cat([part.sample(Size(sample_shape)) for part in self.parts], -1)

    def entropy(self) -> Tensor:
        """Return the sum of the parts' entropies: (*batch,)."""
        return sum(part.entropy() for part in self.parts)

    @property
    def mean(self) -> Tensor:
        """The parts' means, concatenated; the mean of a category is its probabilities."""
        return torch.cat([part.mean for part in self.parts], -1)


class JointBrick(Brick):
    """Several bricks as one over the concatenated vector, independent given the context.

    Args:
        bricks: at least one; every one receives the features.
        trunk: maps the context to the features that all bricks share; None passes it on.

    Raises:
        ValueError: if there is no brick, or an event is not a vector.

    Example:
        >>> code = JointBrick([UniformCategorical(3), UniformBox(2)])
        >>> code().sample((5,)).shape
        torch.Size([5, 5])
    """

    def __init__(self, bricks: Iterable[Brick], trunk: nn.Module | None = None) -> None:
        bricks = tuple(bricks)
        if not bricks or any(len(brick.event_shape) != 1 for brick in bricks):
            shapes = [tuple(brick.event_shape) for brick in bricks]
            raise ValueError(f"bricks: expected bricks over vectors, got event shapes {shapes}")
        super().__init__(sum(brick.event_shape[0] for brick in bricks))
        self.bricks, self.trunk = nn.ModuleList(bricks), trunk

    def forward(self, context: Any = None) -> Joint:
        """Return the parts' joint distribution given the context."""
        features = context if self.trunk is None else self.trunk(context)
        return Joint(brick(features) for brick in self.bricks)
