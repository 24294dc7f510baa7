"""The engine tells apart what a student may hand in, and leaves the student's state alone."""

import importlib
import random
import sys
import warnings

import numpy
import pytest
import torch

from course_lib.checks.answer import Answer
from course_lib.checks.ask import ask
from course_lib.checks.case import Case, Problem
from course_lib.checks.contract import contract_steps
from course_lib.checks.exercise import Exercise, run_steps
from course_lib.checks.mistakes import Mistake
from course_lib.checks.noise import draws_own_noise, is_torch_noise
from course_lib.checks.numbers import show_pair
from course_lib.checks.refusal import uses_the_checks
from course_lib.checks.report import CheckFailed, NotStarted

X = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
TWICE = Case((X,), 2 * X, "at x")
HALVED = Mistake("it halves.", "because", "double it", "def twice(x): return x / 2", "twice")


def answer(function, **keywords):
    return Answer("twice", function, why="2x", hint="add", **keywords)


def failure(function, *steps, mistakes=(HALVED,), **keywords):
    with pytest.raises(CheckFailed) as caught:
        run_steps(answer(function, **keywords), steps or (TWICE,), mistakes)
    return str(caught.value)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda x: None, "None (is a return missing?)"),
        (lambda x: 3.0, "a float"),
        (lambda x: 3, "an int"),
        (lambda x: (2 * x, x), "a tuple of 2"),
        (lambda x: (2 * x)[:, None], "shape (3, 1)"),
        (lambda x: (2 * x).float(), "the dtype is not that of the inputs"),
        (lambda x: 2 * x / 0 * 0, "NaN or infinity at x"),
        (lambda x: x + 1, "wrong value at x"),
        (lambda x: x / 2, "it halves"),
        (lambda x: x.mul_(2), "it changes its input, argument 1"),
        (lambda: None, "it stops with TypeError"),
        (lambda x: x @ torch.ones(7, dtype=x.dtype), "it stops with RuntimeError"),
    ],
)
def test_each_kind_of_wrong_answer_has_its_message(function, fragment):
    assert fragment in failure(function)


def test_numbers_start_at_the_first_wrong_entry():
    text = failure(lambda x: torch.cat([2 * x[:2], x[2:]]))
    assert "[-4.00, +3.00]" in text
    assert "[-4.00, +6.00]" in text


def test_numbers_have_as_many_digits_as_tell_them_apart():
    got, expected = show_pair(torch.tensor([1.00001]), torch.tensor([1.0]), 1e-6)
    assert "1.00001" in got
    assert "1.00000" in expected


def test_several_results_are_named():
    pair = Case((X,), (X, 2 * X), "at x")
    text = failure(lambda x: (x, x), pair, mistakes=(), parts=("same", "double"))
    assert "double: wrong value at x" in text
    assert "(same, double)" in failure(lambda x: x, pair, mistakes=(), parts=("same", "double"))


def test_mistake_is_named_only_if_it_explains_every_case():
    zero = Case((0 * X,), 0 * X)
    assert "wrong value" in failure(lambda x: x / 2 + (x == 0).double(), TWICE, zero)


def test_mistake_found_by_an_identity_is_named_and_keeps_its_numbers():
    text = failure(lambda x: x / 2, lambda _: Problem("not even.", "odd", "even"), TWICE)
    assert "it halves" in text
    assert "got       odd" in text


def test_stub_is_told_from_torch_not_implemented():
    def bare(x):
        raise NotImplementedError

    def stub(x):
        raise NotImplementedError("twice: your code goes here")

    def unsupported(x):
        raise NotImplementedError("no kernel for Long")

    for function in (bare, stub):
        with pytest.raises(NotStarted):
            answer(function)(X)
    assert "it stops with NotImplementedError" in failure(unsupported)


def test_warnings_and_stderr_of_the_answer_are_silenced(capfd):
    def noisy(x):
        warnings.warn("beware", stacklevel=1)
        print("progress", file=sys.stderr)
        return 2 * x

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run_steps(answer(noisy), (TWICE,), ())
    assert capfd.readouterr().err == ""


