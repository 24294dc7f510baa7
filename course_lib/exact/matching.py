"""The tables of lecture 7: two joints of z and x that may match or not (slides 12-15)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.exact import tables

__all__ = ["N_X", "N_Z", "JointTerms", "MatchingWorld", "joint_terms", "matching_world"]

N_Z, N_X = 7, 5


class MatchingWorld(NamedTuple):
    """The four choices of a VAE as tables, in float64: z down the rows, x along the columns.

    Attributes:
        p_data: (n_x,) the distribution of the data.
        q_z_given_x: (n_z, n_x) the encoder; each column sums to one.
        p_z: (n_z,) the prior.
        p_x_given_z: (n_z, n_x) the decoder; each row sums to one.
    """

    p_data: Tensor
    q_z_given_x: Tensor
    p_z: Tensor
    p_x_given_z: Tensor

    @property
    def q_zx(self) -> Tensor:
        """The inference joint p_data(x) q(z|x): (n_z, n_x)."""
        return tables.inference_joint(self.p_data, self.q_z_given_x)

    @property
    def p_zx(self) -> Tensor:
        """The generative joint p(z) p(x|z): (n_z, n_x)."""
        return tables.joint(self.p_z, self.p_x_given_z)


class JointTerms(NamedTuple):
    """KL(q(z,x), p(z,x)), its two splits, and what the ELBO says, each a number in nats."""

    joint_kl: float
    x_marginal: float
    z_given_x: float
    z_marginal: float
    x_given_z: float
    elbo: float
    entropy: float

    @property
    def residual(self) -> float:
        """How far the two splits and -ELBO - H(p_data) are from the KL of the joints."""
        others = (
            self.x_marginal + self.z_given_x,
            self.z_marginal + self.x_given_z,
            -self.elbo - self.entropy,
        )
        return max(abs(self.joint_kl - other) for other in others)


def matching_world(encoder: float, decoder: float, tilt: float) -> MatchingWorld:
    r"""Return a VAE whose z and x stand on the line from -1 to 1 (slide 13).

    .. math:: q(z|x) \propto e^{-s_q (z - x)^2}, \qquad p(x|z) \propto e^{-s_p (x - z)^2}, \qquad
              p_{data}(x) \propto e^{t x}

    The prior is uniform. With sharpness zero, z and x are independent.

    Args:
        encoder: s_q, how sharply the encoder ties z to x, at least 0.
        decoder: s_p, how sharply the decoder ties x to z, at least 0.
        tilt: t, how far the data lean to the right.

    Raises:
        ValueError: if a sharpness is negative or an argument is not a finite number.

    Example:
        >>> world = matching_world(encoder=0.0, decoder=0.0, tilt=0.0)
        >>> float(tables.kl(world.q_zx, world.p_zx))
        0.0
    """
    for name, value in (("encoder", encoder), ("decoder", decoder), ("tilt", tilt)):
        if not math.isfinite(value) or (value < 0 and name != "tilt"):
            raise ValueError(f"{name}: expected a finite number, sharpness >= 0, got {value!r}")
    z = torch.linspace(-1, 1, N_Z, dtype=torch.float64)[:, None]
    x = torch.linspace(-1, 1, N_X, dtype=torch.float64)[None, :]
    squares = (z - x).square()  # (n_z, n_x)
    return MatchingWorld(
        (tilt * x[0]).softmax(0),
        (-encoder * squares).softmax(0),
        torch.full((N_Z,), 1 / N_Z, dtype=torch.float64),
        (-decoder * squares).softmax(1),
    )


def joint_terms(world: MatchingWorld) -> JointTerms:
    r"""Return the KL of the two joints, split with x first and with z first (slides 13-15).

    .. math:: KL(q(z,x), p(z,x)) = KL(p_d, p(x)) + E_{p_d} KL(q(z|x), p(z|x))
              = KL(q(z), p(z)) + E_{q(z)} KL(q(x|z), p(x|z)) = -E_{p_d}[L] - H(p_d)

    Args:
        world: the tables.

    Example:
        >>> joint_terms(matching_world(encoder=3.0, decoder=8.0, tilt=1.0)).residual < 1e-12
        True
    """
    q_zx, p_zx = world.q_zx, world.p_zx
    numbers = (
        tables.kl(q_zx, p_zx),
        *tables.kl_split_by_x(q_zx, p_zx),
        *tables.kl_split_by_z(q_zx, p_zx),
        (world.p_data * tables.elbo(p_zx, world.q_z_given_x)).sum(),
        tables.entropy(world.p_data),
    )
    return JointTerms(*(float(number) for number in numbers))
