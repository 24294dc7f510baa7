import sys
from types import ModuleType, SimpleNamespace

import pytest

from course_lib import progress
from course_lib.progress import Progress


@pytest.fixture
def plain_process(monkeypatch):
    """The environment of a process that is neither pytest's nor nbgrader's; no time need pass."""
    environment = {}
    monkeypatch.setattr(progress, "os", SimpleNamespace(environ=environment))
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_UPDATES", 0.0)
    return environment


def count_to_three(label="counting", **arguments):
    with Progress(3, label, **arguments) as bar:
        for step in range(3):
            bar.update(step + 1, "well")


@pytest.fixture
def notebook(plain_process, monkeypatch):
    """A stand-in for a kernel; it returns the list of bundles on display, in time's order."""
    shown = []

    def display(bundle, raw, display_id):
        shown.append(bundle)
        return SimpleNamespace(update=lambda bundle, raw: shown.append(bundle))

    shell, screen = ModuleType("IPython"), ModuleType("IPython.display")
    shell.get_ipython = lambda: SimpleNamespace(kernel=object())
    screen.display = display
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", screen)
    return shown


def test_it_is_silent_under_pytest(capsys):
    count_to_three()
    assert capsys.readouterr() == ("", "")


def test_it_is_silent_while_a_submission_is_graded(plain_process, capsys, notebook):
    plain_process["NBGRADER_EXECUTION"] = "autograde"
    count_to_three()
    assert notebook == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("plain_process")
def test_it_is_silent_where_nobody_watches(capsys):
    count_to_three()
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("plain_process")
def test_a_terminal_gets_one_line_that_ends(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    count_to_three()
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    assert out.endswith("\n")
    assert out.split("\r")[-1].startswith("counting: 3/3 well")


@pytest.mark.usefixtures("plain_process")
def test_it_can_be_told_to_show_nothing(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    count_to_three(visible=False)
    assert capsys.readouterr() == ("", "")


def test_a_notebook_ends_with_a_readable_line(notebook):
    count_to_three()
    assert notebook[-1]["text/plain"] == "counting: 3/3 well"
    assert '<progress value="3" max="3"' in notebook[-1]["text/html"]
    assert "counting: 3/3 well" in notebook[-1]["text/html"]


def test_a_notebook_shows_markup_as_text(notebook):
    count_to_three(label="<b>")
    assert "<b>" not in notebook[-1]["text/html"]
    assert notebook[-1]["text/plain"].startswith("<b>: 3/3")


def test_updates_come_at_most_five_times_a_second(notebook, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_UPDATES", 0.2)
    clock = iter(range(1000, 2000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock) / 100)
    with Progress(200, "counting") as bar:
        for step in range(200):
            bar.update(step + 1)
    assert 10 <= len(notebook) <= 12
    assert notebook[-1]["text/plain"] == "counting: 200/200"


def test_an_error_passes_and_the_last_state_stays(notebook):
    def fail():
        with Progress(3, "counting") as bar:
            bar.update(2)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        fail()
    assert notebook[-1]["text/plain"] == "counting: 2/3"
