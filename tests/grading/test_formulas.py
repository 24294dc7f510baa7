"""TeX in Markdown becomes MathML, and nothing else whatever the TeX says."""

import html
import re
import time
from xml.etree import ElementTree

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from course_lib.grading.formulas import ATTRIBUTES, ELEMENTS, MarkedFormulas, draw

TRICKS = [
    r"\href{javascript:alert(1)}{x}",
    r"\href{https://example.org}{x}",
    r"\text{<script>alert(1)</script>}",
    r"\text{&lt;img src=x onerror=alert(1)&gt;}",
    r"\style{background: url(https://example.org)}{x}",
    r"\class{a}{x}",
    r"\color{red\" onload=alert(1)}x",
    r"<img src=x onerror=alert(1)>",
    r"\begin{array}{c}<style></array>",
    "x" * 3000,
    "{" * 1500,
    r"\frac" * 300,
    r"\hspace{9999999999em}x",
]
BOMB = r"\newcommand{\a}{xx}" + "".join(
    rf"\newcommand{{\{b}}}{{\{a}\{a}}}"
    for a, b in zip("abcdefghijklmnopqrst", "bcdefghijklmnopqrstu", strict=True)
)


def marked(tex, kind=""):
    return f'<code class="formula{kind}">{html.escape(tex)}</code>'


def pieces(drawn):
    """The elements and attributes of MathML; fails if it is not well formed."""
    tree = ElementTree.fromstring(f"<p>{drawn}</p>")
    names = {re.sub(r"\{.*\}", "", element.tag) for element in tree.iter()} - {"p"}
    return names, {name for element in tree.iter() for name in element.attrib}


def in_markdown(source):
    exporter = MarkedFormulas(embed_images=False)
    return draw(exporter.from_notebook_node(new_notebook(cells=[new_markdown_cell(source)]))[0])


@pytest.mark.parametrize(
    ("source", "display"),
    [
        ("so $x_i < 1$ holds", "inline"),
        ("$$x_i\n= 1$$", "block"),
        (r"\begin{align}x_i &= 1\\ y &= 2\end{align}", "block"),
        (r"so \\(x_i\\) holds", "inline"),
    ],
)
def test_every_way_to_write_a_formula_is_drawn(source, display):
    made = in_markdown(source)
    [formula] = re.findall(r"<math.*?</math>", made)
    assert f'display="{display}"' in formula
    assert "<msub><mi>x</mi><mi>i</mi></msub>" in formula
    assert "$" not in made.partition("<body")[2]


def test_code_keeps_its_dollars():
    assert "<code>$x$</code>" in in_markdown("`$x$`")


def test_what_the_lecture_writes_reads_as_it_should():
    tex = r"\log p(x) \geq \mathbb{E}_{q(z|x)}\left[\log \frac{p(x, z)}{q(z|x)}\right]"
    shown = "".join(ElementTree.fromstring(draw(marked(tex))).itertext())
    assert shown == "logp(x)≥𝔼q(z|x)[logp(x,z)q(z|x)]"


def test_what_the_converter_does_not_know_is_taken_out():
    tex = r"\operatorname*{argmax} x \label{eq:1}"
    assert "".join(ElementTree.fromstring(draw(marked(tex))).itertext()) == "argmaxx"


@pytest.mark.parametrize("tex", TRICKS)
@pytest.mark.parametrize("kind", ["", " block"])
def test_no_trick_gets_beyond_the_elements_of_a_formula(tex, kind):
    names, attributes = pieces(draw(marked(tex, kind)))
    assert names <= ELEMENTS
    assert attributes <= ATTRIBUTES


def test_what_cannot_be_drawn_stays_tex():
    assert draw(marked(r"\left( x < y")) == r"$\left( x &lt; y$"
    for tex in (
        "{" * 60 + "x" + "}" * 60,
        r"\hspace{999em}x",
        "x+" * 900,
        r"\boxed{" * 50 + "}" * 50,
    ):
        assert draw(marked(tex)) == f"${tex}$"
    assert draw(marked("x" * 2001, " block")) == "$$" + "x" * 2001 + "$$"


def test_definitions_that_grow_without_end_are_not_followed():
    began = time.process_time()
    assert draw(marked(BOMB + r"\u")).startswith(r"$\newcommand")
    assert time.process_time() - began < 1


def test_a_mark_around_other_elements_is_left_alone():
    text = '<code class="formula"><b>x</b></code>'
    assert draw(text) == text
