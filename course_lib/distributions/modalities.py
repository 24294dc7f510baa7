"""Several views of one thing: modalities, independent given z, each with its brick (slide 8)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import torch
from torch import Size, Tensor, nn

from course_lib.arguments import as_shape
from course_lib.distributions.base import Brick
from course_lib.distributions.gaussian import ConditionalGaussian
from course_lib.distributions.networks import mlp

__all__ = ["ConcatNetwork", "ConditionalModalities", "InferenceNets", "Modalities", "subsets"]

Views = Mapping[str, Tensor]
Shapes = Mapping[str, int | tuple[int, ...]]


def subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return every non-empty set of modalities, the smallest first, the whole set last.

    Example:
        >>> subsets(["x1", "x2"])
        [('x1',), ('x2',), ('x1', 'x2')]
    """
    return [part for n in range(1, len(names) + 1) for part in combinations(names, n)]


class Modalities:
    r"""p(x_1, ..., x_M | z) = prod_m p(x_m | z): one event is a dictionary {name: x_m}.

    A modality's distribution is computed only when that modality is used.

    Args:
        likelihoods: for each name the brick p(x_m|z).
        z: (*batch, *latent) the context of all of them.
    """

    def __init__(self, likelihoods: Mapping[str, Brick], z: Tensor) -> None:
        self.likelihoods, self.z = likelihoods, z

    def log_prob(self, x: Views) -> Tensor:
        """Return sum_m log p(x_m|z) over the modalities in ``x``; the others integrate out."""
        return sum(self.likelihoods[name](self.z).log_prob(value) for name, value in x.items())

    def sample(self, sample_shape: tuple[int, ...] = Size()) -> dict[str, Tensor]:
        """Return a draw of every modality, each (*sample_shape, *batch, *event)."""
        return {name: p(self.z).sample(Size(sample_shape)) for name, p in self.likelihoods.items()}

    @property
    def mean(self) -> dict[str, Tensor]:
        """The mean of every modality, each (*batch, *event)."""
        return {name: p(self.z).mean for name, p in self.likelihoods.items()}


class ConditionalModalities(nn.Module):
    """The decoder of slide 8: one z generates every x_m.

    Args:
        likelihoods: for each modality's name the brick p(x_m|z).

    Raises:
        ValueError: if there is no modality, or a name is not a plain word.

    Example:
        >>> from course_lib.distributions import ConditionalBernoulli
        >>> x1 = ConditionalBernoulli(nn.Linear(2, 3), 3)
        >>> x2 = ConditionalBernoulli(nn.Linear(2, 4), 4)
        >>> sample = ConditionalModalities({"x1": x1, "x2": x2})(torch.zeros(5, 2)).sample()
        >>> sample["x1"].shape, sample["x2"].shape
        (torch.Size([5, 3]), torch.Size([5, 4]))
    """

    def __init__(self, likelihoods: Mapping[str, Brick]) -> None:
        super().__init__()
        check_are_names(likelihoods, "likelihoods")
        self.parts = nn.ModuleDict(likelihoods)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the modalities, in the order in which they were given."""
        return tuple(self.parts)

    def forward(self, z: Tensor) -> Modalities:
        """Return the modalities' distribution given z: (*batch, *latent)."""
        return Modalities(self.parts, z)

    def of(self, names: Sequence[str]) -> ConditionalModalities:
        """Return the decoder of some of the modalities alone; it shares the weights."""
        return ConditionalModalities({name: self.parts[name] for name in names})

    def check_event(self, value: Any, name: str) -> None:
        """Raise if ``value`` is not a batch of some of the modalities.

        Args:
            value: for each observed modality's name a batch of its events, all of one length.
            name: the argument's name, used in the error.

        Raises:
            TypeError: if it is not a dictionary of tensors of the right precision.
            ValueError: if it is empty, a name is unknown, the lengths differ, or a modality's
                brick refuses its value.
        """
        if not isinstance(value, Mapping):
            raise TypeError(
                f"{name}: expected a dictionary with some of {_listed(self.parts)},"
                f" got {type(value).__name__}"
            )
        check_names(value, self.names, name)
        for key, part in value.items():
            self.parts[key].check_event(part, f"{name}[{key!r}]")
        sizes = {key: len(part) for key, part in value.items()}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"{name}: expected one length for all modalities, got {sizes}")


