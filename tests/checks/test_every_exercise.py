"""What holds for the check of every exercise of every topic, found by itself."""

import importlib
import pkgutil

import pytest
import torch

from course_lib import checks
from course_lib.checks.exercise import Exercise
from course_lib.checks.report import FIRST_LINE, LINE, CheckFailed

TOPICS = [found.name for found in pkgutil.iter_modules(checks.__path__) if found.ispkg]
PACKAGES = [importlib.import_module(f"course_lib.checks.{name}") for name in TOPICS]
EXERCISES = [
    pytest.param(getattr(package, name), id=f"{package.__name__.split('.')[-1]}-{name}")
    for package in PACKAGES
    for name in package.__all__
]
WITH_ROWS = [param for param in EXERCISES if param.values[0].rows]
WITHOUT_NOISE = [param for param in EXERCISES if not param.values[0].random]
TRAINED = [
    pytest.param(*param.values, arg, id=f"{param.id}-{arg}")
    for param in WITHOUT_NOISE
    for arg in param.values[0].gradients
]


def each(function, value):
    """The function of every part of a result."""
    several = isinstance(value, tuple | list)
    return type(value)(map(function, value)) if several else function(value)


class Reference:
    """The function done right, with something done before or to the result: an answer to try.

    An object, for the checks refuse a function that reaches into them.
    """

    def __init__(self, exercise, then=lambda value: value, before=lambda *inputs: inputs):
        self.exercise, self.then, self.before = exercise, then, before

    def __call__(self, *inputs):
        return each(self.then, self.exercise.right(*self.before(*inputs)))


def failure(exercise, function, **keywords):
    with pytest.raises(CheckFailed) as caught:
        exercise(function, **keywords)
    first, *others = str(caught.value).splitlines()
    assert len(first) <= FIRST_LINE
    assert not first.endswith("...")
    assert all(len(line) <= LINE for line in others)
    return str(caught.value)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_right_answer_passes_on_every_seed(exercise, capsys):
    assert isinstance(exercise, Exercise)
    for seed in range(100, 106):
        exercise(Reference(exercise), seed=seed, input_scale=(0.5, 1.0, 3.0)[seed % 3])
    assert all(len(line) <= LINE for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("exercise", EXERCISES)
def test_each_known_mistake_is_named_on_other_seeds_too(exercise):
    assert len(exercise.mistakes) >= 5
    for mistake in exercise.mistakes:
        text = failure(exercise, mistake.function, seed=77, input_scale=2.5)
        assert text.splitlines()[0] == f"{exercise.name}: {mistake.headline}"
        assert mistake.headline.endswith(".")


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_result_in_another_precision_is_seen(exercise):
    for made in (torch.Tensor.double, torch.Tensor.float):
        text = failure(exercise, Reference(exercise, made))
        assert "the dtype is not that of the inputs" in text


@pytest.mark.parametrize("exercise", WITH_ROWS)
def test_a_dimension_of_size_one_may_not_be_lost(exercise):
    text = failure(exercise, Reference(exercise, torch.squeeze))
    assert "the shape is wrong" in text


@pytest.mark.parametrize(("exercise", "arg"), TRAINED)
def test_a_gradient_that_does_not_reach_an_argument_is_seen_and_the_argument_named(exercise, arg):
    place = exercise.args.index(arg)

    def detached(*inputs):
        return [value.detach() if i == place else value for i, value in enumerate(inputs)]

    text = failure(exercise, Reference(exercise, before=detached))
    assert f"with respect to {arg}" in text or "no gradient passes" in text


@pytest.mark.parametrize("exercise", WITHOUT_NOISE)
def test_noise_where_the_formula_has_none_is_seen(exercise):
    def noisy(*inputs):
        torch.rand(1)
        return inputs

    def seeding(*inputs):
        torch.manual_seed(0)
        return inputs

    for before in (noisy, seeding):
        text = failure(exercise, Reference(exercise, before=before))
        assert "it draws random numbers, or sets the seed" in text


@pytest.mark.parametrize("exercise", WITHOUT_NOISE)
def test_an_answer_is_computed_once_per_input_and_not_once_per_mistake(exercise):
    seen = []

    def note(*inputs):
        seen.append(tuple(tuple(value.flatten().tolist()) for value in inputs))
        return inputs

    failure(exercise, Reference(exercise, lambda value: value + 0.125, note))
    # Once more by the step that looks at the random state; gradients are not reached.
    assert len(seen) <= len(set(seen)) + 1


@pytest.mark.parametrize("exercise", EXERCISES)
def test_an_answer_that_calls_its_own_check_is_refused(exercise):
    names = {"theirs": exercise}
    exec("def answer(*inputs): return theirs.right(*inputs)", names)
    assert "an answer may not use course_lib.checks" in failure(exercise, names["answer"])


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_random_state_of_the_notebook_is_left_alone(exercise):
    torch.manual_seed(3)
    expected = torch.randn(2)
    torch.manual_seed(3)
    exercise(Reference(exercise))
    assert torch.equal(torch.randn(2), expected)
