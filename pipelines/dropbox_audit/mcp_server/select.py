"""One select over a view, put together from the arguments that were given: names are ours, values are parameters."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Self

from dropbox_audit.mcp_server.answers import Period, Row
from dropbox_audit.warehouse import VIEWS_DATASET, marks


class Select:
    """A query of one view, or of views joined to it, in the words that all three warehouses share."""

    def __init__(
        self,
        view: str,
        row: type[Row] = Row,
        *,
        alias: str = "",
        joins: str = "",
        group: str = "",
        expressions: Mapping[str, str] | None = None,
    ) -> None:
        """A query of `view`.

        Args:
            view: its name.
            row: what is asked for; nothing where only `tail` is wanted.
            alias: another name for it, where views are joined.
            joins: those views.
            group: columns to group by.
            expressions: how columns of the row are asked for, where that is not by their names.
        """
        self.row = row
        self.view = view
        self._from = f"{VIEWS_DATASET}.{view}{f' as {alias}' if alias else ''} {joins}".strip()
        self._group = group
        self._expressions = expressions or {}
        self._conditions: list[str] = []
        self._having: list[str] = []
        self._parameters: list[Any] = []

    def where(self, condition: str, *parameters: Any) -> Self:
        """Add a condition."""
        self._conditions.append(f"({condition})")
        self._parameters += parameters
        return self

    def having(self, condition: str) -> Self:
        """Add a condition on a group."""
        self._having.append(f"({condition})")
        return self

    def within(self, period: Period, moment: str = "occurred_at", day: str = "occurred_on") -> Self:
        """Only what lies in the period; the day is there for warehouses that prune by it."""
        if period.since is not None:
            self.where(f"{moment} >= ? and {day} >= ?", period.since, period.since.date())
        if period.until is not None:
            self.where(f"{moment} < ? and {day} <= ?", period.until, period.until.date())
        return self

    def on_days_of(self, period: Period, day: str = "day") -> Self:
        """Only days that the period touches."""
        if period.since is not None:
            self.where(f"{day} >= ?", period.since.date())
        if period.until is not None:
            self.where(f"{day} <= ?", (period.until - timedelta(microseconds=1)).date())
        return self

    def one_of(self, column: str, values: Sequence[str] | None) -> Self:
        """Only rows with one of the values, where there are any, whatever their case."""
        if values:
            self.where(f"lower({column}) in ({marks(values)})", *(value.lower() for value in values))
        return self

    def holding(self, text: str | None, *columns: str) -> Self:
        """Only rows with this text in one of the columns, whatever its case, where a text is given."""
        if text:
            self.where(" or ".join(holds(column) for column in columns), *([text.lower()] * len(columns)))
        return self

    def that_names(self, text: str | None, event_id: str, view: str, columns: Sequence[str], period: Period) -> Self:
        """Only events with this text in a list of theirs: a file or folder, or a person beside the one who acted."""
        if text:
            inner = Select(view, alias="named").holding(text, *(f"named.{column}" for column in columns))
            inner.on_days_of(period, "named.occurred_on")
            tail, parameters = inner.tail()
            self.where(f"{event_id} in (select named.event_id {tail})", *parameters)
        return self

    def rows(self, order: str, most: int, more: Sequence[str] = ()) -> tuple[str, list[Any]]:
        """The rows in an order, `most` at most; `more` columns come behind those of the row."""
        tail, parameters = self.tail()
        columns = (
            f"{self._expressions[name]} as {name}" if name in self._expressions else name
            for name in (*self.row.asked(), *more)
        )
        return f"select {', '.join(columns)} {tail} order by {order} limit {most}", parameters

    def number(self) -> tuple[str, list[Any]]:
        """How many rows there are."""
        tail, parameters = self.tail()
        return f"select count(*) from (select 1 as one {tail}) as counted", parameters

    def tail(self) -> tuple[str, list[Any]]:
        """All that comes behind the columns, and its parameters."""
        conditions = f" where {' and '.join(self._conditions)}" if self._conditions else ""
        group = f" group by {self._group}" if self._group else ""
        having = f" having {' and '.join(self._having)}" if self._having else ""
        return f"from {self._from}{conditions}{group}{having}", self._parameters


def holds(column: str) -> str:
    """A condition that a column holds a text, given in lower case as the parameter.

    No `like`: the three warehouses do not agree on how to escape a `%` or `_` in a file's name.
    """
    return f"replace(lower({column}), ?, '') <> lower({column})"
