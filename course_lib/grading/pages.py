"""Pages that are safe to open: whatever a student wrote, nothing runs or uses the network.

Only the body of nbconvert's page is used, and only its allowed elements; the head is written here
and tells the browser to load nothing. Formulas become MathML, without a script.
"""

from __future__ import annotations

import base64
import binascii
import html
import re

from bleach.css_sanitizer import CSSSanitizer
from bleach.sanitizer import Cleaner
from nbconvert.exporters.exporter import ResourcesDict
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import ClearHiddenTests, NbGraderPreprocessor
from pygments.formatters import HtmlFormatter

from course_lib.grading.formulas import draw

__all__ = ["HiddenTestsCleared", "PlainContent", "contents", "page", "safe_body", "what_became"]

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
KEPT_METADATA = ("grade", "solution", "task", "locked", "grade_id", "points", "score", "comment")
TAGS = frozenset(
    re.findall(
        r"\w+",
        "a abbr b blockquote br caption center code dd del details div dl dt em figcaption figure"
        " h1 h2 h3 h4 h5 h6 hr i img ins kbd li main ol p pre q s samp small span strong sub"
        " summary sup table tbody td tfoot th thead tr tt u ul var",
    )
)
EVERYWHERE = {"class", "title", "align", "style"}
SOMEWHERE = {
    ("a", "name"),
    ("img", "alt"),
    ("img", "width"),
    ("img", "height"),
    ("td", "colspan"),
    ("td", "rowspan"),
    ("th", "colspan"),
    ("th", "rowspan"),
    ("ol", "start"),
}
# nbgrader's list of cells, the first element of its page.
LISTED = re.compile(
    r'(<div class="panel-heading">\s*<h4>[^<]*</h4>)\s*<div>\s*<ol>(.*?)</ol>\s*</div>', re.DOTALL
)
COMMENT = re.compile(r'href="(#comment[^"]*)"')
STYLES = """
body { font: 15px/1.45 sans-serif; margin: 1em auto; max-width: 60em; padding: 0 1em; }
pre { font: 13px/1.35 monospace; margin: .3em 0; overflow-x: auto; white-space: pre-wrap; }
img { max-width: 100%; }
math[display=block] { overflow-x: auto; }
table { border-collapse: collapse; }
td, th { border: 1px solid #ccc; padding: .2em .5em; }
.box { border: 2px solid #666; border-radius: 4px; margin: 1em 0; padding: 0 1em; }
.cell { margin: .8em 0; }
.prompt { display: none; }
.panel-primary, .input_area { border: 1px solid #bbb; border-radius: 4px; }
.panel-primary .input_area { border: 0; }
.panel-primary > .panel-heading { background: #e8eef4; padding: .3em .6em; }
.panel-body, .input_area { padding: 0 .6em; }
.panel-footer { background: #fdf6d8; padding: .1em .6em; }
.pull-right { float: right; }
.output_subarea { border-left: 3px solid #ddd; padding-left: .6em; }
.output_error { border-color: #c33; }
.contents { background: white; margin: .5em 0; }
.contents .solved td:last-child { color: #0060a0; font-weight: bold; }
.contents .tried td:last-child { color: #9a4b00; font-weight: bold; }
.late-penalty { color: #c33; }
"""


class HiddenTestsCleared(ClearHiddenTests):
    """Remove hidden tests from the course's cells only; students may write the markers too."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Return the cell without its hidden tests."""
        if utils.is_locked(cell):
            self._remove_hidden_test_region(cell)
        return cell, resources


