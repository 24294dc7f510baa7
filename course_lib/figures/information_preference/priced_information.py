"""The explorable of slides 17 and 18: which point of the path a price on information picks."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from course_lib.exact.matching import MatchingWorld
from course_lib.exact.preference import K, PathTerms, path_terms, priced_path
from course_lib.figures import style
from course_lib.figures.controls import Choice, Slider
from course_lib.figures.live import LiveFigure, explain_error

__all__ = ["priced_information"]

SHARES = [i / 40 for i in range(41)]
LOWEST, HIGHEST = -8.0, 0.5  # nats: the window of the objective
TILTS = {"fits the code": 0.0, "leans to one side": 1.0}
TALLEST = 2.4  # nats: where the bars are cut
ObjectiveFunction = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Any]


def priced_information(info_vae_objective: ObjectiveFunction | None = None) -> LiveFigure:
    """Return the figure in which the weights of I(x; z) and of KL(q(z), p(z)) move (slides 17, 18).

    The path leads from an ignored z to a perfect code. The decoder follows up to its limit c.

    Args:
        info_vae_objective: your own (reconstruction, rate, marginal_kl, alpha, lambda_) -> the
            objective of each x; None for the library's. With your own, the curve and the chosen
            point are yours, and the library's curve is dashed.

    Returns:
        The figure, opened at the ELBO with a prior that leans to one side: z is best left unused.
    """
    return _PricedInformation(info_vae_objective).live


class _PricedInformation:
    """The artists of the figure and how they follow the controls."""

    def __init__(self, own: ObjectiveFunction | None) -> None:
        self.own = own
        figure, axes = style.new_figure(
            columns=3, width=8.4, height=3.3, width_ratios=(1, 1.6, 0.9)
        )
        self.table = axes[0].imshow(
            torch.zeros(K, K).numpy(), cmap="Oranges", vmin=0, vmax=1 / K, aspect="auto"
        )
        axes[0].set_title("joint at the best t", fontsize=10)
        axes[0].set(xlabel="x", ylabel="z", xticks=range(K), yticks=range(K))
        figure.colorbar(
            self.table,
            ax=axes[0],
            location="bottom",
            shrink=0.9,
            ticks=(0, 1 / K),
            label="probability",
        )
        self._draw_objective(axes[1])
        self._draw_bars(axes[2])
        controls = (
            Slider("alpha", -2.0, 1.0, 0.25, 0.0, "α, for I(x; z)", page_step=0.5),
            Slider("lambda_", 0.0, 8.0, 0.5, 1.0, "λ, for KL of q(z)", page_step=1.0),
            Slider("limit", 0.2, 1.0, 0.1, 0.6, "decoder's limit c", page_step=0.2),
            Choice("prior", tuple(TILTS), "leans to one side", "prior"),
        )
        alt = (
            "Left: the joint of x and z at the point of the path that is chosen. Middle: the"
            " objective against the share of the code, with dots at its maxima. Right: the"
            " information and the mismatch of q(z) at the last of them."
        )
        artists = (self.table, self.line, self.dashed, self.dots, *self.bars, *self.numbers)
        self.live = LiveFigure(figure, controls, self.update, artists, alt, scale=2)

    def update(self, alpha: float, lambda_: float, limit: float, prior: str) -> str:
        """Move the curve, its maxima and the chosen point; return its numbers."""
        worlds, terms = _path(limit, TILTS[prior])
        reference = _objective(terms, alpha, lambda_)
        values, complaint = self._own_objective(terms, alpha, lambda_, reference)
        best = [i for i, value in enumerate(values) if value > max(values) - 1e-9]
        self.line.set_ydata(values)
        self.dashed.set_ydata(reference)
        self.dashed.set_visible(self.own is not None)
        self.dots.set_data([SHARES[i] for i in best], [values[i] for i in best])
        shown = best[-1]
        self.table.set_data(worlds[shown].q_zx.numpy())
        pair = abs(float(terms.information[shown])), abs(float(terms.marginal_kl[shown]))
        for bar, text, value in zip(self.bars, self.numbers, pair, strict=True):
            bar.set_height(min(value, TALLEST))
            text.set_text(f"{value:.3f}")
            text.set_y(min(value, TALLEST) + 0.05)
        several = f"every t from {SHARES[best[0]]:g} to {SHARES[shown]:g} is best; at the last"
        choice = f"t = {SHARES[shown]:g} is best" if len(best) == 1 else several
        return (
            f"{_name(alpha, lambda_)}; weights: rate {1 - alpha:g}, KL(q(z), p(z))"
            f" {alpha + lambda_ - 1:g}\n"
            f"{choice}: I(x; z) {pair[0]:.3f}, KL(q(z), p(z)) {pair[1]:.3f} nats" + complaint
        )

    def _own_objective(
        self, terms: PathTerms, alpha: float, lambda_: float, reference: list[float]
    ) -> tuple[list[float], str]:
        """Return the objective along the path by the reader's function, if there is one."""
        if self.own is None:
            return reference, ""
        weights = [torch.tensor(value, dtype=torch.float64) for value in (alpha, lambda_)]
        try:
            columns = (terms.reconstruction, terms.rate, terms.marginal_kl)
            mine = [
                float(self.own(*(part[i].clone() for part in columns), *weights).mean())
                for i in reversed(range(len(SHARES)))
            ][::-1]
        except Exception as error:
            return reference, f"\n{explain_error(error)}; the curve is the library's"
        far = max(abs(a - b) for a, b in zip(mine, reference, strict=True)) > 1e-6
        return mine, "\nyour curve differs from the library's (dashed)" if far else ""

    def _draw_objective(self, axes: Axes) -> None:
        (self.line,) = axes.plot(SHARES, SHARES, color=style.ELBO, label="objective")
        (self.dashed,) = axes.plot(SHARES, SHARES, "--", color=style.NEUTRAL, lw=1.5)
        (self.dots,) = axes.plot([], [], "o", color=style.DATA, ms=5.5, mec="black", label="best")
        axes.set(xlim=(-0.03, 1.03), ylim=(LOWEST, HIGHEST))
        axes.set(xlabel="share t of the code", ylabel="objective, nats")
        axes.figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=9)

    def _draw_bars(self, axes: Axes) -> None:
        names = ["I(x; z)", "KL of q(z)"]
        self.bars = list(axes.bar(names, [1, 1], 0.5, color=(style.Q, style.KL)))
        self.numbers = [axes.text(i, 0, "", ha="center", in_layout=False) for i in (0, 1)]
        axes.axhline(math.log(K), color=style.NEUTRAL, ls=":", lw=1)
        axes.text(1.35, math.log(K) + 0.04, f"log {K}", ha="right", fontsize=9)
        axes.set(ylim=(0, TALLEST), xlabel="at the best t", ylabel="nats")


@functools.cache
def _path(limit: float, tilt: float) -> tuple[list[MatchingWorld], PathTerms]:
    worlds = [priced_path(share, limit, tilt) for share in SHARES]
    return worlds, path_terms(worlds)


def _objective(terms: PathTerms, alpha: float, lambda_: float) -> list[float]:
    """Return InfoVAE's objective at every point of the path, from terms that a VAE computes."""
    each = terms.reconstruction - (1 - alpha) * terms.rate
    return (each.mean(1) - (alpha + lambda_ - 1) * terms.marginal_kl).tolist()


def _name(alpha: float, lambda_: float) -> str:
    """Return the system with these weights."""
    if alpha == 0 and lambda_ == 1:
        return "ELBO"
    if lambda_ == 1 - alpha:
        return f"beta-VAE, β = {lambda_:g}"
    if alpha == 1:
        return f"slide 17 (α = 1), λ = {lambda_:g}"
    return f"InfoVAE (α, λ) = ({alpha:g}, {lambda_:g})"
