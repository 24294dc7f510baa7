"""Reading a submitted notebook file: bytes in, a valid notebook of format 4.5 out.

Only what grading needs is kept: types, sources and ids of the cells, and nbgrader's metadata.
Harmless errors are repaired; a file that is not a notebook is refused with one sentence.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Literal, NoReturn

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

__all__ = ["Refused", "read_notebook", "unique_id"]

# A list or number of two characters takes up to 70 bytes in memory, so the file size is no bound.
MAX_VALUES = 10_000_000
MAX_CELLS = 20_000
NEW_CELL = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}
OTHER_FILES = {
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a compressed archive",
    b"%PDF": "a PDF",
    b"\x89PNG": "an image",
}
CONFLICT = re.compile(r"^(<{7} |>{7} |={7}\r?$)", re.MULTILINE)
VALID_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Refused(Exception):
    """A submission cannot be graded.

    Attributes:
        state: "missing" or "malformed".
        reason: one sentence that the student can be shown.
    """

    def __init__(self, state: Literal["missing", "malformed"], reason: str) -> None:
        super().__init__(reason)
        self.state, self.reason = state, reason


def read_notebook(data: bytes, name: str) -> tuple[NotebookNode, list[str]]:
    """Return the notebook in a file, without outputs, and notes on what was repaired.

    Args:
        data: the content of the file.
        name: the name of the file in reasons and notes.

    Raises:
        Refused: if it is not a notebook.
    """
    text, notes = _text(data, name)
    entries = _entries(_document(text, name), name)
    if len(entries) > MAX_CELLS:
        _refuse(f"{name} has {len(entries)} cells; at most {MAX_CELLS} can be graded")
    sound = [entry for entry in entries if isinstance(entry, dict)]
    sources = [_source(entry.get("source", entry.get("input", ""))) for entry in sound]
    lost = len(entries) - len(sound) + sources.count(None)
    if lost:
        notes.append(f"{name}: {lost} damaged cells could not be read")
    cells = [_cell(entry, source or "") for entry, source in zip(sound, sources, strict=True)]
    _give_ids(cells, [_id(entry) for entry in sound])
    return new_notebook(cells=cells), notes


def unique_id(wanted: Any, taken: set[str]) -> str:
    """Return a valid cell id that is not in use yet, and add it to those in use.

    Args:
        wanted: the id to use or to start from; of any type, and perhaps invalid.
        taken: the ids in use; the new one is added.
    """
    valid = isinstance(wanted, str) and VALID_ID.fullmatch(wanted)
    stem = new = wanted if valid else "mended"
    number = len(taken)
    while new in taken or new == "mended":
        number += 1
        new = f"{stem[:50]}-{number}"
    taken.add(new)
    return new


def _refuse(reason: str) -> NoReturn:
    raise Refused("malformed", reason)


def _text(data: bytes, name: str) -> tuple[str, list[str]]:
    for start, kind in OTHER_FILES.items():
        if data.startswith(start):
            _refuse(f"{name} is not a notebook but {kind}")
    encoding, notes = json.detect_encoding(data), []
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode(encoding, errors="replace")
        notes = [f"{name}: some characters could not be read and were replaced"]
    text = text.rstrip("\0 \t\r\n")
    if not text:
        _refuse(f"{name} is empty")
    return text, notes


def _document(text: str, name: str) -> dict:
    if sum(map(text.count, ",[{")) > MAX_VALUES:
        _refuse(f"{name} contains too much data: clear its outputs and hand it in again")
    try:
        document = json.loads(text, strict=False, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        _refuse(f"{name} {_complaint(text, error)}")
    except RecursionError:
        _refuse(f"{name} is not a notebook: its JSON is nested too deeply")
    except ValueError:
        _refuse(f"{name} is not a notebook: a number in it has too many digits")
    if not isinstance(document, dict):
        _refuse(f"{name} is not a notebook: its JSON is not an object with cells")
    return document


def _complaint(text: str, error: json.JSONDecodeError) -> str:
    conflict = CONFLICT.search(text)
    if conflict:
        line = text.count("\n", 0, conflict.start()) + 1
        return f"contains an unresolved merge conflict in line {line} ({conflict[0].strip()})"
    if text.lstrip().startswith("<"):
        return "is not a notebook but a web page"
    if error.msg.startswith("Unterminated string") or error.pos >= len(text) - 5:
        last = text.count("\n") + 1
        return f"is not a notebook: the JSON ends early in line {last} (is the upload complete?)"
    where = f"line {error.lineno}, column {error.colno}"
    return f"is not a notebook: the JSON is broken in {where} ({error.msg})"


def _entries(document: dict, name: str) -> list:
    version = document.get("nbformat")
    if isinstance(version, int) and version > 4:
        version = min(version, 999)
        _refuse(f"{name} has notebook format {version}; formats up to 4 can be graded")
    cells, sheets = document.get("cells"), document.get("worksheets")
    if cells is None and isinstance(sheets, list):  # formats 2 and 3
        inside = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        cells = [cell for part in inside if isinstance(part, list) for cell in part]
    if not isinstance(cells, list):
        _refuse(f"{name} is not a notebook: it has no list of cells")
    return cells


def _source(value: Any) -> str | None:
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return None
    value = value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return value.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is not text


def _cell(entry: dict, source: str) -> NotebookNode:
    kind = entry.get("cell_type")
    if kind == "heading":  # formats 2 and 3
        kind, level = "markdown", entry.get("level")
        source = "#" * (level if level in range(1, 7) else 1) + " " + source
    elif kind not in ("code", "markdown"):
        kind = "raw"
    return NEW_CELL[kind](source=source, metadata=_metadata(entry.get("metadata")))


def _metadata(value: Any) -> dict:
    mark = value.get("nbgrader") if isinstance(value, dict) else None
    if not isinstance(mark, dict):
        return {}
    return {"nbgrader": {_plain(key): _plain(item) for key, item in mark.items()}}


def _plain(value: Any) -> Any:
    """Return a value of nbgrader's metadata, or None if it is not a valid one."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) else None


def _id(entry: dict) -> str | None:
    """Return the cell's id; some editors (Colab) move it into the metadata."""
    metadata = entry.get("metadata")
    inside = metadata.get("id") if isinstance(metadata, dict) else None
    found = [one for one in (entry.get("id"), inside) if isinstance(one, str)]
    return next(filter(VALID_ID.fullmatch, found), None)


def _give_ids(cells: list[NotebookNode], wanted: list[str | None]) -> None:
    taken, seen = {one for one in wanted if one}, set()
    for cell, one in zip(cells, wanted, strict=True):
        cell.id = one if one and one not in seen else unique_id(None, taken)
        seen.add(one)
