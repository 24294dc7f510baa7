"""The runner of the claims: what it stores, what it measures again, what it records."""

import importlib
import json
import shutil
import sys

import pytest
from notebook_runs import ROOT

CLAIMS = ROOT / "tests" / "benchmarks" / "claims"
CLAIM = """
CLAIM, HELD_OUT, SETTINGS = "{name} holds (slide 3)", "300 images", "By validation."
VERDICT = "{verdict}"
FIGURES = {{"figure": "nats", "other": ""}}
class Estimate:
    value, error = 5.0, 0.25
def measure(seed):
    with open({log!r}, "a") as log:
        log.write(f"{name} {{seed}}\\n")
    {body}
"""
BODY = "return {'figure': 2.0 + seed, 'CPU s': 1}"


@pytest.fixture
def runner(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(CLAIMS.parent), *sys.path])
    monkeypatch.delitem(sys.modules, "claims", raising=False)
    yield importlib.import_module("claims.__main__")
    for name in [name for name in sys.modules if name.split(".")[0] == "claims"]:
        del sys.modules[name]


class Folder:
    """Claims in a package of their own, and what was measured."""

    def __init__(self, path, runner):
        self.claims, self.results, self.log = path / path.name, path / "results", path / "log"
        self.packaged, self.table = path / "measured.json", path / "table.md"
        self.claims.mkdir()
        self.runner = runner

    def add(self, name, body=BODY, verdict="holds exactly", extra=""):
        source = CLAIM.format(name=name, log=str(self.log), body=body, verdict=verdict)
        (self.claims / f"{name}.py").write_text(f"{source}\n{extra}\n")

    def run(self, *words):
        for name in [n for n in sys.modules if n.split(".")[0] == self.claims.name]:
            del sys.modules[name]
        importlib.invalidate_caches()
        return self.runner.main(list(words), self.claims, self.results, self.packaged, self.table)

    def measured(self):
        lines = self.log.read_text().split("\n")[:-1] if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines

    def recorded(self):
        return json.loads(self.packaged.read_text())


@pytest.fixture
def folder(tmp_path, monkeypatch, runner):
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return Folder(tmp_path, runner)


def test_seeds_mean_half_range_and_the_claims_words_are_recorded(folder):
    folder.add("one")
    assert folder.run("--seeds", "3") == 0
    claim = folder.recorded()["one"]
    assert claim.pop("figures") == {
        "figure": {
            "units": "nats",
            "seeds": 3,
            "mean": 3.0,
            "half_range": 1.0,
            "sampling_error": None,
            "values": [2.0, 3.0, 4.0],
        }
    }
    assert claim == {
        "claim": "one holds",
        "slides": "3",
        "held_out": "300 images",
        "settings": "By validation.",
        "verdict": "holds exactly",
        "cpu_seconds_per_seed": 1.0,
    }


def test_the_table_has_the_claim_once_then_its_figures_then_its_verdict(folder, capsys):
    folder.add("one", "return {'figure': 2.0 + seed, 'other': 1.5}")
    folder.run()
    table = folder.table.read_text()
    assert table.count("one holds") == 1
    places = [
        table.index(text)
        for text in (
            "## one holds (slide 3)",
            "| figure | 3.0 ± 1.0 |  | nats | 3 |",
            "| other | 1.5 ± 0 |  |  | 3 |",
            "**Verdict: holds exactly.**",
        )
    ]
    assert places == sorted(places)
    assert table in capsys.readouterr().out


def test_the_sampling_error_of_an_estimate_is_recorded_and_not_averaged_out(folder):
    folder.add("one", "return {'figure': Estimate(), 'other': 1.0}")
    folder.run("--seeds", "2")
    figures = folder.recorded()["one"]["figures"]
    assert figures["figure"]["mean"] == 5.0
    assert figures["figure"]["sampling_error"] == 0.25
    assert figures["other"]["sampling_error"] is None
    assert "| figure | 5 ± 0 | 0.25 | nats | 2 |" in folder.table.read_text()


def test_a_stored_result_is_not_measured_again_unless_asked(folder):
    folder.add("one")
    folder.run("--seeds", "2")
    assert folder.measured() == ["one 0", "one 1"]
    folder.run("--seeds", "3")
    assert folder.measured() == ["one 2"]
    folder.run("--seeds", "1", "--fresh")
    assert folder.measured() == ["one 0"]


def test_fewer_seeds_than_the_package_has_are_not_recorded(folder):
    folder.add("one")
    folder.run("--seeds", "2")
    before = folder.recorded()
    folder.add("one", "return {'figure': 70.0}")
    folder.run("--seeds", "1")
    assert folder.measured()[-1] == "one 0"
    assert folder.recorded() == before


def test_a_claim_whose_code_changed_is_measured_again(folder):
    folder.add("one")
    folder.add("two")
    folder.run("--seeds", "1")
    folder.measured()
    folder.add("one", "return {'figure': 70.0}")
    folder.run("--seeds", "1")
    assert folder.measured() == ["one 0"]
    assert folder.recorded()["one"]["figures"]["figure"]["values"] == [70.0]


def test_new_words_are_recorded_without_measuring(folder):
    folder.add("one")
    folder.run("--seeds", "1")
    folder.measured()
    folder.add("one", verdict="holds, with this condition: it is dry")
    folder.run("--seeds", "1")
    assert folder.measured() == []
    assert folder.recorded()["one"]["verdict"] == "holds, with this condition: it is dry"


