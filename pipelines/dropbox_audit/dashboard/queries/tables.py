"""Rows as data frames."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from dropbox_audit.warehouse import Door

MOST_ROWS = 500
"""No page shows more rows of a list than these; the export has all."""


def in_utc(value: Any) -> Any:
    """The same, an instant in UTC: some warehouses answer in their session's time zone."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def table(door: Door, columns: Mapping[str, str], rest: str, parameters: Sequence[Any] = ()) -> pd.DataFrame:
    """`select` with a name for each expression; `rest` begins with `from`."""
    expressions = ", ".join(f"{expression} as {name}" for name, expression in columns.items())
    rows = [[in_utc(value) for value in row] for row in door.rows(f"select {expressions} {rest}", parameters)]
    # As they are: what is null stays None, and does not become a number that is none.
    frame = pd.DataFrame(rows, columns=list(columns), dtype=object)
    for name in frame:
        values = frame[name].dropna()
        # Sums are exact decimals in some warehouses and whole numbers in others.
        if len(values) and values.map(lambda value: isinstance(value, Decimal)).all():
            frame[name] = frame[name].map(lambda value: None if value is None else float(value)).astype(object)
    return frame


def grouped(
    door: Door, columns: Mapping[str, str], source: str, parameters: Sequence[Any], *, by: str, rest: str
) -> pd.DataFrame:
    """Rows of a group each, ordered and cut in `rest` by their new names.

    The sums are made one level deeper, because not every warehouse takes `order by sum(x)` for a column when `sum(x)`
    itself is called `x`.
    """
    expressions = ", ".join(f"{expression} as {name}" for name, expression in columns.items())
    inner = f"select {expressions} {source} group by {by}"
    return table(door, {name: name for name in columns}, f"from ({inner}) as summed {rest}", parameters)
