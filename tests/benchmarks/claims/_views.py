"""A PixelCNN that also learns shifted and mirrored images, told which is which.

With 1,297 images a PixelCNN overfits within a minute. Shifts and mirror images of the training data
would teach it more, but they are not what p_data draws. So the net models p(view(x) | view), with
the name of the view as its z: twelve tasks share one net, and the untouched image is the view with
z := 0. What is reported is log p(x | untouched), an exact density of the data themselves.

Paper: Jun, Child, Chen, Schulman, Ramesh, Radford, Sutskever (2020), Distribution augmentation for
generative modeling, ICML.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.distributions import ConditionalPixelCNN
from course_lib.models import PixelCNN

UNTOUCHED = 0.4  # share of the training images that are left as they are


def shifts(x: Tensor) -> list[Tensor]:
    """Return the images moved by one pixel in each direction; zeros move in."""
    moved = []
    for axis in (-2, -1):
        zeros = torch.zeros_like(x.narrow(axis, 0, 1))
        inner = x.shape[axis] - 1
        moved.append(torch.cat((zeros, x.narrow(axis, 0, inner)), axis))
        moved.append(torch.cat((x.narrow(axis, 1, inner), zeros), axis))
    return moved


def mirrors(x: Tensor) -> list[Tensor]:
    """Return the seven other symmetries of square images."""
    turned = [x.flip(-1), x.flip(-2), x.flip(-2, -1)]
    return [*turned, *(y.mT for y in (x, *turned))]


def views(x: Tensor) -> Tensor:
    """Return the images and their other views: (n, 1, 8, 8) -> (n, 12, 1, 8, 8), x first."""
    return torch.stack([x, *shifts(x), *mirrors(x)], 1)


class ViewedPixelCNN(PixelCNN):
    """A PixelCNN of one channel, trained on all views and scored on the untouched one."""

    @classmethod
    def build(cls, size: int, features: int, layers: int, dropout: float) -> ViewedPixelCNN:
        """Return the model of square images of this size."""
        shape, others = (1, size, size), len(views(torch.zeros(1, 1, size, size))[0]) - 1
        return cls(
            ConditionalPixelCNN(shape, features, layers, context_features=others, dropout=dropout)
        )

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Return the mean of -log p(view(x) | view), one view drawn for each image in training."""
        if not self.training:
            return super().losses(batch)
        n, others = len(batch), self.brick.context_features
        view = torch.randint(1, others + 1, (n,), device=batch.device)
        view = view * (torch.rand(n, device=batch.device) > UNTOUCHED)
        x = views(batch)[torch.arange(n, device=batch.device), view]
        names = torch.eye(others + 1, dtype=batch.dtype, device=batch.device)[view, 1:]
        z = names[:, :, None, None].expand(-1, -1, *batch.shape[-2:])
        return {"model": -self.brick(z).log_prob(x).mean()}
