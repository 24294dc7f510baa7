"""A masked network evaluated dimension by dimension, using every weight once (slide 5)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from course_lib.distributions.networks import MaskedMLP

__all__ = ["Stepwise", "sequence_of"]


class Stepwise:
    """The outputs of a masked network for x_1, then for x_2 given x_1, and so on.

    A plain loop runs the whole network once per dimension. But the value of a hidden unit is known
    as soon as the last dimension that it depends on is known. Here every unit is computed at that
    moment and only once, so that all visits together cost about one pass. The sums are the
    network's, and autograd works through them. Dimensions that depend on the same inputs, as in a
    network with few hidden units, are visited together.

    Args:
        network: the masked network.
        batch: how many x there are, in a shape to which the context's broadcasts.
        context: (*batch, context_dim) what the network depends on, or None.

    Attributes:
        sequence: (dim,) the dimensions in the order of their visits.

    Example:
        >>> net = MaskedMLP(3, (16,), outputs_per_dim=2)
        >>> visits = Stepwise(net, (5,))
        >>> for places, outputs in visits:
        ...     visits.reveal(outputs[..., 0])
        >>> torch.equal(visits.x, net(visits.x)[..., 0])
        True
    """

    def __init__(
        self, network: MaskedMLP, batch: tuple[int, ...], context: Tensor | None = None
    ) -> None:
        self._batch, self._per_dim = tuple(batch), network.outputs_per_dim
        times = _times(network)
        self.sequence, *units = (time.argsort(stable=True) for time in times)
        dim = len(self.sequence)
        outputs = self.sequence[:, None] + dim * torch.arange(
            self._per_dim, device=self.sequence.device
        )
        ranks = [self.sequence, *units, outputs.flatten()]
        visits = int(times[0].max()) + 1
        self._visits = [_slices(time, visits) for time in times]
        self._visits.append([_stretched(s, self._per_dim) for s in self._visits[0]])
        self._weights = [
            (layer.weight * layer.mask)[after][:, before].t()
            for layer, (before, after) in zip(
                network.layers, itertools.pairwise(ranks), strict=True
            )
        ]
        self._sums = self._start(network, ranks[1:], context)
        self._values: list[Tensor] = []

    def __iter__(self) -> Iterator[tuple[slice, Tensor]]:
        """Yield the places in ``sequence`` that come next, and their outputs, (*batch, places, k).

        The values found for them must be passed to ``reveal`` before the next visit.
        """
        for visit, places in enumerate(self._visits[0]):
            self._settle(visit)
            outputs = self._take(-1, visit)
            yield places, outputs.reshape(*self._batch, -1, self._per_dim)

    def reveal(self, x: Tensor) -> None:
        """Give the network the x of the places just visited: (*batch, places)."""
        visit = len(self._values)
        self._values.append(x)
        rows = x.reshape(math.prod(self._batch), -1)
        self._add(0, rows, self._visits[0][visit], self._visits[1][visit].stop)

    @property
    def x(self) -> Tensor:
        """All that was revealed, in the order of the network's inputs: (*batch, dim)."""
        return torch.cat(self._values, -1)[..., self.sequence.argsort()]

    def _start(
        self, network: MaskedMLP, ranks: list[Tensor], context: Tensor | None
    ) -> list[Tensor]:
        """Return each layer's sums before any x is known: (batch, units), in order of visit."""
        n = math.prod(self._batch)
        sums = [
            layer.bias[rank].expand(n, -1)
            for layer, rank in zip(network.layers, ranks, strict=True)
        ]
        if network.context is not None:
            steer = network.context(context)[..., ranks[0]]
            sums[0] = sums[0] + steer.expand(*self._batch, -1).reshape(n, -1)
        return sums

    def _settle(self, visit: int) -> None:
        """Pass on the values of hidden units whose inputs are now complete to the next layer."""
        for layer, visits in enumerate(self._visits[1:-1]):
            units, following = visits[visit], self._visits[layer + 2][visit]
            if units.start < units.stop:
                self._add(layer + 1, torch.relu(self._take(layer, visit)), units, following.start)

    def _take(self, layer: int, visit: int) -> Tensor:
        """Remove and return the sums of the units that are visited now."""
        units = self._visits[1:][layer][visit]
        width = units.stop - units.start
        taken, self._sums[layer] = self._sums[layer].tensor_split((width,), -1)
        return taken

    def _add(self, layer: int, values: Tensor, rows: slice, start: int) -> None:
        """Add the inputs at ``rows`` to the sums of the units from ``start`` on."""
        weights = self._weights[layer][rows, start:]
        self._sums[layer] = torch.addmm(self._sums[layer], values, weights)


def sequence_of(network: MaskedMLP) -> Tensor:
    """Return the inputs in an order in which each comes after all that it depends on.

    Example:
        >>> sequence_of(MaskedMLP(3, (16,), 1, order=torch.tensor([1, 2, 0]))).tolist()
        [2, 0, 1]
    """
    return _times(network)[0].argsort(stable=True)


def _times(network: MaskedMLP) -> list[Tensor]:
    """Return for every input, then for every unit of each hidden layer, the visit it waits for.

    It is read from the masks: an input that depends on more others comes later, and a unit waits
    for the last input that it depends on.
    """
    masks = [layer.mask > 0 for layer in network.layers]
    sees = masks[0]
    for mask in masks[1:]:
        sees = (mask.double() @ sees.double()) > 0
    sees = sees[: len(sees) // network.outputs_per_dim]
    times = [torch.unique(sees.sum(-1), return_inverse=True)[1]]
    waits = times[0] + 1
    for mask in masks[:-1]:
        waits = torch.where(mask, waits, 0).amax(-1)
        times.append(waits)
    return times


def _slices(times: Tensor, visits: int) -> list[slice]:
    """Return for each visit the slice of its units once they are sorted by visit."""
    counts = torch.bincount(times, minlength=visits).tolist()
    ends = list(itertools.accumulate(counts, initial=0))
    return [slice(start, stop) for start, stop in itertools.pairwise(ends)]


def _stretched(places: slice, factor: int) -> slice:
    return slice(places.start * factor, places.stop * factor)
