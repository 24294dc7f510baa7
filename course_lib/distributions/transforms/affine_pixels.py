"""The affine autoregressive layer over a map: a PixelCNN of real numbers (slides 4 and 5)."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.distributions.pixel_network import GatedPixelNetwork, as_image_shape
from course_lib.distributions.transforms.base import Transform, softclip

__all__ = ["AffinePixels"]


class AffinePixels(Transform):
    r"""The places of a map in raster order, each affine given those before it (slides 4 and 5).

    .. math:: x_i = \mu_i(x_{<i}) + \sigma_i(x_{<i})\, z_i, \qquad
              \log|\det \partial x/\partial z| = \sum_i \log\sigma_i

    As ``AffineAutoregressive``, with the two stacks of a PixelCNN instead of a masked perceptron:
    what a place tells its neighbours is the same everywhere in the map, up to a learned bias for
    each place. On white noise it is a PixelCNN whose conditionals are Gaussians. The channels of a
    place come one after the other. It starts at the identity.

    ``inverse`` (a density at given points) is one pass of the network; ``forward`` (sampling) takes
    one pass for each number of the map.

    Args:
        event_shape: (channels, height, width) of the map; z and x are such maps, flattened.
        features: how many features each stack has.
        layers: how many gated layers.
        half_width: how far each layer sees; the first sees twice as far.
        bound: |log scale| stays below this number, so that far points stay finite.

    Raises:
        ValueError: if a size is out of range, or the channels outnumber the features.

    Example:
        >>> layer = AffinePixels((1, 2, 3), features=4, layers=1)
        >>> x, log_det = layer(torch.randn(5, 6))
        >>> torch.allclose(layer.inverse(x)[1], -log_det)
        True

    Papers: van den Oord, Kalchbrenner, Vinyals, Espeholt, Graves, Kavukcuoglu (2016),
    arXiv:1606.05328 (the network); Gulrajani et al. (2017), arXiv:1611.05013 (Gaussians).
    """

    def __init__(
        self,
        event_shape: tuple[int, int, int],
        features: int = 16,
        layers: int = 1,
        *,
        half_width: int = 1,
        bound: float = 7.0,
    ) -> None:
        super().__init__()
        self.event_shape = as_image_shape(event_shape, "event_shape")
        sizes = {"half_width": half_width, "outputs": 2}
        self.network = GatedPixelNetwork(self.event_shape, features, layers, **sizes)
        self.bound = bound

    @property
    def sequence(self) -> Tensor:
        """The entries of the flat map in the order in which they are sampled: (dim,)."""
        places = torch.arange(self.event_shape.numel()).view(self.event_shape)
        return places.permute(1, 2, 0).flatten()

    def conditioner(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu_i(x_<i) and log sigma_i(x_<i), each (..., dim)."""
        outputs = self.network(x.reshape(-1, *self.event_shape))
        mu, raw = outputs.reshape(*x.shape[:-1], 2, -1).unbind(-2)
        return mu, softclip(raw, self.bound)

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return x and log|det dx/dz|, one place after the other; a context is not used."""
        x, here = torch.zeros_like(z), torch.arange(z.shape[-1], device=z.device)
        for place in self.sequence.tolist():
            mu, log_scale = self.conditioner(x)
            x = torch.where(here == place, torch.addcmul(mu, log_scale.exp(), z), x)
        return x, log_scale.sum(-1)  # no scale depends on the last place

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return z and log|det dz/dx| by one pass of the network; a context is not used."""
        mu, log_scale = self.conditioner(x)
        return (x - mu) * (-log_scale).exp(), -log_scale.sum(-1)
