"""What only the site says: its welcome, a note on each page, and how to get the notebooks."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from course_lib.notebooks.bundle import NAME, TOP, archive, bundle

__all__ = ["ARCHIVE", "INSTALL", "TOC", "WELCOME", "add_note", "install_page", "packed"]

INSTALL = "install.ipynb"
ARCHIVE = f"{NAME}.zip"
START = "## Start\n"
WELCOME = """# How generative models combine

Welcome. This course takes dozens of models apart into a few bricks and a few ways to compare two
joint distributions, measures what each choice costs, and lets you build them. It follows Lecture 12
of Stanford's [CS236](https://deepgenerativemodels.github.io/), "Variants and Combinations of Basic
Models"; slide numbers are those of its deck.

All of it can be read here, and its figures moved, without installing anything. Begin with
[lecture 0]({first}), which takes 20 minutes, and lecture 1; after these, in any order. To solve a
problem set, or to change the code of a lecture, [get the notebooks](install.ipynb).

## Start here

Choose three bricks and a comparison. The figure says what the combination is called, and
[lecture 0]({first}) explains the letters."""
NOTES = {
    "lectures": """*This page was made by running the notebook. Its figures with sliders work here,
without Python; everything else, training above all, shows what that run gave. What a cell answers
to a question is folded: open it when you have an answer of your own. To change the code,
[get the notebooks](../install.ipynb) and open `{name}`.*""",
    "assignments": """*This page can be read, but nothing runs on it. To solve the exercises,
[get the notebooks](../../install.ipynb) and work on a copy of `{name}`.*""",
}
GET = """# Get the notebooks

**[Download the course]({archive})**, an archive of about 1 MB: all lectures, the problem sets and
the library. Unpack it, open a terminal in its folder, and go on as follows.

"""
TOC = """```{{toctree}}
:hidden:
:caption: {caption}

{names}
```"""


def add_note(notebook: NotebookNode, name: str) -> None:
    """Tell a reader, below the title of a page, what can be done there and where to do the rest.

    Args:
        notebook: the page, which is changed.
        name: its path in the course.
    """
    opening = notebook.cells[0]
    title, _, rest = opening.source.partition("\n")
    note = NOTES[PurePosixPath(name).parts[0]].format(name=name)
    opening.source = f"{title}\n\n{note}\n{rest}"


def packed(root: Path) -> dict[str, bytes]:
    """Return the students' archive by its name; nothing where git does not know the course.

    Args:
        root: the course.
    """
    try:
        return {ARCHIVE: archive(bundle(root))}
    except FileNotFoundError:
        return {}


def install_page(root: Path) -> NotebookNode:
    """Return the page with the archive, and with what its README says on how to start.

    Args:
        root: the course.
    """
    readme = (root / TOP["README.md"]).read_text(encoding="utf-8")
    text = GET.format(archive=ARCHIVE) + START + readme.partition(START)[2]
    return new_notebook(cells=[new_markdown_cell(text, id="install")])