class InferenceNets(nn.Module):
    """q(z|x1), q(z|x2), q(z|x1,x2): one net for each set of observed modalities (slide 8).

    For M modalities these are 2^M - 1 nets; a ``ProductOfExperts`` needs only M. Some sets may be
    left out, and these cannot be observed.

    Args:
        nets: maps a set of names, a tuple in the modalities' order, to a brick over z that is
            called with the dictionary of these modalities.

    Raises:
        ValueError: if there is no net, or two of them have z of different shapes.
    """

    def __init__(self, nets: Mapping[tuple[str, ...], Brick]) -> None:
        super().__init__()
        shapes = {tuple(net.event_shape) for net in nets.values()}
        if len(shapes) != 1:
            raise ValueError(f"nets: expected nets for one shape of z, got {sorted(shapes)}")
        self.subsets = tuple(nets)
        self._keys = {frozenset(names): _key(names) for names in nets}
        self.event_shape = next(iter(nets.values())).event_shape
        self.nets = nn.ModuleDict({_key(names): net for names, net in nets.items()})

    @classmethod
    def build(cls, shapes: Shapes, z_dim: int, hidden: Sequence[int]) -> InferenceNets:
        """Return a Gaussian net for every set of modalities, from plain sizes.

        Args:
            shapes: for each modality's name the shape of one observation.
            z_dim: the number of latent dimensions.
            hidden: widths of every net's hidden layers.
        """
        sizes = {m: math.prod(as_shape(shape, f"shapes[{m!r}]")) for m, shape in shapes.items()}
        nets = {}
        for names in subsets(tuple(shapes)):
            network = mlp(sum(sizes[m] for m in names), hidden, 2 * z_dim)
            nets[names] = ConditionalGaussian(ConcatNetwork(names, network), z_dim)
        return cls(nets)

    def forward(self, x: Views) -> Any:
        """Return q(z | the modalities in ``x``), batch (batch,).

        Raises:
            ValueError: if there is no net for this set of modalities.
        """
        key = self._keys.get(frozenset(x))
        if key is None:
            known = "; ".join(_listed(names) for names in self.subsets)
            raise ValueError(
                f"x: expected a set of modalities with a net ({known}), got {_listed(x)}"
            )
        return self.nets[key](x)


class ConcatNetwork(nn.Module):
    """A network that reads several modalities at once: flattened, side by side.

    Args:
        names: which modalities, in this order.
        network: maps (batch, sum of their sizes) to (batch, out_features).
    """

    def __init__(self, names: Sequence[str], network: nn.Module) -> None:
        super().__init__()
        self.names, self.network = tuple(names), network

    def forward(self, x: Views) -> Tensor:
        """Map a dictionary of (batch, *event) to (batch, out_features)."""
        parts = [x[name].flatten(1) for name in self.names]
        return self.network(parts[0] if len(parts) == 1 else torch.cat(parts, 1))


def check_are_names(names: Mapping[str, Any], argument: str) -> None:
    """Raise a ValueError unless there is a name and each can be a submodule's."""
    reserved = nn.ModuleDict()
    bad = [m for m in names if not str(m).isidentifier() or hasattr(reserved, str(m))]
    if bad or not names:
        raise ValueError(
            f"{argument}: expected names of modalities that are plain words and no method of"
            f" nn.ModuleDict, got {_listed(bad)}"
        )


def check_names(x: Views, names: Sequence[str], argument: str) -> None:
    """Raise a ValueError unless ``x`` has at least one name, and none but the known ones."""
    unknown = [name for name in x if name not in names]
    if unknown or not x:
        raise ValueError(
            f"{argument}: expected some of the modalities {_listed(names)},"
            f" got {_listed(unknown or x)}"
        )


def _key(names: Sequence[str]) -> str:
    return "+".join(names)


def _listed(names: Sequence[str] | Views) -> str:
    return ", ".join(map(str, names)) or "none"
