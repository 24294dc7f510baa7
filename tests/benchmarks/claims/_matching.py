"""What the claims about q(z) on MNIST share: the images, and how every model is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from claims import Unavailable
from course_lib.data import mnist
from course_lib.models import VAE
from course_lib.training import fit

STEPS = 1000


class Images(NamedTuple):
    """4000 binary images to train, 500 to choose by and 500 to score."""

    train: Tensor
    validation: Tensor
    test: Tensor


def images() -> Images:
    """Return the images, of a full MNIST its first ones.

    Raises:
        Unavailable: if MNIST is not on this machine.
    """
    try:
        splits = mnist.load()
    except FileNotFoundError as error:
        raise Unavailable(str(error)) from error
    return Images(splits.train.x[:4000], splits.validation.x[:500], splits.test.x[:500])


def trained(make: Callable[[], VAE], train: Tensor, seed: int) -> VAE:
    """Return a new model after its steps."""
    torch.manual_seed(seed)
    model = make()
    options = {"betas": (0.5, 0.9), "seed": seed, "progress": False}
    fit(model, train, steps=STEPS, learning_rate=rate, **options)
    return model


def rate(step: int) -> float:
    """Return Adam's rate: a rise, a plateau, a fall to nearly zero."""
    return 2e-3 * min(1.0, (step + 1) / 200, (STEPS - step) / 300)
