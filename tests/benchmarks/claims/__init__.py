"""The lecture's claims, each measured: one module for each claim of the table.

A claim declares ``CLAIM`` (the lecture's sentence, with its slide), ``HELD_OUT`` (what the figures
are of), ``SETTINGS`` (how they were chosen: on validation, or with test figures in sight),
``FIGURES`` (name -> units), ``VERDICT`` and ``EVIDENCE`` (the comparisons of figures on which the
verdict rests). Its ``measure(seed)`` returns figures by name, with floors and nulls beside them,
and may add "CPU s". A figure that is a mean over held-out examples is given as an estimate with
``value`` and ``error``, so that its sampling error is recorded. A claim whose setting is chosen on
validation has ``CHOICES``, the values tried, ``CHOSEN``, the one that measure uses, and
``validation_score(choice)``, which is to be low.
"""


class Unavailable(Exception):
    """Raised by a claim whose data are not on this machine; it says which and how to get them."""
