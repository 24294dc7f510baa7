"""The maintainer's builder: from percent files to notebooks and to nbgrader's student release.

``lectures/NN_topic.py`` and ``solutions/psN_topic/psN_topic.py`` are the source. From them ``python
-m course_lib.notebooks`` makes the ``.ipynb`` next to each and everything in ``assignments/``, byte
for byte the same on every rebuild. ``--check`` only compares.
"""

from __future__ import annotations

from course_lib.notebooks.problems import NotebookProblems

__all__ = ["NotebookProblems"]
