"""Walls of the sandbox taken away one at a time, and results under another student's name."""

from mutant import mutants_of

WALLS, SANDBOX, EXECUTION = (
    f"grading/test_{name}.py" for name in ("walls", "sandbox", "execution")
)
RESULTS = "grading/test_results.py"

WALLS_DOWN = [
    *mutants_of(
        "grading/sandbox/bubblewrap.py",
        WALLS,
        ("walls: the machine's network", '("pid", "net", "ipc"', '("pid", "ipc"'),
        ("walls: the machine's shared memory", '"net", "ipc", "uts"', '"net", "uts"'),
        ("walls: the machine's name", '"ipc", "uts", "cgroup-try"', '"ipc", "cgroup-try"'),
        ("walls: the machine's control groups", '"uts", "cgroup-try")', '"uts")'),
        ("walls: the instructor's environment", ', "--clearenv"]', "]"),
        ("walls: the instructor's terminal", ', "--new-session"', ""),
        ("walls: a host outlives its instructor", '"--die-with-parent", ', ""),
        ("walls: every right of root's", '["--cap-drop", "ALL", *kept]', '["--cap-add", "ALL"]'),
        ("walls: the root folder is writable", '"--remount-ro", "/", ', ""),
        ("walls: the devices' folder is writable", '"--remount-ro", "/dev", ', ""),
        ("walls: programs are writable", '["--ro-bind", "/usr"', '["--bind", "/usr"'),
        ("walls: settings are writable", '["--ro-bind-try", f"/etc', '["--bind-try", f"/etc'),
        ("walls: all settings", "OF_ETC = (", 'OF_ETC = ("passwd", '),
        (
            "walls: packages are writable",
            '["--ro-bind", str(path), str(place)]',
            '["--bind", str(path), str(place)]',
        ),
    ),
    *mutants_of(
        "grading/sandbox/namespaces.py",
        WALLS,
        ("walls: supplementary groups stay", "    os.setgroups([])\n", ""),
        ("walls: root's group stays", "    os.setresgid(NOBODY, NOBODY, NOBODY)\n", ""),
        (
            "walls: new rights are left to bubblewrap",
            '    prctl("forbidding new rights", SET_NO_NEW_PRIVS, 1)\n',
            "",
        ),
        ("walls: the host's network", "| 0x40000000 ", ""),
        ("walls: the host's shared memory", "| 0x08000000 ", ""),
        ("walls: the host's processes", "| 0x20000000 ", ""),
        ("walls: the host's name", " | 0x04000000\n", "\n"),
        ("walls: programs with their owner's rights", "| NO_SUID | NO_DEVICES", "| NO_DEVICES"),
        ("walls: devices in private folders", "| NO_SUID | NO_DEVICES", "| NO_SUID"),
        ("walls: private folders for all", 'mode=0700"', 'mode=0777"'),
        ("walls: the console stays", 'if os.path.exists("/dev/console")', "if False"),
    ),
    *mutants_of(
        "grading/sandbox/namespaces.py",
        SANDBOX,
        ("walls: rights stay", "    _drop_capabilities()\n\n\ndef", "\n\ndef"),
    ),
    *mutants_of(
        "grading/sandbox/syscalls.py",
        WALLS,
        ("walls: no filter", "if MACHINE not in ARCHITECTURES:", "if True:"),
        ("walls: unshare is not refused", '"unshare": (272, 97), ', ""),
        ("walls: calls of another machine's", "(EQUAL, 1, 0, ARCH", "(EQUAL, 1, 1, ARCH"),
    ),
    *mutants_of(
        "grading/sandbox/limits.py",
        SANDBOX,
        ("walls: no limit on address space", "_set(resource.RLIMIT_AS,", "max(resource.RLIMIT_AS,"),
        (
            "walls: no limit on processor time",
            "_set(resource.RLIMIT_CPU,",
            "max(resource.RLIMIT_CPU,",
        ),
        (
            "walls: no limit on processes",
            "_set(resource.RLIMIT_NPROC,",
            "max(resource.RLIMIT_NPROC,",
        ),
        (
            "walls: no limit on the size of a file",
            "_set(resource.RLIMIT_FSIZE,",
            "max(resource.RLIMIT_FSIZE,",
        ),
        (
            "walls: no limit on open files",
            "_set(resource.RLIMIT_NOFILE,",
            "max(resource.RLIMIT_NOFILE,",
        ),
        ("walls: no limit on dumps", "_set(resource.RLIMIT_CORE,", "max(resource.RLIMIT_CORE,"),
        (
            "walls: no limit on message queues",
            "_set(resource.RLIMIT_MSGQUEUE,",
            "max(resource.RLIMIT_MSGQUEUE,",
        ),
    ),
    *mutants_of(
        "grading/processes/host.py",
        EXECUTION,
        ("walls: the host's control socket", "        self.control.close()\n", ""),
        ("walls: its own leash", "        leash.close()\n        for child", "        for child"),
        (
            "walls: leashes of others",
            "            child.leash.close()\n\n    def _obey",
            "            pass\n\n    def _obey",
        ),
        ("walls: the host's selector", "        self.eyes.close()\n", ""),
        ("walls: the host's log", "        os.dup2(0, 2)", "        os.dup2(2, 2)"),
    ),
    *mutants_of(
        "grading/records/results.py",
        RESULTS,
        (
            "walls: a result under another student",
            "result.student: entry}",
            "min([result.student, *self._index(result.assignment)]): entry}",
        ),
        (
            "walls: a stranger's result is the latest",
            "if result and (result.student, result.assignment) == (student, assignment)",
            "if result",
        ),
    ),
    *mutants_of(
        "grading/intake/walking.py",
        "grading/test_vetting.py",
        ("walls: checkpoints are handed in", ', "checkpoints"}', "}"),
    ),
]
