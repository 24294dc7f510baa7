"""The generator's gradient under three losses, against its distance from the data (slide 10)."""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.figures.images import Picture
from course_lib.figures.style import ELBO, NEUTRAL, P, Q, new_figure

__all__ = ["generator_gradients"]


def generator_gradients(
    shifts: Sequence[float],
    jsd: Sequence[float],
    saturating: Sequence[float],
    non_saturating: Sequence[float],
) -> Picture:
    """Return the slopes of three losses with respect to the model's shift, and their ratio.

    Args:
        shifts: the distances of the model from the data.
        jsd: the slope of the JSD at each shift.
        saturating: the slope of E[log(1 - D)] at each.
        non_saturating: the slope of -E[log D] at each.
    """
    figure, (left, right) = new_figure(columns=2, width=7.6, height=2.8)
    left.plot(shifts, non_saturating, "--", color=Q, lw=2, label="-E[log D]")
    left.plot(shifts, [value / 2 for value in saturating], color=P, lw=4, alpha=0.5)
    left.lines[-1].set_label("E[log(1 - D)] / 2")
    left.plot(shifts, jsd, ":", color="black", lw=2, label="JSD")
    left.set(xlabel="shift of the model", ylabel="slope")
    left.legend(frameon=False, fontsize=9)
    ratio = [a / b for a, b in zip(non_saturating, jsd, strict=True)]
    right.plot(shifts, ratio, color=ELBO, lw=2)
    right.axhline(2, color=NEUTRAL, ls=":")
    right.set(
        xlabel="shift of the model", ylabel="slope of -E[log D] / slope of JSD", ylim=(0, None)
    )
    right.yaxis.label.set_fontsize(9)
    alt = (
        "Left: the slopes of three losses; that of the JSD and half of that of the saturating loss"
        f" coincide. Right: the non-saturating loss has {ratio[0]:.1f} times the JSD's slope next"
        f" to the data and {ratio[-1]:.1f} times at a shift of {shifts[-1]:g}."
    )
    return Picture(figure, alt)
