import pytest
import torch

from course_lib.distributions import (
    AffineAutoregressive,
    DiagonalGaussian,
    ElementwiseAffine,
    ElementwiseSigmoidal,
    Flow,
    Planar,
    StandardGaussian,
)
from course_lib.models import (
    AutoregressiveFlow,
    CouplingFlow,
    InverseAutoregressiveFlow,
    NeuralAutoregressiveFlow,
)
from course_lib.models.coupling_flow import coupling_masks
from course_lib.models.flow_model import FlowModel, orders
from course_lib.training import fit

pytestmark = pytest.mark.usefixtures("fixed_seed")

MODELS = [
    AutoregressiveFlow,
    InverseAutoregressiveFlow,
    NeuralAutoregressiveFlow,
    CouplingFlow,
]


def randomised(model, scale=0.1):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(scale * torch.randn_like(parameter))
    return model.double()


def build(cls, x_shape=(1, 2, 3), **others):
    return randomised(cls.build(x_shape, layers=3, hidden=(16,), **others))


@pytest.mark.parametrize("marginal_units", [0, 4])
@pytest.mark.parametrize("levels", [None, 17])
@pytest.mark.parametrize("cls", MODELS)
def test_a_samples_density_is_the_density_at_the_sample(cls, levels, marginal_units):
    model = build(cls, levels=levels, marginal_units=marginal_units)
    x, log_prob = model.brick().rsample_and_log_prob((33,))
    assert x.shape == model.sample(33).shape == (33, 1, 2, 3)
    torch.testing.assert_close(model.log_prob(x), log_prob, rtol=1e-8, atol=1e-8)
    if levels is not None:
        assert ((x > -0.1) & (x < 17.1)).all()


@pytest.mark.parametrize("order", ["reversed", "random"])
@pytest.mark.parametrize("cls", [*MODELS[:3]])
def test_a_plane_holds_mass_one(cls, order):
    model = build(cls, 2, order=order)
    axis = torch.linspace(-25, 25, 401, dtype=torch.float64)
    with torch.no_grad():
        density = model.log_prob(torch.cartesian_prod(axis, axis)).exp()
    assert density.sum().item() * (axis[1] - axis[0]).item() ** 2 == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("cls", MODELS)
def test_gradients_of_samples_reach_every_parameter(cls):
    model = build(cls)
    x = model.brick().rsample((64,))
    x.pow(4).sum().backward()
    silent = [
        n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0
    ]
    assert silent == []
    assert not model.sample(3).requires_grad


def test_maf_and_iaf_of_equal_parameters_undo_each_other():
    """Identity 11, for whole models."""
    maf, iaf = build(AutoregressiveFlow, 5), build(InverseAutoregressiveFlow, 5)
    layers = zip(maf.brick.transforms[:3], reversed(iaf.brick.transforms[:3]), strict=True)
    for one, other in layers:
        other.transform.load_state_dict(one.state_dict())
    z = torch.randn(7, 5, dtype=torch.float64)
    x = z
    for transform in maf.brick.transforms[:3]:
        x, _ = transform(x)
    for transform in iaf.brick.transforms[:3]:
        x, _ = transform(x)
    torch.testing.assert_close(x, z, rtol=1e-11, atol=1e-11)


def test_an_autoregressive_base_is_one_more_layer():
    """Identity 10, for whole models."""
    layers = [randomised(AffineAutoregressive(5, (16,), order=o)) for o in orders(5, 3, "reversed")]
    noise, x = StandardGaussian(5).double(), torch.randn(40, 5, dtype=torch.float64)
    deep = AutoregressiveFlow(noise, layers)
    prior = AutoregressiveFlow(Flow(noise, layers[:1]), layers[1:])
    torch.testing.assert_close(prior.log_prob(x), deep.log_prob(x), rtol=1e-12, atol=0)


def test_build_takes_a_base():
    base = Flow(StandardGaussian(6), [Planar(6)])
    assert AutoregressiveFlow.build((1, 2, 3), base=base).brick.base is base


@pytest.mark.parametrize("dim", [2, 5, 64])
@pytest.mark.parametrize("order", ["reversed", "random"])
def test_neighbouring_layers_take_opposite_orders(order, dim):
    drawn = orders(dim, 5, order)
    for one in drawn:
        assert torch.equal(one.sort().values, torch.arange(dim))
    for one, other in ((drawn[0], drawn[1]), (drawn[2], drawn[3])):
        assert torch.equal(one + other, torch.full((dim,), dim - 1))
    if dim == 64:
        assert torch.equal(drawn[0], drawn[2]) == (order == "reversed")


