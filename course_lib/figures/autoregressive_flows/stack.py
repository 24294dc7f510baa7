"""A stack of MAF layers read in two ways: over white noise or an autoregressive prior (slide 5).

The first layer, next to the noise, is either a layer like the others or, as a product of
conditionals, the prior p(z) = prod_i p(z_i | z_<i) of the remaining layers. The two readings are
computed by different code, in float64.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Sequence
from importlib.resources import files

import torch
from torch import Tensor, nn

from course_lib.distributions import AffineAutoregressive, ElementwiseAffine

__all__ = [
    "BASES",
    "FILE",
    "Conditioner",
    "Layer",
    "MafLogProb",
    "Stack",
    "maf_log_prob",
    "moons_layers",
]

BASES = ("Gaussian", "autoregressive")
FILE = "moons.json"

Conditioner = Callable[[Tensor], tuple[Tensor, Tensor]]
Layer = AffineAutoregressive | ElementwiseAffine
MafLogProb = Callable[[Tensor, Tensor, Tensor], Tensor]


def moons_layers(trained: bool = True) -> nn.ModuleList:
    """Return six MAF layers in alternating orders, trained on the two moons.

    They were trained by ``tests/benchmarks/train_moons.py``.

    Args:
        trained: False for fresh layers, which start at the identity.
    """
    orders = (torch.tensor([0, 1]), torch.tensor([1, 0])) * 3
    layers = nn.ModuleList(AffineAutoregressive(2, (32, 32), order=order) for order in orders)
    if trained:
        path = files("course_lib.figures.autoregressive_flows") / FILE
        weights = torch.tensor(json.loads(path.read_text(encoding="utf-8")))
        nn.utils.vector_to_parameters(weights, layers.parameters())
    return layers


def maf_log_prob(x: Tensor, shift: Tensor, log_scale: Tensor) -> Tensor:
    """Return sum_i log N(x_i; shift_i, exp(log_scale_i)^2): (n, dim) -> (n,) (slide 5)."""
    noise = (x - shift) * (-log_scale).exp()
    return (-0.5 * (noise.square() + math.log(2 * math.pi)) - log_scale).sum(-1)


class Stack:
    """MAF layers in float64, with the points and densities of the model of the first k layers.

    Args:
        layers: in the order in which samples pass through them; the first is autoregressive.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = [copy.deepcopy(layer).double().eval() for layer in layers]

    def __len__(self) -> int:
        return len(self.layers)

    @torch.no_grad()
    def points(self, z: Tensor, depth: int, base: str) -> Tensor:
        """Return the image of the noise z, (n, dim), under the first ``depth`` layers."""
        if depth == 0:
            return z
        first = self.layers[0]
        z = _ancestral(first, z) if base == BASES[1] else first(z)[0]
        for layer in self.layers[1:depth]:
            z = layer(z)[0]
        return z

    @torch.no_grad()
    def split(
        self, x: Tensor, depth: int, base: str, prior: MafLogProb = maf_log_prob
    ) -> tuple[Tensor, Tensor]:
        r"""Return the base's log-density and the sum of the log-determinants, each (n,) nats.

        .. math:: \log p(x) = \log p_{base}(z) - \sum_k \log|\det \partial f_k|

        Args:
            x: (n, dim) points.
            depth: how many layers the model has.
            base: ``"Gaussian"`` for white noise and all layers; ``"autoregressive"`` for the first
                layer as a prior, with the density ``prior``, and the others.
            prior: (z, shift, log_scale), each (n, dim) -> (n,).
        """
        autoregressive = base == BASES[1] and depth > 0
        log_det = torch.zeros_like(x[:, 0])
        for layer in reversed(self.layers[int(autoregressive) : depth]):
            x, inverse_log_det = layer.inverse(x)
            log_det = log_det - inverse_log_det
        if autoregressive:
            return prior(x, *self.layers[0].conditioner(x)), log_det
        return maf_log_prob(x, torch.zeros_like(x), torch.zeros_like(x)), log_det

    def log_prob(self, x: Tensor, depth: int, base: str) -> Tensor:
        """Return log p(x) of the first ``depth`` layers: (n, dim) -> (n,)."""
        log_base, log_det = self.split(x, depth, base)
        return log_base - log_det

    def conditioners(self, depth: int) -> list[Conditioner]:
        """Return x -> (shift, log_scale) of each layer, from the data to the prior, which is last.

        Args:
            depth: how many layers the model has.
        """
        return [_conditioner(layer) for layer in reversed(self.layers[:depth])]


def _ancestral(layer: AffineAutoregressive, z: Tensor) -> Tensor:
    """Return draws of the prior from noise z, dimension by dimension: (n, dim)."""
    x = torch.zeros_like(z)
    for i in layer.sequence.tolist():
        mu, log_scale = layer.conditioner(x)
        x[:, i] = mu[:, i] + log_scale[:, i].exp() * z[:, i]
    return x


def _conditioner(layer: Layer) -> Conditioner:
    """Return x -> (shift, log_scale); an elementwise layer has the same for every x."""
    if isinstance(layer, ElementwiseAffine):
        return lambda x: (layer.mu.expand_as(x), layer.log_scale.expand_as(x))
    return layer.conditioner