def test_a_hint_fits_the_kind_of_the_failure():
    assert "clone()" in failure(lambda x: x.mul_(2))
    assert "keep the dtype" in failure(lambda x: (2 * x).float())
    assert "keep the dtype" in failure(lambda x: torch.ones(3) @ x * x)
    assert "for each example" in failure(lambda x: (2 * x).sum())
    assert "for each example" not in failure(lambda x: (2 * x)[:, None])


def test_an_error_is_shown_with_the_inputs_that_cause_it():
    text = failure(lambda x: x @ torch.ones(7, dtype=x.dtype), args=("x",))
    assert "inputs    x (3,); float64" in text
    with pytest.raises(CheckFailed, match=r"inputs    x \(3,\); float64"):
        answer(lambda x: 1 / 0, args=("x",)).ask("twice(*inputs_)", inputs_=[X])


def test_a_nan_in_the_gradient_is_not_blamed_on_a_detach():
    def by_hand(x):
        return 1 / (1 + torch.exp(-1000 * x))

    case = Case((X,), torch.sigmoid(1000 * X), "at x")
    exercise = Exercise(
        file="sigmoid.py",
        right=lambda x: torch.sigmoid(1000 * x),
        steps=lambda inputs: [case],
        gradients=("x",),
        why="",
        hint="",
        passed="",
    )
    with pytest.raises(CheckFailed, match="NaN gradient with respect to x") as caught:
        run_steps(answer(by_hand, args=("x",)), [case], (), contract_steps(exercise, [case]))
    assert "detach" not in str(caught.value)


def test_a_constant_is_told_which_argument_it_should_follow():
    def right(x, y):
        return 2 * x, 3 * y

    case = Case((X, X.clone()), right(X, X), "at x")
    exercise = Exercise(
        file="twice.py",
        right=right,
        steps=lambda inputs: [case],
        gradients=("x", "y"),
        why="",
        hint="",
        passed="",
    )
    held = answer(
        lambda x, y: (2 * x, 3 * y.detach()),
        args=("x", "y"),
        parts=("a", "b"),
        formulas={"a": "2x", "b": "3y"},
    )
    with pytest.raises(CheckFailed, match="b: no gradient passes") as caught:
        run_steps(held, [case], (), contract_steps(exercise, [case]))
    assert "a gradient with respect to y" in str(caught.value)


def test_inputs_survive_an_answer_that_changes_them():
    before = X.clone()
    failure(lambda x: x.zero_())
    assert torch.equal(X, before)


def test_right_answer_that_keeps_the_graph_is_accepted():
    weight = torch.ones(1, dtype=torch.float64, requires_grad=True)
    run_steps(answer(lambda x: 2 * weight * x), (TWICE,), (HALVED,))


def test_ask_sees_the_notebook_and_the_data_first(monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "answer_to_it", 42, raising=False)
    assert ask("answer_to_it + shift", shift=1) == 43
    assert ask("answer_to_it", answer_to_it=0) == 0
    assert ask("[row.sum().item() * k for row in x for k in [scale]]", x=X[:, None], scale=2) == [
        2.0,
        -4.0,
        6.0,
    ]


def test_answer_asks_about_the_function_it_was_given():
    assert torch.equal(answer(lambda x: 2 * x).ask("twice(x)", x=X), 2 * X)


def test_errors_in_asked_expressions_become_messages():
    with pytest.raises(CheckFailed, match="it stops with ZeroDivisionError"):
        answer(lambda x: x).ask("1 / 0")


def test_message_names_the_shapes_of_the_input():
    assert "inputs    x (3,); float64" in failure(lambda x: x + 1, args=("x",))


def test_parts_are_compared_in_the_order_in_which_they_are_computed():
    pair = Case((X,), (X, 2 * X), "at x")
    formulas = {"double": "2x", "same": "x"}
    text = failure(
        lambda x: (x + 1, x), pair, mistakes=(), parts=("same", "double"), formulas=formulas
    )
    assert text.startswith("twice: double: wrong value at x")
    assert "why       2x" in text


