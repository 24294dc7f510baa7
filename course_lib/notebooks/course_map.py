"""The map of the course, extracted from the percent files: from slides to lectures and exercises.

Nothing is listed by hand. A lecture's slides come from its first cell, its models and identities
from its code, and its exercises from the problem set of the same topic. So the map cannot go out of
date, and a name that no longer exists stops the build.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from course_lib.notebooks.names import parse
from course_lib.notebooks.percent import from_percent, grade_of
from course_lib.notebooks.problems import NotebookProblems

__all__ = ["MAP", "Topic", "course_map", "topics"]

MAP = Path("lectures", "README.md")
MODELS, IDENTITIES = "course_lib.models", "identities"
TITLE = re.compile(r"^# +(?:\d+ *· *)?(.+)$", re.MULTILINE)
SLIDES = re.compile(r"\bslides? ((?:\d+(?:-\d+)?(?:, | and )?)+)", re.IGNORECASE)
EXERCISE = re.compile(r"^## (?:Exercise|Part) (\d+) · (.+)$", re.MULTILINE)

OPENING = """# The map of the course

<!-- Generated from the lectures and problem sets by `make notebooks`. -->

Each lecture, with the slides of CS236's Lecture 12 that it covers, the classes of
`course_lib.models` that it uses, the equations of the slides that it checks by computing both sides
(identities), and the exercises of its problem set.
"""


@dataclass(frozen=True)
class Topic:
    """One lecture and its problem set.

    Attributes:
        lecture: the lecture's notebook, relative to the course.
        title: the title of the lecture.
        slides: the slides it covers, in order.
        models: the classes of ``course_lib.models`` that its code names.
        identities: the functions of ``course_lib.exact.identities`` that its code calls.
        problem_set: the released notebook of its problem set, or None.
        exercises: the titles of the exercises, in order.
    """

    lecture: Path
    title: str
    slides: tuple[int, ...]
    models: tuple[str, ...]
    identities: tuple[str, ...]
    problem_set: Path | None
    exercises: tuple[str, ...]


def topics(root: Path) -> list[Topic]:
    """Return every topic of the course, in the order of its lectures.

    Args:
        root: the folder that holds lectures/ and solutions/.

    Raises:
        NotebookProblems: if a lecture has no title or no slides, or uses an identity or a model
            that the library does not define.
    """
    return [_topic(path, root) for path in sorted((root / "lectures").glob("*.py"))]


def course_map(root: Path) -> bytes:
    """Return the page that lists every topic, and for every slide the lectures that cover it.

    Args:
        root: the folder that holds lectures/, solutions/ and course_lib/.
    """
    found = topics(root)
    parts = [OPENING, *(_section(topic, root) for topic in found), _by_slide(found)]
    return ("\n".join(parts).rstrip("\n") + "\n").encode()


def _topic(path: Path, root: Path) -> Topic:
    notebook = from_percent(path)
    title, slides = _heading(notebook, path)
    models, identities = set(), set()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            tree = parse(cell.source)
            models |= set(_imported(tree, MODELS))
            identities |= set(_attributes(tree, IDENTITIES))
    _refuse_unknown(path, models, _exported(root / "course_lib/models/__init__.py"))
    _refuse_unknown(path, identities, _identity_files(root).keys())
    problem_set, exercises = _problem_set(path.stem, root)
    lecture = path.relative_to(root).with_suffix(".ipynb")
    ordered = tuple(sorted(models)), tuple(sorted(identities))
    return Topic(lecture, title, slides, *ordered, problem_set, exercises)


def _heading(notebook: NotebookNode, path: Path) -> tuple[str, tuple[int, ...]]:
    """Return the title and the slides that the first cell of a lecture states."""
    first = notebook.cells[0].source if notebook.cells else ""
    title, slides = TITLE.search(first), SLIDES.search(first)
    if title is None or slides is None:
        raise NotebookProblems(path, ["the first cell must state a title and 'Slides N, M'"])
    return title[1].strip(), tuple(sorted(set(_numbers(slides[1]))))


def _numbers(text: str) -> Iterator[int]:
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", text):
        yield from range(int(first), int(last or first) + 1)


def _imported(tree: ast.Module, module: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == module:
            yield from (alias.name for alias in node.names)


def _attributes(tree: ast.Module, name: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == name:
            yield node.attr


def _refuse_unknown(path: Path, used: set[str], known: set[str]) -> None:
    unknown = sorted(used - set(known))
    if unknown:
        raise NotebookProblems(path, [f"{name}: the library has no such name" for name in unknown])


def _exported(path: Path) -> set[str]:
    """Return the names in ``__all__`` of a module, without importing it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def _identity_files(root: Path) -> dict[str, Path]:
    """Return the file that defines each identity, relative to the course."""
    return {
        node.name: path.relative_to(root)
        for path in sorted((root / "course_lib/exact/identities").glob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }


def _problem_set(stem: str, root: Path) -> tuple[Path | None, tuple[str, ...]]:
    """Return the released problem set with the topic of a lecture, and its exercises."""
    topic = stem.partition("_")[2]
    kinds = (f"ps*_{topic}/ps*_{topic}.py", f"project_{topic}/project_{topic}.py")
    for path in [path for kind in kinds for path in sorted((root / "solutions").glob(kind))]:
        cells = from_percent(path).cells
        headings = [match for cell in cells for match in EXERCISE.finditer(cell.source)]
        graded = [cell for cell in cells if grade_of(cell) in ("solution", "written")]
        if len(headings) != len(graded):
            problem = f"{len(headings)} headings '## Exercise N · title', {len(graded)} answers"
            raise NotebookProblems(path, [problem])
        released = Path("assignments", path.parent.name, f"{path.stem}.ipynb")
        return released, tuple(heading[2].strip() for heading in headings)
    return None, ()


def _section(topic: Topic, root: Path) -> str:
    files = _identity_files(root)
    identities = [f"[`{name}`](../{files[name].as_posix()})" for name in topic.identities]
    lines = [
        f"## [{topic.lecture.stem[:2]} · {topic.title}]({topic.lecture.name})",
        "",
        f"- **Slides:** {', '.join(map(str, topic.slides))}",
        f"- **Models:** {', '.join(f'`{name}`' for name in topic.models) or 'none'}",
        f"- **Identities:** {', '.join(identities) or 'none'}",
    ]
    if topic.problem_set is not None:
        link = f"[{topic.problem_set.stem}](../{topic.problem_set.as_posix()})"
        kind = "Project" if topic.problem_set.stem.startswith("project") else "Problem set"
        lines.append(f"- **{kind}:** {link}")
        lines += [f"  {number}. {title}" for number, title in enumerate(topic.exercises, 1)]
    return "\n".join([*lines, ""])


def _by_slide(found: list[Topic]) -> str:
    lines = ["## By slide", "", "| slide | lecture | problem set |", "|---|---|---|"]
    for slide in sorted({slide for topic in found for slide in topic.slides}):
        covering = [topic for topic in found if slide in topic.slides]
        lectures = ", ".join(f"[{t.lecture.stem[:2]}]({t.lecture.name})" for t in covering)
        sets = ", ".join(
            f"[{t.problem_set.stem.partition('_')[0]}](../{t.problem_set.as_posix()})"
            for t in covering
            if t.problem_set is not None
        )
        lines.append(f"| {slide} | {lectures} | {sets} |")
    return "\n".join([*lines, ""])