class PlainContent(NbGraderPreprocessor):
    """Keep only text and pictures of a notebook: no metadata, attachments, raw cells or HTML."""

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Return the notebook with plain content only."""
        nb.metadata = NotebookNode(language_info={"name": "python"})
        nb.cells = [_plain_cell(cell) for cell in nb.cells if cell.cell_type != "raw"]
        return nb, resources


def safe_body(made: str) -> str:
    """Return the safe part of a page's body.

    Args:
        made: the page that nbconvert made.
    """
    body = made.partition("<body")[2].partition(">")[2]
    return draw(_cleaner().clean(re.sub(r"</?(?:body|html)[^<>]*>", "", body)))


def page(body: str, title: str, box: str) -> str:
    """Return a page that loads nothing.

    Args:
        body: its content, from ``safe_body``, or "".
        title: the page's title.
        box: the box at the top, as HTML that is known to be safe.
    """
    styles = STYLES + HtmlFormatter().get_style_defs(".highlight")
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta charset="utf-8">\n<title>{_escaped(title)}</title>\n'
        f"<style>{styles}</style>\n</head>\n<body>\n{box}\n{body}\n</body>\n</html>\n"
    )


def contents(body: str, lines: list[tuple[str, str, float, float, str]]) -> str:
    """Return a body with a table of the exercises in place of nbgrader's list of cells.

    Args:
        body: from ``safe_body``.
        lines: for each exercise the grade id of a cell, the title, points given and possible, and
            the state.
    """
    rows = "".join(
        f'<tr class="{state.replace(" ", "-")}"><td><a href="#{_escaped(name)}">{_escaped(title)}'
        f"</a></td><td>{given:g} of {points:g}</td><td>{state}</td></tr>"
        for name, title, given, points, state in lines
    )
    table = f'<table class="contents">{rows}</table>'
    found = LISTED.search(body)
    if not found:
        return body
    comments = COMMENT.findall(found[2])
    links = [f'<a href="{where}">{number}</a>' for number, where in enumerate(comments, 1)]
    kept = f"<p>Comments: {', '.join(links)}</p>" if links else ""
    return f"{body[: found.start()]}{found[1]}{table}{kept}{body[found.end() :]}"


def what_became(state: str, reason: str, notes: list[str]) -> str:
    """Return the box with the state of a submission, as HTML.

    Args:
        state: its state.
        reason: the explanation for the student.
        notes: what was found and repaired.
    """
    points = "".join(f"<li>{_escaped(note)}</li>" for note in notes)
    listed = f"<ul>{points}</ul>" if points else ""
    text = f"<b>{_escaped(state)}</b>" + (f": {_escaped(reason)}" if reason else "")
    return f'<div class="box"><p>{text}</p>{listed}</div>'


def _escaped(text: str) -> str:
    return html.escape("".join(letter for letter in text if letter.isprintable() or letter in "\n"))


def _plain_cell(cell: NotebookNode) -> NotebookNode:
    """Return the cell with nbgrader's own metadata and plain outputs."""
    known = cell.metadata.get("nbgrader", {})
    kept = NotebookNode({key: known[key] for key in KEPT_METADATA if key in known})
    cell.metadata = NotebookNode(nbgrader=kept) if kept else NotebookNode()
    if cell.cell_type == "code":
        cell.outputs = [_plain_output(output) for output in cell.outputs]
    else:  # attachments are not shown, and nbconvert fails on a missing one
        cell.source = re.sub("attachment:", "attachment\u2236", cell.source, flags=re.IGNORECASE)
    return cell


def _plain_output(output: NotebookNode) -> NotebookNode:
    """Return the output as a picture, if it is one, or as text."""
    if output.output_type == "stream":
        return new_output("stream", name="stdout", text=_text(output.text))
    if output.output_type == "error":
        lines = [_text(line) for line in output.traceback]
        return new_output("error", ename="", evalue="", traceback=lines)
    for kind in PICTURES:
        if kind in output.data and _picture(kind, output.data[kind]):
            data = {kind: "".join("".join(output.data[kind]).split())}
            said = output.get("metadata", {}).get(kind, {})
            size = {k: v for k, v in said.items() if k in ("width", "height") and type(v) is int}
            return new_output("display_data", data=data, metadata={kind: size} if size else {})
    return new_output("stream", name="stdout", text=_text(output.data.get("text/plain", "")))


def _text(value: str | list[str]) -> str:
    """Return the text without colours and other terminal escape sequences."""
    text = strip_ansi("".join(value)) if isinstance(value, (str, list)) else ""
    return "".join(letter for letter in text if letter in "\n\t" or letter >= " ")


def _picture(kind: str, encoded: str | list[str]) -> bool:
    """Return whether base64 text is a picture of that type, by its first bytes."""
    try:
        content = base64.b64decode("".join("".join(encoded).split()), validate=True)
    except (binascii.Error, ValueError, TypeError):
        return False
    return content.startswith(PICTURES[kind])


def _allowed(tag: str, name: str, value: str) -> bool:
    """Return whether an attribute may stay: URLs only within the page or of embedded pictures."""
    if (tag, name) == ("a", "href"):
        return value.startswith("#")
    if (tag, name) == ("img", "src"):
        kind, _, content = value.removeprefix("data:").partition(";base64,")
        return value.startswith("data:") and kind in PICTURES and _picture(kind, content)
    return name in EVERYWHERE or (tag, name) in SOMEWHERE


def _cleaner() -> Cleaner:
    return Cleaner(
        tags=TAGS,
        attributes=_allowed,
        protocols=["data"],
        css_sanitizer=CSSSanitizer(allowed_css_properties=["text-align"]),
    )
