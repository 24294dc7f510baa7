"""The infinite mixture of slide 3 and its posterior, in the world with two peaks."""

from __future__ import annotations

import torch

from course_lib.exact import two_peaks
from course_lib.exact.two_peaks import WORLD
from course_lib.figures.images import Picture
from course_lib.figures.style import DATA, NEUTRAL, P, new_figure

__all__ = ["mixture", "posterior"]


def mixture(components: int = 12) -> Picture:
    """Return the components p(z) p(x|z) for evenly spread z, and their sum p(x) (slide 3).

    Args:
        components: the number of components that are drawn.
    """
    figure, (axes,) = new_figure(height=2.8)
    x = torch.linspace(-2, 6, 400, dtype=torch.float64)
    quantiles = (torch.arange(components) + 0.5) / components
    z = torch.distributions.Normal(0.0, 1.0).icdf(quantiles.double())
    densities = two_peaks.log_likelihood(x[:, None, None], z[:, None]).exp() / components
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
    axes.plot(z, two_peaks.log_prior(z[:, None]).exp(), color=NEUTRAL, ls="--", label="prior p(z)")
    density = WORLD.posterior(observed)[0].exp()
    axes.fill_between(z, density, color=P, alpha=0.35, lw=0)
    axes.plot(z, density, color=P, label=f"posterior p(z | x = {x})")
    axes.set(xlabel="z", ylabel="density", xlim=(-3.5, 3.5), ylim=(0, None))
    figure.legend(frameon=False, loc="outside upper left", ncols=2)
    return Picture(figure, f"the posterior of z given x = {x} has two peaks")