def test_new_words_need_no_stored_results(folder):
    folder.add("one")
    folder.run("--seeds", "1")
    folder.measured()
    shutil.rmtree(folder.results)
    before = folder.recorded()["one"]
    new = {"verdict": "holds, with this condition: it is dry"}
    folder.add("one", **new)
    folder.run("one", "--show")
    assert folder.measured() == []
    assert folder.recorded()["one"] == before | new
    assert "it is dry" in folder.table.read_text()


def test_choosing_prints_every_score_and_fails_unless_the_best_is_chosen(folder, capsys):
    choose = "CHOICES, CHOSEN = (0.5, 1, 2), 1\ndef validation_score(choice):\n    return {}"
    folder.add("one", extra=choose.format("(choice - 1) ** 2"))
    folder.add("two")  # chooses nothing
    assert folder.run("--choose") == 0
    assert capsys.readouterr().out == "one: 0.5: 0.25, 1: 0, 2: 1; best 1, chosen 1\n"
    folder.add("one", extra=choose.format("-choice"))
    assert folder.run("--choose") == 1
    assert "best 2, chosen 1" in capsys.readouterr().out
    assert folder.measured() == []


def test_an_interrupted_run_goes_on_where_it_was_and_keeps_what_was_recorded(folder):
    folder.add("one")
    folder.add("two", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        folder.run("--seeds", "1")
    assert list(folder.recorded()) == ["one"]
    folder.add("two")
    folder.measured()
    folder.run("--seeds", "1")
    assert folder.measured() == ["two 0"]
    assert list(folder.recorded()) == ["one", "two"]


def test_an_interrupted_write_leaves_the_packaged_file_whole(folder, monkeypatch):
    folder.add("one")
    folder.run("--seeds", "1")
    before = folder.packaged.read_bytes()
    folder.add("one", "return {'figure': 70.0}")

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="disk full"):
        folder.run("--seeds", "1")
    assert folder.packaged.read_bytes() == before


def test_a_damaged_result_is_measured_again(folder):
    folder.add("one")
    folder.run("--seeds", "1")
    (folder.results / "one-0.json").write_text('{"claim": ')
    folder.measured()
    folder.run("--seeds", "1")
    assert folder.measured() == ["one 0"]


def test_only_the_named_claims_are_measured_and_the_others_stay(folder):
    folder.add("one")
    folder.add("two")
    folder.run("--seeds", "1")
    folder.measured()
    folder.run("two", "--seeds", "1", "--fresh")
    assert folder.measured() == ["two 0"]
    assert list(folder.recorded()) == ["one", "two"]
    with pytest.raises(SystemExit, match="no claim called three"):
        folder.run("three")


def test_a_claim_that_is_gone_leaves_the_package(folder):
    folder.add("one")
    folder.add("two")
    folder.run("--seeds", "1")
    (folder.claims / "one.py").unlink()
    folder.run("--seeds", "1")
    assert list(folder.recorded()) == ["two"]


def test_missing_data_are_named_and_stop_nothing(folder, capsys):
    folder.add("one", "from claims import Unavailable; raise Unavailable('no chorales here')")
    folder.add("two")
    assert folder.run("--seeds", "1") == 0
    assert "one: unavailable: no chorales here" in capsys.readouterr().out
    assert folder.measured() == ["one 0", "two 0"]
    folder.run("--seeds", "1")
    assert folder.measured() == ["one 0"]  # asked again: the data may have come


def test_a_failure_is_named_and_stops_nothing_but_the_exit_status(folder, capsys):
    folder.add("one", "raise ValueError('too odd')")
    folder.add("two")
    assert folder.run("--seeds", "1") == 1
    out = capsys.readouterr()
    assert "one: failed: ValueError: too odd" in out.out
    assert "Traceback" in out.err
    assert folder.measured() == ["one 0", "two 0"]
    assert list(folder.recorded()) == ["two"]


def test_a_figure_without_units_is_a_failure(folder, capsys):
    folder.add("one", "return {'undeclared': 1.0}")
    assert folder.run("--seeds", "1") == 1
    assert "FIGURES: expected the units of 'undeclared'" in capsys.readouterr().out


def test_a_verdict_of_another_kind_is_refused(folder):
    folder.add("one", verdict="nearly holds")
    with pytest.raises(ValueError, match="VERDICT: expected one of the three kinds"):
        folder.run("--seeds", "1")


def test_show_measures_nothing(folder, capsys):
    folder.add("one")
    folder.run("--show")
    assert folder.measured() == []
    assert "one: not measured yet" in capsys.readouterr().out


def test_a_helper_in_the_folder_is_no_claim(folder):
    folder.add("one")
    (folder.claims / "shared.py").write_text("WIDTH = 3\n")
    folder.run("--seeds", "1")
    assert folder.measured() == ["one 0"]
    assert [path.name for path in folder.results.glob("*.json")] == ["one-0.json"]


def test_the_cpu_time_is_measured_where_a_claim_is_silent(folder):
    folder.add("one", "return {'figure': 1}")
    folder.run("--seeds", "1")
    result = json.loads((folder.results / "one-0.json").read_text())
    assert result["figures"] == {"figure": 1.0}
    assert 0 <= result["cpu_seconds"] < 1


def test_seeds_must_be_positive(folder):
    with pytest.raises(SystemExit):
        folder.run("--seeds", "0")
