"""The controls of a figure, from which notebook and web page build their widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Choice", "Control", "Slider", "check_controls"]

MAX_SLIDERS = 3


@dataclass(frozen=True)
class Slider:
    """A number between two ends.

    Args:
        name: the keyword under which ``update`` receives the value.
        low: the lowest value.
        high: the highest value.
        step: the distance between neighbours; if all four numbers are integers, so is the value.
        value: the initial value.
        label: what the reader sees; the name if empty.
        page_step: the coarser step of a web page, which stores every state; ``step`` if None.

    Raises:
        ValueError: if the value is not between the ends or a step is not positive.

    Example:
        >>> Slider("mu", -1.0, 1.0, 0.1, 0.5, page_step=0.5).grid()
        [-1.0, -0.5, 0.0, 0.5, 1.0]
    """

    name: str
    low: float
    high: float
    step: float
    value: float
    label: str = ""
    page_step: float | None = None

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high or self.low == self.high:
            raise ValueError(
                f"{self.name}: expected low < high and a value between them,"
                f" got {self.low}, {self.high} and {self.value}"
            )
        if self.step <= 0 or (self.page_step is not None and self.page_step <= 0):
            raise ValueError(
                f"{self.name}: expected positive steps, got {self.step} and {self.page_step}"
            )

    @property
    def whole(self) -> bool:
        """Whether the values are integers."""
        return all(isinstance(n, int) for n in (self.low, self.high, self.step, self.value))

    def grid(self) -> list[Any]:
        """Return the values on the web page: ``value`` and steps from it in both directions."""
        step = self.page_step or self.step
        slack = 1e-9 * step
        below, above = (
            (self.value - self.low + slack) // step,
            (self.high - self.value + slack) // step,
        )
        places = range(-int(below), int(above) + 1)
        return [round(self.value + i * step, 10) + 0 for i in places]  # 0 and not -0

    def text(self, value: float) -> str:
        """Return the value with the decimals of the step."""
        return f"{value:.{self.decimals}f}"

    @property
    def decimals(self) -> int:
        """The number of decimals that tell neighbours apart."""
        return 0 if self.whole else max(len(f"{self.step:.6f}".rstrip("0").split(".")[1]), 1)


@dataclass(frozen=True)
class Choice:
    """One of a few values.

    Args:
        name: the keyword under which ``update`` receives the value.
        options: the values.
        value: the initial value.
        label: what the reader sees; the name if empty.
        texts: what the reader sees for each value; its ``str`` if empty.

    Raises:
        ValueError: if the value is not one of the options, or not every option has its text.

    Example:
        >>> Choice("layers", (0, 1, 2), 0).text(2)
        '2'
        >>> Choice("flow", ("maf", "iaf"), "maf", texts=("MAF", "IAF")).text("iaf")
        'IAF'
    """

    name: str
    options: Sequence[Any]
    value: Any
    label: str = ""
    texts: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.value not in self.options:
            raise ValueError(f"{self.name}: expected one of {self.options}, got {self.value!r}")
        if self.texts and len(self.texts) != len(self.options):
            raise ValueError(
                f"{self.name}: expected {len(self.options)} texts, got {len(self.texts)}"
            )

    def grid(self) -> list[Any]:
        """Return the options."""
        return list(self.options)

    def text(self, value: Any) -> str:
        """Return what the reader sees for ``value``."""
        return self.texts[self.options.index(value)] if self.texts else str(value)


Control = Slider | Choice


def check_controls(controls: Sequence[Control]) -> None:
    """Raise if there are more controls than a reader can survey, or two share a name.

    Raises:
        ValueError: if there is none, a name occurs twice, or there are more than three sliders.
    """
    names = [control.name for control in controls]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"controls: expected at least one, with different names, got {names}")
    sliders = sum(isinstance(control, Slider) for control in controls)
    if sliders > MAX_SLIDERS:
        raise ValueError(f"controls: expected at most {MAX_SLIDERS} sliders, got {sliders}")
