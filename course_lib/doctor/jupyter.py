"""What JupyterLab needs besides packages: the browser's part of the sliders, and a kernel."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course_lib.doctor.findings import Finding
from course_lib.doctor.packages import EXACT, installed, pins, pip

__all__ = ["kernel", "sliders"]

EXTENSION = "@jupyter-widgets/jupyterlab-manager"
FRONT_END = "jupyterlab_widgets"
HALVES = {"7": "3", "8": "5"}  # the extension's major version for each of ipywidgets
OWN_PYTHON = re.compile(r"python(3(\.\d+)?)?")  # Jupyter replaces these names by its own Python


def sliders(root: Path) -> Iterator[Finding]:
    """Yield whether the browser part of ipywidgets is installed, compatible and enabled.

    Args:
        root: the folder of the course.
    """
    version = installed("ipywidgets")
    if version is None or installed("jupyter_core") is None:
        return  # reported with the packages
    pin = pins(root / EXACT).get(FRONT_END)
    package = f"{FRONT_END}=={pin}" if pin else FRONT_END
    remedy = f"{pip()} install --force-reinstall --no-deps {package}, then restart JupyterLab"
    about = _first("labextensions", f"{EXTENSION}/package.json")
    if about is None:
        text = "sliders will not be shown: JupyterLab's part of ipywidgets is missing"
        yield Finding("problem", text, remedy)
        return
    found, wanted = str(_read(about)["version"]), HALVES.get(version.partition(".")[0])
    if wanted and found.partition(".")[0] != wanted:
        text = f"sliders will not be shown: {EXTENSION} {found} does not match ipywidgets {version}"
        yield Finding("problem", text, remedy)
        return
    for path in _switched_off():
        text = f"sliders will not be shown: {path} disables {EXTENSION}"
        yield Finding("problem", text, f"jupyter labextension enable {EXTENSION}")
        return
    yield Finding("ok", f"sliders: ipywidgets {version} with {EXTENSION} {found}")


def kernel(root: Path) -> Iterator[Finding]:
    """Yield whether notebooks run with this Python.

    Args:
        root: the folder of the course.
    """
    if installed("jupyter_core") is None:
        return
    path = _first("kernels", "python3/kernel.json")
    program = _read(path)["argv"][0] if path else "python"
    same = Path(program).parent.resolve() == Path(sys.executable).parent.resolve()
    if OWN_PYTHON.fullmatch(program) or same:
        yield Finding("ok", "notebooks run with this Python")
        return
    gone = "" if Path(program).exists() else ", which does not exist"
    remedy = f"delete the folder {path.parent}, or choose another kernel in the notebook"
    yield Finding("problem", f"{path} makes notebooks run with {program}{gone}", remedy)


def _first(kind: str, name: str) -> Path | None:
    """Return the file that Jupyter uses, the first on its path, or None."""
    from jupyter_core.paths import jupyter_path

    places = (Path(folder, name) for folder in jupyter_path(kind))
    return next((place for place in places if place.is_file()), None)


def _switched_off() -> Iterator[Path]:
    """Yield the settings files that disable the extension."""
    from jupyter_core.paths import jupyter_config_path

    settings = [Path(folder, "labconfig") for folder in jupyter_config_path()]
    settings.append(Path(sys.prefix, "share/jupyter/lab/settings"))
    for path in (folder / "page_config.json" for folder in settings):
        disabled = _read(path).get("disabledExtensions", {}) if path.is_file() else {}
        on = [name for name in disabled if not isinstance(disabled, dict) or disabled[name]]
        if any(name.partition(":")[0] == EXTENSION for name in on):
            yield path


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
