"""The house rules: who may import whom, what an import costs, and what no file may say."""

import ast
import re
import subprocess
import sys
from importlib.metadata import distributions

import pytest
from notebook_runs import ROOT
from packaging.specifiers import SpecifierSet

LIBRARY = ROOT / "course_lib"
GROUND = {"data", "distributions", "exact"}
MAY_IMPORT = {
    "arguments": set(),
    **{part: {"arguments"} for part in GROUND},
    "objectives": {"arguments", "distributions"},
    "models": {"arguments", "distributions", "objectives"},
    "randomness": set(),
    "whole_file": set(),
    "progress": set(),
    "batches": set(),
    "measured": set(),
    "training": {"arguments", "batches", "progress", "randomness", "whole_file"},
    "evaluation": {
        "arguments",
        "distributions",
        "exact",
        "objectives",
        "progress",
        "randomness",
        "whole_file",
    },
    "figures": {
        "data",
        "distributions",
        "exact",
        "objectives",
        "models",
        "training",
        "evaluation",
        "measured",
    },
    "checks": {"exact", "distributions", "randomness"},
    "doctor": set(),
    "grading": {"doctor", "notebooks", "progress", "whole_file"},
    "notebooks": {"whole_file"},
}
HEAVY = {"torch", "matplotlib", "ipywidgets", "IPython", "jupytext", "sklearn", "pandas"}


def part_of(path):
    first = path.relative_to(LIBRARY).parts[0]
    return first.removesuffix(".py")


def imports_of(path):
    """Every module that a file imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "course_lib":
                yield from (f"course_lib.{alias.name}" for alias in node.names)
            else:
                yield node.module


def imported_at_once(path):
    """The library's modules that a file imports outside functions, ``TYPE_CHECKING`` included."""
    found, nodes = set(), [ast.parse(path.read_text())]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif not isinstance(node, ast.FunctionDef | ast.Lambda):
            nodes += ast.iter_child_nodes(node)
    return found


MODULES = [
    path
    for path in sorted(LIBRARY.rglob("*.py"))
    if path.parent != LIBRARY or "__" not in path.name
]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_a_part_imports_only_what_stands_below_it(path):
    part = part_of(path)
    used = {name.split(".")[1] for name in imports_of(path) if name.startswith("course_lib.")}
    assert used - MAY_IMPORT[part] - {part} == set()


def test_no_two_modules_import_each_other_by_any_way_round():
    """Imports within functions do not count: the rest, those for type checkers too, is a tree."""
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in MODULES}
    imports = {name: imported_at_once(path) & set(names) for name, path in names.items()}
    while leaves := {name for name, used in imports.items() if not used & set(imports)}:
        imports = {name: used for name, used in imports.items() if name not in leaves}
    assert sorted(imports) == []


def test_a_file_takes_the_place_of_another_in_one_module_alone():
    """``os.replace`` or ``Path.replace``: one argument where that of text takes two."""
    writers = set()
    for path in [*LIBRARY.rglob("*.py"), *(ROOT / "tests/benchmarks").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of = ast.unparse(node.func)
                moves = of in {"os.replace", "os.rename", "os.renames", "shutil.move"}
                if moves or (node.func.attr in {"replace", "rename"} and len(node.args) == 1):
                    writers.add(path.name)
    assert writers == {"whole_file.py"}


PACKAGES = sorted({path.parent for path in LIBRARY.rglob("*.py")})


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_parts_of_a_folder_stand_on_floors(folder):
    """Modules and whole folders next to each other: if one uses another, that one never uses it."""
    uses = {}
    for path in folder.rglob("*.py"):
        part = path.relative_to(folder).parts[0].removesuffix(".py")
        here = ".".join(folder.relative_to(ROOT).parts) + "."
        names = [name for name in imported_at_once(path) if name.startswith(here)]
        used = {name.removeprefix(here).split(".")[0] for name in names}
        uses.setdefault(part, set()).update(used - {part})
    while lowest := {part for part, used in uses.items() if not used & set(uses)}:
        uses = {part: used for part, used in uses.items() if part not in lowest}
    assert uses == {}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_plotting_and_widgets_are_imported_only_in_figures(path):
    roots = {name.split(".")[0] for name in imports_of(path)}
    if part_of(path) != "figures":
        assert roots & {"matplotlib", "ipywidgets"} == set()
    if part_of(path) in {"grading", "notebooks"}:
        assert "torch" not in roots


def loaded_by(statement):
    """The heavy packages that a fresh interpreter holds after one statement."""
    code = f"import sys\n{statement}\nprint(*sorted(set(sys.modules) & {HEAVY!r}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import course_lib", set()),
        ("import course_lib.measured", set()),
        ("import course_lib.__main__", set()),
        ("import course_lib.figures.closing_table", set()),
        ("import course_lib.models, course_lib.training, course_lib.evaluation", {"torch"}),
        ("import course_lib.checks.elbo_gap", {"torch", "IPython"}),
        ("import course_lib.data.digits", {"torch"}),
        ("import course_lib.grading.__main__", {"IPython"}),
        ("import course_lib.grading.run, course_lib.grading.doctor", {"IPython"}),
        ("import course_lib.notebooks.build", {"IPython", "jupytext"}),
    ],
)
def test_an_import_loads_no_more_than_it_needs(statement, allowed):
    assert loaded_by(statement) <= allowed


def tracked_files():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.splitlines()]


def test_no_file_names_a_folder_of_one_machine():
    pattern = re.compile(r"(^|[\s\"'(=])/(home|root|Users|work)/\w", re.MULTILINE)
    named = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.is_file()
        and path.suffix not in {".png", ".npz"}
        and pattern.search(path.read_text())
    ]
    assert named == []


def test_every_local_link_of_the_documents_leads_somewhere():
    for document in [path for path in tracked_files() if path.suffix == ".md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_pinned_package_accepts_the_oldest_python_that_the_readme_promises():
    refused = [
        f"{found.metadata['Name']} {found.version} needs {found.metadata.get('Requires-Python')}"
        for found in distributions()
        if "3.11.0" not in SpecifierSet(found.metadata.get("Requires-Python") or "")
    ]
    assert refused == []


def test_every_planted_bug_still_finds_its_place():
    command = [sys.executable, str(ROOT / "tests" / "mutants"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
