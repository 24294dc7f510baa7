"""Mistakes in what a student gets."""

from mutant import mutants_of

STUDENTS = [
    *mutants_of(
        "notebooks/bundle.py",
        "test_bundle.py",
        ("bundle: the grader goes along", "not folders & LEFT_OUT and", "True and"),
        ("bundle: percent files go along", 'name.endswith(".py"))', "False)"),
        (
            "bundle: in the order in which files are found",
            "in sorted(files.items())",
            "in files.items()",
        ),
        (
            "bundle: the library is not searched",
            "sought = hidden if teaches",
            "sought = {} if teaches",
        ),
        ("bundle: answers are not looked for", "else answers | hidden", "else hidden"),
        ("bundle: assignments as they lie there", '{"lectures", RELEASE}', '{"lectures"}'),
        ("bundle: only keys are read", "for child in value.values() if", "for child in value if"),
        ("bundle: whatever is found is handed out", "    if found:\n", "    if not found:\n"),
    ),
    *mutants_of(
        "doctor/packages.py",
        "test_doctor.py",
        ("doctor: any Python will do", "sys.version_info[:2] < OLDEST", "False"),
        ("doctor: nothing is missing", "if installed(name) is None]", "if installed(name) == 0]"),
        ("doctor: a build is another version", 'version.partition("+")[0]', "version"),
        (
            "doctor: only direct requirements count",
            "needed | pins(root / EXACT) | needed",
            "needed",
        ),
        ("doctor: any copy of the library", "folder.resolve() != root.resolve()", "False"),
        ("doctor: files of the standard library hide", "*sys.stdlib_module_names, ", ""),
    ),
    *mutants_of(
        "doctor/jupyter.py",
        "test_doctor.py",
        ("doctor: halves of any age", 'HALVES = {"7": "3", "8": "5"}', "HALVES = {}"),
        ("doctor: switched off is on", "or disabled[name]]", "or not disabled[name]]"),
        ("doctor: a plugin of the extension is not it", 'name.partition(":")[0]', "name"),
        ("doctor: any kernel", "OWN_PYTHON.fullmatch(program) or same", "program"),
    ),
    *mutants_of(
        "doctor/machine.py",
        "test_doctor.py",
        ("doctor: files kept in memory count", "- int(used) + int(kept)", "- int(used)"),
        ("doctor: the larger of two limits", "free = min(known)", "free = max(known)"),
    ),
    *mutants_of(
        "doctor/findings.py",
        "test_doctor.py",
        ("doctor: a full disk is a note", '"problem" if free < tight', '"note" if free < tight'),
        ("doctor: what cannot be written is fine", "not os.access(place, os.W_OK)", "False"),
    ),
    *mutants_of(
        "notebooks/site/run.py",
        "test_site.py",
        ("site: a figure that cannot be exported", 'output.name == "stderr"', 'output.name == ""'),
        ("site: the run of another library", "name.encode() + file.read_bytes()", "name.encode()"),
    ),
    *mutants_of(
        "notebooks/site/build.py",
        "test_site.py",
        ("site: nobody searches the pages", "leaked(_readable(folder), root)", "[]"),
        ("site: nobody searches what tags say", ", *SAID.findall(text)]", "]"),
        ("site: a page may be of any size", " + too_big(folder)", ""),
        (
            "site: warnings pass",
            "if done.returncode or done.stderr.strip():",
            "if done.returncode:",
        ),
    ),
    *mutants_of(
        "notebooks/site/sources.py",
        "test_site.py",
        (
            "site: links to what is no page",
            'return words if there is None else f"[{words}]',
            'return match[0] if there is None else f"[{words}]',
        ),
        (
            "site: links of outputs as in the notebook",
            "ANCHOR.sub(in_output, output.data",
            "ANCHOR.sub(str, output.data",
        ),
        (
            "site: a start page with code",
            'cell.metadata["tags"] = ["remove-input"]',
            'cell.metadata["tags"] = []',
        ),
        ("site: answers in the open", '"hide-output"]', '"open"]'),
        ("site: a figure to move is folded", " and LIVE not in str(cell.outputs)", ""),
        ("site: the project first", 'not path.stem.startswith("ps")', 'path.stem.startswith("ps")'),
    ),
    *mutants_of(
        "notebooks/site/sizes.py",
        "test_site.py",
        ("site: pictures weigh nothing", "len(page) + pictures, len", "len(page), len"),
        ("site: only one limit", "if got > limit", "if got > MAX_RAW"),
    ),
    *mutants_of(
        "figures/page.py",
        "figures/test_page.py",
        (
            "page: the words stand still",
            "readout.textContent = table",
            "figure.title = table",
        ),
    ),
    *mutants_of(
        "figures/map/named_systems.py",
        "figures/test_map.py",
        ("map: what is plain in bold", "place == 0", "place != 0"),
        ("map: a link to another lecture", '3: "03_pixel_vae.ipynb"', '3: "01_elbo_gap.ipynb"'),
    ),
    *mutants_of(
        "figures/on_pages.py",
        "figures/test_on_pages.py",
        ("site: a figure twice under one name", "if shown[name] > 1:", "if shown[name] > 2:"),
        ("site: the heavier of two ways", "text = min(text, drawn", "text = max(text, drawn"),
        (
            "site: still figures without words",
            "picture.figure, picture.alt,",
            "picture.figure, '',",
        ),
    ),
]