def test_a_step_that_stumbles_over_a_result_of_another_shape_blames_the_shape():
    def step(answer):
        return None if answer(X)[0, 0] else Problem("never.", "", "")

    with pytest.raises(CheckFailed, match="the shape is wrong"):
        run_steps(answer(lambda x: x), (step,), right=lambda x: x[:, None])
    with pytest.raises(IndexError):  # not the answer's fault
        run_steps(answer(lambda x: x), (step,), right=lambda x: x)


@pytest.mark.parametrize(
    "line",
    [
        "from course_lib.checks.elbo_gap.gaussian_kl import right",
        "from course_lib import checks",
        "import course_lib.checks.mistakes as m",
        "open('gaussian_kl.toml')",
        "check.gaussian_kl",
        "helper()",
    ],
)
def test_an_answer_that_reaches_into_the_checks_is_seen(line):
    names = {"check": importlib.import_module("course_lib.checks.elbo_gap")}
    exec("def helper(): return check", names)
    exec(f"def twice(x):\n    {line}\n    return 2 * x", names)
    assert uses_the_checks(names["twice"])
    assert uses_the_checks(torch.no_grad()(names["twice"]))


@pytest.mark.parametrize(
    "line",
    [
        "from course_lib.distributions import planar",
        "checks = 1",
        "torch.distributions.Normal(0.0, 1.0)",
        "course_lib.exact",
    ],
)
def test_an_answer_may_call_the_rest_of_the_library(line):
    names = {"torch": torch, "course_lib": importlib.import_module("course_lib")}
    exec(f"def twice(x):\n    {line}\n    return 2 * x", names)
    assert not uses_the_checks(names["twice"])


def noise_problem(draw):
    """What the step on independent noise finds in draws made by a function of (batch, dim)."""
    zeros = torch.zeros(5001, 2, dtype=torch.float64)
    torch.manual_seed(0)
    found = draws_own_noise((zeros,), zeros)(answer(draw, random=True))
    return found and found.headline


def test_noise_shared_in_any_order_is_seen():
    def halves(x):
        return torch.randn(len(x) // 2 + 1, 2).double()

    def reused(x):
        return torch.randn(400, 2).double()[torch.randint(0, 400, (len(x),))]

    assert noise_problem(torch.randn_like) is None
    shared = "the noise of rows is not independent."
    assert noise_problem(lambda x: torch.cat([halves(x)] * 2)[: len(x)]) == shared
    assert noise_problem(lambda x: (lambda h: torch.cat([h, -h])[: len(x)])(halves(x))) == shared
    pairs = lambda h: torch.cat([h, -h])[torch.randperm(2 * len(h))]  # noqa: E731
    assert noise_problem(lambda x: pairs(halves(x))[: len(x)]) == shared
    assert "is not independent" in noise_problem(reused)
    assert noise_problem(lambda x: (lambda e: e + e.roll(700, 0))(torch.randn_like(x))) == shared


def test_noise_that_returns_in_a_later_call_is_seen():
    kept = []

    def alternating(x):
        kept.append(torch.randn_like(x) if len(kept) % 2 == 0 else kept[-1])
        return kept[-1]

    def correlated(x):
        kept.append(torch.randn_like(x))
        return kept[-1] + 0.5 * kept[0]

    def in_turn(x):
        kept.append(torch.randn_like(x) if len(kept) < 2 else kept[-2])
        return kept[-1]

    assert noise_problem(alternating) == "two calls return the same draw."
    kept.clear()
    assert noise_problem(in_turn) == "two calls return the same draw."
    kept.clear()
    assert noise_problem(correlated) == "the noise of calls is not independent."


@pytest.mark.parametrize(
    ("draw", "headline"),
    [
        (
            lambda x: torch.as_tensor(numpy.random.default_rng().normal(size=x.shape)),
            "the noise does",
        ),
        (lambda x: torch.ones_like(x) * random.random(), "the noise does not follow"),
        (lambda x: (torch.manual_seed(4), torch.randn_like(x))[1], "the function sets the seed"),
    ],
)
def test_noise_that_is_not_torch_s_is_seen(draw, headline):
    found = is_torch_noise((X,))(answer(draw, random=True))
    assert found.headline.startswith(headline)
