"""Which decoder the likelihood prefers, and which one the ELBO prefers (slide 12)."""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.exact.matching import joint_terms, matching_world
from course_lib.figures.images import Picture
from course_lib.figures.style import ELBO, KL, NEUTRAL, P, Q, new_figure

__all__ = ["likelihood_and_elbo"]

MOST = 14.0  # the largest sharpness of the decoder
STYLES = ((ELBO, "-"), (Q, "--"), (KL, "-."))


def likelihood_and_elbo(encoders: Sequence[float], tilt: float = 0.0) -> Picture:
    """Return the average log-likelihood and the average ELBO against the decoder's sharpness.

    Args:
        encoders: the sharpness of up to three encoders, one curve of the ELBO each.
        tilt: how strongly the data lean to the right.

    Raises:
        ValueError: if there are more than three encoders.
    """
    if len(encoders) > len(STYLES):
        raise ValueError(f"encoders: expected at most {len(STYLES)}, got {len(encoders)}")
    decoders = [MOST * i / 140 for i in range(141)]
    figure, (axes,) = new_figure(width=8.0, height=2.9)
    tried = [joint_terms(matching_world(0.0, decoder, tilt)) for decoder in decoders]
    likelihood = [-one.x_marginal - one.entropy for one in tried]
    axes.plot(decoders, likelihood, color=P, lw=2, label="E[log p(x)], any encoder")
    best = []
    for encoder, (colour, dashes) in zip(encoders, STYLES, strict=False):
        bounds = [joint_terms(matching_world(encoder, decoder, tilt)).elbo for decoder in decoders]
        top = max(range(len(bounds)), key=bounds.__getitem__)
        best.append(decoders[top])
        axes.plot(decoders, bounds, dashes, color=colour, label=f"E[ELBO], encoder {encoder:g}")
        axes.plot(decoders[top], bounds[top], "o", color=NEUTRAL)
    axes.set(xlabel="sharpness of the decoder", ylabel="nats", ylim=(likelihood[0] - 0.9, None))
    figure.legend(frameon=False, loc="outside right center")
    places = ", ".join(
        f"{where:.1f} for encoder {encoder:g}"
        for where, encoder in zip(best, encoders, strict=True)
    )
    alt = f"The likelihood is nearly flat; the ELBO has its maximum at a decoder of {places}."
    return Picture(figure, alt)
