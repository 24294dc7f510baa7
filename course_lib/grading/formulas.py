"""Formulas without scripts: TeX becomes MathML, which browsers render directly.

nbconvert leaves TeX in the page for a script to render. Here it is marked when Markdown becomes
HTML, passes the sanitiser as plain text, and is rendered afterwards. A student may write the mark
too: the result is still only a formula made of the elements below.
"""

from __future__ import annotations

import html
import re
from xml.etree import ElementTree

from jinja2 import pass_context
from jinja2.runtime import Context
from latex2mathml.converter import convert_to_element
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

__all__ = ["MarkedFormulas", "draw"]

# Longer, deeper or larger formulas stay TeX: browsers take seconds to render them.
LONGEST, DEEPEST, MOST, WIDEST = 2000, 40, 1000, 100
LABEL = re.compile(r"\\label\{[^{}]*\}")
DEFINES = re.compile(r"\\(?:newcommand|renewcommand|def|let|DeclareMathOperator)\b")
MARKED = re.compile(r'<code class="formula( block)?">([^<]*)</code>')
ELEMENTS = frozenset(
    re.findall(
        r"\w+",
        "math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow"
        " mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none",
    )
)
ATTRIBUTES = frozenset(
    re.findall(
        r"\w+",
        "accent accentunder columnalign columnlines columnspacing depth display displaystyle fence"
        " form height largeop linethickness lspace mathvariant maxsize minsize movablelimits"
        " notation rowlines rowspacing rspace scriptlevel separator stretchy symmetric voffset"
        " width",
    )
)


class MarkedFormulas(HTMLExporter):
    """nbconvert's HTML, with formulas marked for ``draw`` instead of left for a script."""

    @pass_context
    def markdown2html(self, context: Context, source: str) -> str:
        """Return Markdown as HTML; no picture is read from a file or an attachment."""
        renderer = _Renderer(escape=False, exclude_anchor_links=True)
        return MarkdownWithMath(renderer=renderer).render(source)


class _Renderer(IPythonRenderer):
    def inline_math(self, body: str) -> str:
        return f'<code class="formula">{html.escape(body)}</code>'

    def block_math(self, body: str) -> str:
        return f'<code class="formula block">{html.escape(body)}</code>'

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(rf"\begin{{{name}}}{body}\end{{{name}}}")


def draw(cleaned: str) -> str:
    """Return HTML with its marked formulas as MathML; those that cannot be converted stay TeX.

    Args:
        cleaned: HTML that is known to be safe.
    """
    return MARKED.sub(_drawn, cleaned)


def _drawn(found: re.Match[str]) -> str:
    display, tex = "block" if found[1] else "inline", html.unescape(found[2])
    dollars = "$$" if found[1] else "$"
    as_tex = html.escape(f"{dollars}{tex}{dollars}")
    if len(tex) > LONGEST or DEFINES.search(tex):  # definitions may expand without end
        return as_tex
    try:
        known = LABEL.sub("", tex).replace(r"\operatorname*", r"\operatorname")
        formula = convert_to_element(known, display=display)
        return ElementTree.tostring(_only_known(formula), "unicode", short_empty_elements=False)
    except Exception:  # the converter fails in many ways on TeX that it does not know
        return as_tex


def _only_known(formula: ElementTree.Element) -> ElementTree.Element:
    """Return the formula with only the listed attributes, and with space around log and exp.

    Raises:
        KeyError: on an element that is not listed.
        ValueError: if it is too deep, too large or too wide for a page.
    """
    if _depth(formula) > DEEPEST or sum(1 for _ in formula.iter()) > MOST:
        raise ValueError("too large")
    for element in formula.iter():
        if element.tag not in ELEMENTS:
            raise KeyError(element.tag)
        element.attrib = {k: v for k, v in element.attrib.items() if k in ATTRIBUTES}
        numbers = re.findall(r"[\d.]+", " ".join(element.attrib.values()))
        if any(float(number) > WIDEST for number in numbers):
            raise ValueError("too wide")
        element.text = html.unescape(element.text or "")  # the converter writes letters as &#x...;
        if element.tag == "mi" and len(element.text) > 1 and element.text.isascii():
            element.tag, element.attrib = "mo", {"lspace": "0.1em", "rspace": "0.1em"}  # log, exp
    return formula


def _depth(element: ElementTree.Element) -> int:
    return 1 + max(map(_depth, element), default=0)