@pytest.mark.parametrize("order", ["halves", "checkerboard", "random"])
def test_every_dimension_is_moved_and_steers_within_two_couplings(order):
    masks = coupling_masks((1, 3, 5), 4, order)
    assert torch.equal(masks[0], ~masks[1])
    assert torch.equal(masks[2], ~masks[3])
    assert masks[0].sum() in (7, 8)
    assert torch.equal(masks[0], masks[2]) == (order != "random")


@pytest.mark.parametrize(
    ("marginal_units", "kind"), [(0, ElementwiseAffine), (8, ElementwiseSigmoidal)]
)
@pytest.mark.parametrize("levels", [None, 17])
def test_start_at_fits_the_map_at_the_datas_end(levels, marginal_units, kind):
    model = AutoregressiveFlow.build((1, 2, 3), marginal_units=marginal_units, levels=levels)
    x = 17 * torch.rand(500, 1, 2, 3) ** 3
    before = model.log_prob(x).mean()
    assert model.start_at(x) is model
    assert [type(t) for t in model.brick.transforms].count(kind) == 1
    assert model.log_prob(x).mean() > before + 1
    z = x
    for transform in reversed(model.brick.transforms):
        z, _ = transform.inverse(z)
    torch.testing.assert_close(z.mean(0), torch.zeros(6), rtol=0, atol=0.2)


def test_start_at_needs_a_map_to_fit():
    model = FlowModel(StandardGaussian(2), [Planar(2)])
    with pytest.raises(
        ValueError, match="transforms: expected an ElementwiseAffine or ElementwiseSigmoidal"
    ):
        model.start_at(torch.randn(5, 2))


def test_an_untrained_flow_of_levels_is_the_logit_normal_of_every_pixel():
    """No constant of the units is lost: compare with the density of one pixel by hand."""
    model = AutoregressiveFlow.build(3, levels=17, alpha=0.01).double()
    x = 17 * torch.rand(40, 3, dtype=torch.float64)
    p = 0.01 + 0.98 * x / 17
    normal = DiagonalGaussian(torch.zeros_like(x), torch.zeros_like(x)).log_prob(torch.logit(p))
    slope = (0.98 / 17 / (p * (1 - p))).log().sum(-1)
    torch.testing.assert_close(model.log_prob(x), normal + slope, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("cls", MODELS)
def test_training_raises_the_likelihood_of_correlated_data(cls):
    x = torch.randn(500, 2)
    x = torch.stack((x[:, 0], x[:, 0] + 0.3 * x[:, 1]), -1)
    model = cls.build(2, layers=2, hidden=(8,))
    before = model.log_prob(x).mean()
    fit(model, x, steps=40, learning_rate=1e-2, progress=False)
    assert model.log_prob(x).mean() > before + 0.1


@pytest.mark.parametrize(
    ("x", "error"),
    [
        (torch.zeros(4, 1, 3, 2), ValueError),
        (torch.zeros(0, 1, 2, 3), ValueError),
        (torch.full((4, 1, 2, 3), torch.nan), ValueError),
        (torch.zeros(4, 1, 2, 3, dtype=torch.int64), TypeError),
    ],
)
@pytest.mark.parametrize("cls", MODELS)
def test_what_is_no_batch_of_images_is_refused(cls, x, error):
    model = cls.build((1, 2, 3), layers=2, hidden=(8,))
    with pytest.raises(error, match="x: expected"):
        model.log_prob(x)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": 0}, "layers: expected a positive integer"),
        ({"hidden": (0,)}, "hidden: expected"),
        ({"order": "sideways"}, "order: expected"),
        ({"marginal_units": -1}, "units: expected a positive integer"),
        ({"levels": 0}, "levels: expected a positive number"),
        ({"x_shape": (1, 0, 3)}, "x_shape: expected"),
    ],
)
@pytest.mark.parametrize("cls", MODELS)
def test_sizes_and_names_that_make_no_flow_are_refused(cls, change, message):
    with pytest.raises(ValueError, match=message):
        cls.build(**{"x_shape": (1, 2, 3), "layers": 2, "hidden": (8,)} | change)


def test_one_dimension_cannot_be_coupled():
    with pytest.raises(ValueError, match="mask: expected to keep some dimensions"):
        CouplingFlow.build(1)
