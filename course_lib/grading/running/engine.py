"""Running one submission, in a thread here or on another machine.

The sandbox is built once per process and used for all its jobs. Jobs and outcomes are plain data,
so any ``concurrent.futures`` executor can run them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import nbformat

from course_lib.grading.cells import Declared
from course_lib.grading.running.execution import Execution, execute
from course_lib.grading.running.hosts import HostClient, HostLost
from course_lib.grading.sandbox.limits import Limits
from course_lib.grading.sandbox.tiers import Tier, probe

__all__ = ["Job", "Outcome", "begin", "close", "learn", "work"]


@dataclass(frozen=True)
class Job:
    """Everything that is needed to run one submission.

    Attributes:
        notebooks: merged notebooks as JSON text, by file name.
        declared: the imports and the answers' names of each source notebook, by file name.
        student_files: the files in the student's work folder.
        course_files: the files in the judge's work folder.
        limits: the resources that a process may use.
        isolation: the weakest tier to accept.
        packages: top-level packages that the notebooks import.
        preload: modules to import before forking.
    """

    notebooks: Mapping[str, str]
    declared: Mapping[str, Declared]
    student_files: Mapping[str, bytes]
    course_files: Mapping[str, bytes]
    limits: Limits
    isolation: str = "full"
    packages: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()


@dataclass
class Outcome:
    """The outcome of a job.

    Attributes:
        executions: the execution of each notebook, by file name.
        isolation: the tier in which it ran.
        seconds: wall time.
        problem: why nothing was run, or "".
    """

    executions: dict[str, Execution] = field(default_factory=dict)
    isolation: str = ""
    seconds: float = 0.0
    problem: str = ""


Loaded = Callable[[list[str]], None]

_lock = threading.Lock()
_stopped = threading.Event()
_hosts: dict[tuple[str, ...], tuple[HostClient, HostClient]] = {}
_imported: dict[tuple[str, ...], set[str]] = {}  # the hosts of each kind
_private: list[tuple[HostClient, HostClient]] = []  # for one submission each


def work(job: Job, loaded: Loaded | None = None) -> Outcome:
    """Run a submission's notebooks.

    Args:
        job: the submission.
        loaded: called with the modules that are loaded after each notebook.

    Returns:
        The outcome; nothing that the submission does makes this raise.
    """
    tier, began = probe(), time.monotonic()
    outcome = Outcome(isolation=tier.name)
    if not tier.at_least(job.isolation):
        outcome.problem = f"{job.isolation} isolation was asked for, and here is {tier.name}"
        return outcome
    for name, text in job.notebooks.items():
        outcome.executions[name] = _run(job, name, text, tier, loaded)
    outcome.seconds = time.monotonic() - began
    return outcome


def _run(job: Job, name: str, text: str, tier: Tier, loaded: Loaded | None) -> Execution:
    notebook = nbformat.reads(text, as_version=4)
    given = notebook, job.declared[name], job.student_files, job.course_files
    more = job.limits, loaded
    if tier.warm:
        try:
            return execute(*given, _warm(job, tier), *more)
        except HostLost:  # whoever caused it: this submission now runs on hosts of its own
            close()
            if _stopped.is_set():
                raise
    try:
        hosts = _new(job, tier)
        _private.append(hosts)
        try:
            return execute(*given, hosts, *more)
        finally:
            _private.remove(hosts)
            _end(hosts)
    except HostLost:
        if _stopped.is_set():
            raise
        return Execution(ending="crashed", reason="it ended the process that watches over it")


def _warm(job: Job, tier: Tier) -> tuple[HostClient, HostClient]:
    """Return this process's warm hosts for jobs of this kind; they import what is missing."""
    kind = (tier.name, *job.packages)
    with _lock:
        if kind not in _hosts:
            _hosts[kind], _imported[kind] = _started(job, tier), set()
        lacking = [name for name in job.preload if name not in _imported[kind]]
        if lacking or not _imported[kind]:
            _let_import(_hosts[kind], lacking)
            _imported[kind] |= {"", *lacking}
        return _hosts[kind]


def _new(job: Job, tier: Tier) -> tuple[HostClient, HostClient]:
    hosts = _started(job, tier)
    _let_import(hosts, list(job.preload))
    return hosts


def _started(job: Job, tier: Tier) -> tuple[HostClient, HostClient]:
    given = tier.name, list(job.packages), tier.warm
    return HostClient("student", *given), HostClient("judge", *given)


def _let_import(hosts: tuple[HostClient, HostClient], names: list[str]) -> None:
    for host in hosts:  # both import in parallel
        host.ask_to_import(names)
    for host in hosts:
        host.await_ready()


def _end(hosts: tuple[HostClient, HostClient]) -> None:
    for host in hosts:
        host.close()


def begin() -> None:
    """Start a run, whatever happened to the one before."""
    _stopped.clear()


def close(for_good: bool = False) -> None:
    """End all hosts of this process.

    Args:
        for_good: whether running submissions are aborted.
    """
    if for_good:
        _stopped.set()
        for hosts in list(_private):
            _end(hosts)
    with _lock:
        _imported.clear()
        while _hosts:
            _end(_hosts.popitem()[1])


def learn(job: Job) -> tuple[Outcome, list[str]]:
    """Run a job, and return also the modules that are loaded in the student's process after it.

    Meant for the course's own solution: a warm host loads these modules in advance.

    Args:
        job: the job.
    """
    modules: list[str] = []
    outcome = work(job, modules.extend)
    return outcome, [name for name in modules if name != "__main__"]
