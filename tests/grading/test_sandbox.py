"""What student code cannot do behind the walls. Each escape is really tried, in a small process."""

import ast
import json
import mmap
import os
import platform
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.grading.sandbox import bubblewrap, landlock, limits, tiers
from course_lib.grading.sandbox.limits import GIB, MIB, Limits, memory_of, parse_size

ROOT = Path(__file__).parents[2]
needs_walls = pytest.mark.skipif(
    tiers.probe().name != "full" or not tiers.probe().warm,
    reason="; ".join(tiers.probe().reasons) or "no walls here",
)

# Runs outside: starts a host behind bubblewrap.
OUTSIDE = """
import ctypes, json, platform, subprocess, sys
from pathlib import Path
from course_lib.grading.sandbox.bubblewrap import command, packages
readable = [*packages(["course_lib"]), *map(Path, json.loads(sys.argv[2])["readable"])]
libc = ctypes.CDLL(None)
if platform.machine() == "x86_64":  # a secret in the keyring of whoever grades
    libc.syscall(250, 1, None)
    libc.syscall(248, b"user", b"secret", b"x", ctypes.c_long(1), ctypes.c_long(-3))
line = command([sys.executable, "-c", *sys.argv[1:]], readable=readable)
sys.exit(subprocess.run(line, stdin=subprocess.DEVNULL).returncode)
"""
# Runs as the host: one session for each piece of code, at the same time or one by one. Prints what
# each printed; "READY" in a piece of code waits until all have come so far.
HOST = """
import io, json, os, sys, time, traceback
from contextlib import redirect_stdout
from course_lib.grading.sandbox import limits, namespaces, syscalls
options = json.loads(sys.argv[1])
mount = namespaces._mount
if options["covered"]:
    namespaces._mount = lambda *arguments: None
namespaces.settle()
namespaces._mount = mount
options["namespaces"] = {n: os.readlink(f"/proc/self/ns/{n}") for n in os.listdir("/proc/self/ns")}

def session(code, writer, barrier):
    namespaces.enclose(options["size"])
    middle = os.fork()
    if middle:
        os.waitpid(middle, 0)
        os._exit(0)
    namespaces.drop()
    if options["filtered"]:
        syscalls.refuse()
    limits.apply(limits.Limits(**options["limits"]))
    said = io.StringIO()
    def meet(names=None):
        os.write(barrier[1], b"x")
        os.read(barrier[2], 1)
    with redirect_stdout(said):
        try:
            exec(code, {"meet": meet, "host": options, "__name__": "__main__"})
        except BaseException as error:
            print(f"{type(error).__name__}: {error}")
    os.write(writer, said.getvalue().encode())
    os._exit(0)

codes = options["codes"]
arrive, arrived = os.pipe()
wait, release = os.pipe()
readers, children = [], []
for code in codes:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        session(code, writer, (arrive, arrived, wait))
    os.close(writer)
    readers.append(reader)
    children.append(child)
if any("meet()" in code for code in codes):
    for _ in codes:
        os.read(arrive, 1)
    if options["measured"]:
        print(json.dumps([limits.memory_of(child) for child in children]))
    os.write(release, b"x" * len(codes))
answers = []
for reader in readers:
    with os.fdopen(reader, "rb") as stream:
        answers.append(stream.read().decode().strip())
for child in children:
    os.waitpid(child, 0)
print(json.dumps(answers))
print(json.dumps(sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())))
"""
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/bin/python3"]


def _other_user() -> list[str]:
    """How to run a Python as somebody who is not root, where a root can."""
    version = "import sys; open(sys.argv[1]).close(); sys.exit(sys.version_info < (3, 11))"
    if os.geteuid() != 0 or not shutil.which("setpriv") or not Path(NOBODY[-1]).exists():
        return []
    command = [*NOBODY, "-c", version, str(ROOT / "pyproject.toml")]  # it must see the project
    return [] if subprocess.run(command, check=False, capture_output=True).returncode else NOBODY


