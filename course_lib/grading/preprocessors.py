"""Steps that nbgrader's own chains lack, and the chains with these steps.

``nbgrader_config.py`` adds the first three to nbgrader's own commands.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    Execute,
    GetGrades,
    NbGraderPreprocessor,
    OverwriteCells,
    SaveAutoGrades,
)
from traitlets.config import Config
from traitlets.utils.importstring import import_item

__all__ = [
    "FairVerdict",
    "MessagesOnly",
    "ToPerson",
    "Unprotected",
    "autograde_chain",
    "feedback_chain",
    "leave_to_person",
    "replay_chain",
]

ALLOWED = "NBGRADER_UNPROTECTED"


class Unprotected(NbGraderPreprocessor):
    """Refuse to run student code with the instructor's rights, unless explicitly allowed.

    nbgrader's own ``autograde`` and the button of its formgrader do so; the environment variable
    ``NBGRADER_UNPROTECTED`` allows it.
    """

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Return the notebook unchanged.

        Raises:
            RuntimeError: if running it is not allowed.
        """
        if not os.environ.get(ALLOWED):
            raise RuntimeError(
                f"this would run student code with your rights: use make grade, or set {ALLOWED}=1"
            )
        return nb, resources


class FairVerdict(NbGraderPreprocessor):
    """Make every error cost points, and nothing else.

    To nbgrader a line on stderr is an error, so a warning of torch takes all points of a test, and
    a value shown before an error counts as partial credit. Here a test's stderr becomes plain
    output, and the value of a failed test is dropped. Partial credit is clipped to between 0 and
    the cell's points: nbgrader gives full marks for NaN, and raises on a number that is too large.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Return the cell; the outputs of a graded one show only whether it failed."""
        if cell.cell_type != "code" or not utils.is_grade(cell):
            return cell, resources
        for output in cell.outputs:
            if output.output_type == "stream":
                output.name = "stdout"
        if any(output.output_type == "error" for output in cell.outputs):
            cell.outputs = [o for o in cell.outputs if o.output_type != "execute_result"]
        cell.outputs = [_credit(o, float(cell.metadata.nbgrader.points)) for o in cell.outputs]
        return cell, resources


def _credit(output: NotebookNode, points: float) -> NotebookNode:
    """Return the output; if it is a numeric value, clipped to between 0 and the points."""
    if output.output_type != "execute_result":
        return output
    text = "".join(output.data.get("text/plain", ""))
    try:
        value = float(text)
        value = min(max(value, 0.0), points) if math.isfinite(value) else 0.0
        output.data["text/plain"] = repr(value)
    except ValueError:  # any other value is not a verdict, and nbgrader needs some text
        output.data["text/plain"] = text or "None"
    return output


class MessagesOnly(NbGraderPreprocessor):
    """Show only the message of a failed test: a traceback would quote the hidden test."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Return the cell; in a graded one, each traceback is reduced to its message."""
        if cell.cell_type == "code" and utils.is_grade(cell):
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources


class ToPerson(NbGraderPreprocessor):
    """Mark tests from ``leave_to_person`` as needing manual grading in the gradebook."""

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Return the notebook unchanged."""
        about = resources["nbgrader"]
        where = about["notebook"], about["assignment"], about["student"]
        names = [c.metadata.nbgrader.grade_id for c in nb.cells if _left_to_person(c)]
        if names:
            with Gradebook(about["db_url"]) as gradebook:
                for name in names:
                    grade = gradebook.find_grade(name, *where)
                    grade.auto_score, grade.needs_manual_grade = None, True
                gradebook.db.commit()
        return nb, resources


def leave_to_person(notebook: NotebookNode, tests: Mapping[str, str]) -> NotebookNode:
    """Return a notebook in which some tests are left to manual grading, and say so.

    Args:
        notebook: a graded notebook; it is changed in place.
        tests: the reason why a test cannot be judged, by grade id.
    """
    for cell in notebook.cells:
        why = tests.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
        if why is not None and utils.is_grade(cell) and cell.cell_type == "code":
            cell.metadata.grading = NotebookNode(person=True)
            text = (
                f"This test cannot be judged automatically; a person gives its points.\n({why})\n"
            )
            cell.outputs = [new_output("stream", name="stdout", text=text)]
    return notebook


def _left_to_person(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("grading", {}).get("person")) and utils.is_grade(cell)


def autograde_chain() -> list[type]:
    """Return nbgrader's chain with ``FairVerdict`` before the grades are saved.

    It does not run student code unless explicitly allowed.
    """
    chain = [Unprotected, *Autograde.autograde_preprocessors.default()]
    chain.insert(chain.index(SaveAutoGrades), FairVerdict)
    return chain


def feedback_chain() -> list[type]:
    """Return nbgrader's chain with hidden tests removed after the grades are computed."""
    chain = list(GenerateFeedback.preprocessors.default())
    after = chain.index(GetGrades) + 1
    chain[after:after] = [ClearHiddenTests, MessagesOnly]
    return chain


NOT_REPLAYED = (Unprotected, Execute, CheckCellMetadata)


def replay_chain(config: Config) -> list[type]:
    """Return a course's chain for notebooks that were run elsewhere.

    It leaves out the execution, and the check of the metadata, which comes from the source.

    Args:
        config: the course's configuration.
    """
    named = config.get("Autograde", Config()).get("autograde_preprocessors")
    named = named or Autograde.autograde_preprocessors.default()
    chain = [import_item(step) if isinstance(step, str) else step for step in named]
    chain = [step for step in chain if not issubclass(step, NOT_REPLAYED)]
    if FairVerdict not in chain:
        chain.insert(chain.index(SaveAutoGrades), FairVerdict)
    chain.insert(chain.index(SaveAutoGrades) + 1, ToPerson)
    return [OverwriteCells, *chain]
