"""Mistakes in the grader: its walls, its judge, what it takes and what it records."""

from mutant import mutants_of

CODEC, EXECUTION = "grading/test_codec.py", "grading/test_execution.py"
VETTING, MERGING = "grading/test_vetting.py", "grading/test_merging.py"
LEAKS, UNEARNED = "test_leaks.py", "grading/test_unearned.py"
SANDBOX = "grading/test_sandbox.py"

GRADING = [
    *mutants_of(
        "grading/processes/arrays.py",
        CODEC,
        ("grading: objects in arrays", 'KINDS = "biufcSUmM"', 'KINDS = "biufcSUmMO"'),
        (
            "grading: size of a block unchecked",
            "not good or len(raw) != width",
            "not good or 0 != 0",
        ),
        (
            "grading: a truth value of two",
            "flat != 0 if dtype is torch.bool else flat.view",
            "flat.view",
        ),
        (
            "grading: blocks outside the message",
            "if not 0 <= start <= start + size <= len(rest)",
            "if False",
        ),
        (
            "grading: any name is a dtype",
            "if not isinstance(found, torch.dtype)",
            "if found is None",
        ),
        (
            "grading: a view sent with its base",
            ".contiguous().reshape(-1)",
            ".as_strided((value.numel(),), (1,))",
        ),
    ),
    *mutants_of(
        "grading/processes/judge.py",
        EXECUTION,
        (
            "grading: the student's names go first",
            "foreign = sorted(names - (mine - self._answers - self._values))",
            "foreign = sorted(names)",
        ),
        (
            "grading: a name that is borrowed stays",
            "                del here[name]\n",
            "                pass\n",
        ),
        (
            "grading: a test's own helper is the student's",
            "        self._answers -= _names(defined_names, source)\n",
            "",
        ),
        (
            "grading: what a test makes of a name stays",
            "            here.pop(name, None)\n        here.update(borrowed)",
            "            pass\n        here.update(borrowed)",
        ),
        (
            "grading: a name of an answer's is looked for here first",
            "names - (mine - self._answers - self._values)",
            "names - mine",
        ),
        (
            "grading: a function put aside is called all the same",
            'dict.fromkeys(self._known - here.keys(), ("gone", None))',
            "{}",
        ),
        (
            "grading: another function in its place is forgotten",
            'found[name] = ("as", now.__name__)',
            "pass",
        ),
    ),
    *mutants_of(
        "grading/processes/judge.py",
        UNEARNED,
        (
            "grading: whatever has the name of an import is one",
            "ours[0] if origin(ours[0]) == theirs else NoData(text)",
            "ours[0]",
        ),
        (
            "grading: answers bind functions alone",
            "        self._values |= values - self._answers\n",
            "",
        ),
        (
            "grading: a name of a builtin's is the judge's",
            " | (values & vars(builtins).keys())",
            "",
        ),
        ("grading: a test cannot bind what an answer binds", "        self._values -= names\n", ""),
    ),
    *mutants_of(
        "grading/running/execution.py",
        UNEARNED,
        (
            "grading: an answer's names stay the judge's",
            '            self._judged("N", ',
            '            print("N", ',
        ),
    ),
    *mutants_of(
        "grading/processes/shell.py",
        EXECUTION,
        ("grading: output without end", "kept = text[: max(self.room, 0)]", "kept = text"),
        (
            "grading: any length of a traceback",
            "if sum(map(len, lines)) > 2 * LONGEST_ERROR",
            "if False",
        ),
    ),
    *mutants_of(
        "grading/processes/wire.py",
        EXECUTION,
        ("grading: messages of any length", "if size > longest:", "if False:"),
    ),
    *mutants_of(
        "grading/processes/host.py",
        EXECUTION,
        ("grading: nobody watches the memory", "> child.limit:", "> 100 * child.limit:"),
        (
            "grading: an interrupt kills",
            "_signal(child.inner, signal.SIGINT)",
            "_signal(child.inner, signal.SIGKILL)",
        ),
    ),
    *mutants_of(
        "grading/processes/student.py",
        EXECUTION,
        (
            "grading: what a test rebinds stays rebound",
            "            here.update(before)",
            "            pass",
        ),
        (
            "grading: a function that is put aside cannot be called",
            "            value = function(*args, **kwargs)",
            '            value = self.shell.user_ns[request["name"]](*args, **kwargs)',
        ),
    ),
    *mutants_of(
        "grading/processes/wire.py",
        EXECUTION,
        (
            "grading: a machine that stands still takes time",
            "min(monotonic() - began, longest or LOOK)",
            "monotonic() - began",
        ),
    ),
    *mutants_of(
        "grading/running/execution.py",
        EXECUTION,
        (
            "grading: cells go on when the whole time is over",
            "            self.gone = self.result.reason\n\n    def _is_late",
            "            pass\n\n    def _is_late",
        ),
        (
            "grading: a test that does not end is no overtime",
            "            self._is_late()\n            return self.judge",
            "            return self.judge",
        ),
        (
            "grading: every endless loop costs the whole limit",
            "self.allowed = min(seconds, self.limits.cell_seconds)",
            "self.allowed = self.limits.cell_seconds",
        ),
        (
            "grading: a late call is not stopped",
            "            self._overtime()\n            return _answer",
            "            return _answer",
        ),
    ),
    *mutants_of(
        "grading/sandbox/namespaces.py",
        SANDBOX,
        (
            "grading: nested user namespaces",
            '    _write("/proc/sys/user/max_user_namespaces", "0")\n',
            "",
        ),
        ("grading: keys of who started it", "    _forget_keys()\n", ""),
    ),
    *mutants_of(
        "grading/sandbox/landlock.py",
        SANDBOX,
        (
            "grading: readable is writable",
            "_allow(ruleset, path, READING)",
            "_allow(ruleset, path, everything)",
        ),
    ),
    *mutants_of(
        "grading/intake/vetting.py",
        VETTING,
        ("grading: a blocked notebook is looked past", " and not _blocked(walk, name)", ""),
    ),
    *mutants_of(
        "grading/intake/walking.py",
        VETTING,
        (
            "grading: links are followed",
            "os.lstat(self.folder / path)",
            "os.stat(self.folder / path)",
        ),
    ),
    *mutants_of(
        "grading/intake/merging.py",
        MERGING,
        (
            "grading: a copied test is tampering",
            "        elif len(edited) == len(copies):\n            self._tampered",
            "        elif edited:\n            self._tampered",
        ),
        (
            "grading: a comment in a test is tampering",
            "elif len(edited) == len(copies) and self._harmless(place, cell, edited):",
            "elif False:",
        ),
        (
            "grading: whatever stands at its place is an answer for nobody",
            "            self.own.difference_update(found)\n",
            "",
        ),
        ("grading: an answer that may be there is the stub", "return READ if asks else", "return"),
    ),
    *mutants_of(
        "grading/intake/meaning.py",
        MERGING,
        ("grading: a print that binds is a print", "return node if any(", "return None if any("),
        (
            "grading: magics mean nothing",
            "[found[0].strip() for found in MAGIC.finditer(source)]",
            "[]",
        ),
        ("grading: any show of a test is harmless", "SHOWS = {", 'SHOWS = {"f", '),
        ("grading: the parser's errors end the run", ", RecursionError, MemoryError", ""),
    ),
    *mutants_of(
        "grading/intake/losing.py",
        MERGING,
        ("grading: an answer that lost its mark is lost", "free[: 1 if", "free[: 0 if"),
        ("grading: text of others is the answer", "there.get(before, -1) + 1", "0"),
        ("grading: the first of two answers takes all", "free[: 1 if", "free[: None if"),
        (
            "grading: a text with the word class defines",
            'if self.cells[place].cell_type != "code"',
            "if False",
        ),
    ),
    *mutants_of(
        "grading/records/results.py",
        "grading/test_results.py",
        (
            "grading: half a result is a result",
            "result if result.digest == digest and _well_typed(result) else None",
            "result",
        ),
    ),
    *mutants_of(
        "grading/records/gradebook.py",
        "grading/test_recording.py",
        ("grading: gives up at a lock", "if late or not _locked(error, errors):", "if True:"),
    ),
    *mutants_of(
        "grading/preprocessors.py",
        "grading/test_recording.py",
        (
            "grading: not a number is full marks",
            "if math.isfinite(value) else 0.0",
            "if math.isfinite(value) else value",
        ),
    ),
    *mutants_of(
        "grading/intake/vetting.py",
        VETTING,
        ("grading: an untouched notebook counts", "if not untouched(name, pair[1])", "if False"),
        (
            "grading: a copy always counts",
            "if free and untouched(name, notebooks[name])",
            "if free",
        ),
    ),
    *mutants_of(
        "grading/processes/judge.py",
        EXECUTION,
        (
            "grading: any name is a test's",
            "found is None or found[1] not in self._tests",
            "found is None",
        ),
        (
            "grading: a test's variable goes unsaid",
            "        self._tests |= _names(bound_names, source)\n",
            "",
        ),
    ),
    *mutants_of(
        "grading/processes/judge.py",
        EXECUTION,
        ("grading: what is printed has no end", "[: self._heard]", ""),
        ("grading: what a call prints is lost", '        print(text, end="")\n', ""),
    ),
    *mutants_of(
        "grading/processes/shell.py",
        EXECUTION,
        (
            "grading: a flood is full marks",
            "if size <= self.room or credit:",
            "if size <= self.room:",
        ),
    ),
    *mutants_of(
        "grading/preprocessors.py",
        "grading/test_run.py",
        (
            "grading: nobody is asked for a test",
            "grade.auto_score, grade.needs_manual_grade = None, True",
            "pass",
        ),
    ),
    *mutants_of(
        "grading/doctor.py",
        "grading/test_doctor.py",
        (
            "doctor: a solution that fails is well",
            "            if not failing:\n",
            "            if True:\n",
        ),
        (
            "doctor: tests that fail go unsaid",
            "for test, why in tests.items():",
            "for test, why in ():",
        ),
    ),
    *mutants_of(
        "grading/processes/kinds.py",
        CODEC,
        (
            "grading: a fraction is its numerator",
            "Fraction(*map(int, parts))",
            "Fraction(int(parts[0]))",
        ),
        ("grading: a counter is a dictionary", "Counter(dict(*parts))", "dict(*parts)"),
    ),
    *mutants_of(
        "grading/exercises.py",
        "grading/test_insights.py",
        ("insights: a stub was tried", "(untouched or stopped)", "stopped"),
        (
            "insights: a test with a mark waits for nobody",
            "any(mark.waits for mark in given)",
            "False",
        ),
        (
            "insights: each test is an exercise",
            "            if new.graded:\n",
            "            if True:\n",
        ),
        ("insights: code in a text is a heading", 'FENCED.sub("", cell.source)', "cell.source"),
    ),
    *mutants_of(
        "grading/insights.py",
        "grading/test_insights.py",
        (
            "insights: a mistake counts once a test",
            "if student not in mistake.students:",
            "if True:",
        ),
        ("insights: a number makes another mistake", 'NUMBER.sub("#", text)', "text"),
        ("insights: a stub is a mistake", "if kind in NOT_STARTED:", "if False:"),
        (
            "insights: names unasked",
            '" ".join(sorted(students))} if names',
            '" ".join(sorted(students))} if 1',
        ),
    ),
    *mutants_of(
        "grading/insights_page.py",
        "grading/test_insights.py",
        ("insights: names on the page unasked", '</span>\' if names else ""', "</span>'"),
        ("insights: text is HTML", "html.escape(", "str("),
        ("insights: the rare first", "lines.sort(key=lambda line: -line[0])", "lines.sort()"),
    ),
    *mutants_of(
        "grading/records/export.py",
        "grading/test_export.py",
        (
            "export: nothing handed in is zero",
            '    except MissingEntry:\n        return ""\n',
            '    except MissingEntry:\n        return "0"\n',
        ),
        (
            "export: the points possible are a student's",
            '"Student": "    Points Possible"',
            '"Student": ""',
        ),
    ),
    *mutants_of(
        "grading/records/report.py",
        "grading/test_export.py",
        ("export: formulas", "writer.writerows([_harmless(cell) for", "writer.writerows([cell for"),
    ),
    *mutants_of(
        "grading/pages.py",
        "grading/test_feedback.py",
        (
            "grading: contents of cells",
            "    if not found:\n        return body",
            "    if True:\n        return body",
        ),
        ("grading: any link in feedback", 'return value.startswith("#")', "return True"),
    ),
    *mutants_of(
        "notebooks/leaks.py",
        LEAKS,
        ("leaks: written answers are no secret", 'if grade_of(cell) != "written" else []', ""),
        ("leaks: only the source is searched", " or json.dumps(line)[1:-1] in rest", ""),
        ("leaks: a line in a comment passes", '.strip("# \\t")', ".strip()"),
        ("leaks: only markers in capitals are looked at", ".strip().upper()", ".strip()"),
        ("leaks: told answers pass", 'cell.source if grade_of(cell) != "written" else ""', '""'),
    ),
    *mutants_of(
        "notebooks/build.py",
        LEAKS,
        ("leaks: nobody looks", "        if leaked:\n", "        if False:\n"),
        ("leaks: programs among the data", "== (path.suffix in PROGRAMS)", "== False"),
        ("leaks: checkpoints are strays", ', "checkpoints"}', "}"),
    ),
    *mutants_of(
        "grading/cells.py",
        UNEARNED,
        (
            "grading: imports of answers are run for everybody",
            "Declared(tuple(imports[False]), ",
            "Declared((*imports[False], *imports[True]), ",
        ),
        ("grading: what an answer changes is the judge's", " | changed_names(source)", ""),
    ),
    *mutants_of(
        "grading/cells.py",
        EXECUTION,
        (
            "grading: any function of a student's is an answer's",
            "            if answer:\n",
            "            if True:\n",
        ),
        (
            "grading: tests run by the student",
            'return "judge" if marks.get("grade") else "both"',
            'return "student"',
        ),
        ("grading: runs cells that do not count", "code[: max(matter, default=-1) + 1]", "code"),
    ),
    *mutants_of(
        "grading/processes/stand_ins.py",
        EXECUTION,
        (
            "grading: an error of the code's ends a loop unseen",
            "any(kind in NOT_RAISED for kind in kinds)",
            "kinds[0] in NOT_RAISED",
        ),
        (
            "grading: changes of arguments are lost",
            "            _change(given[i], now)",
            "            pass",
        ),
        (
            "grading: an argument that is returned is another",
            'list(answer.get("same", []))',
            "()",
        ),
        (
            "grading: errors lose their kind",
            "    for kind in kinds:\n",
            "    for kind in ():\n",
        ),
        (
            "grading: the student may end a loop of the judge's",
            "if not kinds or any(kind in NOT_RAISED for kind in kinds):",
            "if not kinds:",
        ),
    ),
    *mutants_of(
        "notebooks/cell_rules.py",
        "test_notebooks.py",
        ("rules: a test looks into an answer", "not in INTROSPECTION", "not in ()"),
        ("rules: a test packs up an answer", "in names & PICKLES", "in ()"),
        ("rules: an end without a beginning", "[begin, end] * (len(found) // 2)", "list(found)"),
    ),
    *mutants_of(
        "notebooks/cell_rules.py",
        "grading/test_doctor.py",
        ("rules: a student's class is no matter", "node.id in classes", "False"),
        (
            "rules: a function cannot say its name",
            "isinstance(node, ast.Attribute) and node.attr in TOLD",
            "False",
        ),
        ("rules: markers in any order", "list(found) == [begin, end] *", "len(found) == 2 *"),
    ),
]
