"""The HTML page of an assignment's insights, with plots as SVG: no script, no network."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable
from statistics import median

from course_lib.grading.exercises import STATES
from course_lib.grading.insights import Insights, Mistake
from course_lib.grading.pages import page

__all__ = ["insights_page"]

COLOURS = dict(zip(STATES, ("#0072b2", "#e69f00", "#c8c8c8", "#56b4e9"), strict=True))
WORDS = dict(zip(STATES, ("white", "black", "black", "black"), strict=True))
WIDE, LABEL, ROW = 880, 370, 30  # pixels: width of a plot, width of its labels, height of a row
BINS = 10
STYLE = """
<style>
.plot { font: 13px sans-serif; display: block; }
.topics li { margin: .4em 0; }
.advice { color: #555; }
.mistakes { width: 100%; }
.mistakes td:first-child { width: 13em; }
h3 { margin: 1.2em 0 .3em; font-size: 1em; }
.bar { background: #d55e00; display: inline-block; height: .8em; margin-right: .5em; }
.key { border-radius: 2px; padding: 0 .5em; }
h2 { margin: 1.6em 0 .4em; }
</style>
"""


def insights_page(found: Insights, names: bool = False) -> str:
    """Return the page as HTML.

    Args:
        found: how the class did.
        names: whether to include the students' ids.
    """
    parts = [STYLE, f"<h1>{_text(found.name)}: how the class did</h1>", _summary(found)]
    parts += ["<h2>To discuss in class</h2>", _topics(found)]
    parts += ["<h2>How far they got</h2>", _key(), _progress(found)]
    parts += ["<h2>Points</h2>", _histogram(found)]
    parts += ["<h2>What went wrong, exercise by exercise</h2>", _mistakes(found, names)]
    parts += ["<h2>Time that the code ran</h2>", _times(found)]
    return page("\n".join(parts), f"{found.name}: how the class did", "")


def _summary(found: Insights) -> str:
    middle = f"the median is {median(found.totals):g} of {found.most:g} points"
    parts = [f"{found.graded} submissions are graded; {middle}."]
    waits = max((len(one.students["to be read"]) for one in found.exercises), default=0)
    parts += [f"Written answers of {waits} are not marked yet and have no points."] if waits else []
    left = ", ".join(f"{number} {_text(state)}" for state, number in found.others.most_common())
    parts += [f"Not graded: {left}."] if left else []
    return f"<p>{' '.join(parts)}</p>"


def _topics(found: Insights) -> str:
    of = f"of {found.graded}</b>"
    lines = [
        (
            number,
            f"<b>{number} {of}: {_text(mistake.text)} "
            f'<span class="advice">{_text(one.exercise.title)}{_try(mistake)}</span>',
        )
        for number, one, mistake in found.topics()
    ]
    idle = max(found.exercises, key=lambda one: len(one.students["not started"]))
    if number := len(idle.students["not started"]):
        title = _text(idle.exercise.title)
        lines.append((number, f"<b>{number} {of} did not start {title}, the most of any exercise."))
    lines.sort(key=lambda line: -line[0])
    items = "".join(f"<li>{text}</li>" for _, text in lines)
    return f'<ol class="topics">{items}</ol>' if lines else "<p>No mistake was made twice.</p>"


def _try(mistake: Mistake) -> str:
    return f"; try: {_text(mistake.advice)}" if mistake.advice else ""


def _key() -> str:
    spans = [
        f'<span class="key" style="background: {COLOURS[state]}; color: {WORDS[state]}">{state}'
        "</span>"
        for state in STATES
    ]
    return f"<p>{' '.join(spans)}</p>"


def _progress(found: Insights) -> str:
    """Return a plot with one bar per exercise, divided by state."""
    unit = (WIDE - LABEL) / found.graded
    shapes = []
    for line, one in enumerate(found.exercises):
        top, left = line * ROW, float(LABEL)
        shapes.append(_word(LABEL - 8, top + 19, _short(one.exercise.title), "end"))
        for state in STATES:
            number = len(one.students[state])
            width = number * unit
            if number:
                title = f"{one.exercise.title}: {number} {state}"
                shapes.append(_box(left, top + 3, width, ROW - 6, COLOURS[state], title))
                inside = str(number) if width > 18 else ""
                shapes.append(_word(left + width / 2, top + 19, inside, "middle", WORDS[state]))
            left += width
    return _plot(len(found.exercises) * ROW, shapes, "how far the class got with each exercise")


def _histogram(found: Insights) -> str:
    """Return a histogram of the students' points."""
    width = max(found.most / BINS, 1e-9)
    count = Counter(min(int(total / width), BINS - 1) for total in found.totals)
    tallest, high, step = max(count.values()), 150, (WIDE - 40) / BINS
    shapes = []
    for bin_ in range(BINS):
        number, left = count[bin_], 20 + bin_ * step
        size = high * number / tallest
        title = f"{number} students with {bin_ * width:.3g} to {(bin_ + 1) * width:.3g} points"
        shapes.append(_box(left + 2, 25 + high - size, step - 4, size, COLOURS["solved"], title))
        shapes.append(_word(left + step / 2, 20 + high - size, str(number or ""), "middle"))
        shapes.append(_word(left, high + 42, f"{bin_ * width:.3g}", "middle"))
    shapes.append(_word(20 + BINS * step, high + 42, f"{found.most:.3g}", "middle"))
    at = 20 + BINS * step * min(median(found.totals) / max(found.most, 1e-9), 1)
    shapes.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="12" y2="{high + 25}" stroke="#d55e00"/>')
    shapes.append(
        _word(
            at + (4 if at < WIDE / 2 else -4),
            11,
            "median",
            "start" if at < WIDE / 2 else "end",
            "#b04a00",
        )
    )
    shapes.append(_word(WIDE / 2, high + 62, "points of a submission", "middle"))
    return _plot(high + 70, shapes, "how many submissions have how many points")


def _mistakes(found: Insights, names: bool) -> str:
    """Return tables of the mistakes that several students made; the others share one line."""
    most = max((number for number, _, _ in found.topics(1)), default=1)
    parts = []
    for one in found.exercises:
        wrong = len({who for mistake in one.mistakes for who in mistake.students})
        often = [m for m in one.mistakes if names or len(m.students) > 1]
        once = [_text(m.text) for m in one.mistakes if m not in often]
        lines = "".join(_mistake(mistake, most, names) for mistake in often)
        parts += [f"<h3>{_text(one.exercise.title)}: {wrong} of {found.graded}</h3>"] * bool(wrong)
        parts += [f'<table class="mistakes">{lines}</table>'] * bool(lines)
        parts += [f'<p class="advice">Once each: {" · ".join(once)}</p>'] * bool(once)
    return "\n".join(parts) or "<p>No test failed.</p>"


def _mistake(mistake: Mistake, most: int, names: bool) -> str:
    number = len(mistake.students)
    bar = f'<span class="bar" style="width: {10 * number / most:.2f}em"></span>{number}'
    who = f'<br><span class="advice">{_text(", ".join(mistake.students))}</span>' if names else ""
    advice = f'<br><span class="advice">{_text("try: " + mistake.advice)}</span>'
    told = f"{_text(mistake.text)}{advice if mistake.advice else ''}{who}"
    return f"<tr><td>{bar}</td><td>{told}</td></tr>"


def _times(found: Insights) -> str:
    lines = "".join(
        f"<tr><td>{_text(one.exercise.title)}</td><td>{median(one.seconds):.2g} s</td>"
        f"<td>{max(one.seconds):.2g} s</td></tr>"
        for one in found.exercises
        if any(one.seconds)
    )
    head = "<tr><th>exercise</th><th>median</th><th>slowest</th></tr>"
    return f"<table>{head}{lines}</table>" if lines else "<p>Not measured.</p>"


def _plot(height: float, shapes: Iterable[str], label: str) -> str:
    return (
        f'<svg class="plot" viewBox="0 0 {WIDE} {height}" width="100%" role="img"'
        f' aria-label="{label}">{"".join(shapes)}</svg>'
    )


def _box(left: float, top: float, width: float, height: float, colour: str, title: str) -> str:
    where = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {where} fill="{colour}"><title>{_text(title)}</title></rect>'


def _word(left: float, base: float, text: str, anchor: str, colour: str = "black") -> str:
    where = f'x="{left:.1f}" y="{base:.1f}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {where}>{_text(text)}</text>" if text else ""


def _short(text: str) -> str:
    return text if len(text) <= 54 else f"{text[:51]}..."


def _text(text: str) -> str:
    return html.escape("".join(letter for letter in text if letter.isprintable()))
