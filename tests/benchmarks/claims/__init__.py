"""The lecture's claims, each measured: one module a row of the table.

A row has ``CLAIM`` (the lecture's sentence, with its slide), ``UNITS``, and ``measure(seed)``,
which returns figures by name: held-out, with its floor or null beside it, and "CPU s".
"""


class Unavailable(Exception):
    """Raised by a row whose data are not on this machine; it says which and how to get them."""
