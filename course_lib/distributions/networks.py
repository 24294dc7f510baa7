"""The networks inside the bricks: a perceptron, and MADE, in which output i sees inputs < i."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from course_lib.arguments import as_count, as_shape

__all__ = ["MaskedLinear", "MaskedMLP", "mlp"]


def mlp(
    in_features: int,
    hidden: Sequence[int],
    out_features: int,
    *,
    flatten: int = 0,
    activation: type[nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """Return a perceptron with an activation between its layers.

    Layers before a ReLU start with He's variance, 2 / n_in, which keeps the size of the signal
    from layer to layer, and with a bias of zero. torch's own start has a sixth of that variance:
    after a few layers hardly anything of x is left, and a VAE begins near its collapse.

    Args:
        in_features: size of the (flattened) input.
        hidden: the width of each hidden layer; it may be empty.
        out_features: size of the output.
        flatten: how many trailing dimensions of the input form one example; 0 for a vector.
        activation: the module class between the layers.

    Returns:
        A network (..., *example) -> (..., out_features).

    Example:
        >>> mlp(12, (8,), 2, flatten=2)(torch.zeros(5, 3, 4)).shape
        torch.Size([5, 2])

    Paper: He, Zhang, Ren, Sun (2015), arXiv:1502.01852.
    """
    layers: list[nn.Module] = [nn.Flatten(-flatten)] if flatten else []
    for n_in, n_out in itertools.pairwise((in_features, *hidden)):
        layer = nn.Linear(n_in, n_out)
        if activation is nn.ReLU:
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        layers += [layer, activation()]
    return nn.Sequential(*layers, nn.Linear((in_features, *hidden)[-1], out_features))


class MaskedLinear(nn.Linear):
    """A linear layer with fixed zeros in its weight: entry (i, j) is used where the mask is one.

    Args:
        mask: (out_features, in_features) of zeros and ones.
    """

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.to(self.weight.dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_features) to (..., out_features)."""
        return linear(x, self.weight * self.mask, self.bias)


class MaskedMLP(nn.Module):
    """MADE: the outputs for dimension i depend on the context and on the dimensions before i.

    Hidden unit k may depend on the first ``degree_k`` dimensions; the degrees run evenly over
    1 .. dim - 1. With a context they start at 0, because the first dimension may depend on the
    context alone. The last layer starts at zero, so that a transform built on it starts at the
    identity, whatever the context.

    Args:
        dim: the number of dimensions.
        hidden: widths of the hidden layers, at least one.
        outputs_per_dim: how many numbers each dimension gets.
        context_dim: size of a context that every output may use; 0 for none.
        order: (dim,) a permutation: ``order[i]`` is the place of dimension i; default 0, 1, 2, ...

    Raises:
        ValueError: if ``order`` is not a permutation, or a size is not a positive integer.

    Example:
        >>> net = MaskedMLP(3, (16,), outputs_per_dim=2)
        >>> net(torch.zeros(5, 3)).shape
        torch.Size([5, 3, 2])

    Paper: Germain, Gregor, Murray, Larochelle (2015), MADE, arXiv:1502.03509.
    """

    def __init__(
        self,
        dim: int,
        hidden: Sequence[int],
        outputs_per_dim: int,
        *,
        context_dim: int = 0,
        order: Tensor | None = None,
    ) -> None:
        super().__init__()
        dim, hidden = as_count(dim, "dim"), as_shape(hidden, "hidden")
        order = torch.arange(dim) if order is None else order
        if not torch.equal(order.sort().values, torch.arange(dim)):
            raise ValueError(f"order: expected a permutation of 0..{dim - 1}, got {order.tolist()}")
        self.outputs_per_dim = outputs_per_dim
        lowest = 0 if context_dim else 1
        levels = max(dim - lowest, 1)
        degrees = [order + 1, *(torch.arange(n) * levels // n + lowest for n in hidden)]
        self.layers = nn.ModuleList(
            MaskedLinear(after[:, None] >= before) for before, after in itertools.pairwise(degrees)
        )
        last = (order + 1)[:, None] > degrees[-1]
        self.layers.append(MaskedLinear(last.repeat(outputs_per_dim, 1)))
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)
        self.context = nn.Linear(context_dim, hidden[0], bias=False) if context_dim else None

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Map (..., dim) and (..., context_dim) to (..., dim, outputs_per_dim)."""
        first, *others = self.layers
        h = first(x)
        if self.context is not None:
            h = h + self.context(context)
        for layer in others:
            h = layer(torch.relu(h))
        # outputs of one kind are contiguous, so that each kind is read without a copy
        return h.unflatten(-1, (self.outputs_per_dim, -1)).mT
