"""The student's bundle: what is in it, what is not, and that it works where it is unpacked."""

import ast
import io
import json
import os
import re
import subprocess
import zipfile
from pathlib import Path, PurePosixPath

import nbformat
import pytest
from notebook_runs import ROOT
from test_notebooks import course  # noqa: F401  (a fixture)

from course_lib.notebooks.bundle import NAME, TOP, archive, bundle, leaked, write_bundle
from course_lib.notebooks.leaks import SHORTEST
from course_lib.notebooks.problems import NotebookProblems

HIDDEN = 'assert double(5) == 10, "hidden five doubled is ten"'
CRITERION = "Two points for the secret criterion."
ANSWER = "secret_answer = 2 * x"
LECTURE = "# %% [markdown]\n# # 1 · Doubling\n#\n# Slides 3.\n"


def put(root, name, text=""):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def track(root):
    subprocess.run(["git", "add", "--all"], cwd=root, check=True)


@pytest.fixture
def small(course):  # noqa: F811
    """A course with one lecture, one problem set and a library of three parts, in git."""
    for name in sorted(set(TOP.values())):
        put(course, name, f"text of {name}\n")
    put(course, "lectures/01_doubling.py", LECTURE)
    for name in ("__init__.py", "models/__init__.py", "checks/doubling.toml"):
        put(course, f"course_lib/{name}")
    for name in ("grading/judge.py", "grading/README.md", "notebooks/build.py"):
        put(course, f"course_lib/{name}")
    put(course, "tests/wrong_answers/doubling.toml", ANSWER)
    subprocess.run(["git", "init", "--quiet"], cwd=course, check=True)
    track(course)
    return course


class TestWhatIsInIt:
    def test_what_a_student_needs_and_nothing_else(self, small):
        assert list(bundle(small)) == sorted(
            [
                *TOP,
                "assignments/ps9/ps9.ipynb",
                "course_lib/__init__.py",
                "course_lib/checks/doubling.toml",
                "course_lib/models/__init__.py",
                "lectures/01_doubling.ipynb",
                "lectures/README.md",
            ]
        )

    def test_the_students_readme_and_makefile_stand_at_the_top(self, small):
        files = bundle(small)
        assert files["README.md"] == b"text of README-students.md\n"
        assert files["Makefile"] == b"text of .ci/student.mk\n"

    def test_what_git_does_not_know_is_not_handed_out(self, small):
        before = bundle(small)
        put(small, "lectures/scratch.ipynb", "{}")
        put(small, "lectures/checkpoints/VAE-0.pt", "weights")
        put(small, "course_lib/mine.py", "x = 1")
        put(small, "assignments/ps9/notes.md", "mine")
        assert bundle(small) == before

    def test_an_assignment_that_was_not_rebuilt_is_handed_out_as_it_should_be(self, small):
        before = bundle(small)
        put(small, "assignments/ps9/ps9.ipynb", "{}")
        put(small, "assignments/ps9/old.ipynb", "{}")
        track(small)
        assert bundle(small) == before

    def test_a_folder_that_is_no_checkout_is_refused(self, small):
        (small / ".git").rename(small / "git")
        with pytest.raises(FileNotFoundError, match="root: expected a git checkout"):
            bundle(small)


class TestArchive:
    def test_two_builds_give_the_same_bytes_whenever_and_whereever_they_are_made(
        self, small, tmp_path
    ):
        first = write_bundle(small, tmp_path / "once")
        for path in small.rglob("*.py"):
            os.utime(path, (0, 0))
            path.chmod(0o600)
        second = write_bundle(small, tmp_path / "again")
        assert first.name == second.name == f"{NAME}.zip"
        assert first.read_bytes() == second.read_bytes()

    def test_the_order_of_the_files_does_not_matter(self):
        files = {"b": b"2", "a": b"1"}
        assert archive(files) == archive(dict(reversed(files.items())))

    def test_it_unpacks_into_one_folder_and_anybody_may_read_it(self):
        packed = zipfile.ZipFile(io.BytesIO(archive({"a/b.txt": b"1"})))
        (about,) = packed.infolist()
        assert about.filename == f"{NAME}/a/b.txt"
        assert about.external_attr >> 16 == 0o644
        assert packed.read(about) == b"1"


