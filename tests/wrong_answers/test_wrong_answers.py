"""Every known wrong answer loses its own points, and no others, and is told why."""

from collections import Counter

import pytest
from graded_cells import ROOT, as_released, cells, corpus, grade, grade_at_a_distance

from course_lib.checks.report import FIRST_LINE, LINE, CheckFailed, NotStarted

# The project has no function to get wrong: tests/test_lectures.py holds what it promises instead.
ASSIGNMENTS = sorted(path.name for path in (ROOT / "solutions").glob("ps*") if path.is_dir())
CELLS = {name: cells(name) for name in ASSIGNMENTS}
CORPUS = [(name, answer) for name in ASSIGNMENTS for answer in corpus(name)]
WRONG = [pytest.param(n, a, id=f"{n}-{a}") for n, a in CORPUS if a.message]
# Only copies cross to another process: an input changed in place stays with the student.
DISTANT = [p for p in WRONG if not p.values[1].name.startswith("in_place")]
FIRST = {(name, a.exercise): (name, a) for name, a in reversed(CORPUS) if a.message}
ONE_WRONG_EACH = [pytest.param(n, a, id=f"{n}-{a}") for n, a in FIRST.values()]
RIGHT = [pytest.param(n, a, id=f"{n}-{a}") for n, a in CORPUS if not a.message]


def lines_fit(error: Exception) -> bool:
    first, *others = str(error).splitlines()
    whole = len(first) <= FIRST_LINE and not first.endswith("...")
    return whole and all(len(line) <= LINE for line in others)


@pytest.mark.parametrize(("assignment", "answer"), WRONG)
def test_wrong_answer_loses_its_points_with_its_own_message(assignment, answer):
    answers = {answer.exercise: answer.source}
    outcomes = grade(CELLS[assignment], answers, only=answer.exercise)
    assert len(outcomes) == 2
    for outcome in outcomes.values():
        assert isinstance(outcome.error, CheckFailed), repr(outcome.error)
        assert answer.explains(outcome.error), str(outcome.error)
        assert lines_fit(outcome.error), str(outcome.error)
        assert outcome.stderr == ""


@pytest.mark.parametrize(("assignment", "answer"), ONE_WRONG_EACH)
def test_wrong_answer_loses_no_points_but_its_own(assignment, answer):
    outcomes = grade(CELLS[assignment], {answer.exercise: answer.source})
    failed = {place for place, outcome in outcomes.items() if outcome.error}
    assert failed == {("visible", answer.exercise), ("test", answer.exercise)}


@pytest.mark.parametrize(("assignment", "answer"), RIGHT)
def test_right_answer_written_differently_keeps_its_points(assignment, answer):
    answers = {answer.exercise: answer.source}
    outcomes = grade(CELLS[assignment], answers, only=answer.exercise)
    assert [(place, str(o.error)) for place, o in outcomes.items() if o.error] == []
    assert all(outcome.stderr == "" for outcome in outcomes.values())


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_reference_has_full_marks(assignment):
    outcomes = grade(CELLS[assignment], {})
    assert all(outcome.error is None and outcome.stderr == "" for outcome in outcomes.values())
    tests = [cell for cell in CELLS[assignment] if cell.kind == "test"]
    solutions = [cell.exercise for cell in CELLS[assignment] if cell.kind == "solution"]
    assert [cell.exercise for cell in tests] == solutions
    assert all(cell.points > 0 for cell in tests)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_release_has_no_marks_and_is_told_so_calmly(assignment):
    for (_, exercise), outcome in grade(CELLS[assignment], {}, released=True).items():
        assert isinstance(outcome.error, NotStarted)
        assert str(outcome.error) == f"{exercise}: not started yet."
        assert outcome.stderr == ""


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_cells_reach_answers_by_data_and_ask_alone(assignment):
    outcomes = grade_at_a_distance(CELLS[assignment], {})
    assert [str(outcome.error) for outcome in outcomes.values() if outcome.error] == []
    released = grade_at_a_distance(CELLS[assignment], {}, released=True)
    assert all(isinstance(outcome.error, NotStarted) for outcome in released.values())


@pytest.mark.parametrize(("assignment", "answer"), DISTANT)
def test_wrong_answer_is_seen_from_a_distance_too(assignment, answer):
    answers = {answer.exercise: answer.source}
    (outcome,) = grade_at_a_distance(CELLS[assignment], answers, only=answer.exercise).values()
    assert isinstance(outcome.error, CheckFailed), repr(outcome.error)
    assert answer.explains(outcome.error), str(outcome.error)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_no_exercise_needs_the_answer_to_another(assignment):
    for cell in CELLS[assignment]:
        if cell.kind == "solution":
            alone = grade(CELLS[assignment], {cell.exercise: cell.source}, released=True)
            earned = {exercise for (_, exercise), outcome in alone.items() if not outcome.error}
            assert earned == {cell.exercise}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_stub_keeps_the_docstring_and_nothing_of_the_answer(assignment):
    for cell in CELLS[assignment]:
        if cell.kind == "solution":
            stub = as_released(cell)
            assert '"""' in stub
            assert "SOLUTION" not in stub
            assert stub.rstrip().splitlines()[-1].strip().startswith("raise NotImplementedError(")


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_corpus_is_large_enough_and_names_are_unique(assignment):
    answers = [answer for name, answer in CORPUS if name == assignment]
    assert Counter(map(str, answers)).most_common(1)[0][1] == 1
    assert sum(bool(answer.message) for answer in answers) >= 25
    assert sum(not answer.message for answer in answers) >= 5
    exercises = {cell.exercise for cell in CELLS[assignment] if cell.kind == "solution"}
    assert {answer.exercise for answer in answers if answer.message} == exercises
    assert {answer.exercise for answer in answers if not answer.message} == exercises
