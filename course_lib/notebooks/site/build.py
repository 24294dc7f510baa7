"""From the course's notebooks to pages: the sources, Sphinx, and a search of what came out."""

from __future__ import annotations

import html
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat
from nbformat import NotebookNode

from course_lib.notebooks.bundle import leaked
from course_lib.notebooks.course_map import MAP
from course_lib.notebooks.problems import NotebookProblems
from course_lib.notebooks.site.run import executed, stripped

__all__ = ["SETTINGS", "build_site"]

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")
TAG = re.compile(r"<[^>]*>")
PAGES = {".html", ".js", ".txt", ".inv"}
NOTE = """*This page was made by running the notebook. Its figures with sliders work here, without
Python; everything else, training above all, shows what that run gave. To change the code, open the
notebook `{name}` as the course's README says.*"""
OPENING = """The lectures below can be read, and their figures moved, without installing anything.
To solve a problem set, or to change the code of a lecture, install the course; its README says how.
"""
TOC = """
```{{toctree}}
:hidden:
:caption: {caption}

{names}
```
"""
# Words at figures and tables must be readable on the light ground that both keep in the dark.
STYLE = """
.cell_output figure figcaption { color: inherit; text-align: left; }
.cell_output caption { color: inherit; }
.cell_output figure { overflow-x: auto; }
@media print { .cell, .cell_output figure { break-inside: avoid; } }
"""
SETTINGS: dict[str, Any] = {
    "project": "How generative models combine",
    "extensions": ["myst_nb", "sphinx.ext.mathjax"],
    "root_doc": "index",
    "nb_execution_mode": "off",
    "nb_ipywidgets_js": {},  # it would be fetched from another host, and moves nothing here
    "myst_enable_extensions": ["dollarmath", "amsmath"],
    "myst_heading_anchors": 3,
    "mathjax_path": "mathjax/tex-svg.js",
    "html_theme": "sphinx_book_theme",
    "html_theme_options": {
        "use_download_button": False,
        "use_fullscreen_button": False,
        "show_toc_level": 2,
        "navbar_persistent": [],  # one field to search in is enough
        "footer_content_items": [],
    },
    "html_context": {"default_mode": "auto"},
    "html_css_files": ["course.css"],
    "html_use_index": False,
    "html_title": "How generative models combine",
    "html_show_copyright": False,
    "html_show_sourcelink": False,
    "html_copy_source": False,
    "suppress_warnings": ["myst.header", "mystnb.unknown_mime_type"],
}


