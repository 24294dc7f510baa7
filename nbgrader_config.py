"""How nbgrader runs this course: its own commands, ``make grade`` and the builder all read this."""

import os
import sysconfig

from course_lib.grading.preprocessors import autograde_chain, feedback_chain
from course_lib.notebooks.release import NameStubs, release_chain

c = get_config()  # noqa: F821 - nbgrader defines it

# nbgrader starts alembic by name, which otherwise is found only in an activated environment.
os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])

c.CourseDirectory.course_id = "generative-combinations"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
# Beside each notebook lies its percent file, with the answers.
c.CourseDirectory.ignore = ["*.py", "*.pyc", "__pycache__", ".ipynb_checkpoints", "feedback"]

c.ClearSolutions.code_stub = {"python": NameStubs.stub}
c.GenerateAssignment.preprocessors = release_chain()
c.Autograde.autograde_preprocessors = autograde_chain()
c.GenerateFeedback.preprocessors = feedback_chain()

# A test cell that a student deleted is put back, and fails or passes like any other.
c.OverwriteCells.add_missing_cells = True

# Seconds a cell may take; training in an assignment stays far below.
c.ExecutePreprocessor.timeout = 180
c.ExecutePreprocessor.shutdown_kernel = "immediate"
# Kernels talk to the grader on this machine alone; a warning for each about TCP is noise.
c.ExecutePreprocessor.extra_arguments = [
    "--HistoryManager.hist_file=:memory:",
    "--Application.log_level=ERROR",
]
