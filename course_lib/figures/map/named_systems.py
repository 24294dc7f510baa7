"""The cells of the lecture's grid that have a name, as a table with links to their lectures."""

from __future__ import annotations

import html

from course_lib.figures.map.grid_of_bricks import COLUMNS, SYSTEMS, Cell, System

__all__ = ["NamedSystems", "named_systems"]

NOTEBOOKS = {
    1: "01_elbo_gap.ipynb",
    3: "03_pixel_vae.ipynb",
    7: "07_joint_matching.ipynb",
    8: "08_information_preference.ipynb",
}
HEADER = ("the lecture calls it", *(title for title, _, _ in COLUMNS.values()), "slides")
WIDTHS = (38, 15, 19, 17, 16, 7)  # characters in a text column
STYLE = "text-align: left; vertical-align: top; padding: 0.3em 0.45em"


class NamedSystems:
    """A table that a notebook shows as HTML, with links, and a terminal as text.

    Args:
        systems: the cells with a name.
    """

    def __init__(self, systems: dict[Cell, System]) -> None:
        self.systems = dict(systems)

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col" style="{STYLE}">{html.escape(c)}</th>' for c in HEADER)
        body = "".join(f"<tr>{_html_row(*item)}</tr>" for item in self.systems.items())
        caption = "Cells of the grid with a name. In bold: what differs from a plain VAE."
        return (
            f"<table><caption>{caption}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def __repr__(self) -> str:
        rows = [
            (system.name, *(label for label, _ in _choices(cell)), _slides(system))
            for cell, system in self.systems.items()
        ]
        return "\n".join(
            "  ".join(f"{text:{width}}" for text, width in zip(row, WIDTHS, strict=True)).rstrip()
            for row in (HEADER, *rows)
        )


def named_systems() -> NamedSystems:
    """Return the table of the systems that slides 2 to 19 name.

    Example:
        >>> "PixelVAE" in repr(named_systems())
        True
    """
    return NamedSystems(SYSTEMS)


def _choices(cell: Cell) -> list[tuple[str, bool]]:
    """Return the text of each chosen box, and whether a plain VAE has the same."""
    found = []
    for choice, (_, names, labels) in zip(cell, COLUMNS.values(), strict=True):
        place = list(names).index(choice)
        found.append((labels[place], place == 0))
    return found


def _html_row(cell: Cell, system: System) -> str:
    name = f'<a href="{NOTEBOOKS[system.lecture]}">{html.escape(system.name)}</a>'
    choices = [
        html.escape(label) if plain else f"<b>{html.escape(label)}</b>"
        for label, plain in _choices(cell)
    ]
    cells = "".join(f'<td style="{STYLE}">{text}</td>' for text in (*choices, _slides(system)))
    return f'<th scope="row" style="{STYLE}; font-weight: normal">{name}</th>{cells}'


def _slides(system: System) -> str:
    return system.slides.removeprefix("slides ").removeprefix("slide ")
