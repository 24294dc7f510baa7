"""One run grades everything that a class could hand in, and nobody suffers from anybody else."""

import contextlib
import csv
import ctypes
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from html.parser import HTMLParser
from pathlib import Path

import corpus
import nbformat
import pytest
from corpus import CASES, FILE, NAME
from notebook_runs import ROOT

from course_lib.grading.course import Course
from course_lib.grading.feedback import feedback
from course_lib.grading.records.results import Results
from course_lib.grading.sandbox.tiers import probe

pytestmark = [
    pytest.mark.notebook,
    pytest.mark.skipif(probe().name != "full", reason=f"isolation is {probe().name}, not full"),
]

SETTINGS = 'c.CourseDirectory.ignore = ["__pycache__"]\n'
HOME_SECRET, ENV_SECRET = "secret_of_home_3318", "secret_of_the_environment_8127"
WRITTEN = {".grading", "autograded", "feedback", "gradebook.db", "grades.csv", f"report-{NAME}.csv"}
EARLIER = [case.who for case in CASES if case.name.startswith("earlier")]
CHILD_SUBREAPER = 36
PAGES = [case for case in CASES if case.category in ("content", "leak") or "<" in case.who]


class World:
    """A course with all submissions, a home, and listeners; graded once."""

    def __init__(self, base):
        self.base, self.root, self.home, self.tmp = base, base / "course", base / "home", base / "t"
        for folder in (self.home, self.tmp):
            folder.mkdir()
        (self.home / "secret.txt").write_text(HOME_SECRET)
        self.heard, self.links = [], []
        self.port = self.listen(socket.AF_INET, ("127.0.0.1", 0))[1]
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", self.port))
        self.abstract, self.socket = f"corpus-{os.getpid()}", f"/tmp/corpus-{os.getpid()}"
        self.listen(socket.AF_UNIX, f"\0{self.abstract}")
        Path(self.socket).unlink(missing_ok=True)  # of a run that was killed
        self.listen(socket.AF_UNIX, self.socket)

    def listen(self, family, address):
        link = socket.socket(family)
        link.bind(address)
        link.listen()
        self.links.append(link)
        threading.Thread(target=self.hear, args=[link], daemon=True).start()
        return link.getsockname()

    def hear(self, link):
        with contextlib.suppress(OSError):
            while True:
                self.heard.append(link.accept()[1])

    def close(self):
        self.datagrams.close()
        for link in self.links:
            link.close()
        os.unlink(self.socket)

    def fill(self, text):
        places = {"ROOT": self.root, "HOME": self.home, "TMP": self.tmp, "PORT": self.port}
        words = {"ABSTRACT": self.abstract, "SOCKET": self.socket, "ENV": "GRADING_SECRET"}
        for name, value in {
            **places,
            **words,
            "TOKEN": corpus.TOKEN,
            "NEDDIH": corpus.HIDDEN[::-1],
        }.items():
            text = text.replace(f"@{name}@", str(value))
        return text

    def set_up(self):
        (self.root / "solutions" / NAME).mkdir(parents=True)
        config = (ROOT / "nbgrader_config.py").read_text()
        (self.root / "nbgrader_config.py").write_text(config + SETTINGS)
        nbformat.write(corpus.source(), self.root / "solutions" / NAME / FILE)
        for name, text in corpus.FILES.items():
            path = self.root / "solutions" / NAME / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        from course_lib.grading.assignment import Assignment

        released = Assignment.read(Course.open(self.root), NAME).releases[FILE]
        for case in CASES:
            case.make(self.root / "submitted" / case.who / NAME, released, self.fill)

    def run(self, *arguments):
        command = [sys.executable, "-m", "course_lib.grading", "run", NAME]
        limits = ["--workers", "2", "--timeout", "10", "--memory", "300M"]
        environment = os.environ | {
            "HOME": str(self.home),
            "TMPDIR": str(self.tmp),
            "GRADING_SECRET": ENV_SECRET,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with (self.base / "said").open("wb") as said:
            process = subprocess.Popen(
                [*command, *limits, *arguments],
                cwd=self.root,
                env=environment,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            peak = 0
            while process.poll() is None:
                peak = max(peak, high_water(process.pid))
                time.sleep(0.1)
        return process.returncode, (self.base / "said").read_text(errors="replace"), peak


def high_water(pid):
    """The most memory that a process has used, in bytes."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return 1024 * int(line.split()[1])
    return 0


def descendants():
    """Every process below this one; those that lost their parent hang directly below it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] != "Z":
                parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [os.getpid()]
    for pid in found:
        found += parents.get(pid, [])
    return set(found[1:])


def files(folder, but=()):
    """Every file below a folder with what it holds; links by where they lead."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] in but:
            continue
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = "folder or pipe"
    return found


def outside():
    """What lies in the folders that are everybody's, and what an escape would have left there."""
    import course_lib

    folders = [
        "/tmp",
        "/var/tmp",
        "/etc",
        "/usr/lib",
        "/",
        sys.prefix,
        Path(course_lib.__file__).parent,
    ]
    left = {str(p) for folder in folders for p in Path(folder).glob(f"*{corpus.TOKEN}*")}
    return left | {str(path) for path in Path("/dev/shm").iterdir()}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("corpus"))
    ctypes.CDLL(None).prctl(CHILD_SUBREAPER, 1, 0, 0, 0)
    world.set_up()
    world.before = files(world.root, WRITTEN), files(world.home), outside(), descendants()
    world.first = world.run("--students", *EARLIER)
    world.grades_then = grades(world.root)
    world.status, world.said, world.peak = world.run()
    for second in range(10):  # whoever lives on has time to do something, and to be gone
        if second >= 3 and descendants() <= world.before[3]:
            break
        time.sleep(1)
    world.after = files(world.root, WRITTEN), files(world.home), outside(), descendants()
    ctypes.CDLL(None).prctl(CHILD_SUBREAPER, 0, 0, 0, 0)
    course = Course.open(world.root)
    world.results = Results(course.store / "results").latest(NAME)
    world.grades = grades(world.root)
    yield world
    world.close()


