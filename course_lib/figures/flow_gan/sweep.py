"""Three seeds of the sweep of lambda on digits: samples, likelihood, conditioning (slide 11)."""

from __future__ import annotations

from course_lib.figures.images import Picture
from course_lib.figures.style import DATA, ELBO, NEUTRAL, P, Q, new_figure
from course_lib.measured import measured

__all__ = ["lambda_sweep"]

NAMES = {
    "MLE": "likelihood, λ = 0",
    "lambda 3": "λ = 3",
    "lambda 10": "λ = 10",
    "GAN alone": "critic alone, λ = ∞",
    "JSD critic alone": "JSD critic alone",
    "JSD critic alone, additive": "JSD critic alone, additive",
}
PANELS = (
    ("accuracy", "C2ST accuracy (0.5 is best)", P),
    ("test -log p, median", "-log p, median, nats", Q),
    ("log10 condition, median", "log10 condition number", ELBO),
)


def lambda_sweep() -> Picture:
    """Return the measured sweep: one row for each model, with the range over three seeds."""
    figure, axes = new_figure(columns=3, width=8.8, height=2.9)
    rows = range(len(NAMES))
    for one, (key, label, colour) in zip(axes, PANELS, strict=True):
        found = [measured("flow_gan", f"{name}, {key}") for name in NAMES]
        values, ranges = [f.mean for f in found], [f.half_range for f in found]
        low = [min(r, 0.9 * v) for r, v in zip(ranges, values, strict=True)]
        one.errorbar(values, rows, xerr=(low, ranges), fmt="o", color=colour, capsize=3)
        one.set(xlabel=label, ylim=(len(NAMES) - 0.5, -0.5))
        one.set_yticks(rows, list(NAMES.values()) if one is axes[0] else [""] * len(NAMES))
        one.grid(axis="y", alpha=0.3)
    axes[0].axvline(measured("flow_gan", f"MLE, {PANELS[0][0]}").mean, color=NEUTRAL, ls=":")
    memoriser = measured("flow_gan", "memoriser, test -log p").mean
    axes[1].axvline(memoriser, color=DATA, ls="--")
    axes[1].set_xscale("log")
    axes[1].text(memoriser * 3, -0.2, "memoriser", fontsize=9)
    said = ", ".join(
        f"{shown} {measured('flow_gan', f'{name}, accuracy').mean:.2f}"
        for name, shown in NAMES.items()
    )
    return Picture(figure, f"C2ST accuracy, mean of three seeds: {said}")
