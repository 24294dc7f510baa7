import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal

from course_lib.exact import f_divergence, tables
from course_lib.objectives.adversarial import (
    gradient_penalty,
    jsd_bound,
    kl_bound,
    non_saturating_loss,
    pearson_bound,
    r1_penalty,
    reverse_kl_bound,
    wasserstein_bound,
)
from course_lib.objectives.critics import (
    CRITICS,
    JSDCritic,
    SaturatingJSDCritic,
    WassersteinCritic,
)

pytestmark = pytest.mark.usefixtures("fixed_seed")

P_COUNTS, Q_COUNTS = torch.tensor([3, 1, 6, 2, 8]), torch.tensor([5, 7, 1, 2, 9])
P, Q = P_COUNTS / P_COUNTS.sum(), Q_COUNTS / Q_COUNTS.sum()
BEST = (P.double() / Q.double()).log()
DIVERGENCES = {
    "jsd": (jsd_bound, f_divergence.JSD),
    "kl": (kl_bound, f_divergence.KL),
    "reverse kl": (reverse_kl_bound, f_divergence.REVERSE_KL),
    "pearson": (pearson_bound, f_divergence.PEARSON),
}


def sides(logits):
    """The critic's logits on samples in which every atom occurs as often as it is likely."""
    return logits.repeat_interleave(P_COUNTS), logits.repeat_interleave(Q_COUNTS)


@pytest.fixture(params=DIVERGENCES.values(), ids=DIVERGENCES)
def pair(request):
    return request.param


class TestBounds:
    def test_at_the_log_ratio_the_bound_is_the_divergence(self, pair):
        bound, divergence = pair
        torch.testing.assert_close(bound(*sides(BEST)), divergence(P, Q), rtol=0, atol=1e-7)

    @pytest.mark.parametrize("distance", [0.01, 0.3, 3.0])
    def test_every_other_critic_stays_below(self, pair, distance):
        bound, divergence = pair
        for _ in range(20):
            value = bound(*sides(BEST + distance * torch.randn(5, dtype=torch.float64)))
            assert value < divergence(P, Q)

    def test_a_critic_that_knows_nothing_bounds_by_zero(self, pair):
        assert pair[0](torch.zeros(3), torch.zeros(5)).item() == 0

    def test_it_is_the_bound_of_the_table_for_any_critic(self, pair):
        """T = f'(e^logit) is the critic of f-GAN, whose bound the exact world computes by sums."""
        bound, divergence = pair
        logits = torch.randn(5, dtype=torch.float64)
        expected = divergence.bound(P, Q, divergence.derivative(logits.exp()))
        torch.testing.assert_close(bound(*sides(logits)), expected, rtol=0, atol=1e-7)

    @pytest.mark.parametrize("bad", [torch.zeros(0), torch.zeros(3, 1), torch.tensor(0.0)])
    @pytest.mark.parametrize(
        "bound", [jsd_bound, kl_bound, reverse_kl_bound, pearson_bound, wasserstein_bound]
    )
    def test_a_side_that_is_no_vector_is_refused(self, bound, bad):
        with pytest.raises(ValueError, match="real: expected"):
            bound(bad, torch.zeros(3))
        with pytest.raises(ValueError, match="fake: expected"):
            bound(torch.zeros(3), bad)


class TestJSD:
    def test_it_is_half_of_the_game_plus_log_two(self):
        logits = torch.randn(5, dtype=torch.float64)
        value = tables.gan_value(P, Q, logits.sigmoid())
        torch.testing.assert_close(
            jsd_bound(*sides(logits)), value / 2 + math.log(2), rtol=0, atol=1e-7
        )

    def test_a_sure_critic_of_two_separate_sides_finds_log_two(self):
        bound = jsd_bound(torch.full((3,), 500.0), torch.full((4,), -500.0))
        torch.testing.assert_close(bound, torch.tensor(math.log(2)))

    def test_a_sure_and_wrong_critic_stays_finite(self):
        bound = jsd_bound(torch.full((3,), -500.0), torch.full((4,), 500.0))
        assert bound.item() == pytest.approx(math.log(2) - 500)

    def test_gradient_ascent_finds_the_value_far_better_than_the_critic(self):
        logits = torch.zeros(5, dtype=torch.float64, requires_grad=True)
        optimiser = torch.optim.LBFGS([logits], max_iter=100, tolerance_grad=1e-7)

        def closure():
            optimiser.zero_grad()
            loss = -jsd_bound(*sides(logits))
            loss.backward()
            return loss

        for _ in range(5):
            optimiser.step(closure)
        assert abs(jsd_bound(*sides(logits)).item() - tables.jsd(P, Q).item()) < 1e-7


