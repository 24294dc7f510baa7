"""The runner of the claims table: what it stores, what it measures again, what it prints."""

import importlib
import json
import sys

import pytest
from notebook_runs import ROOT

CLAIMS = ROOT / "tests" / "benchmarks" / "claims"
ROW = """
CLAIM, UNITS = "{name} holds (slide 3)", "nats"
def measure(seed):
    with open({log!r}, "a") as log:
        log.write(f"{name} {{seed}}\\n")
    {body}
"""


@pytest.fixture
def runner(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(CLAIMS.parent), *sys.path])
    monkeypatch.delitem(sys.modules, "claims", raising=False)
    yield importlib.import_module("claims.__main__")
    for name in [name for name in sys.modules if name.split(".")[0] == "claims"]:
        del sys.modules[name]


class Folder:
    """Rows in a package of their own, and what was measured."""

    def __init__(self, path, runner):
        self.rows, self.results, self.log = path / path.name, path / "results", path / "log"
        self.rows.mkdir()
        self.runner = runner

    def add(self, name, body="return {'figure': 2.0 + seed, 'CPU s': 1}"):
        source = ROW.format(name=name, log=str(self.log), body=body)
        (self.rows / f"{name}.py").write_text(source)

    def run(self, *words):
        for name in [n for n in sys.modules if n.split(".")[0] == self.rows.name]:
            del sys.modules[name]
        importlib.invalidate_caches()
        return self.runner.main(list(words), self.rows, self.results)

    def measured(self):
        lines = self.log.read_text().split("\n")[:-1] if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def folder(tmp_path, monkeypatch, runner):
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return Folder(tmp_path, runner)


def test_mean_and_half_range_over_the_seeds_are_printed(folder, capsys):
    folder.add("one")
    assert folder.run("--seeds", "3") == 0
    out = capsys.readouterr().out
    assert "one holds (slide 3)\n  [nats]\n" in out
    assert "figure  3.0 ± 1.0  (3 seeds)" in out
    table = (folder.results / "table.md").read_text().splitlines()
    assert "| one holds (slide 3) | figure | 3.0 ± 1.0 | nats | 3 |" in table
    assert "| one holds (slide 3) | CPU s | 1 ± 0 | s | 3 |" in table


def test_a_stored_result_is_not_measured_again_unless_asked(folder):
    folder.add("one")
    folder.run("--seeds", "2")
    assert folder.measured() == ["one 0", "one 1"]
    folder.run("--seeds", "3")
    assert folder.measured() == ["one 2"]
    folder.run("--seeds", "1", "--fresh")
    assert folder.measured() == ["one 0"]


def test_a_row_that_changed_is_measured_again(folder, capsys):
    folder.add("one")
    folder.add("two")
    folder.run("--seeds", "1")
    folder.measured()
    folder.add("one", "return {'figure': 70.0}")
    folder.run("--seeds", "1")
    assert folder.measured() == ["one 0"]
    assert "70" in capsys.readouterr().out


def test_an_interrupted_run_goes_on_where_it_was(folder):
    folder.add("one")
    folder.add("two", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        folder.run("--seeds", "1")
    folder.add("two")
    folder.measured()
    folder.run("--seeds", "1")
    assert folder.measured() == ["two 0"]


def test_a_damaged_file_is_measured_again(folder):
    folder.add("one")
    folder.run("--seeds", "1")
    (folder.results / "one-0.json").write_text('{"row": ')
    folder.measured()
    folder.run("--seeds", "1")
    assert folder.measured() == ["one 0"]


def test_only_the_named_rows_are_measured(folder):
    folder.add("one")
    folder.add("two")
    folder.run("two", "--seeds", "1")
    assert folder.measured() == ["two 0"]
    with pytest.raises(SystemExit, match="no row called three"):
        folder.run("three")


def test_missing_data_are_named_and_stop_nothing(folder, capsys):
    folder.add("one", "from claims import Unavailable; raise Unavailable('no chorales here')")
    folder.add("two")
    assert folder.run("--seeds", "1") == 0
    assert "unavailable: no chorales here" in capsys.readouterr().out
    assert folder.measured() == ["one 0", "two 0"]
    folder.run("--seeds", "1")
    assert folder.measured() == ["one 0"]  # asked again: the data may have come


def test_a_failure_is_named_and_stops_nothing_but_the_exit_status(folder, capsys):
    folder.add("one", "raise ValueError('too odd')")
    folder.add("two")
    assert folder.run("--seeds", "1") == 1
    out = capsys.readouterr()
    assert "failed: ValueError: too odd" in out.out
    assert "Traceback" in out.err
    assert folder.measured() == ["one 0", "two 0"]


def test_show_measures_nothing(folder, capsys):
    folder.add("one")
    folder.run("--show")
    assert folder.measured() == []
    assert "not measured yet" in capsys.readouterr().out


def test_a_helper_in_the_folder_is_no_row(folder):
    folder.add("one")
    (folder.rows / "shared.py").write_text("WIDTH = 3\n")
    folder.run("--seeds", "1")
    assert folder.measured() == ["one 0"]
    assert [path.name for path in folder.results.glob("*.json")] == ["one-0.json"]


def test_the_cpu_time_is_measured_where_a_row_is_silent(folder):
    folder.add("one", "return {'figure': 1}")
    folder.run("--seeds", "1")
    figures = json.loads((folder.results / "one-0.json").read_text())["figures"]
    assert figures["figure"] == 1.0
    assert 0 <= figures["CPU s"] < 1


@pytest.mark.parametrize("path", sorted(CLAIMS.glob("[!_]*.py")), ids=lambda path: path.stem)
def test_every_row_of_the_course_has_its_claim_and_its_units(path, runner):
    module = importlib.import_module(f"claims.{path.stem}")
    if hasattr(module, "measure"):
        assert "slide" in module.CLAIM
        assert len(module.CLAIM) <= 90
        assert module.UNITS
        assert module.__doc__


def test_seeds_must_be_positive(folder):
    with pytest.raises(SystemExit):
        folder.run("--seeds", "0")
