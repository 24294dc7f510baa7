"""Warn of what could go wrong when a course is graded.

It checks the machine, the gradebook, the disk, leftovers of earlier runs, the assignments and the
submissions. It runs the course's own solutions as a grading run does, and changes nothing.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sysconfig
import tempfile
import time
from collections.abc import Container, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from course_lib.doctor.findings import GIB, Finding, room, safely, show, writable
from course_lib.grading.assignment import Assignment
from course_lib.grading.course import Course, CourseProblem
from course_lib.grading.linting import ASK, problems_of, unread
from course_lib.grading.options import Options
from course_lib.grading.records.gradebook import database
from course_lib.grading.records.results import Results
from course_lib.grading.reference import REMEDY, unjudged
from course_lib.grading.run import executor_for
from course_lib.grading.sandbox import bubblewrap
from course_lib.grading.sandbox.tiers import probe
from course_lib.whole_file import PARTIAL

__all__ = ["Finding", "doctor", "show"]

TIGHT, ENOUGH = GIB // 4, 2 * GIB  # bytes of disk space
STALE = 3600  # seconds after which a temporary file belongs to no run
NAMED = 5  # how many files are listed; the rest are only counted
MEANING = {
    "full": "submissions cannot reach your files, the network or each other",
    "files": "submissions cannot reach your files, but share processes and memory with you",
    "limits": "submissions run with your rights and can read and write what you can",
}


def doctor(root: Path, solutions: bool = False) -> list[Finding]:
    """Return what was found about this machine and a course.

    Args:
        root: the folder of the course.
        solutions: whether to run the course's own solutions as well.
    """
    found = list(_machine())
    try:
        course = Course.open(root)
    except Exception as error:  # its configuration is a program, which may fail in any way
        return [*found, Finding("problem", f"the course cannot be opened: {error}")]
    assignments = _solved_assignments if solutions else _assignments
    looks = (_alembic, _gradebook, _disk, _leftovers, assignments, _handed_in)
    return found + [f for look in looks for f in safely(look, course, sqlite3.Error)]


def _machine() -> Iterator[Finding]:
    tier = probe()
    level = "ok" if tier.name == "full" and tier.warm else "note"
    yield Finding(level, f"isolation: {tier.name}: {MEANING[tier.name]}", "; ".join(tier.reasons))
    program = bubblewrap.find()
    if program:
        yield Finding("ok", f"bubblewrap: {program}")
    for path in bubblewrap.packages(["IPython"]):
        text = f"IPython is in {path.parent}, which submissions cannot see: none can run"
        remedy = "install the course into its own environment: make lab"
        yield Finding("problem", text, remedy)


def _alembic(course: Course) -> Iterator[Finding]:
    scripts = sysconfig.get_path("scripts")
    if shutil.which("alembic"):
        yield Finding("ok", "alembic, which nbgrader starts by name, is on PATH")
    elif shutil.which("alembic", path=scripts):
        text = "alembic is not on PATH: nbgrader's own commands would leave an incomplete gradebook"
        yield Finding("note", text, f'before calling nbgrader: export PATH="{scripts}:$PATH"')
    else:
        yield Finding("problem", "alembic is not installed", "pip install alembic")


def _gradebook(course: Course) -> Iterator[Finding]:
    path = database(course)
    if path is None:
        yield Finding("note", "the gradebook is on a database server: not checked")
    elif not path.exists():
        yield Finding("ok", f"{path.name} does not exist yet; the first run creates it")
    else:
        try:
            yield from _inside(path)
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                wait = "close what has it open (formgrader, a backup), or let the run wait"
                yield Finding("problem", f"{path.name} is locked by another program", wait)
            else:
                remedy = f"restore a copy from {course.store.name}/backups/"
                yield Finding("problem", f"{path.name} is damaged: {error}", remedy)


def _inside(path: Path) -> Iterator[Finding]:
    """Yield whether nbgrader can use the gradebook."""
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", 0.2, uri=True)) as connection:
        said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if said != "ok":
            raise sqlite3.DatabaseError(said.replace("\n", " "))
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        versions = "alembic_version" in tables and list(
            connection.execute("SELECT version_num FROM alembic_version")
        )
        graded = "submitted_assignment" in tables and list(
            connection.execute("SELECT 1 FROM submitted_assignment LIMIT 1")
        )
        if os.access(path, os.W_OK):
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
        else:
            yield Finding("problem", f"{path.name} is read-only", f"chmod u+w {path.name}")
    if versions:
        yield Finding("ok", f"{path.name} is intact and not locked")
    elif graded:
        remedy = "in the course's folder: python -m nbgrader.dbutil stamp head"
        yield Finding("problem", f"{path.name} has no version: nbgrader was interrupted", remedy)
    else:
        remedy = f"delete {path.name}: there are no grades in it"
        yield Finding("problem", f"{path.name} is incomplete: nbgrader was interrupted", remedy)


def _disk(course: Course) -> Iterator[Finding]:
    places = [course.root, course.store, course.folder("autograded"), course.folder("feedback")]
    yield from writable(places)
    yield from room(course.root, TIGHT, ENOUGH, "free some space: results and backups need it")


def _leftovers(course: Course) -> Iterator[Finding]:
    partial = [*course.store.rglob(f"*{PARTIAL}"), *Path(tempfile.gettempdir()).glob("grading-*")]
    for path in filter(_is_stale, partial):
        yield Finding("note", f"an interrupted run left {path}", "delete it; nothing needs it")
    results = Results(course.store / "results")
    for path in sorted(results.folder.glob("*.json")):
        if results.get(path.stem) is None:
            text = f"a result cannot be read: {path.name}"
            yield Finding("note", text, "delete it; its submission will be run again")


def _is_stale(path: Path) -> bool:
    try:
        about = path.lstat()
    except OSError:  # it has been deleted in the meantime
        return False
    return about.st_uid == os.getuid() and time.time() - about.st_mtime > STALE


def _assignments(course: Course, solved: Container[str] = ()) -> Iterator[Finding]:
    """Yield the problems of the notebooks, as notes where the solution got all its points."""
    source = course.folder("source")
    notebooks = sorted(source.glob("*/*.ipynb"))
    if not notebooks:
        yield Finding("problem", f"no assignment: expected {source.name}/NAME/NAME.ipynb")
    for path in notebooks:
        where = path.relative_to(source).as_posix()
        found = list(problems_of(path, course.config))
        for problem in found:
            harmless = problem.mild or (problem.remedy == ASK and path.parent.name in solved)
            yield Finding("note" if harmless else "problem", f"{where}: {problem}", problem.remedy)
        if all(problem.mild for problem in found):
            yield Finding("ok", f"{where}: it looks as if every test can be judged")


def _solved_assignments(course: Course) -> Iterator[Finding]:
    """Yield what a grading run would say about the course's own solutions and notebooks."""
    solved: set[str] = set()
    options = Options(workers=1, isolation="limits")
    with executor_for(options) as executor:
        for name in sorted(
            {path.parent.name for path in course.folder("source").glob("*/*.ipynb")}
        ):
            try:
                failing, _ = unjudged(Assignment.read(course, name), options, executor)
            except CourseProblem as problem:
                yield Finding("problem", f"{name}: {problem}")
                continue
            for file, tests in failing.items():
                for test, why in tests.items():
                    text = f"{name}/{file}: {test} fails on the course's own solution: {why}"
                    yield Finding("problem", text, REMEDY)
            if not failing:
                solved.add(name)
                yield Finding("ok", f"{name}: its own solution gets all points")
    yield from _assignments(course, solved)


def _handed_in(course: Course) -> Iterator[Finding]:
    submitted = course.folder("submitted")
    names = {path.parent.name for path in course.folder("source").glob("*/*.ipynb")}
    found = sorted(unread(submitted, names))
    for path, why in found[:NAMED]:
        remedy = f"move it into {submitted.name}/STUDENT/ASSIGNMENT/"
        yield Finding("note", f"{submitted.name}/{path} is not graded: {why}", remedy)
    if len(found) > NAMED:
        yield Finding("note", f"and {len(found) - NAMED} more files that are not graded")