def build_site(root: Path, folder: Path, cache: Path) -> Path:
    """Build the pages of the course and return their folder.

    Args:
        root: the course.
        folder: where the pages go; what stood there is replaced.
        cache: where the runs of the lectures, the sources and Sphinx's notes are kept.

    Returns:
        The folder, with ``index.html`` in it.

    Raises:
        NotebookProblems: if a lecture fails, a link leads nowhere, or a page holds a line of an
            answer, a hidden test or a mark scheme.
        FileNotFoundError: if ``root`` has no map of the course.
    """
    sources = _sources(root, cache / "runs")
    found = leaked(sources, root)
    if found:
        raise NotebookProblems(Path("the site"), found)
    source = cache / "source"
    shutil.rmtree(source, ignore_errors=True)
    for name, content in sources.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    _copy_mathjax(source / "_static" / "mathjax")
    (source / "_static" / "course.css").write_text(STYLE, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    _sphinx(source, folder, cache / "doctrees")
    (folder / ".nojekyll").touch()  # GitHub would leave out folders that start with _
    found = leaked(_readable(folder), root)
    if found:
        shutil.rmtree(folder)
        raise NotebookProblems(Path("the site"), found)
    return folder


def _sources(root: Path, runs: Path) -> dict[str, bytes]:
    """The start page and the notebooks, by path."""
    if not (root / MAP).is_file():
        raise FileNotFoundError(f"root: expected a course with {MAP}, got {root}")
    lectures = sorted((root / "lectures").glob("*.ipynb"))
    assignments = sorted((root / "assignments").glob("*/*.ipynb"))
    names = {path.relative_to(root).as_posix() for path in (*lectures, *assignments)}
    pages = {}
    for path in lectures:
        notebook = executed(path, root, runs)
        notebook.cells.insert(1, nbformat.v4.new_markdown_cell(NOTE.format(name=path.name)))
        notebook.cells[1].id = "about-this-page"
        pages[path] = notebook
    for path in assignments:
        pages[path] = stripped(nbformat.read(path, as_version=4))
    sources = {"index.md": _start_page(root, names, lectures, assignments).encode()}
    for path, notebook in pages.items():
        notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
        name = path.relative_to(root).as_posix()
        sources[name] = nbformat.writes(_relinked(notebook, name, names)).encode()
    return sources


def _start_page(
    root: Path, names: set[str], lectures: Iterable[Path], assignments: Iterable[Path]
) -> str:
    """The map of the course, with a list of all pages for the margin."""
    title, _, text = (root / MAP).read_text(encoding="utf-8").partition("\n")
    text = _relink(text, MAP.as_posix(), names, "index.md")
    lists = [
        TOC.format(
            caption=caption,
            names="\n".join(path.relative_to(root).with_suffix("").as_posix() for path in paths),
        )
        for caption, paths in (("Lectures", lectures), ("Problem sets", assignments))
    ]
    return "\n".join([title, "", OPENING, text, *lists])


def _relinked(notebook: NotebookNode, name: str, names: set[str]) -> NotebookNode:
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _relink(cell.source, name, names, name)
    return notebook


def _relink(text: str, stood: str, names: set[str], stands: str) -> str:
    """Return a text whose links to other pages hold from where it stands now.

    A link to a file that is no page, such as a module of the library, becomes its words.
    """

    def relative(match: re.Match[str]) -> str:
        words, target, anchor = match.groups()
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        place = os.path.normpath(PurePosixPath(stood).parent / target)
        if place == MAP.as_posix():
            place = "index.md"
        if place not in names | {"index.md"}:
            return words
        there = os.path.relpath(place, PurePosixPath(stands).parent)
        return f"[{words}]({PurePosixPath(there).as_posix()}{anchor or ''})"

    return LINK.sub(relative, text)


def _copy_mathjax(target: Path) -> None:
    """Set MathJax beside the pages, so that no page asks another host for it."""
    found = importlib.util.find_spec("mathjax")
    if found is None:
        raise FileNotFoundError("mathjax: expected django-static-mathjax of requirements-site.txt")
    program = Path(next(iter(found.submodule_search_locations)), "static", "mathjax", "es5")
    target.mkdir(parents=True)
    shutil.copy(program / "tex-svg.js", target)
    shutil.copytree(program / "input", target / "input")  # what it loads for a rare command


def _sphinx(source: Path, folder: Path, notes: Path) -> None:
    """Run Sphinx, in a process of its own since a second run in one process is not the same."""
    settings = SETTINGS | {"html_static_path": ["_static"]}
    lines = [f"{name} = {value!r}\n" for name, value in settings.items()]
    (source / "conf.py").write_text("".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fresh-env", "--write-all"]
    command += ["--no-color", "-b", "html", "-d", str(notes), str(source), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or done.stderr.strip():
        shutil.rmtree(folder, ignore_errors=True)
        raise NotebookProblems(Path("the site"), done.stderr.strip().splitlines())
    for template in (folder / "_static").glob("*.html"):
        template.unlink()  # the theme's own, and no pages


def _readable(folder: Path) -> dict[str, bytes]:
    """What can be read on each page, without its tags."""
    texts = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in PAGES and "mathjax" not in path.parts:
            text = path.read_text(encoding="utf-8", errors="replace")
            text = html.unescape(TAG.sub("", text)) if path.suffix == ".html" else text
            texts[path.relative_to(folder).as_posix()] = text.encode()
    return texts
