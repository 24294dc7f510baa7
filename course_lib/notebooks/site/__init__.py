"""The course as a web site that needs neither network nor kernel nor installation.

Lectures are run once, and the runs are cached by content. Live figures are exported with all their
states. Problem sets appear as students get them, and every page is searched for what they must not
get.
"""

from __future__ import annotations

from course_lib.notebooks.site.build import build_site

__all__ = ["build_site"]