class TestLeaks:
    @pytest.mark.parametrize("line", [HIDDEN, CRITERION, "The model answer."])
    @pytest.mark.parametrize("name", ["course_lib/models/__init__.py", "README-students.md"])
    def test_a_hidden_test_or_a_mark_scheme_is_refused_anywhere(self, small, name, line):
        put(small, name, f"first\n    # {line}\n")
        with pytest.raises(
            NotebookProblems, match=r"contains this line of ps9.py, line \d+"
        ) as caught:
            bundle(small)
        assert line in str(caught.value)

    @pytest.mark.parametrize("line", [HIDDEN, CRITERION])
    def test_a_lecture_is_searched_too(self, small, line):
        put(small, "lectures/01_doubling.py", f"{LECTURE}\n# %%\nx = 1\n# {line}\n")
        with pytest.raises(NotebookProblems, match=r"01_doubling.ipynb contains this line"):
            bundle(small)

    def test_an_answer_is_refused_outside_lectures_and_library(self, small):
        put(small, "README-students.md", f"    {ANSWER}\n")
        with pytest.raises(NotebookProblems, match=r"README.md contains .* double: secret_answer"):
            bundle(small)
        put(small, "README-students.md")
        put(small, "course_lib/checks/doubling.toml", f"{ANSWER}\n")
        assert "course_lib/checks/doubling.toml" in bundle(small)

    @pytest.mark.parametrize("where", ["source", "outputs", "metadata"])
    def test_every_part_of_a_notebook_is_searched(self, small, where):
        cell = nbformat.v4.new_code_cell("x = 1")
        if where == "source":
            cell.source += f"\n  {HIDDEN}"
        elif where == "outputs":
            cell.outputs = [nbformat.v4.new_output("stream", text=f"said\n{HIDDEN}\n")]
        else:
            cell.metadata["note"] = HIDDEN
        content = nbformat.writes(nbformat.v4.new_notebook(cells=[cell])).encode()
        (found,) = leaked({"lectures/a.ipynb": content}, small)
        assert found.startswith("lectures/a.ipynb contains this line of ps9.py")

    def test_an_array_is_no_text(self, small):
        assert leaked({"course_lib/a.npz": b"\x93NUMPY\xff" + HIDDEN.encode()}, small) == []


@pytest.fixture(scope="module")
def files():
    """The bundle of this course."""
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout")
    return bundle(ROOT)


@pytest.fixture(scope="module")
def texts(files):
    """What can be read in it; of notebooks every text, with its lines as they were written."""
    return {
        name: content.decode()
        for name, content in files.items()
        if not name.endswith((".npz", ".png"))
    }


SECRET = {
    "hidden tests": r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS",
    "written answers and mark schemes": r'\n# %% \[markdown\] grade="written".*?\n(.*?)\n# %%',
    "answers": r"### BEGIN SOLUTION\n(.*?)### END SOLUTION",
}


def secret(kind):
    """Every line of a kind that is kept from students, read without the builder."""
    for path in sorted(ROOT.glob("solutions/*/*.py")):
        for block in re.findall(SECRET[kind], path.read_text(), re.DOTALL):
            for line in block.splitlines():
                bare = line.strip("# \t")
                if len(bare) >= SHORTEST and re.search("[A-Za-z]", bare):
                    yield bare


class TestThisCourse:
    @pytest.mark.parametrize("kind", SECRET)
    def test_no_line_that_is_kept_from_students_is_in_it(self, texts, kind):
        lines = set(secret(kind))
        assert len(lines) > 50
        for name, text in texts.items():
            if kind != "answers" or PurePosixPath(name).parts[0] == "assignments":
                lines_there = {part.strip('# \t",').replace("\\n", "") for part in text.split("\n")}
                assert {json.dumps(line)[1:-1] for line in lines} & lines_there == set(), name
                assert lines & lines_there == set(), name

    def test_nothing_of_a_maintainers_folders_is_in_it(self, files):
        parts = {part for name in files for part in PurePosixPath(name).parts}
        assert parts & {"solutions", "tests", "grading", "notebooks", "nbgrader_config.py"} == set()
        assert not [name for name in files if re.fullmatch(r"(lectures|assignments)/.*\.py", name)]

    def test_every_problem_set_and_every_lecture_is_in_it(self, files):
        for folder in ("lectures", "assignments"):
            for path in ROOT.glob(f"{folder}/**/*.ipynb"):
                assert path.relative_to(ROOT).as_posix() in files

    def test_every_link_of_its_documents_leads_to_a_file_in_it(self, files):
        folders = {parent for name in files for parent in PurePosixPath(name).parents}
        for name in [name for name in files if name.endswith(".md")]:
            for target in re.findall(r"\]\(([^)#]+)\)", files[name].decode()):
                if "://" not in target:
                    place = os.path.normpath(PurePosixPath(name).parent / target)
                    assert place in files or PurePosixPath(place) in folders, f"{name}: {target}"

    def test_every_part_of_the_library_that_is_used_is_in_it(self, files):
        modules = {name.removesuffix(".py").removesuffix("/__init__") for name in files}
        used = {module for code in codes(files) for module in imports(code)}
        assert {"course_lib/models", "course_lib/checks/ask"} <= used
        assert {module for module in used if module not in modules} == set()


