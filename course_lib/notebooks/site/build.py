"""From the course's notebooks to pages: the sources, Sphinx, and a search of the result."""

from __future__ import annotations

import html
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from course_lib.notebooks.bundle import leaked
from course_lib.notebooks.problems import NotebookProblems
from course_lib.notebooks.site.sizes import too_big
from course_lib.notebooks.site.sources import sources

__all__ = ["SETTINGS", "build_site"]

TAG = re.compile(r"<[^>]*>")
SAID = re.compile(r'="([^"]*)"')  # in a tag: alternative text, labels
PAGES = {".html", ".js", ".txt", ".inv"}
# Ninety characters of code or of a printed table fit beside the menu of a laptop's window.
# The background of figures and tables is light in dark mode too, so text, links and sliders adapt.
STYLE = """
article pre { font-size: 0.78rem; }
@media (min-width: 1200px) {
  .bd-main .bd-content .bd-article-container { max-width: calc(100% - 12.5rem); }
  .bd-sidebar-secondary { width: 12.5rem; }
  .cell_output pre { white-space: pre-wrap; }
}
.cell_output figure figcaption { color: inherit; text-align: left; }
.cell_output caption { color: inherit; }
.cell_output .text_html { color-scheme: light; }
.cell_output .text_html a, .cell_output .text_html a:visited { color: #0b57a4; }
code.literal, code.literal .pre { white-space: normal; overflow-wrap: anywhere; }
@media print { .cell, .cell_output figure { break-inside: avoid; } }
"""
# The theme's own link to the start page is not inside a landmark.
COURSE_NAME = """<nav aria-label="{{ _("Course") }}">
<a class="navbar-brand logo" href="{{ pathto(root_doc) }}">
<p class="title logo__title">{{ docstitle }}</p></a></nav>
"""
SIDEBAR = ["course-name.html", "icon-links.html", "search-button-field.html"]
SETTINGS: dict[str, Any] = {
    "project": "How generative models combine",
    "extensions": ["myst_nb", "sphinx.ext.mathjax"],
    "root_doc": "index",
    "nb_execution_mode": "off",
    "nb_merge_streams": True,  # a run may split what a cell prints arbitrarily
    "nb_code_prompt_show": "Show the output",
    "nb_code_prompt_hide": "Hide the output",
    "nb_ipywidgets_js": {},  # it would be fetched from another host, and does nothing here
    "myst_enable_extensions": ["dollarmath", "amsmath"],
    "myst_heading_anchors": 3,
    "mathjax_path": "mathjax/tex-svg.js",
    "html_theme": "sphinx_book_theme",
    "html_theme_options": {
        "use_download_button": False,
        "use_fullscreen_button": False,
        "show_toc_level": 2,
        "navbar_persistent": [],  # one search field is enough
        "footer_content_items": [],
    },
    "html_sidebars": {"**": [*SIDEBAR, "sbt-sidebar-nav.html"]},
    "templates_path": ["_templates"],
    "exclude_patterns": ["_templates"],
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
        folder: where the pages go; its contents are replaced.
        cache: the folder of the lectures' runs, the sources and Sphinx's doctrees.

    Returns:
        The folder, with ``index.html`` in it.

    Raises:
        NotebookProblems: if a lecture fails, a link leads nowhere, or a page is too big or contains
            a line of an answer, a hidden test or a mark scheme.
        FileNotFoundError: if ``root`` has no map of the course.
    """
    files = sources(root, cache / "runs")
    found = leaked(files, root)
    if found:
        raise NotebookProblems(Path("the site"), found)
    source = cache / "source"
    shutil.rmtree(source, ignore_errors=True)
    for name, content in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    _copy_mathjax(source / "_static" / "mathjax")
    (source / "_static" / "course.css").write_text(STYLE, encoding="utf-8")
    (source / "_templates").mkdir()
    (source / "_templates" / "course-name.html").write_text(COURSE_NAME, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    _sphinx(source, folder, cache / "doctrees")
    (folder / ".nojekyll").touch()  # GitHub would leave out folders that start with _
    found = leaked(_readable(folder), root) + too_big(folder)
    if found:
        shutil.rmtree(folder)
        raise NotebookProblems(Path("the site"), found)
    return folder


def _copy_mathjax(target: Path) -> None:
    """Put MathJax next to the pages, so that no page loads it from another host."""
    found = importlib.util.find_spec("mathjax")
    if found is None:
        raise FileNotFoundError("mathjax: expected django-static-mathjax of requirements-site.txt")
    program = Path(next(iter(found.submodule_search_locations)), "static", "mathjax", "es5")
    target.mkdir(parents=True)
    shutil.copy(program / "tex-svg.js", target)
    shutil.copytree(program / "input", target / "input")  # loaded only for rare commands


def _sphinx(source: Path, folder: Path, notes: Path) -> None:
    """Run Sphinx in a separate process: a second run in one process differs from the first."""
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
        template.unlink()  # the theme's own, not pages


def _readable(folder: Path) -> dict[str, bytes]:
    """Return the text of each page without its tags, followed by the text inside its tags."""
    texts = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in PAGES and "mathjax" not in path.parts:
            text = path.read_text(encoding="utf-8", errors="replace")
            if path.suffix == ".html":
                text = html.unescape("\n".join([TAG.sub("", text), *SAID.findall(text)]))
            texts[path.relative_to(folder).as_posix()] = text.encode()
    return texts
