"""Check of the tied objective: the ELBO minus KLs that fit each single modality's network."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from course_lib.checks.answer import Answer
from course_lib.checks.case import Case, Problem, Step
from course_lib.checks.exercise import Exercise
from course_lib.checks.inputs import RandomInputs
from course_lib.checks.numbers import show_inputs, show_pair

__all__ = ["tied_objective"]

TIED = "ELBO - alpha sum_m KL(q(z|x1..xM), q(z|x_m))   (slide 8)"
HELD = "the joint net is trained by the ELBO alone: the tie fits the q(z|x_m) to it"
GRADIENTS = (
    "[torch.autograd.grad(value_.sum(), leaves_, materialize_grads=True)"
    " for leaves_ in [[v.requires_grad_() for v in inputs_[1:5]]]"
    " for value_ in [{name}(inputs_[0].requires_grad_(), *leaves_, *inputs_[5:])]"
    " if value_.requires_grad]"
)


def right(
    elbo: Tensor,
    joint_mu: Tensor,
    joint_log_scale: Tensor,
    mu: Tensor,
    log_scale: Tensor,
    alpha: Tensor,
) -> Tensor:
    """Return the objective of each example, (batch,); the joint posterior is detached."""
    joint = Normal(joint_mu.detach()[:, None], joint_log_scale.detach().exp()[:, None])
    each = kl_divergence(joint, Normal(mu, log_scale.exp()))  # (batch, modalities, dim)
    return elbo - alpha * each.sum((1, 2))


def steps(inputs: RandomInputs) -> list[Step]:
    """Return steps on a perfect tie, alpha 0, one or more modalities, and the gradient."""
    two = _views(inputs, 7, 2, 3, 1.3)
    elbo, mu, log_scale = two.inputs[:3]
    equal = mu[:, None].repeat(1, 2, 1), log_scale[:, None].repeat(1, 2, 1)
    return [
        Case((elbo, mu, log_scale, *equal, _number(1.0)), elbo, "if all posteriors agree"),
        Case((*two.inputs[:5], _number(0.0)), elbo, "for alpha = 0"),
        _views(inputs, 7, 1, 3, 1.0).at("for one modality"),
        two.at("for two modalities"),
        _views(inputs, 5, 3, 4, 0.2).at("for three modalities"),
        _views(inputs, 97, 2, 1, 10.0),
        _views(inputs, 7, 2, 3, 1.3, far=30.0).at("far apart"),
        _holds_the_joint(two),
    ]


def _number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _views(
    inputs: RandomInputs, batch: int, modalities: int, dim: int, alpha: float, far: float = 1.0
) -> Case:
    """Return one joint posterior and one posterior for each modality, for each example."""
    joint = inputs.normal(batch, dim), inputs.normal(batch, dim, scale=0.5)
    shape = (batch, modalities, dim)
    each = inputs.normal(*shape, scale=far), inputs.normal(*shape, scale=0.5)
    return Case((inputs.normal(batch, scale=9) - 40, *joint, *each, _number(alpha)))


def _holds_the_joint(case: Case) -> Step:
    """Return the check that the tie has gradients in the q(z|x_m), and none in the joint."""

    def step(answer: Answer) -> Problem | None:
        found = answer.ask(GRADIENTS.format(name=answer.name), inputs_=list(case.inputs))
        slopes = dict(zip(answer.args[1:5], found[0] if found else (), strict=False))
        moved = [name for name in answer.args[1:3] if name in slopes and slopes[name].any()]
        still = [name for name in answer.args[3:5] if name in slopes and not slopes[name].any()]
        if not moved and not still:
            return None
        headline = f"the tie moves {', '.join(moved)}{f', not {still[0]}' if still else ''}."
        if not moved:
            headline = f"no gradient with respect to {', '.join(still)}."
        first = slopes[(moved or still)[0]]
        got, expected = show_pair(first, torch.zeros_like(first), 1e-9)
        expected = expected if moved else "the slope of the KL, not zero"
        where = show_inputs(answer.args, case.inputs)
        hint = "detach both parameters of the joint posterior, and nothing else"
        return Problem(headline, got, expected, why=HELD, hint=hint, inputs=where)

    return step


tied_objective = Exercise(
    file=__file__,
    right=right,
    steps=steps,
    rows=("elbo", "joint_mu", "joint_log_scale", "mu", "log_scale"),
    gradients=("elbo", "mu", "log_scale"),
    why=TIED,
    hint="joint_mu[:, None] against mu: (batch, modalities, dim); sum the last two",
    passed="each modality is tied once; the joint posterior is detached.",
)
