"""Held-out likelihoods of several models, one rung each (slide 4)."""

from __future__ import annotations

from collections.abc import Mapping

from course_lib.evaluation import Estimate
from course_lib.figures.images import Picture
from course_lib.figures.style import ELBO, P, new_figure

__all__ = ["ladder"]


def ladder(exact: Mapping[str, Estimate], bounds: Mapping[str, Estimate], k: int) -> Picture:
    """Return -log p(x) of each model: a square where it is exact, a triangle where it is a bound.

    Args:
        exact: for each model whose density is known, its mean -log p(x) and standard error, in
            nats per image.
        bounds: for each model with a latent, the same for its importance bound, an upper bound on
            -log p(x).
        k: how many samples the importance bound uses.
    """
    figure, (axes,) = new_figure(width=7.0, height=0.5 + 0.45 * (len(exact) + len(bounds)))
    rungs = {**exact, **bounds}
    for marker, colour, group, label in (
        ("s", P, exact, "exact"),
        ("<", ELBO, bounds, f"importance bound, k = {k}: -log p is no higher"),
    ):
        places = [list(rungs).index(name) for name in group]
        values = [rung.value for rung in group.values()]
        errors = [rung.error for rung in group.values()]
        axes.errorbar(
            values, places, xerr=errors, fmt=marker, color=colour, ms=7, capsize=3, label=label
        )
    axes.set_yticks(range(len(rungs)), list(rungs))
    axes.set(ylim=(len(rungs) - 0.5, -0.5))
    axes.set_xlabel("-log p(x), nats per image, with one standard error over the test images")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(frameon=False, loc="outside upper center", ncols=2)
    said = ", ".join(f"{name} {rung.value:.2f}" for name, rung in rungs.items())
    return Picture(figure, f"held-out -log p(x) in nats per image: {said}")
