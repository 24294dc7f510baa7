"""Each wall of the sandbox by itself: what it holds off is looked at where no other wall hides it.

Most walls stand twice, in bubblewrap and around each session, so that an escape that is tried from
inside fails even when one of the two is gone. Here each is asked for what it alone has set.
"""

import ast
import json
import os
import platform
import subprocess
import sys

import pytest
from test_sandbox import ROOT, inside, needs_walls, plain

from course_lib.grading.sandbox import bubblewrap
from course_lib.grading.sandbox.syscalls import REFUSED

OWN = ["ipc", "mnt", "net", "pid", "uts"]
READABLE = bubblewrap.packages(["course_lib"])
AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="needs root")
on_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="calls by their numbers there")
# by the kernel's own table for x86_64
NUMBERS = {
    "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "add_key": 248,
    "request_key": 249, "keyctl": 250, "mount": 165, "umount2": 166, "pivot_root": 155,
    "chroot": 161, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431,
    "fsmount": 432, "fspick": 433, "mount_setattr": 442, "unshare": 272, "setns": 308,
    "memfd_create": 319, "memfd_secret": 447, "shmget": 29, "msgget": 68, "mq_open": 240,
    "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425,
    "io_uring_enter": 426, "io_uring_register": 427, "open_by_handle_at": 304, "kcmp": 312,
}  # fmt: skip


def behind_bubblewrap(expression, **options):
    """The value of an expression behind the outer wall alone."""
    code = f"import ctypes, os\nprint(repr({expression}))"
    line = bubblewrap.command([sys.executable, "-c", code], readable=READABLE)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SECRET": "token"}
    done = subprocess.run(
        line, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options
    )
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout)


