"""PixelCNN: p(x) as a product over pixels, without a latent (slides 2 and 4)."""

from __future__ import annotations

from typing import Self

from course_lib.distributions import ConditionalPixelCNN
from course_lib.models.density import DensityModel

__all__ = ["PixelCNN"]


class PixelCNN(DensityModel):
    r"""A model of binary images, one pixel after the other (slide 4, "PixelCNN").

    .. math:: p(x) = \prod_i p(x_i \mid x_1, \dots, x_{i-1})

    If the brick accepts a z, the model uses it with z := 0.

    Args:
        brick: the distribution of x.

    Example:
        >>> model = PixelCNN.build(x_shape=(1, 3, 5), features=4, layers=2)
        >>> model.log_prob(model.sample(7)).shape
        torch.Size([7])

    Paper: van den Oord, Kalchbrenner, Vinyals, Espeholt, Graves, Kavukcuoglu (2016), Conditional
    image generation with PixelCNN decoders, arXiv:1606.05328.
    """

    brick: ConditionalPixelCNN

    @classmethod
    def build(
        cls,
        x_shape: tuple[int, int, int],
        features: int = 32,
        layers: int = 3,
        *,
        half_width: int = 2,
        dropout: float = 0.4,
    ) -> Self:
        """Return a PixelCNN from plain sizes.

        The defaults were chosen on the validation set of the 8x8 digits, with ``weight_decay=0.3``
        in ``fit``; larger images need more layers, larger data sets less dropout.

        Args:
            x_shape: (channels, height, width) of an image.
            features: how many features each of the two stacks has.
            layers: how many gated layers; with 0 the pixels are independent.
            half_width: how far each layer sees; the first sees twice as far.
            dropout: share of the gated features set to zero in training.

        Raises:
            ValueError: if a size is not a positive integer.
        """
        return cls(
            ConditionalPixelCNN(x_shape, features, layers, half_width=half_width, dropout=dropout)
        )
