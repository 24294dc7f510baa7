"""The still pictures of lecture 1: the mixture, its posterior, bounds and measured gaps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from course_lib.distributions import DiagonalGaussian
from course_lib.exact.grid import Grid, GridWorld
from course_lib.figures.images import Picture
from course_lib.figures.style import DATA, ELBO, KL, NEUTRAL, P, Q, new_figure
from course_lib.models import VAE

__all__ = ["WORLD", "bound_in_k", "gaps", "latent_plane", "least_gaussian", "mixture", "posterior"]

NOISE_SCALE = 0.6


def decoder_mean(z: Tensor) -> Tensor:
    """Return the mean of p(x|z) in the one-dimensional world: 0.8 z^2."""
    return 0.8 * z.square()


def _likelihood(z: Tensor) -> DiagonalGaussian:
    mu = decoder_mean(z)
    return DiagonalGaussian(mu, torch.full_like(mu, NOISE_SCALE).log())


def _prior() -> DiagonalGaussian:
    zero = torch.zeros(1, dtype=torch.float64)
    return DiagonalGaussian(zero, zero)


WORLD = GridWorld(
    lambda z: _prior().log_prob(z),
    lambda x, z: _likelihood(z).log_prob(x.unsqueeze(1)),
    Grid(-6.0, 6.0, 2001, dim=1),
)


def mixture(components: int = 12) -> Picture:
    """Return the components p(z) p(x|z) for evenly spread z, and their sum p(x) (slide 3).

    Args:
        components: how many of the infinitely many components are drawn.
    """
    figure, (axes,) = new_figure(height=2.8)
    x = torch.linspace(-2, 6, 400, dtype=torch.float64)
    quantiles = (torch.arange(components) + 0.5) / components
    z = torch.distributions.Normal(0.0, 1.0).icdf(quantiles.double())
    densities = _likelihood(z[:, None]).log_prob(x[:, None, None]).exp() / components
    axes.plot(x, densities, color=DATA, lw=0.9)
    axes.plot(
        [], [], color=DATA, lw=0.9, label=f"{components} components, each p(x|z)/{components}"
    )
    axes.plot(x, WORLD.log_prob(x[:, None]).exp(), color=P, lw=2.2, label="all of them: p(x)")
    axes.set(xlabel="x", ylabel="density", xlim=(-2, 6))
    axes.legend(frameon=False)
    return Picture(figure, f"{components} Gaussian components and their skewed sum, p(x)")


def posterior(x: float) -> Picture:
    """Return prior and posterior of z given one observation, by quadrature.

    Args:
        x: the observation.
    """
    figure, (axes,) = new_figure(height=2.6)
    z = WORLD.grid.nodes[:, 0]
    observed = torch.tensor([[x]], dtype=torch.float64)
    axes.plot(z, _prior().log_prob(z[:, None]).exp(), color=NEUTRAL, ls="--", label="prior p(z)")
    density = WORLD.posterior(observed)[0].exp()
    axes.fill_between(z, density, color=P, alpha=0.35, lw=0)
    axes.plot(z, density, color=P, label=f"posterior p(z | x = {x})")
    axes.set(xlabel="z", ylabel="density", xlim=(-3.5, 3.5), ylim=(0, None))
    figure.legend(frameon=False, loc="outside upper left", ncols=2)
    return Picture(figure, f"the posterior of z given x = {x} has two peaks")


def bound_in_k(bounds: Mapping[int, Tensor], log_prob: float) -> Picture:
    """Return the importance bound against k, with log p(x) as the ceiling (slide 6).

    Args:
        bounds: for each k, (repeats,) independent estimates of L_k, in nats.
        log_prob: log p(x), in nats.
    """
    figure, (axes,) = new_figure(height=2.6)
    k = list(bounds)
    mean = [bounds[n].mean() for n in k]
    error = [2 * bounds[n].std() / len(bounds[n]) ** 0.5 for n in k]
    axes.axhline(log_prob, color=P, label="log p(x)")
    axes.errorbar(k, mean, error, color=ELBO, marker="o", capsize=3, label="$L_k$ ± 2 s.e.")
    axes.set(xscale="log", xlabel="k, samples that share one logarithm", ylabel="nats")
    axes.legend(frameon=False, loc="lower right")
    return Picture(figure, "the importance bound rises with k towards log p(x)")


def latent_plane(
    models: Mapping[str, VAE], world: GridWorld, images: Tensor, draws: int = 400
) -> Picture:
    """Return, for a few images, the true posterior of a 2-D z and what each model's q makes of it.

    Args:
        models: VAEs with the same decoder, by name.
        world: the exact posterior of that decoder, on a 2-D grid.
        images: (n, 1, h, w) observations, one row of panels each.
        draws: points drawn from each q.
    """
    columns = 2 + len(models)
    rows = len(images)
    figure, axes = new_figure(rows, columns, width=2.0 * columns, height=2.05 * rows)
    nodes = world.grid.nodes
    side = round(len(nodes) ** 0.5)
    extent = [nodes.min().item(), nodes.max().item()] * 2
    for row, image in enumerate(images):
        panels = axes[row * columns : (row + 1) * columns]
        panels[0].imshow(image[0], cmap="gray_r")
        panels[0].set(xticks=[], yticks=[])
        density = world.posterior(image[None])[0].exp().reshape(side, side)
        mean = (nodes * density.reshape(-1, 1)).sum(0) / density.sum()
        titles = ["x", "true p(z|x)", *(f"{name} q(z|x)" for name in models)]
        for panel, title in zip(panels, titles, strict=True):
            panel.set_title(title if row == 0 else "", fontsize=9)
        for panel in panels[1:]:
            panel.imshow(
                density.T, origin="lower", extent=extent, cmap="Blues", interpolation="bilinear"
            )
            panel.set(xlim=(mean[0] - 1.6, mean[0] + 1.6), ylim=(mean[1] - 1.6, mean[1] + 1.6))
            panel.set_xlabel("$z_1$" if row == rows - 1 else "", fontsize=8)
        for panel, model in zip(panels[2:], models.values(), strict=True):
            z = model.posterior(image[None]).sample((draws,))[:, 0]
            panel.plot(z[:, 0], z[:, 1], ls="", marker=".", ms=2, color=Q, alpha=0.5)
    return Picture(figure, "true posteriors on the latent plane, with draws of each q on top")


def least_gaussian(world: GridWorld, x: Tensor, n: int) -> Tensor:
    """Return the places of the n observations whose posterior is farthest from any Gaussian.

    Farthest by KL(p(z|x), N), N the Gaussian with the posterior's mean and covariance, which is
    the Gaussian nearest in this direction: the entropy of N minus the posterior's.

    Args:
        world: exact posteriors on a grid.
        x: (batch, *event) observations.
        n: how many to return.

    Returns:
        (n,) indices into x, the farthest first.
    """
    log_p = world.posterior(x)
    weight = (log_p + world.grid.log_weights).exp()
    nodes = world.grid.nodes
    mean = weight @ nodes
    centred = nodes - mean[:, None]
    covariance = torch.einsum("bn,bni,bnj->bij", weight, centred, centred)
    dim = nodes.shape[1]
    gaussian_entropy = 0.5 * (covariance.logdet() + dim * (1 + math.log(2 * math.pi)))
    entropy = -torch.where(weight > 0, weight * log_p, 0.0).sum(1)
    return (gaussian_entropy - entropy).topk(n).indices


def gaps(measured: Mapping[str, Sequence[float]], ylabel: str) -> Picture:
    """Return one dot a seed for each family of posteriors, with the mean as a bar.

    Args:
        measured: for each family, one mean gap a seed, in nats.
        ylabel: what was measured, with its unit.
    """
    figure, (axes,) = new_figure(width=5.0, height=2.6)
    names = list(measured)
    means = [sum(values) / len(values) for values in measured.values()]
    axes.bar(names, means, color=KL, alpha=0.5, width=0.5, label="mean")
    for place, values in enumerate(measured.values()):
        axes.plot(
            [place] * len(values), values, "o", color=NEUTRAL, label="one seed" * (place == 0)
        )
    axes.set(ylabel=ylabel, ylim=(0, None))
    axes.legend(frameon=False)
    summary = ", ".join(f"{name} {mean:.2f}" for name, mean in zip(names, means, strict=True))
    return Picture(figure, f"{ylabel}: {summary}")
