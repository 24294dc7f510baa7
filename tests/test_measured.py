"""The packaged numbers: in step with the claims, the table, and every place that quotes them."""

import ast
import importlib
import inspect
import json
import operator
import subprocess
import sys
import tomllib

import pytest
from notebook_runs import ROOT

from course_lib import measured as module
from course_lib.measured import Measured, claims, figures, measured, verdict, with_spread

CLAIMS = ROOT / "tests" / "benchmarks" / "claims"
NAMES = [path.stem for path in sorted(CLAIMS.glob("[!_]*.py"))]
RELATIONS = {"<": operator.lt, ">": operator.gt}


@pytest.fixture
def claim(monkeypatch):
    """Import a claim, or a helper of the claims, as the runner does."""
    monkeypatch.setattr(sys, "path", [str(CLAIMS.parent), *sys.path])
    monkeypatch.delitem(sys.modules, "claims", raising=False)
    yield lambda name: importlib.import_module(f"claims.{name}")
    for name in [name for name in sys.modules if name.split(".")[0] == "claims"]:
        del sys.modules[name]


def packaged():
    return json.loads((ROOT / "course_lib" / "measured.json").read_text("utf-8"))


def test_every_claim_is_packaged_and_no_other():
    assert sorted(claims()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_packaged_claim_says_what_its_module_declares(name, claim):
    declared, entry = claim(name), packaged()[name]
    words = claim("_record").declaration(declared)
    assert {key: entry[key] for key in words} == words
    assert {f: e["units"] for f, e in entry["figures"].items()} == declared.FIGURES
    assert declared.__doc__
    assert len(declared.CLAIM) <= 100


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_rests_on_comparisons_that_every_seed_shows(name, claim):
    evidence = claim(name).EVIDENCE
    assert evidence
    for left, relation, right in evidence:
        values = measured(name, left).values
        bounds = (right,) * 3 if isinstance(right, float) else measured(name, right).values
        holds = [RELATIONS[relation](*pair) for pair in zip(values, bounds, strict=True)]
        assert len(holds) == 3, (left, relation, right)
        assert all(holds), (left, relation, right)


def test_settings_are_chosen_by_scores_that_name_no_test_images(claim):
    found = {name: claim(name) for name in NAMES}
    choosing = {name for name in NAMES if hasattr(found[name], "CHOICES")}
    assert {name for name in NAMES if "--choose" in found[name].SETTINGS} == choosing
    for name in choosing:
        assert found[name].CHOSEN in found[name].CHOICES, name
        score = ast.parse(inspect.getsource(found[name].validation_score))
        used = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(score)}
        assert "validation" in used, name
        assert "test" not in used, name


def test_the_table_is_made_from_the_packaged_file(claim):
    made = claim("_record").as_table(packaged())
    assert made == (CLAIMS / "table.md").read_text("utf-8")


def test_a_figures_summary_is_that_of_its_seeds():
    for name in claims():
        for figure in figures(name):
            found = measured(name, figure)
            if found.values:
                assert len(found.values) == found.seeds
                assert found.mean == pytest.approx(sum(found.values) / found.seeds)
                half_range = (max(found.values) - min(found.values)) / 2
                assert found.half_range == pytest.approx(half_range)


def quoted(tree):
    """Yield the names of claim and figure, and the place, of every quotation in a source."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        written_out = all(isinstance(argument, ast.Constant) for argument in node.args)
        if node.func.id in {"measured", "verdict"} and written_out:  # others fail when they run
            yield node.lineno, [ast.literal_eval(argument) for argument in node.args]
        if node.func.id == "closing_table":
            rows = [row for row in ast.walk(node) if isinstance(row, ast.Tuple)]
            for row in rows:
                if len(row.elts) > 2 and isinstance(row.elts[2], ast.Tuple):
                    yield row.lineno, ast.literal_eval(row.elts[2])


def check_quotations(source):
    for line, names in quoted(ast.parse(source)):
        try:
            measured(*names) if len(names) == 2 else verdict(*names)
        except KeyError as error:
            raise AssertionError(f"line {line}: {error}") from None


@pytest.mark.parametrize(
    "path", sorted((ROOT / "lectures").glob("*.py")), ids=lambda path: path.stem
)
def test_every_figure_that_a_lecture_quotes_exists(path):
    check_quotations(path.read_text("utf-8"))


def test_a_quotation_of_no_figure_is_noticed():
    for source in (
        'measured("bound_identity", "no such")',
        'verdict("no such")',
        'closing_table([("a", 1, ("bound_identity", "no such"))])',
    ):
        with pytest.raises(AssertionError, match="line 1"):
            check_quotations(source)


def test_a_figure_prints_its_mean_its_spread_and_its_units():
    one = Measured(-111.97, 0.43, 2.512, "nats per image", 3, (-112.4, -111.54, -111.97))
    assert str(one) == "-111.97 ± 0.43 (sampling ± 2.5) nats per image"
    assert str(Measured(0.5, 0.0, None, "", 1)) == "0.5"
    assert one.spread == "-111.97 ± 0.43"


@pytest.mark.parametrize(
    ("mean", "half_range", "text"),
    [
        (16.406, 0.0512, "16.406 ± 0.051"),
        (929.7, 17.2, "930 ± 17"),
        (7.9e-4, 2.2e-4, "0.00079 ± 0.00022"),
        (1.6e22, 1.7e22, "1.6e+22 ± 1.7e+22"),
        (4.0, 0.0, "4 ± 0"),
    ],
)
def test_the_half_range_decides_how_many_digits_count(mean, half_range, text):
    assert with_spread(mean, half_range) == text


def test_a_figure_cannot_be_changed():
    with pytest.raises(AttributeError):
        measured("bound_identity", "null: KL left out").mean = 1.0


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(KeyError, match=r"no claim is called 'flow_digit'.*'flow_digits'"):
        measured("flow_digit", "MAF")
    with pytest.raises(KeyError, match=r"no figure of 'bound_identity'.*'largest residual"):
        measured("bound_identity", "largest residual")
    with pytest.raises(KeyError, match=r"no claim is called 'zzz'; the nearest are '"):
        verdict("zzz")


def test_reading_a_number_imports_no_torch():
    code = (
        "import sys, course_lib.measured as m; m.verdict('bound_identity');"
        "print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_an_installed_package_carries_the_numbers():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["course_lib"]
    folder = ROOT / "course_lib"
    carried = {path for pattern in patterns for path in folder.glob(pattern)}
    assert folder / "measured.json" in carried
    assert module.__file__ == str(folder / "measured.py")
