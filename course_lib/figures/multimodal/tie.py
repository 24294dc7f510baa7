"""The explorable of slide 8: where the direction and the weight of the tie lead q(z|x1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from course_lib.exact.normal import log_normal
from course_lib.exact.tie import Tied, forward_tie, joint_drawn_along, reverse_tie
from course_lib.figures import style
from course_lib.figures.controls import Choice, Slider
from course_lib.figures.live import LiveFigure, explain_error

__all__ = ["tie"]

Match = Callable[[Tensor, Tensor, Tensor], Any]
FORWARD, REVERSE, MOVES = "forward", "reverse", "forward, joint moves too"
ANSWERS, OWN, WIDTH = 5, 1, 0.35
EDGE, TOP = 7.0, 1.25
Z = torch.linspace(-11, 11, 441, dtype=torch.float64)


def tie(moment_match: Match | None = None) -> LiveFigure:
    """Return the figure in which one x1 is consistent with five x2, and a tie fits q(z|x1) to them.

    Args:
        moment_match: your own (mu, log_scale, weight) -> (mu, log_scale), from (1, 5, 1), (1, 5, 1)
            and (1, 5) to (1, 1) and (1, 1); None for the library's. With your own, the q of the
            forward tie is yours, and the library's is dashed.

    Returns:
        The figure, opened at the forward tie: the one that also moves the joint posteriors or, with
            your own function, the one that does not.
    """
    return _Tie(moment_match).live


class _Tie:
    """The artists of the figure and how they follow the controls."""

    def __init__(self, moment_match: Match | None) -> None:
        self.own = moment_match
        figure, (left, right) = style.new_figure(
            columns=2, width=8.2, height=3.4, width_ratios=(2, 1)
        )
        self._draw_line(left)
        self._draw_bars(right)
        controls = (
            Choice("tie", (FORWARD, REVERSE, MOVES), FORWARD if moment_match else MOVES, "tie"),
            Slider("gap", 0.0, 2.0, 0.1, 1.5, "distance of answers", page_step=0.5),
            Slider("own", 0.05, 0.95, 0.05, 0.4, "share of answer 2", page_step=0.15),
            Slider("alpha", 0.0, 10.0, 0.5, 1.0, "weight α of the tie", page_step=3.0),
        )
        alt = (
            "Left: the mixture of the five joint posteriors of one x1, filled, and the Gaussian"
            " q(z|x1) that the tie leads to. Right: how often draws of q(z|x1) give each"
            " answer, as bars, and how often each is the true one, as dashes."
        )
        moving = [self.q, *self.joints, *self.bars]
        artists = (self.mixture, *moving, self.dashed, *self.marks)
        follows = {
            "tie": [*moving, self.dashed],
            "gap": [self.mixture, *moving, self.dashed],
            "own": [self.mixture, *moving, self.dashed, *self.marks],
            "alpha": moving,
        }
        self.live = LiveFigure(
            figure, controls, self.update, artists, alt, scale=2, follows=follows
        )

    def update(self, tie: str, gap: float, own: float, alpha: float) -> str:
        """Move the densities and the bars; return divergences and entropies in numbers."""
        mean = gap * (torch.arange(ANSWERS, dtype=torch.float64) - ANSWERS // 2)[:, None]
        scale = torch.full_like(mean, WIDTH)
        weight = torch.full((ANSWERS,), (1 - own) / (ANSWERS - 1), dtype=torch.float64)
        weight[OWN] = own
        library, shown, complaint = self._fit(tie, mean, scale, weight, alpha)
        log_true = _log_mixture(mean, scale, weight)
        log_q = _log_normal(shown.mean, shown.scale)[0]
        self.mixture.set_xy(np.column_stack([Z, log_true.exp()]))
        self.q.set_data(Z, log_q.exp())
        self.dashed.set_data(Z, _log_normal(library.mean, library.scale)[0].exp())
        self.dashed.set_visible(self.own is not None and tie == FORWARD)
        each = _log_normal(shown.joint_mean, shown.joint_scale)
        for line, log_one, share in zip(self.joints, each, weight, strict=True):
            line.set_data(Z, share * log_one.exp())
        answer = (each + weight.log()[:, None]).softmax(0)  # p(answer | z), (answers, nodes)
        shares = answer @ log_q.softmax(0)
        for bar, mark, got, wanted in zip(self.bars, self.marks, shares, weight, strict=True):
            bar.set_height(float(got))
            mark.set_ydata([float(wanted)] * 2)
        known = _entropy(weight) - float(
            (torch.special.entr(answer).sum(0) * _log_mixture(*shown[2:], weight).softmax(0)).sum()
        )
        return (
            f"q(z|x1): mean {_plain(shown.mean)}, sd {_plain(shown.scale)};"
            f" KL(mixture, q) = {_kl(log_true, log_q)} nats, KL(q, mixture) ="
            f" {_kl(log_q, log_true)} nats\n"
            f"entropy of the drawn answers {_plain(_entropy(shares))}, of the answers"
            f" {_plain(_entropy(weight))} nats; z tells {_plain(known)} nats about them"
        ) + complaint

    def _fit(
        self, tie: str, mean: Tensor, scale: Tensor, weight: Tensor, alpha: float
    ) -> tuple[Tied, Tied, str]:
        """Return the library's fit, the fit that is shown, and a complaint about the reader's."""
        if tie == REVERSE:
            library = reverse_tie(mean, scale, weight)
        elif tie == MOVES:
            library = joint_drawn_along(mean, scale, weight, alpha)
        else:
            library = forward_tie(mean, scale, weight)
        if self.own is None or tie != FORWARD:
            return library, library, ""
        try:
            mine = self.own(mean[None].clone(), scale.log()[None].clone(), weight[None].clone())
            mu, log_scale = (part.detach().reshape(1) for part in mine)
            if not (mu.isfinite().all() and log_scale.isfinite().all()):
                return library, library, "\nyour function returned numbers that are not finite"
        except Exception as error:
            return library, library, f"\n{explain_error(error)}; q is the library's"
        shown = library._replace(mean=mu, scale=log_scale.exp())
        far = max(abs(float(a - b)) for a, b in zip(shown[:2], library[:2], strict=True))
        return library, shown, "\nyours differs from the library's (dashed)" if far > 1e-6 else ""

    def _draw_line(self, axes: Axes) -> None:
        (self.mixture,) = axes.fill([0, 1], [0, 1], color=style.P, alpha=0.25, lw=0)
        self.mixture.set_label("mixture of q(z|x1,x2)")
        self.joints = [
            axes.plot([], [], color=style.P, lw=1, label="_" if i else "each answer")[0]
            for i in range(ANSWERS)
        ]
        (self.q,) = axes.plot([], [], color=style.Q, lw=2.5, label="q(z|x1)")
        (self.dashed,) = axes.plot([], [], color="black", lw=1.5, ls="--")
        axes.set(xlim=(-EDGE, EDGE), ylim=(0, TOP), xlabel="z", ylabel="density")

    def _draw_bars(self, axes: Axes) -> None:
        names = [str(i + 1) for i in range(ANSWERS)]
        self.bars = list(axes.bar(names, [1] * ANSWERS, 0.6, color=style.Q, alpha=0.6))
        self.marks = [
            axes.plot([i - 0.4, i + 0.4], [0, 0], color=style.P, lw=2, ls="--", label=label)[0]
            for i, label in enumerate(["p(x2|x1)"] + ["_"] * (ANSWERS - 1))
        ]
        axes.set(ylim=(0, 1), xlabel="answer", ylabel="share of draws")
        axes.figure.legend(loc="outside upper left", ncols=4, frameon=False, fontsize=9)


def _log_normal(mean: Tensor, scale: Tensor) -> Tensor:
    """Return log-densities on the grid: (components, 1) or (1,) -> (components, nodes)."""
    return log_normal(Z[:, None], mean.reshape(-1, 1, 1), scale.log().reshape(-1, 1, 1))


def _log_mixture(mean: Tensor, scale: Tensor, weight: Tensor) -> Tensor:
    return (_log_normal(mean, scale) + weight.log()[:, None]).logsumexp(0)


def _kl(log_p: Tensor, log_q: Tensor) -> str:
    mass = log_p.softmax(0)
    value = float((mass * (log_p - log_q)).sum())
    return f"{max(value, 0.0):.2f}"


def _entropy(share: Tensor) -> float:
    return float(torch.special.entr(share).sum())


def _plain(value: Tensor | float) -> str:
    """Return two decimals, without the sign that rounding may leave on a zero."""
    number = float(value)
    return f"{0.0 if abs(number) < 0.005 else number:.2f}"
