import pytest
import torch

from course_lib.exact.normal import log_normal
from course_lib.figures.elbo_gap.gap_by_hand import LAYERS
from course_lib.figures.elbo_gap.planar_q import (
    BASE,
    LOG_PX,
    fitted_layers,
    log_joint,
    push,
    split,
)


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("mu", [-3.0, 0.4, 3.0])
@pytest.mark.parametrize("log_scale", [-2.5, 0.7])
def test_log_px_is_elbo_plus_kl(layers, mu, log_scale):
    log_px, elbo, kl = split(*push(mu, log_scale, fitted_layers(layers)))
    assert abs(log_px - elbo - kl) < 1e-9
    assert kl > 0


@pytest.mark.parametrize("layers", LAYERS)
def test_the_sums_agree_with_quadrature_in_z(layers):
    z, log_q = push(*BASE, fitted_layers(layers))
    z = z[:, 0]
    assert (z.diff() > 0).all()
    # A spline through q log(q/p) at 851 uneven points: the tolerance is that of the spline.
    kl = torch.trapezoid(log_q.exp() * (log_q - log_joint(z[:, None]) + LOG_PX), z)
    assert abs(torch.trapezoid(log_q.exp(), z) - 1) < 1e-3
    assert abs(kl - split(z[:, None], log_q).kl) < 1e-3


def test_layers_close_what_no_gaussian_can():
    gaussians = [
        split(*push(mu / 10, log_scale / 10)).kl
        for mu in range(-20, 21)
        for log_scale in range(-20, 6)
    ]
    gaps = [split(*push(*BASE, fitted_layers(layers))).kl for layers in LAYERS]
    assert 0.74 < min(gaussians) < 0.76
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 0.01


def test_the_base_is_the_best_gaussian_centred_at_zero():
    best = split(*push(*BASE)).kl
    assert all(split(*push(0.0, BASE[1] + step)).kl > best for step in (-0.05, 0.05))


def test_a_function_of_another_shape_is_refused():
    with pytest.raises(
        ValueError, match=r"gaussian_log_prob: expected shape \(851,\), got \(851, 1"
    ):
        push(0.0, 0.0, (), lambda x, mu, s: log_normal(x, mu, s)[:, None])
    with pytest.raises(ValueError, match="log_det of planar"):
        push(0.0, 0.0, fitted_layers(1), planar=lambda z, u, w, b: (z, u))
