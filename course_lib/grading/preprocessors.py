"""Three steps that nbgrader's own chains leave out. ``nbgrader_config.py`` puts them in."""

from __future__ import annotations

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.preprocessors import (
    ClearHiddenTests,
    GetGrades,
    NbGraderPreprocessor,
    SaveAutoGrades,
)

__all__ = ["FairVerdict", "MessagesOnly", "autograde_chain", "feedback_chain"]


class FairVerdict(NbGraderPreprocessor):
    """Let only an error cost points, and let every error cost them.

    To nbgrader a line on stderr is an error, so a warning of torch takes all points of a test, and
    a value shown before an error counts as partial credit. Here a test's stderr becomes plain
    output, and what a failed test showed as its value is dropped.
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
        return cell, resources


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
    """Return nbgrader's chain with a fair verdict before the grades are saved."""
    chain = list(Autograde.autograde_preprocessors.default())
    chain.insert(chain.index(SaveAutoGrades), FairVerdict)
    return chain


def feedback_chain() -> list[type]:
    """Return nbgrader's chain with hidden tests taken out once the grades are known."""
    chain = list(GenerateFeedback.preprocessors.default())
    after = chain.index(GetGrades) + 1
    chain[after:after] = [ClearHiddenTests, MessagesOnly]
    return chain