def grades(root):
    with (root / "grades.csv").open(newline="") as file:
        return {row["student_id"]: float(row["score"] or 0) for row in csv.DictReader(file)}


def shown(result):
    """Everything that the student's own cells showed, as text."""
    cells = [cell for notebook in result.notebooks.values() for cell in notebook["cells"]]
    own = [cell for cell in cells if not cell["metadata"].get("nbgrader", {}).get("grade")]
    return "".join(str(output) for cell in own for output in cell.get("outputs", []))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.category}-{case.name}")
def test_submission_ends_as_it_should(world, case):
    result = world.results[case.who]
    points = world.grades.get(case.who)
    seen = result.state, points if case.points is not None else None
    assert seen == (case.state, case.points), f"{case.why}; {result.reason}; {result.notes}"
    assert "LEAK" not in shown(result)
    assert result.reason or case.state == "graded"


def test_nobody_graded_before_is_run_again_or_changed(world):
    assert world.first[0] == 0, world.first[1]
    assert set(EARLIER) <= world.grades_then.keys()
    for student in EARLIER:
        assert world.grades[student] == world.grades_then[student]
        assert f"{student}: graded, unchanged" in world.said


def test_every_submission_has_one_line(world):
    lines = [line for line in world.said.splitlines() if line.startswith("[")]
    assert len(lines) >= len(CASES), world.said[-3000:]
    assert world.status == 1


def test_nothing_outside_has_changed(world):
    for then, now in zip(world.before[:3], world.after[:3], strict=True):
        assert now == then
    assert list(world.tmp.iterdir()) == []


def test_no_process_is_left(world):
    left = world.after[3] - world.before[3]
    names = {pid: Path(f"/proc/{pid}/cmdline").read_text()[:200] for pid in left}
    assert not names


def test_nobody_was_called(world):
    assert world.heard == []
    world.datagrams.setblocking(False)
    with pytest.raises(BlockingIOError):
        world.datagrams.recv(100)


def test_secrets_stay_secret(world):
    secrets = corpus.MARKER, corpus.HIDDEN, corpus.MODEL_ANSWER, HOME_SECRET, ENV_SECRET
    thieves = {case.who for case in CASES if case.knows}
    for student, result in world.results.items():
        text = shown(result)
        for secret in secrets:
            assert secret not in text or student in thieves, (student, secret)


def test_grader_stays_small(world):
    assert world.peak < 600_000_000
    store = sum(path.stat().st_size for path in (world.root / ".grading" / "results").iterdir())
    assert store < 60_000_000


class Live(HTMLParser):
    """Collect what a browser would run or fetch."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "iframe", "object", "embed", "svg", "form", "base", "link", "video"):
            self.found.append(tag)
        for name, value in attrs:
            address = name in ("href", "src", "action", "srcdoc", "formaction")
            if name.startswith("on") or (
                address and not (value or "").startswith(("#", "data:image/"))
            ):
                self.found.append(f"{tag} {name}={value}")


def test_pages_run_nothing_and_hide_the_tests(world):
    pages = feedback(Course.open(world.root), NAME, [case.who for case in PAGES])
    assert len(pages) == len(PAGES)
    for page in pages:
        text = page.read_text()
        live = Live()
        live.feed(text)
        assert not live.found, page
        for secret in (corpus.HIDDEN, "hidden_input", corpus.MARKER, HOME_SECRET, ENV_SECRET):
            assert secret not in text, page