def run_host(
    *codes,
    python=(sys.executable,),
    filtered=True,
    covered=False,
    measured=False,
    extra_groups=None,
    **more,
):
    """Run pieces of code, each behind its own walls in one host; return all lines of the host.

    Who starts the host may be given supplementary groups, as only root can.
    """
    chosen = {"seconds": 300, **more.pop("limits", {})}
    options = {"codes": codes, "filtered": filtered, "covered": covered, "measured": measured}
    options |= {"limits": chosen, "size": 8 * MIB, "readable": [], **more}
    done = subprocess.run(
        [*python, "-c", OUTSIDE, HOST, json.dumps(options)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        extra_groups=extra_groups,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def inside(code, **options):
    """What one piece of code prints behind the walls."""
    return run_host(code, **options)[-2][0]


def test_the_walls_stand_wherever_bubblewrap_and_namespaces_in_it_work():
    """Or the tests below would be skipped by a fault of ours."""
    line = "bwrap --bind / / --unshare-all -- unshare --user --mount --net --pid --fork true"
    if not shutil.which("bwrap") or subprocess.run(line.split(), check=False).returncode:
        pytest.skip("namespaces do not work here")
    assert (tiers.probe().name, tiers.probe().warm) == ("full", True), tiers.probe().reasons


TRY = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, *arguments):
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = getattr(libc, name)(*wide)
    print(name, "worked" if result >= 0 else os.strerror(ctypes.get_errno()))
"""
BREAK_OUT = """
attempt("umount2", b"/tmp", 2)
attempt("umount2", b"/proc", 2)
attempt("umount2", b"/dev/shm", 2)
attempt("mount", None, b"/usr", None, 32 | 4096, None)
attempt("mount", b"tmpfs", b"/tmp/work", b"tmpfs", 0, None)
attempt("unshare", 0x10000000)
attempt("unshare", 0x10000000 | 0x20000)
attempt("setuid", 0)
attempt("chroot", b"/tmp")
attempt("sethostname", b"x", 1)
"""


@needs_walls
class TestBehindTheWalls:
    @pytest.fixture(params=["who grades", "another user"])
    def python(self, request):
        if request.param == "who grades":
            return (sys.executable,)
        return _other_user() or pytest.skip("needs root, setpriv and the system's Python 3.11")

    def test_nothing_of_the_course_the_home_or_the_environment_is_there(self, python):
        code = f"""
            import os
            print(os.path.exists({str(ROOT / "tests")!r}), os.path.exists({str(ROOT / ".git")!r}))
            print(sorted(os.listdir("/")), sorted(os.environ))
            print(os.listdir("/root") if os.path.exists("/root") else [], os.listdir("/tmp/home"))
        """
        seen = inside(plain(code), python=python).splitlines()
        assert seen[0] == "False False"
        for foreign in ("home", "mnt", "var", "sys", "run", "SECRET", "SHELL"):
            assert f"'{foreign}'" not in seen[1]
        bound = map(Path, (sys.prefix, sys.base_prefix, ROOT / "course_lib"))
        of_python = {path.parts[2] for path in bound if path.parts[:2] == ("/", "root")}
        assert set(ast.literal_eval(seen[2].split("] [")[0] + "]")) <= of_python
        assert seen[2].endswith("[]")

    def test_only_private_folders_can_be_written(self, python):
        code = """
            import os, sys
            places = ["/", "/usr", "/etc", "/dev", "/dev/pts", "/proc", "/proc/sys", sys.prefix]
            places += [*sys.path, *(f"/{name}" for name in os.listdir("/"))]
            own = os.stat("/tmp").st_dev
            places = [p for p in places if os.path.isdir(p) and os.stat(p).st_dev != own]
            print([p for p in places if os.access(p, os.W_OK)])
            for place in ("/tmp", "/tmp/work", "/tmp/home", "/dev/shm"):
                open(f"{place}/mine", "w").write("x")
            print(os.getcwd(), os.environ["HOME"])
        """
        assert inside(plain(code), python=python) == "[]\n/tmp/work /tmp/home"

    @pytest.mark.parametrize("filtered", [True, False], ids=["filtered", "walls alone"])
    def test_no_wall_can_be_taken_down_from_inside(self, python, filtered):
        said = inside(TRY + BREAK_OUT, python=python, filtered=filtered)
        assert "worked" not in said
        assert len(said.splitlines()) == 10

    def test_all_rights_are_gone_for_good(self, python):
        code = """
            status = open("/proc/self/status").read().split()
            print([status[status.index(n) + 1].strip("0") for n in ("CapPrm:", "CapEff:", "CapInh:",
                   "CapBnd:", "CapAmb:", "NoNewPrivs:", "Groups:")][:6])
        """
        assert inside(plain(code), python=python) == "['', '', '', '', '', '1']"

    def test_processes_are_its_own_and_end_with_it(self, python):
        code = """
            import os, time
            reader, writer = os.pipe()
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.write(writer, b"x")
                    time.sleep(1000)
                os._exit(0)
            os.read(reader, 1)
            print(os.getpid(), [n for n in os.listdir("/proc") if n.isdecimal()][0])
        """
        lines = run_host(plain(code), python=python)
        assert lines[-2] == ["1 1"]
        assert len(lines[-1]) == 2  # bubblewrap's own pid 1, and the host

    def test_a_signal_to_everybody_reaches_no_other_session(self, python):
        killer = """
            import contextlib, os, signal
            meet()
            for pid in (-1, *range(2, 2000)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            print("tried")
        """
        bystander = "import time\nmeet()\ntime.sleep(0.3)\nprint('alive')"
        assert run_host(plain(killer), bystander, python=python)[-2] == ["tried", "alive"]

    def test_this_machines_network_is_out_of_reach(self, python):
        with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as abstract:
            tcp.bind(("127.0.0.1", 0))
            tcp.listen()
            abstract.bind(name := f"\0course-lib-{os.getpid()}")
            abstract.listen()
            code = f"""
                import socket
                for where in (("127.0.0.1", {tcp.getsockname()[1]}), {name!r}):
                    kind = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
                    try:
                        socket.socket(kind).connect(where)
                        print("reached")
                    except OSError as error:
                        print(error.strerror)
            """
            assert inside(plain(code), python=python) == (
                "Network is unreachable\nConnection refused"
            )


def plain(code):
    """Code without the indentation of the test around it."""
    lines = code.strip("\n").splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] for line in lines)


@needs_walls
class TestTwoSessions:
    def test_files_are_not_shared(self):
        write = """
            import os
            for place in ("/tmp", "/tmp/work", "/tmp/home", "/dev/shm"):
                open(f"{place}/note", "w").write("x")
            meet()
        """
        read = """
            import os
            meet()
            print([p for p in ("/tmp", "/tmp/work", "/tmp/home", "/dev/shm", "/dev/pts")
                   if os.path.exists(f"{p}/note") or p == "/dev/pts" and os.listdir(p)])
        """
        assert run_host(plain(write), plain(read))[-2][1] == "[]"

    def test_one_after_another_finds_nothing(self):
        code = """
            import os
            print([os.listdir(p) for p in ("/tmp/work", "/tmp/home", "/dev/shm")])
            for place in ("/tmp/work", "/tmp/home", "/dev/shm"):
                open(f"{place}/note", "w").write("x")
        """
        assert run_host(plain(code), plain(code))[-2] == ["[[], [], []]"] * 2

    @pytest.mark.skipif(platform.machine() != "x86_64", reason="calls by this machine's numbers")
    def test_keys_are_not_shared_even_without_the_filter(self):
        write = "attempt('syscall', 248, b'user', b'note', b'x', 1, -3)\nmeet()"
        read = "meet()\nfor name in (b'note', b'secret'):\n"
        read += "    attempt('syscall', 249, b'user', name, None, 0)"
        wrote, got = run_host(TRY + write, TRY + read, filtered=False)[-2]
        assert wrote == "syscall worked"
        assert "worked" not in got

    def test_memory_and_sockets_are_not_shared_even_without_the_filter(self):
        """System V memory 7, and an abstract socket."""
        write = """
            attempt("shmget", 7, 4096, 0o1666)
            import socket
            listener = socket.socket(socket.AF_UNIX)
            listener.bind("\\0note")
            listener.listen()
            meet()
        """
        read = """
            meet()
            attempt("shmget", 7, 4096, 0o666)
            import socket
            try:
                socket.socket(socket.AF_UNIX).connect("\\0note")
                print("reached")
            except OSError as error:
                print(error.strerror)
        """
        wrote, got = run_host(TRY + plain(write), TRY + plain(read), filtered=False)[-2]
        assert wrote == "shmget worked"
        assert "worked" not in got
        assert "reached" not in got


@needs_walls
class TestLimitsInside:
    def test_a_private_disk_has_an_end(self):
        code = """
            for name in range(9):
                open(str(name), "wb").write(bytes(2**20))
        """
        assert "No space left" in inside(plain(code))

    def test_so_has_the_number_of_files(self):
        code = "for name in range(5000):\n    open(str(name), 'w').close()"
        assert "No space left" in inside(code)

    def test_one_file_has_an_end(self):
        code = """
            import signal
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            open("large", "wb").write(bytes(3 * 2**20))
        """
        assert "File too large" in inside(plain(code), limits={"file_size": 2 * MIB})

    def test_memory_has_an_end(self):
        assert inside("bytes(2**30)", limits={"memory": 256 * MIB}).startswith("MemoryError")
        assert inside("print(len(bytes(2**27)))", limits={"memory": 256 * MIB}) == str(2**27)

    def test_processes_are_counted_for_each_session_alone(self):
        code = """
            import os, time
            started = 0
            try:
                while True:
                    if os.fork() == 0:
                        time.sleep(1000)
                    started += 1
            except OSError:
                pass
            meet()
            print(started)
        """
        said = run_host(plain(code), plain(code), limits={"processes": 12})[-2]
        assert said == ["10", "10"]  # and the two that the walls are built with

    def test_memory_of_counts_orphans_and_shared_pages_once(self):
        code = """
            import os, time
            reader, writer = os.pipe()
            held = bytearray(os.urandom(1) * 40 * 2**20)
            if os.fork() == 0:
                if os.fork() == 0:
                    more = bytearray(os.urandom(1) * 30 * 2**20)
                    os.write(writer, b"x")
                    time.sleep(1000)
                os._exit(0)
            os.wait()
            os.read(reader, 1)
            meet()
        """
        idle = "meet()"
        large, small = run_host(plain(code), idle, measured=True)[0]
        assert 68 * MIB < large - small < 76 * MIB

    def test_memory_of_counts_a_process_that_hides_its_maps(self):
        code = """
            import ctypes, os
            held = bytearray(os.urandom(1) * 40 * 2**20)
            ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
            meet()
        """
        assert run_host(plain(code), measured=True)[0][0] > 40 * MIB


@needs_walls
class TestFilter:
    def test_memory_that_nobody_is_charged_with_is_refused(self):
        code = """
            attempt("memfd_create", b"x", 0)
            attempt("shmget", 0, 2**20, 0o1600)
            attempt("ptrace", 0, 0, 0, 0)
            attempt("syscall", 425, 8, None)
            attempt("syscall", 0x40000000 | 39)
        """
        refused = inside(TRY + plain(code)).splitlines()
        assert [line.split(" ", 1)[1] for line in refused] == ["Operation not permitted"] * 5

    def test_what_exercises_use_still_works(self):
        code = """
            import multiprocessing.shared_memory as shared, subprocess, threading, tempfile, socket
            block = shared.SharedMemory(create=True, size=100)
            block.unlink()
            print(subprocess.run(["echo", "hello"], capture_output=True, text=True).stdout)
            thread = threading.Thread(target=print, args=("thread",))
            thread.start(), thread.join()
            print(tempfile.mkdtemp()[:5], len(socket.socketpair()))
        """
        assert inside(plain(code)).split() == ["hello", "thread", "/tmp/", "2"]


@needs_walls
def test_where_proc_cannot_be_fresh_it_is_covered():
    """Parts of the /proc that bubblewrap gives to root are covered."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    code = "import os\nprint(os.listdir('/proc'))" + "\n" + TRY + BREAK_OUT
    said = inside(code, covered=True).splitlines()
    assert said[0] == "[]"
    assert not any("worked" in line for line in said)


@needs_walls
def test_what_is_bound_below_tmp_stays_visible(tmp_path):
    (tmp_path / "my package").mkdir()
    (tmp_path / "my package" / "data.txt").write_text("here")
    (tmp_path / "module.py").write_text("value = 3")
    paths = [tmp_path / "my package", tmp_path / "module.py"]
    if not tmp_path.is_relative_to("/tmp"):
        pytest.skip("temporary files are elsewhere")
    code = f"""
        import os
        print(open({str(paths[0] / "data.txt")!r}).read(), open({str(paths[1])!r}).read())
        print(os.access({str(paths[0])!r}, os.W_OK))
    """
    assert inside(plain(code), readable=list(map(str, paths))) == "here value = 3\nFalse"


RESTRICTED = """
import sys
from pathlib import Path
from course_lib.grading.sandbox import bubblewrap, landlock, syscalls
own = Path(sys.argv[1])
system = map(Path, ("/usr", "/lib", "/lib64"))
landlock.restrict([own.parent / "shared", *system, *bubblewrap.python_folders()], [own])
syscalls.refuse()
exec(sys.argv[2])
"""


@pytest.mark.skipif(not landlock.available(), reason="this kernel has no Landlock")
class TestLandlock:
    def restricted(self, folder, code):
        done = subprocess.run(
            [sys.executable, "-c", RESTRICTED, str(folder), plain(code)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    def test_only_the_sessions_folder_is_written_and_nothing_foreign_is_read(self, tmp_path):
        own, shared, foreign = (tmp_path / name for name in ("own", "shared", "foreign"))
        own.mkdir()
        shared.mkdir()
        foreign.write_text("secret")
        code = f"""
            open("{own}/note", "w").write("x")
            import json.tool, os
            os.mkdir("{own}/folder"), os.rename("{own}/note", "{own}/folder/note")
            print("wrote")
            for how in ("r", "w"):
                try:
                    open("{foreign}", how).read()
                    print("reached")
                except PermissionError:
                    print("refused")
            print(os.listdir("{shared}"))
            for path in ("/proc/self/mem", "/etc/passwd", "{tmp_path}/new", "{shared}/new"):
                try:
                    os.open(path, os.O_CREAT | os.O_RDWR)
                    print("reached", path)
                except PermissionError:
                    print("refused")
            open("/dev/null", "w").write("x")
        """
        said = self.restricted(own, code)
        assert said.split() == ["wrote", *["refused"] * 2, "[]", *["refused"] * 4]
        assert foreign.read_text() == "secret"

    @pytest.mark.skipif(landlock.available() < 6, reason="this Landlock knows files only")
    def test_neither_network_nor_signals_get_out(self, tmp_path):
        with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as abstract:
            tcp.bind(("127.0.0.1", 0))
            tcp.listen()
            abstract.bind(name := f"\0course-lib-{os.getpid()}")
            abstract.listen()
            code = f"""
                import os, socket
                def attempt(what, *arguments):
                    try:
                        what(*arguments)
                        print("reached")
                    except PermissionError:
                        print("refused")
                attempt(socket.socket().connect, ("127.0.0.1", {tcp.getsockname()[1]}))
                attempt(socket.socket().bind, ("127.0.0.1", 0))
                attempt(socket.socket(socket.AF_UNIX).connect, {name!r})
                attempt(os.kill, os.getppid(), 0)
            """
            assert self.restricted(tmp_path, code).split() == ["refused"] * 4


class TestCommandLine:
    def test_a_missing_bubblewrap_is_said(self, monkeypatch):
        monkeypatch.setattr(bubblewrap, "find", lambda: None)
        with pytest.raises(FileNotFoundError, match="bubblewrap"):
            bubblewrap.command(["true"])

    def test_bubblewrap_is_found_beside_python_too(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", "/nowhere")
        monkeypatch.setattr(bubblewrap.sysconfig, "get_path", lambda name: str(tmp_path))
        assert bubblewrap.find() is None
        (tmp_path / "bwrap").touch(mode=0o755)
        assert bubblewrap.find() == str(tmp_path / "bwrap")

    def test_packages_are_found_without_importing_them(self, monkeypatch, tmp_path):
        (tmp_path / "their_package").mkdir()
        (tmp_path / "their_package" / "__init__.py").write_text("raise SystemExit")
        (tmp_path / "their_module.py").write_text("raise SystemExit")
        monkeypatch.syspath_prepend(str(tmp_path))
        names = ["their_package", "their_module", "json", "sys", "numpy", "no_such_module"]
        found = bubblewrap.packages(names)
        assert found == [tmp_path / "their_package", tmp_path / "their_module.py"]


class TestLimits:
    @pytest.mark.parametrize("text", ["", "G", "2X", "-1G", "0", "1e9", "two"])
    def test_what_is_no_size_is_refused(self, text):
        with pytest.raises(ValueError, match="is not a size"):
            parse_size(text)

    @pytest.mark.parametrize(
        ("text", "size"), [("2G", 2 * GIB), ("512M", 512 * MIB), ("1.5g", GIB * 3 // 2), ("7", 7)]
    )
    def test_sizes_are_read(self, text, size):
        assert parse_size(text) == size

    @pytest.mark.parametrize(
        "change",
        [
            {"memory": 0},
            {"processes": 1.5},
            {"seconds": float("inf")},
            {"disk": True},
            {"output": "1M"},
        ],
    )
    def test_a_limit_that_is_none_is_named(self, change):
        with pytest.raises(ValueError, match=next(iter(change))):
            Limits(**change)

    def test_each_limit_is_what_was_asked_for_and_cannot_be_raised_again(self):
        code = """
            import json, resource as r
            from course_lib.grading.sandbox.limits import Limits, apply
            apply(Limits(seconds=100, processes=20, file_size=2**20, memory=2**30))
            print(json.dumps({k: r.getrlimit(getattr(r, k)) for k in dir(r) if k[:7] == "RLIMIT_"}))
        """
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        line = [sys.executable, "-c", plain(code)]
        found = json.loads(subprocess.check_output(line, env=environment, text=True))
        wanted = {"CPU": 105, "NPROC": 20, "FSIZE": MIB, "NOFILE": 256, "CORE": 0, "MSGQUEUE": 0}
        there = {name: value for name in wanted if (value := found.get(f"RLIMIT_{name}"))}
        assert there == {name: [wanted[name]] * 2 for name in there}
        if sys.platform == "linux":
            soft, hard = found["RLIMIT_AS"]
            assert there.keys() == wanted.keys()
            assert GIB < soft == hard < 4 * GIB, "what Python itself takes, and a gibibyte"

    def test_memory_of_grows_with_use_and_is_unknown_without_proc(self, monkeypatch, tmp_path):
        before = memory_of(os.getpid())
        held = mmap.mmap(-1, 30 * MIB, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # none used before
        held.write(b"x" * 30 * MIB)
        assert memory_of(os.getpid()) - before > 25 * MIB
        del held
        assert memory_of(2**30) == 0
        assert memory_of(os.getpid(), exact_above=GIB * 100) > memory_of(os.getpid()) > 0
        monkeypatch.setattr(limits, "PROC", tmp_path)
        assert memory_of(os.getpid()) is None


class TestTiers:
    @pytest.fixture(autouse=True)
    def _anew(self):
        tiers.probe.cache_clear()
        yield
        tiers.probe.cache_clear()

    def answer(self, monkeypatch, stdout, stderr=""):
        done = subprocess.CompletedProcess([], 1, stdout, stderr)
        monkeypatch.setattr(bubblewrap, "find", lambda: "/usr/bin/bwrap")
        monkeypatch.setattr(tiers, "_run", lambda line: done)
        return tiers.probe()

    def test_walls_that_stand_are_full_and_warm(self, monkeypatch):
        tier = self.answer(monkeypatch, "begun\nenclosed\n")
        assert (tier.name, tier.warm, tier.reasons) == ("full", True, [])

    def test_without_nested_namespaces_it_is_slower(self, monkeypatch):
        tier = self.answer(monkeypatch, "begun\nmounting /proc: Operation not permitted\n")
        assert (tier.name, tier.warm) == ("full", False)
        assert "mounting /proc" in tier.reasons[0]

    def test_without_bubblewrap_there_is_landlock(self, monkeypatch):
        monkeypatch.setattr(bubblewrap, "find", lambda: None)
        monkeypatch.setattr(landlock, "available", lambda: 1)
        tier = tiers.probe()
        assert tier.name == "files"
        assert "apt install bubblewrap" in tier.reasons[0]
        assert "network" in tier.reasons[1]
        assert "signal" in tier.reasons[2]

    def test_without_both_there_are_limits(self, monkeypatch):
        monkeypatch.setattr(landlock, "available", lambda: 0)
        tier = self.answer(monkeypatch, "", "bwrap: setting up uid map: Permission denied")
        assert tier.name == "limits"
        assert "uid map: Permission denied" in tier.reasons[0]
        assert "Landlock" in tier.reasons[-1]

    def test_a_setting_that_forbids_it_is_explained(self, monkeypatch, tmp_path):
        (tmp_path / "setting").write_text("1\n")
        monkeypatch.setattr(tiers, "SETTINGS", {str(tmp_path / "setting"): ("1", "do this")})
        assert "do this" in self.answer(monkeypatch, "", "no").reasons

    def test_tiers_have_an_order(self):
        assert tiers.Tier("files").at_least("limits")
        assert not tiers.Tier("files").at_least("full")
        with pytest.raises(ValueError, match="isolation is 'none'"):
            tiers.Tier("files").at_least("none")