def alone(code):
    """What a process of its own prints, with no wall but those it puts up itself."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", plain(code)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_walls
class TestOuterWall:
    def test_every_namespace_is_its_own(self):
        names = [n for n in [*OWN, "cgroup"] if os.path.exists(f"/proc/self/ns/{n}")]
        there = behind_bubblewrap(f"{{n: os.readlink('/proc/self/ns/' + n) for n in {names}}}")
        shared = [name for name in names if there[name] == os.readlink(f"/proc/self/ns/{name}")]
        assert shared == []

    def test_the_environment_is_the_one_that_is_listed(self):
        listed = bubblewrap.environment(READABLE)
        assert "SECRET" not in listed
        assert behind_bubblewrap("dict(os.environ)") == {**listed, "PWD": "/tmp"}

    def test_all_that_is_mounted_is_read_only_but_what_is_private(self):
        text = behind_bubblewrap("open('/proc/self/mountinfo').read()")
        mounts = [line.split() for line in text.splitlines()]
        writable = {m[4] for m in mounts if "ro" not in m[5].split(",")}
        devices = {f"/dev/{n}" for n in ("null", "zero", "full", "random", "urandom", "tty", "pts")}
        assert writable - devices == {"/proc", "/tmp", "/dev/shm"}

    def test_of_the_systems_settings_only_harmless_ones_are_there(self):
        harmless = {"ld.so.cache", "localtime", "fonts", "alternatives"}
        assert set(behind_bubblewrap("os.listdir('/etc')")) <= harmless

    def test_it_is_a_session_without_a_terminal_and_ends_with_who_started_it(self):
        asked = "(os.getsid(0), (n := ctypes.c_int(), ctypes.CDLL(None).prctl(2, ctypes.byref(n)))"
        session, signal = behind_bubblewrap(f"{asked}[0].value)")
        assert session != 0, "0 is a session outside, whose terminal could be written to"
        assert signal == 9

    @needs_root
    def test_root_keeps_only_the_rights_that_settling_needs(self):
        status = behind_bubblewrap("open('/proc/self/status').read()").split()
        for kind in ("CapPrm:", "CapEff:"):
            assert int(status[status.index(kind) + 1], 16) == 1 << 6 | 1 << 7 | 1 << 21


@needs_walls
class TestInnerWalls:
    def test_every_namespace_is_the_sessions_own(self):
        code = f"""
            import os
            own = {[*OWN, "user"]}
            print([n for n in own if os.readlink("/proc/self/ns/" + n) == host["namespaces"][n]])
        """
        assert inside(plain(code)) == "[]"

    def test_new_rights_are_forbidden_by_the_session_itself(self):
        """Behind bubblewrap they are forbidden already, so the wall is built without it."""
        said = alone("""
            import ctypes, os
            from course_lib.grading.sandbox import namespaces
            try:
                namespaces.enclose(2**20)
            except OSError:
                raise SystemExit  # bubblewrap alone may create namespaces here
            if os.fork() == 0:
                namespaces.drop()
                print(ctypes.CDLL(None).prctl(39, 0, 0, 0, 0), flush=True)
                os._exit(0)
            os.wait()
        """)
        if not said:
            pytest.skip("bubblewrap alone may create namespaces here")
        assert said == "1"

    @needs_root
    def test_of_root_nothing_is_left(self):
        code = "import os\nprint(os.getresuid(), os.getresgid(), os.getgroups())"
        nobody = (65534,) * 3
        assert inside(code, extra_groups=[12345]) == f"{nobody} {nobody} []"

    def test_private_folders_hold_no_devices_and_give_nobody_rights(self):
        code = """
            import os
            for place in ("/tmp", "/dev/shm", "/dev/pts", "/proc"):
                flags = os.statvfs(place).f_flag
                print(place, bool(flags & os.ST_NOSUID), bool(flags & os.ST_NODEV))
            print(bool(os.statvfs("/proc").f_flag & os.ST_NOEXEC))
            print([oct(os.stat(place).st_mode & 0o777) for place in ("/tmp", "/dev/shm")])
        """
        *places, proc, modes = inside(plain(code)).splitlines()
        assert [place.split()[1:] for place in places] == [["True", "True"]] * 4
        assert (proc, modes) == ("True", "['0o700', '0o700']")

    def test_the_terminal_of_who_grades_is_covered(self):
        """Bubblewrap lays it under /dev/console where its standard output is a terminal."""
        code = """
            import os, sys
            from course_lib.grading.sandbox import namespaces
            namespaces.settle()
            before = os.stat("/dev/console").st_rdev
            namespaces.enclose(2**20)
            now = os.stat("/dev/console").st_rdev
            print(before != now == os.stat("/dev/null").st_rdev, file=sys.stderr)
        """
        line = bubblewrap.command([sys.executable, "-c", plain(code)], readable=READABLE)
        master, terminal = os.openpty()
        try:
            done = subprocess.run(
                line, stdin=subprocess.DEVNULL, stdout=terminal, stderr=subprocess.PIPE, text=True
            )
        finally:
            os.close(master)
            os.close(terminal)
        assert done.stderr == "True\n"


@on_x86
class TestFilterAlone:
    def test_each_call_is_refused_without_any_other_wall(self):
        said = alone(f"""
            import ctypes, json
            from course_lib.grading.sandbox import syscalls
            libc = ctypes.CDLL(None, use_errno=True)
            libc.prctl(38, 1, 0, 0, 0)
            syscalls.refuse()
            numbers = {NUMBERS}
            zero = [ctypes.c_long(0)] * 6
            def refused(number):
                return libc.syscall(ctypes.c_long(number), *zero) == -1 and ctypes.get_errno() == 1
            print(json.dumps([name for name, number in numbers.items() if not refused(number)]))
        """)
        assert json.loads(said) == []
        assert REFUSED.keys() == NUMBERS.keys()

    def test_calls_by_the_numbers_of_another_machine_kill(self):
        """``int 0x80`` asks for the 32-bit table, in which the refused numbers mean other calls."""
        said = alone("""
            import ctypes, mmap, os
            from course_lib.grading.sandbox import syscalls
            code = mmap.mmap(-1, 4096, prot=7)
            code.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20 (getpid); int 0x80; ret
            call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
            def ends_with(filtered):
                if (child := os.fork()) == 0:
                    if filtered:
                        ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
                        syscalls.refuse()
                    os._exit(0 if call() == os.getpid() else 1)
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            print(ends_with(False), ends_with(True))
        """)
        unfiltered, filtered = map(int, said.split())
        if unfiltered:
            pytest.skip("this kernel has no 32-bit calls")
        assert filtered == -31, "not ended by SIGSYS"
