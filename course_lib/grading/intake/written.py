"""What students write, made harmless: no page made from it can run a script.

A space after each ``<`` makes HTML plain text, and a link that would run something no longer does.
"""

from __future__ import annotations

import re

__all__ = ["sanitise_markdown"]

TAG = re.compile(r"<(?=[A-Za-z/!?])")
# Letters written as numbers, and the names of what browsers overlook in an address.
DISGUISE = re.compile(r"&(?:amp;?)*(?=#|(?:colon|tab|newline);)", re.IGNORECASE)
# Anywhere, since formulas have links of their own; browsers overlook line ends and tabs.
SCRIPT = re.compile(
    r"[\t\r\n]*".join("javascript") + r"(?=[\t\r\n]*\\?:)|vbscript(?=\\?:)", re.IGNORECASE
)
DATA = re.compile(r"(\](?:\(|:)\s*+<?\s*+)(?=data\\?:)", re.IGNORECASE)


def sanitise_markdown(text: str) -> str:
    """Return markdown that says the same without raw HTML and without links that run something.

    Args:
        text: what the student wrote.

    >>> sanitise_markdown("a < b, <b>bold</b>, [x](javascript:alert)")
    'a < b, < b>bold< /b>, [x](javascript :alert)'
    """
    text = DISGUISE.sub("& ", text)
    text = SCRIPT.sub(r"\g<0> ", text)
    return TAG.sub("< ", DATA.sub(r"\1#", text))
