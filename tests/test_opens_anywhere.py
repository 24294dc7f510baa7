"""The files for editors and hosted notebooks say the same as the rest of the course.

Whether they work there cannot be tried without these services.
"""

import json
import re

import pytest
from notebook_runs import ROOT

from course_lib.doctor.packages import OLDEST

VERSION = ".".join(map(str, OLDEST))
DEVCONTAINER, EXTENSIONS = ".devcontainer/devcontainer.json", ".vscode/extensions.json"
FILES = [DEVCONTAINER, EXTENSIONS, ".binder/runtime.txt", ".binder/requirements.txt"]
FILES += [".binder/postBuild"]

pytestmark = pytest.mark.skipif(not (ROOT / DEVCONTAINER).is_file(), reason="no whole course")


def text(name):
    return (ROOT / name).read_text()


def test_everywhere_the_same_python():
    assert json.loads(text(DEVCONTAINER))["image"].startswith(f"python:{VERSION}")
    assert text(".binder/runtime.txt") == f"python-{VERSION}\n"


def test_everywhere_the_same_packages():
    """Binder installs the course's own pins; a container makes the same .venv as make lab."""
    (line,) = text(".binder/requirements.txt").splitlines()
    assert (ROOT / ".binder" / line.removeprefix("-r ")).resolve() == ROOT / "requirements.txt"
    command = json.loads(text(DEVCONTAINER))["postCreateCommand"]
    assert "sh .ci/environment.sh lab" in command


def test_everywhere_the_same_extensions():
    container = json.loads(text(DEVCONTAINER))["customizations"]["vscode"]["extensions"]
    assert container == json.loads(text(EXTENSIONS))["recommendations"]


def test_binder_runs_its_last_step():
    assert (ROOT / ".binder/postBuild").stat().st_mode & 0o111
    assert text(".binder/postBuild").startswith("#!/bin/sh\n")


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_a_host(name):
    assert "://" not in text(name)


@pytest.mark.parametrize("name", FILES)
def test_whatever_a_file_names_is_there(name):
    for place in re.findall(r"\.ci/[\w/.]+", text(name)):
        assert (ROOT / place).is_file()


def test_the_readme_says_what_is_not_tested():
    section = text("README.md").partition("## Other ways to open it")[2].partition("\n## ")[0]
    for service in ("VS Code", "Codespaces", "Binder", "Colab", "nbgitpuller"):
        assert f"**{service}.**" in section
    assert "not tested" in section
