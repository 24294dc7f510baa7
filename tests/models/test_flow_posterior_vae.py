import pytest
import torch
from torch.distributions import kl_divergence

from course_lib.distributions import Inverse, Planar
from course_lib.models import FlowPosteriorVAE

pytestmark = pytest.mark.usefixtures("fixed_seed")

FLOWS = ["planar", "iaf"]


def build(flow, **sizes):
    return FlowPosteriorVAE.build(
        **{"x_shape": 6, "z_dim": 3, "hidden": (16, 8), "flow": flow} | sizes
    )


def moved(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn_like(parameter))
    return model.double()


def bits(n):
    return torch.bernoulli(torch.full((n, 6), 0.5, dtype=torch.float64))


@pytest.mark.parametrize("flow", FLOWS)
def test_training_begins_at_the_plain_vae(flow):
    model, x = build(flow).double(), bits(7)
    q = model.posterior(x)
    bound = model.elbo(x)
    torch.testing.assert_close(bound.kl, kl_divergence(q.base, model.prior()), rtol=0, atol=1e-6)
    z = torch.randn(7, 3, dtype=torch.float64)
    torch.testing.assert_close(q.log_prob(z), q.base.log_prob(z), rtol=0, atol=1e-5)


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("hidden", [(16,), (16, 8), 16])
def test_a_samples_density_is_the_density_at_the_sample(flow, hidden):
    model = moved(build(flow, hidden=hidden))
    q = model.posterior(bits(7))
    z, log_q = q.rsample_and_log_prob((5,))
    assert z.shape == (5, 7, 3)
    torch.testing.assert_close(q.log_prob(z), log_q, rtol=0, atol=1e-10)


@pytest.mark.parametrize("flow", FLOWS)
def test_its_kl_is_that_of_the_pushed_density(flow):
    """E_q[log q(z) - log p(z)] with q's density evaluated apart, within five standard errors."""
    model, x = moved(build(flow)), bits(1)
    with torch.no_grad():
        many = x.expand(20_000, -1)
        q = model.posterior(many)
        z = q.sample()
        plain = q.log_prob(z) - model.prior().log_prob(z)
        ours = model.elbo(many).kl
    error = (plain.var() + ours.var()).div(20_000).sqrt()
    assert (plain.mean() - ours.mean()).abs() < 5 * error


@pytest.mark.parametrize("flow", FLOWS)
def test_the_maps_are_steered_by_x(flow):
    model, x = moved(build(flow)), bits(2)
    x[1] = 1 - x[0]
    q = model.posterior(x)
    z, _ = q.push(torch.ones(2, 3, dtype=torch.float64))
    assert (z[0] - z[1]).abs().max() > 1e-3


def test_layers_are_as_many_as_asked_and_iaf_layers_alternate_their_order():
    planar = build("planar", layers=3).posterior.transforms
    iaf = build("iaf", layers=3).posterior.transforms
    assert [type(layer) for layer in planar] == [Planar] * 3
    assert [type(layer) for layer in iaf] == [Inverse] * 3
    orders = [layer.transform.sequence.tolist() for layer in iaf]
    assert orders == [[0, 1, 2], [2, 1, 0], [0, 1, 2]]


def test_iaf_samples_with_one_pass_of_each_network():
    model, passes = build("iaf", layers=2), []
    for layer in model.posterior.transforms:
        layer.transform.network.register_forward_hook(lambda *_: passes.append(1))
    model.elbo(bits(5).float())
    assert len(passes) == 2


def test_a_one_dimensional_code_works():
    for flow in FLOWS:
        model = moved(build(flow, z_dim=1))
        assert torch.isfinite(model.elbo(bits(5), samples=3).total).all()


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"flow": "glow"}, "flow"),
        ({"flow": None}, "flow"),
        *[({"layers": bad}, "layers") for bad in (0, -1, 1.5, True, (2,))],
        *[({"flow_hidden": bad}, "hidden") for bad in ((), (0,), (8, -1), 2.5)],
    ],
)
def test_unknown_flows_and_sizes_are_refused(arguments, name):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        build(**{"flow": "iaf", **arguments})
