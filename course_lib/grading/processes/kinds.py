"""Plain data beyond built-in types: numbers and containers of the standard library, and tables.

Instances of subclasses are not included, since they may contain code.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, UserDict, UserList, UserString
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy

__all__ = ["EXACT", "frame", "series", "table"]

# For each class: from an instance to a list of parts, and back.
EXACT: dict[type, tuple[Callable[[Any], list[Any]], Callable[[list[Any]], Any]]] = {
    Fraction: (lambda v: [v.numerator, v.denominator], lambda parts: Fraction(*map(int, parts))),
    Decimal: (lambda v: [str(v)], lambda parts: Decimal(str(*parts))),
    Counter: (lambda v: [dict(v)], lambda parts: Counter(dict(*parts))),
    OrderedDict: (lambda v: [[list(p) for p in v.items()]], lambda parts: OrderedDict(*parts)),
    UserList: (lambda v: [v.data], lambda parts: UserList(*parts)),
    UserDict: (lambda v: [v.data], lambda parts: UserDict(*parts)),
    UserString: (lambda v: [v.data], lambda parts: UserString(*parts)),
    date: (lambda v: [v.isoformat()], lambda parts: date.fromisoformat(*parts)),
    timedelta: (lambda v: [v.days, v.seconds, v.microseconds], lambda parts: timedelta(*parts)),
}


def table(value: Any) -> list[Any]:
    """Return a Series or DataFrame of pandas as row labels, name or labels, and columns.

    Args:
        value: the table.
    """
    rows = [_column(value.index), value.index.name]
    if value.ndim == 1:
        return [*rows, value.name, _column(value)]
    columns = [_column(value.iloc[:, i]) for i in range(value.shape[1])]
    return [*rows, value.columns.tolist(), columns]


def series(pandas: Any, parts: list[Any]) -> Any:
    """Return the Series made of such parts."""
    index, name, label, cells = parts
    return pandas.Series(cells, pandas.Index(index, name=name), name=label)


def frame(pandas: Any, parts: list[Any]) -> Any:
    """Return the DataFrame made of such parts."""
    index, name, labels, columns = parts
    rows = pandas.Index(index, name=name)
    made = pandas.DataFrame(dict(enumerate(columns)), index=rows)
    made.columns = labels
    return made


def _column(column: Any) -> Any:
    """Return a column as an array of numbers, or as a list."""
    numbers = isinstance(column.dtype, numpy.dtype) and column.dtype.kind in "biufcmM"
    return column.to_numpy() if numbers else column.tolist()
