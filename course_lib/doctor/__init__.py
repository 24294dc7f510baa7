"""``python -m course_lib doctor``: what is wrong with an installation, and what helps.

It takes a second and changes nothing. It imports none of the packages that it checks, so it also
works where they do not.
"""

from __future__ import annotations

from pathlib import Path

from course_lib.doctor import jupyter, machine, packages
from course_lib.doctor.findings import Finding, safely, show

__all__ = ["Finding", "doctor", "show"]

LOOKS = (
    packages.python,
    packages.pinned,
    packages.library,
    packages.hidden_modules,
    jupyter.sliders,
    jupyter.kernel,
    machine.folders,
    machine.disk,
    machine.memory,
)


def doctor(root: Path, *, deep: bool = False) -> list[Finding]:
    """Return what was found about the running Python, its packages and this machine.

    Args:
        root: the folder of the course.
        deep: also import every package that the course needs, each in a separate process; this
            takes a few seconds.
    """
    looks = (*LOOKS, packages.imports) if deep else LOOKS
    return [finding for look in looks for finding in safely(look, root, Exception)]
