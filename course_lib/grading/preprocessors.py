"""Steps that nbgrader's own chains leave out, and the chains with them.

``nbgrader_config.py`` puts the first three in for nbgrader's own commands.
"""

from __future__ import annotations

import math
import os

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader import utils
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
    "Unprotected",
    "autograde_chain",
    "feedback_chain",
    "replay_chain",
]

ALLOWED = "NBGRADER_UNPROTECTED"


class Unprotected(NbGraderPreprocessor):
    """Refuse to run student code with the instructor's rights, unless that is asked for.

    nbgrader's own ``autograde``, and the button of its formgrader, run it so; the environment
    variable ``NBGRADER_UNPROTECTED`` lets them.
    """

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Return the notebook, if that is allowed.

        Raises:
            RuntimeError: if it is not.
        """
        if not os.environ.get(ALLOWED):
            raise RuntimeError(
                f"this would run student code with your rights: use make grade, or set {ALLOWED}=1"
            )
        return nb, resources


class FairVerdict(NbGraderPreprocessor):
    """Let only an error cost points, and let every error cost them.

    To nbgrader a line on stderr is an error, so a warning of torch takes all points of a test, and
    a value shown before an error counts as partial credit. Here a test's stderr becomes plain
    output, and what a failed test showed as its value is dropped. Partial credit is between 0 and
    the cell's points: to nbgrader "not a number" is full marks, and too large a number an
    exception.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Return the cell; of a graded one, with outputs that say whether it failed."""
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
    """The output, with a number between 0 and the points if it is a value and shows a number."""
    if output.output_type != "execute_result":
        return output
    text = "".join(output.data.get("text/plain", ""))
    try:
        value = float(text)
        value = min(max(value, 0.0), points) if math.isfinite(value) else 0.0
        output.data["text/plain"] = repr(value)
    except ValueError:  # any other value is not a verdict, and nbgrader wants some text
        output.data["text/plain"] = text or "None"
    return output


class MessagesOnly(NbGraderPreprocessor):
    """Show of a failed test its message alone: a traceback would quote the hidden test."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Return the cell; of a graded one, with each traceback reduced to its message."""
        if cell.cell_type == "code" and utils.is_grade(cell):
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources


def autograde_chain() -> list[type]:
    """Return nbgrader's chain with a fair verdict before the grades are saved.

    Nothing in it runs student code unless that is asked for.
    """
    chain = [Unprotected, *Autograde.autograde_preprocessors.default()]
    chain.insert(chain.index(SaveAutoGrades), FairVerdict)
    return chain


def feedback_chain() -> list[type]:
    """Return nbgrader's chain with hidden tests taken out once the grades are known."""
    chain = list(GenerateFeedback.preprocessors.default())
    after = chain.index(GetGrades) + 1
    chain[after:after] = [ClearHiddenTests, MessagesOnly]
    return chain


NOT_REPLAYED = (Unprotected, Execute, CheckCellMetadata)


def replay_chain(config: Config) -> list[type]:
    """Return a course's chain for notebooks that were run elsewhere.

    It is all of the chain but the execution and the check of metadata, which is the source's.

    Args:
        config: the course's configuration.
    """
    named = config.get("Autograde", Config()).get("autograde_preprocessors")
    named = named or Autograde.autograde_preprocessors.default()
    chain = [import_item(step) if isinstance(step, str) else step for step in named]
    chain = [step for step in chain if not issubclass(step, NOT_REPLAYED)]
    if FairVerdict not in chain:
        chain.insert(chain.index(SaveAutoGrades), FairVerdict)
    return [OverwriteCells, *chain]