class TestNonSaturatingLoss:
    def test_it_is_minus_the_log_probability_of_being_taken_for_real(self):
        logits = torch.randn(7).double()
        expected = -logits.sigmoid().log().mean()
        torch.testing.assert_close(non_saturating_loss(logits), expected)

    def test_it_pulls_hardest_where_the_critic_is_sure(self):
        logits = torch.tensor([-40.0, 0.0, 40.0], requires_grad=True)
        (slope,) = torch.autograd.grad(3 * non_saturating_loss(logits), logits)
        torch.testing.assert_close(slope, torch.tensor([-1.0, -0.5, 0.0]))

    def test_it_points_where_the_game_does(self):
        logits = torch.randn(5, requires_grad=True)
        (ours,) = torch.autograd.grad(non_saturating_loss(logits), logits)
        (game,) = torch.autograd.grad(jsd_bound(torch.zeros(3), logits), logits)
        assert (ours * game > 0).all()


class TestSlopesInTheGenerator:
    """N(0, 1) as data and N(s, 1) as the generator, with the best critic held fixed."""

    x = torch.linspace(-12, 16, 2801, dtype=torch.float64)

    def slopes(self, shift):
        """Slopes in s of the exact JSD, of the bound and of the non-saturating loss."""
        s = torch.tensor(shift, dtype=torch.float64, requires_grad=True)
        log_p, log_q = Normal(0.0, 1.0).log_prob(self.x), Normal(s, 1.0).log_prob(self.x)
        middle = torch.logaddexp(log_p, log_q) - math.log(2)
        exact = (log_p.exp() * (log_p - middle) + log_q.exp() * (log_q - middle)).sum() * 0.005
        noise = self.x[(self.x >= -6) & (self.x <= 6)]
        weight = Normal(0.0, 1.0).log_prob(noise).exp() * 0.01
        logits = -s.detach() * (s + noise - s.detach() / 2)  # T* at the generator's samples
        bound = -(weight * torch.nn.functional.softplus(logits)).sum() / 2
        other = (weight * torch.nn.functional.softplus(-logits)).sum()
        values = exact, bound, other
        return [torch.autograd.grad(v, s, retain_graph=True)[0].item() for v in values]

    @pytest.mark.parametrize("shift", [0.1, 1.0, 3.0])
    def test_the_bound_at_the_best_critic_has_the_slope_of_the_jsd(self, shift):
        exact, bound, _ = self.slopes(shift)
        assert bound == pytest.approx(exact, rel=1e-6)

    def test_the_non_saturating_loss_has_twice_that_slope_at_the_data_and_18_times_far_off(self):
        for shift, factor in ((0.01, 2.0), (3.0, 18.0)):
            exact, _, other = self.slopes(shift)
            assert other / exact == pytest.approx(factor, rel=0.05)


class TestWasserstein:
    def test_a_slope_of_one_measures_a_shift(self):
        x = torch.randn(9)
        assert wasserstein_bound(x + 3, x).item() == pytest.approx(3, abs=1e-5)

    def test_swapped_sides_change_the_sign(self):
        real, fake = torch.randn(5), torch.randn(6)
        torch.testing.assert_close(wasserstein_bound(real, fake), -wasserstein_bound(fake, real))


class Steep(nn.Module):
    def __init__(self, slope):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))

    def forward(self, x):
        return self.slope * x.flatten(1).sum(1) / math.sqrt(x[0].numel())


@pytest.mark.parametrize("shape", [(3,), (1, 2, 5)])
class TestPenalties:
    @pytest.mark.parametrize("slope", [0.0, 0.5, 1.0, 3.0])
    def test_gradient_penalty_is_the_squared_distance_of_the_slope_from_one(self, shape, slope):
        x = torch.randn(7, *shape).double()
        penalty = gradient_penalty(Steep(slope).double(), x, x + 1)
        assert penalty.item() == pytest.approx((slope - 1) ** 2, abs=1e-6)

    @pytest.mark.parametrize("slope", [0.0, 0.5, 3.0])
    def test_slope_penalty_is_half_the_squared_slope(self, shape, slope):
        x = torch.randn(7, *shape)
        assert r1_penalty(Steep(slope), x).item() == pytest.approx(slope**2 / 2, abs=1e-5)

    def test_the_critic_learns_from_them(self, shape):
        critic, x = Steep(3.0), torch.randn(7, *shape)
        for penalty, expected in (
            (gradient_penalty(critic, x, x + 1), 2 * (3 - 1)),
            (r1_penalty(critic, x), 3),
        ):
            (slope,) = torch.autograd.grad(penalty, critic.slope)
            assert slope.item() == pytest.approx(expected, rel=1e-5)

    def test_they_also_work_without_gradients(self, shape):
        x = torch.randn(7, *shape)
        with torch.no_grad():
            assert gradient_penalty(Steep(3.0), x, x).item() == pytest.approx(4, rel=1e-5)
            assert r1_penalty(Steep(2.0), x).item() == pytest.approx(2, rel=1e-5)


def test_gradient_penalty_looks_on_segments_between_the_sides():
    seen = []

    def critic(x):
        seen.append(x.detach())
        return x.sum(1)

    real, fake = torch.zeros(500, 2), torch.tensor([[1.0, 10.0]]).expand(500, 2)
    gradient_penalty(critic, real, fake)
    (x,) = seen
    torch.testing.assert_close(x[:, 1], 10 * x[:, 0])
    assert 0 <= x[:, 0].min() < 0.05
    assert 0.95 < x[:, 0].max() <= 1


