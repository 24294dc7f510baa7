"""The checks of the first assignment: sharp, never flaky, and usable through data alone."""

import math

import pytest
import torch

from course_lib.checks import elbo_gap as check
from course_lib.checks.report import CheckFailed
from course_lib.distributions import DiagonalGaussian, IndependentBernoulli, planar

EXERCISES = (
    "gaussian_log_prob",
    "sample_gaussian",
    "gaussian_kl",
    "elbo",
    "importance_bound",
    "planar",
    "elbo_gap",
)


def by_library(name):
    """Return the exercise's function made of the library's bricks."""

    def kl(mu, log_scale):
        prior = DiagonalGaussian(torch.zeros_like(mu), torch.zeros_like(mu))
        return torch.distributions.kl_divergence(DiagonalGaussian(mu, log_scale), prior)

    def elbo(x, logits, mu, log_scale):
        reconstruction = IndependentBernoulli(logits, 3).log_prob(x)
        return reconstruction - kl(mu, log_scale), reconstruction, kl(mu, log_scale)

    def importance_bound(log_p_xz, log_q):
        return torch.logsumexp(log_p_xz - log_q, 0) - math.log(len(log_q))

    def elbo_gap(z, log_joint, log_q):
        log_weight = log_q.log_softmax(1)
        return (log_weight.exp() * (log_weight - log_joint.log_softmax(1))).sum(1)

    return {
        "gaussian_log_prob": lambda x, mu, s: DiagonalGaussian(mu, s).log_prob(x),
        "sample_gaussian": lambda mu, s: DiagonalGaussian(mu, s).rsample(),
        "gaussian_kl": kl,
        "elbo": elbo,
        "importance_bound": importance_bound,
        "planar": planar,
        "elbo_gap": elbo_gap,
    }[name]


@pytest.mark.parametrize("input_scale", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("name", EXERCISES)
def test_right_answers_pass_whatever_the_seed(name, input_scale, capsys):
    for seed in range(100, 110):
        getattr(check, name)(by_library(name), seed=seed, input_scale=input_scale)
    assert all(len(line) <= 80 for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("direction", [-3.0, -1.5])
def test_fold_is_seen_although_its_log_determinant_is_right(direction):
    def folding(z, u, w, b):
        w_u = torch.dot(w, u)
        u = u + (w_u.clamp(min=direction) - w_u) * w / torch.dot(w, w)
        h = torch.tanh(z @ w + b)
        return z + h[:, None] * u, torch.log(torch.abs(1 + (1 - h**2) * torch.dot(w, u)))

    with pytest.raises(CheckFailed, match=r"mass \+[12]\.\d+"):
        check.planar(folding)


def test_importance_bound_that_ignores_a_sample_is_seen():
    with pytest.raises(CheckFailed):
        check.importance_bound(lambda p, q: by_library("importance_bound")(p[1:], q[1:]))
