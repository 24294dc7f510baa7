import pytest
import torch
from flow_helpers import log_abs_det, plane, randomise
from torch import nn

from course_lib.distributions import (
    AffineAutoregressive,
    ConditionalGaussian,
    DiagonalGaussian,
    Flow,
    Inverse,
    Planar,
    Pushforward,
    StandardGaussian,
)

pytestmark = pytest.mark.usefixtures("fixed_seed")


def maps(dim, context_dim=0, scale=0.3):
    backwards = torch.arange(dim).flip(0)
    return [
        randomise(one, scale).double()
        for one in (
            AffineAutoregressive(dim, (16,), context_dim=context_dim),
            Planar(dim, context_dim),
            Inverse(AffineAutoregressive(dim, (16,), context_dim=context_dim, order=backwards)),
        )
    ]


def posterior():
    base = ConditionalGaussian(nn.Linear(4, 6), 3)
    encoder = nn.Sequential(nn.Linear(6, 4), nn.Tanh())
    return randomise(Flow(base, maps(3, context_dim=4), encoder)).double()


@pytest.mark.parametrize("sample_shape", [(), (7,), (2, 7)])
def test_a_samples_density_is_the_density_at_the_sample(sample_shape):
    q = posterior()(torch.randn(5, 6, dtype=torch.float64))
    x, log_prob = q.rsample_and_log_prob(sample_shape)
    assert x.shape == (*sample_shape, 5, 3)
    assert log_prob.shape == (*sample_shape, 5)
    torch.testing.assert_close(q.log_prob(x), log_prob, rtol=0, atol=1e-11)


def test_the_same_noise_gives_the_same_sample_by_every_method():
    q = posterior()(torch.randn(5, 6, dtype=torch.float64))
    draws = []
    for method in (q.sample, q.rsample, lambda s: q.rsample_and_log_prob(s)[0]):
        torch.manual_seed(3)
        draws.append(method((2,)))
    assert torch.equal(draws[0], draws[1])
    assert torch.equal(draws[1], draws[2])
    assert not draws[0].requires_grad


@pytest.mark.parametrize("which", [0, 1, 2, slice(None)], ids=["maf", "planar", "iaf", "all"])
def test_a_plane_holds_mass_one(which):
    chosen = maps(2)[which]
    density = Pushforward(
        StandardGaussian(2).double()(), chosen if which == slice(None) else [chosen]
    )
    x, cell = plane(16.0, 401)
    with torch.no_grad():
        mass = density.log_prob(x).exp().sum().item() * cell
    assert mass == pytest.approx(1, abs=1e-3)


def test_log_det_of_the_chain_equals_the_autograd_jacobian():
    base = StandardGaussian(4).double()()
    chain = Pushforward(base, maps(4))
    z = torch.randn(9, 4, dtype=torch.float64)
    exact = log_abs_det(lambda one: chain.push(one)[0], z)
    torch.testing.assert_close(chain.push(z)[1], exact, rtol=1e-13, atol=1e-13)


def test_samples_pass_the_maps_in_their_order():
    base = StandardGaussian(3).double()()
    first, second, third = maps(3)
    z = torch.randn(5, 3, dtype=torch.float64)
    by_hand = third(second(first(z)[0])[0])[0]
    assert torch.equal(Pushforward(base, [first, second, third]).push(z)[0], by_hand)


def test_without_maps_it_is_the_base():
    base = DiagonalGaussian(torch.randn(5, 2), torch.randn(5, 2))
    x = torch.randn(3, 5, 2)
    assert torch.equal(Pushforward(base, []).log_prob(x), base.log_prob(x))


def test_gradients_reach_base_maps_and_encoder():
    flow = posterior()
    x, log_prob = flow(torch.randn(64, 6, dtype=torch.float64)).rsample_and_log_prob((4,))
    (x.square().sum() + log_prob.sum()).backward()
    silent = [
        name
        for name, parameter in flow.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert silent == []


def test_gradients_of_a_density_are_those_of_finite_differences():
    flow = Flow(StandardGaussian(3).double(), maps(3))
    x = torch.randn(7, 3, dtype=torch.float64)
    parameters = tuple(flow.parameters())
    before = torch.nn.utils.parameters_to_vector(parameters).detach()
    slope = torch.cat(
        [g.flatten() for g in torch.autograd.grad(flow().log_prob(x).sum(), parameters)]
    )
    direction = torch.randn_like(before)
    sums = []
    for sign in (1, -1):
        torch.nn.utils.vector_to_parameters(before + sign * 1e-6 * direction, parameters)
        sums.append(flow().log_prob(x).sum().item())
    assert (slope @ direction).item() == pytest.approx((sums[0] - sums[1]) / 2e-6, rel=1e-6)


def test_a_context_steers_each_example_alone():
    flow, x = posterior(), torch.randn(5, 6, dtype=torch.float64)
    z = torch.randn(5, 3, dtype=torch.float64)
    alone = torch.cat([flow(x[i : i + 1]).log_prob(z[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(flow(x).log_prob(z), alone, rtol=0, atol=1e-12)


def test_a_base_without_context_gives_each_example_noise_of_its_own():
    flow = Flow(StandardGaussian(2), [Planar(2, context_dim=3)])
    q = flow(torch.zeros(5, 3))
    assert q.batch_shape == (5,)
    z, log_prob = q.rsample_and_log_prob((7,))
    assert z.shape == (7, 5, 2)
    assert log_prob.shape == (7, 5)
    assert len(z.flatten().unique()) == 70


def test_a_flow_is_a_brick_for_a_density_or_a_prior():
    flow = Flow(StandardGaussian(3).double(), maps(3))
    assert flow.event_shape == (3,)
    assert flow().sample((5,)).shape == (5, 3)
    assert flow().log_prob(torch.zeros(5, 3, dtype=torch.float64)).shape == (5,)


def test_buffers_follow_the_module():
    flow = posterior().to("meta")
    del flow.transforms[0]  # it visits the dimensions one by one, so it must read its order
    z, log_prob = flow(torch.empty(5, 6, dtype=torch.float64, device="meta")).rsample_and_log_prob()
    assert z.device.type == log_prob.device.type == "meta"


def test_a_saved_flow_with_another_order_comes_back_whole():
    shuffled = AffineAutoregressive(4, (8,), order=torch.tensor([2, 0, 3, 1]))
    other = AffineAutoregressive(4, (8,))
    other.load_state_dict(randomise(shuffled).state_dict())
    z = torch.randn(5, 4)
    torch.testing.assert_close(other(z), shuffled(z))
    torch.testing.assert_close(other.inverse(z), shuffled.inverse(z))
