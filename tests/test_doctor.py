"""Every finding of the student's doctor, on an installation that is broken in just that way."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from types import SimpleNamespace

import jupyter_core.paths
import psutil
import pytest
from notebook_runs import ROOT

from course_lib.__main__ import main
from course_lib.doctor import doctor, machine, packages
from course_lib.doctor.findings import GIB, Finding, safely, show
from course_lib.doctor.jupyter import EXTENSION

PINS = {"torch": "2.13.0", "ipywidgets": "8.1.9", "scikit-learn": "1.9.1"}
EXACT = {
    "numpy": "2.4.6",
    "jupyterlab_widgets": "3.0.17",
    "jupyter_core": "5.9.1",
    "scipy": "1.17.1",
}
REAL_SPEC = importlib.util.find_spec


class Installation:
    """An installation in which all is well, and what a test may break in it."""

    def __init__(self, root):
        self.root, self.prefix = root / "course", root / "course" / ".venv"
        self.versions = {**PINS, **EXACT, "psutil": "7.2.2"}
        self.without_files = set()
        self.origin = {"url": self.root.as_uri(), "dir_info": {"editable": True}}
        (self.root / "lectures").mkdir(parents=True)
        (self.root / "my/ps1").mkdir(parents=True)
        pins = "".join(f"{name}=={version}  # used\n" for name, version in PINS.items())
        self.put(
            self.root / "requirements.txt", f"# What is needed.\n-c constraints.txt\n{pins}-e .\n"
        )
        exact = "".join(f"{name}=={version}; sys_platform\n" for name, version in EXACT.items())
        self.put(
            self.root / "constraints.txt", f"{exact}appnope==1.0.0; sys_platform == 'darwin'\n"
        )
        self.extension = self.data / f"labextensions/{EXTENSION}/package.json"
        self.put(self.extension, json.dumps({"version": "5.0.16"}))
        self.spec = self.data / "kernels/python3/kernel.json"
        self.put(self.spec, json.dumps({"argv": ["python", "-m", "ipykernel_launcher"]}))

    @property
    def data(self):
        return self.prefix / "share/jupyter"

    def put(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def version(self, name):
        if name not in self.versions:
            raise metadata.PackageNotFoundError(name)
        return self.versions[name]

    def distributions(self, name):
        text = None if self.origin is None else json.dumps(self.origin)
        return [SimpleNamespace(read_text=lambda file: text)]

    def find_spec(self, name):
        ours = {"torch", "ipywidgets", "sklearn"}
        found = None if name in self.without_files else name
        return found if name in ours else REAL_SPEC(name)

    def bad(self):
        return [finding for finding in doctor(self.root) if finding.level != "ok"]

    def only(self, level, *words):
        """The one thing that is amiss, which has this level and holds these words."""
        found = self.bad()
        assert len(found) == 1, found
        assert found[0].level == level
        for word in words:
            assert word in f"{found[0].text} -> {found[0].remedy}"


@pytest.fixture
def here(tmp_path, monkeypatch):
    made = Installation(tmp_path)
    monkeypatch.setattr(sys, "prefix", str(made.prefix))
    monkeypatch.setattr(sys, "executable", str(made.prefix / "bin/python"))
    for name in ("version", "distributions"):
        monkeypatch.setattr(metadata, name, getattr(made, name))
    monkeypatch.setattr(importlib.util, "find_spec", made.find_spec)
    paths = jupyter_core.paths
    monkeypatch.setattr(paths, "jupyter_path", lambda kind: [str(made.data / kind)])
    monkeypatch.setattr(paths, "jupyter_config_path", lambda: [str(made.prefix / "etc/jupyter")])
    monkeypatch.setattr(paths, "jupyter_runtime_dir", lambda: str(tmp_path / "run/jupyter"))
    free = SimpleNamespace(available=8 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    monkeypatch.setattr(machine, "CGROUP", tmp_path / "no-cgroup")
    return made


def test_a_sound_installation_has_nothing_amiss_and_says_what_was_looked_at(here):
    assert here.bad() == []
    texts = " ".join(finding.text for finding in doctor(here.root))
    for word in ("Python", "packages", "course_lib", "sliders", "saved", "disk", "memory"):
        assert word in texts


def test_it_changes_nothing(here):
    before = sorted(here.root.rglob("*"))
    doctor(here.root)
    assert sorted(here.root.rglob("*")) == before


class TestPython:
    def test_too_old(self, here, monkeypatch):
        monkeypatch.setattr(sys, "version_info", (3, 10, 4))
        here.only("problem", "Python 3.10.4 is too old", "3.11", "make lab PYTHON=")

    def test_of_32_bits(self, here, monkeypatch):
        monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
        here.only("problem", "32-bit", "64-bit")

    def test_not_the_one_of_the_course(self, here, monkeypatch):
        monkeypatch.setattr(sys, "prefix", str(here.root))
        here.only("note", "not the course's", ".venv", "-m course_lib doctor")

    def test_the_oldest_is_what_the_package_promises(self):
        if not (ROOT / "pyproject.toml").is_file():
            pytest.skip("no pyproject.toml")
        promised = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
            "requires-python"
        ]
        assert promised == ">=" + ".".join(map(str, packages.OLDEST))


class TestPackages:
    def test_missing(self, here):
        del here.versions["torch"], here.versions["scikit-learn"]
        here.only("problem", "not installed: torch, scikit-learn", "pip install -r")

    def test_without_its_files(self, here):
        here.without_files.add("sklearn")
        here.only("problem", "scikit-learn", "files are missing", "--no-deps scikit-learn==1.9.1")

    def test_another_version(self, here):
        here.versions["torch"] = "2.12.0"
        here.only("note", "torch 2.12.0 (tested: 2.13.0)", "if something fails")

    def test_another_version_of_what_a_package_needs(self, here):
        here.versions["scipy"] = "1.0"
        here.only("note", "scipy 1.0 (tested: 1.17.1)")

    def test_a_build_for_one_processor_is_the_same_version(self, here):
        here.versions["torch"] = "2.13.0+cpu"
        assert here.bad() == []

    def test_what_is_pinned_for_another_system_is_not_missed(self, here):
        assert "appnope" in packages.pins(here.root / "constraints.txt")
        assert here.bad() == []

    def test_many_other_versions_are_counted(self, here):
        here.versions |= dict.fromkeys(PINS | EXACT, "8.0")
        here.only("note", "ipywidgets 8.0", "and 2 more")

    def test_no_pins(self, here):
        (here.root / "requirements.txt").unlink()
        here.only("note", "no requirements.txt", "--root FOLDER")


class TestLibrary:
    def test_not_installed(self, here):
        here.origin = None
        here.only("problem", "course_lib is not installed", f"pip install --no-deps -e {here.root}")

    def test_of_another_folder(self, here, tmp_path):
        here.origin["url"] = (tmp_path / "a copy").as_uri()
        here.only("problem", f"the course_lib of {tmp_path / 'a copy'}, not the one in")

    def test_installed_as_a_copy(self, here, tmp_path):
        here.origin = {"url": tmp_path.as_uri(), "dir_info": {}}
        assert here.bad() == []

    @pytest.mark.parametrize("name", ["random.py", "lectures/torch.py", "my/ps1/sklearn.py"])
    def test_hidden_by_a_file_of_the_readers(self, here, name):
        here.put(here.root / name, "x = 1")
        here.only("problem", f"{name} hides the module", "rename")

    def test_a_file_with_a_name_of_its_own_hides_nothing(self, here):
        here.put(here.root / "my/ps1/notes.py", "x = 1")
        assert here.bad() == []


class TestSliders:
    def test_missing_in_the_browser(self, here):
        here.extension.unlink()
        here.only("problem", "sliders will not be shown", "jupyterlab_widgets==3.0.17", "restart")

    def test_of_another_generation(self, here):
        here.put(here.extension, json.dumps({"version": "3.1.0"}))
        here.only("problem", "3.1.0 does not match ipywidgets 8.1.9", "jupyterlab_widgets==3.0.17")

    def test_of_the_older_generation_on_both_sides(self, here):
        here.put(here.extension, json.dumps({"version": "3.1.0"}))
        here.versions["ipywidgets"] = "7.8.5"
        here.only("note", "ipywidgets 7.8.5 (tested: 8.1.9)")

    @pytest.mark.parametrize(
        "disabled", [{EXTENSION: True}, {f"{EXTENSION}:plugin": True}, [EXTENSION]]
    )
    @pytest.mark.parametrize("place", ["etc/jupyter/labconfig", "share/jupyter/lab/settings"])
    def test_switched_off(self, here, place, disabled):
        settings = here.prefix / place / "page_config.json"
        here.put(settings, json.dumps({"disabledExtensions": disabled}))
        here.only("problem", "disables", "jupyter labextension enable")

    def test_switched_on_again(self, here):
        settings = here.prefix / "etc/jupyter/labconfig/page_config.json"
        here.put(settings, json.dumps({"disabledExtensions": {EXTENSION: False, "other": True}}))
        assert here.bad() == []

    def test_settings_that_cannot_be_read(self, here):
        here.put(here.prefix / "etc/jupyter/labconfig/page_config.json", "{")
        here.only("problem", "looking at sliders failed")


class TestKernel:
    @pytest.mark.parametrize("program", ["python", "python3", "python3.11"])
    def test_names_that_jupyter_replaces(self, here, program):
        here.put(here.spec, json.dumps({"argv": [program]}))
        assert here.bad() == []

    def test_the_same_python_by_its_path(self, here):
        here.put(here.spec, json.dumps({"argv": [sys.executable]}))
        assert here.bad() == []

    def test_none_is_listed(self, here):
        here.spec.unlink()
        assert here.bad() == []

    def test_of_another_environment(self, here, tmp_path):
        other = here.put(tmp_path / "other/bin/python", "")
        here.put(here.spec, json.dumps({"argv": [str(other)]}))
        here.only("problem", f"run with {other}", f"delete the folder {here.spec.parent}")

    def test_that_is_gone(self, here, tmp_path):
        here.put(here.spec, json.dumps({"argv": [str(tmp_path / "gone/bin/python")]}))
        here.only("problem", "which does not exist")

    def test_without_a_command(self, here):
        here.put(here.spec, "{}")
        here.only("problem", "looking at kernel failed")


class TestMachine:
    @pytest.mark.parametrize("name", ["", "lectures", "my"])
    def test_a_folder_that_cannot_be_written(self, here, monkeypatch, name):
        monkeypatch.setattr(os, "access", lambda path, mode: path != here.root / name)
        here.only("problem", f"{here.root / name} is not writable", "chmod u+w")

    def test_where_jupyter_keeps_what_runs(self, here, tmp_path, monkeypatch):
        monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
        here.only("problem", f"{tmp_path} is not writable")

    @pytest.mark.parametrize(("free", "level"), [(GIB // 8, "problem"), (GIB // 2, "note")])
    def test_disk(self, here, monkeypatch, free, level):
        usage = shutil.disk_usage(here.root)._replace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)
        here.only(level, "free on disk: 0.", "free some space")

    @pytest.mark.parametrize(("free", "level"), [(GIB // 2, "problem"), (3 * GIB // 2, "note")])
    def test_memory(self, here, monkeypatch, free, level):
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=free))
        here.only(level, f"free memory: {free / GIB:.1f} GiB", "close other programs")

    @pytest.mark.parametrize(("kept", "amiss"), [(0, True), (3 * GIB, False)])
    def test_a_containers_limit_counts_without_the_files_that_are_only_kept(
        self, here, monkeypatch, tmp_path, kept, amiss
    ):
        monkeypatch.setattr(machine, "CGROUP", tmp_path)
        here.put(tmp_path / "memory.max", f"{4 * GIB}\n")
        here.put(tmp_path / "memory.current", f"{7 * GIB // 2}\n")
        here.put(tmp_path / "memory.stat", f"anon 5\ninactive_file {kept}\n")
        assert bool(here.bad()) == amiss

    def test_a_container_without_a_limit(self, here, monkeypatch, tmp_path):
        monkeypatch.setattr(machine, "CGROUP", tmp_path)
        for name in ("max", "current", "stat"):
            here.put(tmp_path / f"memory.{name}", "max\n" if name == "max" else "file 1\n")
        assert here.bad() == []


class TestDeep:
    def test_a_package_that_cannot_be_imported_is_quoted(self, here, monkeypatch, tmp_path):
        said = SimpleNamespace(returncode=1, stderr="Traceback\nImportError: libtorch is broken\n")
        fine = SimpleNamespace(returncode=0, stderr="a warning")

        def run(command, **options):
            return said if command[-1] == "import torch" else fine

        monkeypatch.setattr(subprocess, "run", run)
        found = [finding for finding in doctor(here.root, deep=True) if finding.level != "ok"]
        assert [f.text for f in found] == [
            "torch cannot be imported: ImportError: libtorch is broken"
        ]
        assert found[0].remedy.endswith("--no-deps torch==2.13.0")

    def test_a_package_that_kills_python_is_named(self, here, monkeypatch):
        killed = SimpleNamespace(returncode=-4, stderr="")
        monkeypatch.setattr(subprocess, "run", lambda command, **options: killed)
        found = [finding for finding in doctor(here.root, deep=True) if finding.level != "ok"]
        assert len(found) == len(PINS)
        assert found[0].text == "torch cannot be imported: ended with status -4"

    def test_what_is_not_installed_is_named_once(self, here, monkeypatch):
        fine = SimpleNamespace(returncode=0, stderr="")
        monkeypatch.setattr(subprocess, "run", lambda command, **options: fine)
        del here.versions["torch"]
        found = [finding for finding in doctor(here.root, deep=True) if finding.level != "ok"]
        assert len(found) == 1


class TestCommand:
    def call(self, here, capsys, *arguments):
        status = main(["doctor", "--root", str(here.root), *arguments])
        return status, capsys.readouterr().out

    def test_all_is_well(self, here, capsys):
        status, said = self.call(here, capsys)
        assert status == 0
        assert said.startswith("ok ")
        assert self.call(here, capsys, "--quiet") == (0, "")

    def test_a_note_is_no_failure(self, here, capsys):
        here.versions["torch"] = "2.12.0"
        status, said = self.call(here, capsys, "--quiet")
        assert status == 0
        assert said.startswith("note ")

    def test_a_problem_is_a_failure_with_its_remedy_below(self, here, capsys):
        here.extension.unlink()
        status, said = self.call(here, capsys, "--quiet")
        assert status == 1
        assert re.fullmatch(r"problem sliders .*\n +-> .*\n", said)

    def test_it_is_quick_and_imports_nothing_heavy(self):
        """In a process of its own, as make lab calls it; seconds of the processor, no waiting."""
        code = (
            "import sys, time\nfrom course_lib.__main__ import main\nmain(['doctor', '--quiet'])\n"
            "heavy = {'torch', 'numpy', 'matplotlib', 'ipywidgets', 'IPython'} & set(sys.modules)\n"
            "print('measured', time.process_time(), *heavy)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        seconds, *heavy = done.stdout.splitlines()[-1].split()[1:]
        assert heavy == []
        assert float(seconds) < 2


def test_a_look_that_fails_in_an_unexpected_way_stops_no_other(here, monkeypatch):
    def broken():
        raise RuntimeError("no")

    monkeypatch.setattr(psutil, "virtual_memory", broken)
    here.only("problem", "looking at memory failed: no")


def test_what_is_not_expected_of_a_look_passes_through():
    def look(subject):
        yield Finding("ok", subject)
        raise KeyError("x")

    with pytest.raises(KeyError):
        list(safely(look, "here"))
    assert [f.text for f in safely(look, "here", KeyError)] == [
        "here",
        "looking at look failed: 'x'",
    ]


def test_remedies_stand_below_what_they_mend(capsys):
    show([Finding("ok", "fine"), Finding("note", "so so", "do this")])
    assert capsys.readouterr().out == "ok      fine\nnote    so so\n          -> do this\n"


def test_make_lab_asks_the_doctor_and_goes_on_whatever_it_says():
    makefile = ROOT / ".ci/student.mk"
    if not makefile.is_file():
        pytest.skip("no Makefile")
    lines = makefile.read_text().splitlines()
    ask = next(i for i, line in enumerate(lines) if "doctor --quiet" in line)
    assert lines[ask].endswith("|| true")
    assert "jupyter lab" in lines[ask + 1]