def test_gradient_penalty_weighs_each_example_by_itself():
    """A slope that differs from one example to the next shows a mean taken too early."""
    real = torch.linspace(0, 4, 9)[:, None]
    penalty = gradient_penalty(lambda x: x[:, 0].square() / 2, real, real)
    torch.testing.assert_close(penalty, (real - 1).square().mean())


def test_gradient_penalty_refuses_sides_of_two_shapes():
    with pytest.raises(ValueError, match=r"fake: expected the shape \(4, 3\), got \(5, 3\)"):
        gradient_penalty(lambda x: x[:, 0], torch.zeros(4, 3), torch.zeros(5, 3))


@pytest.fixture(params=CRITICS.values(), ids=CRITICS)
def kind(request):
    return request.param


class TestCritics:
    def test_one_number_an_example(self, kind):
        assert kind(nn.Linear(3, 1))(torch.zeros(1, 3)).shape == (1,)
        assert kind(nn.Linear(3, 1))(torch.zeros(7, 3)).shape == (7,)

    def test_the_loss_is_minus_the_bound_plus_the_weighed_penalty(self, kind):
        network, real, fake = nn.Linear(3, 1), torch.randn(7, 3), torch.randn(7, 3)
        losses = {}
        for weight in (0.0, 2.5):
            losses[weight] = kind(network, weight).loss(real, fake)
        torch.testing.assert_close(losses[0.0], -kind(network).bound(real, fake))
        squared = network.weight.square().sum()
        penalty = squared / 2 if issubclass(kind, JSDCritic) else (squared.sqrt() - 1).square()
        torch.testing.assert_close(losses[2.5] - losses[0.0], 2.5 * penalty)

    def test_descent_on_the_loss_raises_the_bound(self, kind):
        critic = kind(nn.Linear(2, 1))
        real, fake = torch.randn(200, 2) + 1, torch.randn(200, 2)
        before = critic.bound(real, fake)
        optimiser = torch.optim.Adam(critic.parameters(), 1e-2)
        for _ in range(100):
            optimiser.zero_grad()
            critic.loss(real, fake).backward()
            optimiser.step()
        assert critic.bound(real, fake) > before + 0.05

    def test_descent_on_the_generators_loss_moves_samples_towards_the_data(self, kind):
        critic = kind(nn.Linear(1, 1))
        with torch.no_grad():
            critic.network.weight.fill_(1.0)
        fake = torch.randn(9, 1, requires_grad=True)
        (slope,) = torch.autograd.grad(critic.generator_loss(fake, torch.zeros(4, 1)), fake)
        assert (slope < 0).all()

    def test_the_critics_loss_leaves_the_generator_alone(self, kind):
        fake = torch.randn(7, 3, requires_grad=True)
        loss = kind(nn.Linear(3, 1)).loss(torch.randn(7, 3), fake * 2)
        loss.backward()
        assert fake.grad is None

    def test_bad_sides_are_refused(self, kind):
        critic, x = kind(nn.Linear(3, 1)), torch.randn(4, 3)
        with pytest.raises(ValueError, match=r"real: expected shape \(4, 3\), got \(5, 3\)"):
            critic.loss(torch.randn(5, 3), x)
        with pytest.raises(ValueError, match="real: expected finite"):
            critic.loss(x * math.nan, x)

    @pytest.mark.parametrize("bad", [-1, math.nan, math.inf, "1", None, True])
    def test_a_penalty_that_is_no_weight_is_refused(self, kind, bad):
        with pytest.raises(ValueError, match="penalty: expected a finite number >= 0"):
            kind(nn.Linear(3, 1), bad)


def test_two_gaussians_one_apart_have_the_known_wasserstein_distance():
    """A critic of slope one finds the shift, and the penalty keeps it from finding more."""
    critic = WassersteinCritic(nn.Linear(1, 1))
    nn.init.constant_(critic.network.weight, 0.1)  # at -1 the penalty has a minimum as well
    optimiser = torch.optim.Adam(critic.parameters(), 2e-2)
    for _ in range(300):
        optimiser.zero_grad()
        critic.loss(torch.randn(100, 1) + 1, torch.randn(100, 1)).backward()
        optimiser.step()
    found = critic.bound(torch.randn(20_000, 1) + 1, torch.randn(20_000, 1))
    assert found.item() == pytest.approx(1, abs=0.15)


class TestSaturatingCritic:
    def test_its_loss_is_the_bound_in_value_and_slope(self):
        critic, real = SaturatingJSDCritic(nn.Linear(2, 1)), torch.randn(7, 2)
        fake = torch.randn(5, 2, requires_grad=True)
        loss, bound = critic.generator_loss(fake, real), critic.bound(real, fake)
        torch.testing.assert_close(loss, bound)
        slopes = (torch.autograd.grad(value, fake)[0] for value in (loss, bound))
        torch.testing.assert_close(*slopes)

    def test_its_value_needs_the_data(self):
        with pytest.raises(ValueError, match="real: expected samples of p_data"):
            SaturatingJSDCritic(nn.Linear(2, 1)).generator_loss(torch.randn(5, 2))