def codes(files):
    for name, content in files.items():
        if name.endswith(".py"):
            yield content.decode()
        elif name.endswith(".ipynb"):
            for cell in nbformat.reads(content.decode(), as_version=4).cells:
                if cell.cell_type == "code" and "%" not in cell.source[:1]:
                    yield cell.source


def imports(code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("course_lib"):
            yield node.module.replace(".", "/")
        elif isinstance(node, ast.Import):
            yield from (a.name.replace(".", "/") for a in node.names if a.name[:10] == "course_lib")


# Stands for Python: makes a .venv with itself in it, and writes down what pip is asked for.
STAND_IN = """#!/bin/sh
case "$1 $2" in
    "-c "*) exit 0 ;;
    "--version "*) echo "Python 3.11.0" ;;
    "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip") echo "$*" >>"$(dirname "$0")/../asked" && touch .venv/pip.log ;;
    *) echo "unexpected: $*" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def unpacked(files, tmp_path):
    """The bundle, unpacked into an empty folder."""
    zipfile.ZipFile(io.BytesIO(archive(files))).extractall(tmp_path)
    return tmp_path / NAME


class TestUnpacked:
    def test_make_lab_installs_from_it(self, unpacked, tmp_path):
        stand_in = put(tmp_path, "python3.11", STAND_IN)
        stand_in.chmod(0o755)
        command = ["make", "environment", f"PYTHON={stand_in}"]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
        for times in (1, 1):  # a second call installs nothing
            done = subprocess.run(command, cwd=unpacked, capture_output=True, text=True, env=clean)
            assert done.returncode == 0, done.stdout + done.stderr
            asked = (unpacked / ".venv/asked").read_text().splitlines()
            assert len(asked) == times
        assert asked[0].endswith("-r requirements.txt")

    def test_whatever_the_installation_and_make_name_is_there(self, unpacked):
        required = re.findall(r"^-[rc] (\S+)", (unpacked / "requirements.txt").read_text(), re.M)
        readme = re.search('readme = "(.*)"', (unpacked / "pyproject.toml").read_text())[1]
        named = re.findall(r"\.ci/[\w/.]+", (unpacked / "Makefile").read_text())
        assert "constraints.txt" in required
        assert ".ci/environment.sh" in named
        for name in [*required, readme, *set(named) - {".ci/student.mk"}]:
            assert (unpacked / name).is_file(), name

    def test_make_lab_would_start_jupyter(self, unpacked):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
        command = ["make", "--dry-run", "lab", "LAB_FLAGS=--no-browser"]
        done = subprocess.run(command, cwd=unpacked, capture_output=True, text=True, env=clean)
        assert done.returncode == 0, done.stderr
        assert ".venv/bin/jupyter lab --LabApp.default_url=/lab/tree/README.md" in done.stdout
        assert "--no-browser" in done.stdout


def test_the_courses_makefile_offers_what_the_students_does():
    makefile = ROOT / "Makefile"
    if not makefile.is_file():
        pytest.skip("no Makefile")
    assert re.search(r"^include \.ci/student\.mk$", makefile.read_text(), re.MULTILINE)
    done = subprocess.run(["make", "help"], cwd=Path(ROOT), capture_output=True, text=True)
    assert "make lab " in done.stdout
    assert "make release " in done.stdout
