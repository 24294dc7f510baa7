import pytest
import torch
from flow_helpers import log_abs_det, plane, randomise

from course_lib.distributions import (
    Coupling,
    ElementwiseAffine,
    Pushforward,
    StandardGaussian,
    checkerboard,
    halves,
)

pytestmark = pytest.mark.usefixtures("fixed_seed")

MASK = torch.tensor([1, 0, 0, 1, 0])
TOLERANCE = {torch.float64: 1e-13, torch.float32: 1e-6}


@pytest.fixture(params=[torch.float64, torch.float32], ids=["float64", "float32"])
def dtype(request):
    return request.param


def layer(dtype=torch.float64, kind="affine", context_dim=0, scale=0.3):
    one = Coupling(MASK, (16, 16), kind=kind, context_dim=context_dim)
    return randomise(one, scale).to(dtype)


@pytest.mark.parametrize("context_dim", [0, 2])
@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_log_det_equals_the_autograd_jacobian(direction, context_dim, dtype):
    coupling = layer(dtype, context_dim=context_dim)
    context = torch.randn(context_dim, dtype=dtype) if context_dim else None
    z = torch.randn(7, 5, dtype=dtype)
    _, log_det = getattr(coupling, direction)(z, context)
    exact = log_abs_det(lambda one: getattr(coupling, direction)(one, context)[0], z)
    assert log_det.abs().mean() > 0.1
    torch.testing.assert_close(log_det, exact, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("kind", ["affine", "additive"])
@pytest.mark.parametrize("context_dim", [0, 2])
def test_round_trips_return_and_log_dets_are_opposite(kind, context_dim, dtype):
    coupling = layer(dtype, kind, context_dim)
    z = torch.randn(3, 33, 5, dtype=dtype)
    context = torch.randn(33, context_dim, dtype=dtype) if context_dim else None
    x, log_det = coupling(z, context)
    back, log_det_back = coupling.inverse(x, context)
    tolerance = 1e-14 if dtype == torch.float64 else 1e-6
    torch.testing.assert_close(back, z, rtol=tolerance, atol=20 * tolerance)
    torch.testing.assert_close(log_det_back, -log_det, rtol=tolerance, atol=20 * tolerance)
    assert (x - z).abs().mean() > 0.1


def test_the_kept_dimensions_stay_and_only_they_steer_the_others():
    coupling = layer()
    z = torch.randn(7, 5, dtype=torch.float64)
    x, log_det = coupling(z)
    kept = MASK.bool()
    assert torch.equal(x[:, kept], z[:, kept])
    moved = z.clone()
    moved[:, ~kept] += 1.0
    y, log_det_moved = coupling(moved)
    assert torch.equal(log_det_moved, log_det)
    shift = (y - x)[:, ~kept]
    torch.testing.assert_close(shift.log().sum(-1), log_det, rtol=1e-12, atol=1e-12)
    z[:, kept] += 1.0
    assert ((coupling(z)[0] - x)[:, ~kept].abs().amax(0) > 1e-3).all()


def test_an_additive_coupling_keeps_volume_and_moves_points():
    coupling = layer(kind="additive")
    z = torch.randn(7, 5, dtype=torch.float64)
    x, log_det = coupling(z)
    assert torch.equal(log_det, torch.zeros(7, dtype=torch.float64))
    assert (x - z).abs().mean() > 0.1


@pytest.mark.parametrize("kind", ["affine", "additive"])
def test_a_plane_holds_mass_one(kind):
    maps = [randomise(Coupling(m, (16,), kind=kind), 0.3).double() for m in (halves(2), ~halves(2))]
    density = Pushforward(
        StandardGaussian(2).double()(), [*maps, randomise(ElementwiseAffine(2)).double()]
    )
    x, cell = plane(16.0, 401)
    with torch.no_grad():
        mass = density.log_prob(x).exp().sum().item() * cell
    assert mass == pytest.approx(1, abs=1e-3)


def test_it_starts_at_the_identity_whatever_the_context(dtype):
    coupling = Coupling(MASK, (8,), context_dim=3).to(dtype)
    z, context = torch.randn(7, 5, dtype=dtype), torch.randn(7, 3, dtype=dtype)
    for direction in (coupling.forward, coupling.inverse):
        x, log_det = direction(z, context)
        assert torch.equal(x, z)
        assert torch.equal(log_det, torch.zeros(7, dtype=dtype))


def test_the_context_steers_each_example_alone():
    coupling = layer(context_dim=2)
    z, context = torch.randn(3, 7, 5).double(), torch.randn(7, 2).double()
    x, log_det = coupling(z, context)
    for i in range(7):
        alone, log_det_alone = coupling(z[:, i], context[i])
        torch.testing.assert_close(x[:, i], alone, rtol=1e-13, atol=1e-13)
        torch.testing.assert_close(log_det[:, i], log_det_alone, rtol=1e-13, atol=1e-13)
    assert (x - coupling(z, context + 1)[0])[..., ~MASK.bool()].abs().amin() > 1e-4


def test_far_points_and_wild_weights_stay_finite_in_float32():
    coupling = layer(torch.float32, scale=3.0)
    x = 1e6 * torch.randn(100, 5)
    assert torch.isfinite(Pushforward(StandardGaussian(5)(), [coupling]).log_prob(x)).all()


@pytest.mark.parametrize(
    "mask", [torch.ones(3), torch.zeros(3), torch.tensor([0.5, 1, 0]), torch.eye(2)]
)
def test_a_mask_that_cannot_couple_is_refused(mask):
    with pytest.raises(ValueError, match="mask: expected"):
        Coupling(mask, (8,))


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind: expected one of additive, affine, got 'linear'"):
        Coupling(MASK, (8,), kind="linear")


def test_a_checkerboard_alternates_along_rows_and_columns():
    board = checkerboard((1, 3, 5)).view(3, 5)
    assert (board[:, 1:] != board[:, :-1]).all()
    assert (board[1:] != board[:-1]).all()
    assert halves((1, 3, 5)).sum() == 8


def test_a_saved_coupling_with_another_mask_comes_back_whole():
    other = Coupling(MASK.flip(0), (16, 16)).double()
    coupling = layer()
    other.load_state_dict(coupling.state_dict())
    z = torch.randn(5, 5, dtype=torch.float64)
    torch.testing.assert_close(other(z), coupling(z))
