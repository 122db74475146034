"""What the statements of a poll read of each stored table: which columns, and the days of which partitions.

Warehouses prune relation by relation, by what they know before they read. So a read of a table that is laid out by day
counts as limited only if days stand as literals in a condition on that very read, or in one that reaches it through
views, CTEs and subqueries that hand the day on as it is, with no window, group or limit in the way that would need
other rows. A condition that would have to be carried over a join's equality does not count, nor a subquery's result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

SCRATCH = re.compile(r"__dbt_tmp\w*$")
METADATA = re.compile(r"\s*(/\*.*?\*/)?\s*(alter|begin|comment|commit|describe|drop)\b", re.I | re.S)
"""Statements that read no rows, some of them in words that sqlglot does not know."""

Days = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A stored table: its columns, and the one by whose days it is laid out."""

    columns: tuple[str, ...]
    day: str | None = None


@dataclass(frozen=True)
class Read:
    """One read of one stored table.

    Attributes:
        node: the model or test that it is for.
        table: the table's name.
        columns: what of it is read.
        days: the days it is limited to; None if to none.
        is_scratch: it is no table that stays, but rows that this poll has just put together for it.
        further_days: how many of the days lie around those that the news touches.
    """

    node: str
    table: str
    columns: tuple[str, ...]
    days: Days | None
    is_scratch: bool
    further_days: int = 0


class Reader:
    """Finds the reads of statements in one dialect.

    Args:
        dialect: sqlglot's name of it.
        tables: what is stored, by name.
        views: the query behind each view, by name.
    """

    def __init__(self, dialect: str, tables: Mapping[str, Table], views: Mapping[str, str]) -> None:
        self.dialect = dialect
        self._tables = tables
        self._views: dict[str, exp.Expression] = {}
        for name, sql in views.items():
            (self._views[name],) = self.parsed(sql)

    def reads(self, node: str, sql: str) -> list[list[Read]]:
        """Every read of a stored table, by statement: a script has several."""
        return [
            [read for query in queries_in(statement) for read in self._reads_of(node, query)]
            for statement in self.parsed(sql)
        ]

    def parsed(self, sql: str) -> list[exp.Expression]:
        """The statements of a script; names in lower case, without the database."""
        if METADATA.match(sql):
            return []
        statements = [statement for statement in sqlglot.parse(sql, read=self.dialect) if statement is not None]
        for statement in statements:
            for identifier in statement.find_all(exp.Identifier):
                identifier.replace(exp.to_identifier(identifier.name.lower()))
            for table in statement.find_all(exp.Table):
                table.set("catalog", None)
        return statements

    def _reads_of(self, node: str, query: exp.Expression) -> Iterator[Read]:
        query = query.transform(self._view)
        stored = {(table.db, table.name) for table in query.find_all(exp.Table) if table.db}
        kept = {(dataset, name): f"{dataset}.{SCRATCH.sub('', name)}" for dataset, name in stored}
        unknown = set(kept.values()) - self._tables.keys()
        assert not unknown, f"{node} reads what is declared nowhere: {sorted(unknown)}"
        schema: dict[str, dict[str, dict[str, str]]] = {}
        for (dataset, name), table in kept.items():
            schema.setdefault(dataset, {})[name] = dict.fromkeys(self._tables[table].columns, "text")
        query = qualify(query, schema=schema, quote_identifiers=False, validate_qualify_columns=False)
        scopes = traverse_scope(pushdown_projections(query))
        for scope in scopes:
            for alias, (_, source) in scope.selected_sources.items():
                if isinstance(source, exp.Table) and source.db:
                    table = kept[source.db, source.name]
                    day = self._tables[table].day
                    days = days_of(scopes, scope, alias, day) if day else None
                    columns = sorted({column.name for column in scope.columns if column.table == alias})
                    yield Read(node, table, tuple(columns), days, SCRATCH.search(source.name) is not None)

    def _view(self, part: exp.Expression) -> exp.Expression:
        query = self._views.get(f"{part.db}.{part.name}") if isinstance(part, exp.Table) else None
        return part if query is None else query.transform(self._view).subquery(part.alias_or_name)


def queries_in(statement: exp.Expression) -> Iterator[exp.Expression]:
    """What a statement reads, as queries. One that only inserts reads nothing of its target; one that deletes, all."""
    if isinstance(statement, exp.Declare | exp.Drop):
        return
    if isinstance(statement, exp.Delete):
        target = statement.this.copy()
        yield exp.select("*").from_(target).where(statement.args["where"].this.copy())
    elif isinstance(statement, exp.Merge):
        yield statement.args["using"].this.copy()
        for when in statement.find_all(exp.When):
            if not isinstance(when.args["then"], exp.Insert):
                assert statement.args["on"].sql() == "FALSE", "a merge that looks for its rows"
                yield exp.select("*").from_(statement.this.copy()).where(when.args["condition"].copy())
    elif isinstance(statement, exp.Set):
        yield from (query.copy() for query in statement.find_all(exp.Select) if query.find_ancestor(exp.Select) is None)
    elif isinstance(statement, exp.Create | exp.Insert):
        if isinstance(statement.expression, exp.Query) and statement.args.get("kind") != "VIEW":
            yield statement.expression.unnest().copy()
    else:
        assert isinstance(statement, exp.Query), f"a {type(statement).__name__} that nobody has thought of"
        yield statement.copy()


def days_of(scopes: list[Scope], scope: Scope, alias: str, day: str) -> Days | None:
    """The days to which one source of a query is limited, by the query itself or by each that reads on from it."""
    for condition in conditions_on(scope.expression, alias):
        days = named_days(condition, alias, day)
        if days is not None:
            return days
    limits = (days_of_result(scopes, scope, place) for place in handed_on(scope.expression, alias, day))
    return next((days for days in limits if days is not None), None)


def days_of_result(scopes: list[Scope], scope: Scope, place: int) -> Days | None:
    """The days to which all that read a query's result limit the column at this place of it."""
    found = [days_of_result(scopes, other, place) for other in scopes if scope in other.set_operation_scopes]
    name = scope.expression.selects[place].alias_or_name
    for other in scopes:
        for alias, (_, source) in other.selected_sources.items():
            if source is scope:
                found.append(days_of(scopes, other, alias, name))
    if not found or None in found:
        return None
    return tuple(sorted({day for days in found for day in days or ()}))


def conditions_on(query: exp.Expression, alias: str) -> Iterator[exp.Expression]:
    """The conditions that every row of this source must meet to count."""
    where = query.args.get("where")
    if where is not None:
        yield from where.this.flatten() if isinstance(where.this, exp.And) else [where.this]
    for join in query.args.get("joins") or []:
        condition = join.args.get("on")
        is_inner = not join.side
        if condition is not None and (is_inner or (join.side == "LEFT" and join.alias_or_name == alias)):
            yield from condition.flatten() if isinstance(condition, exp.And) else [condition]


def named_days(condition: exp.Expression, alias: str, day: str) -> Days | None:
    """The days that a condition names for a column, as literals or as the variable that a script keeps them in."""
    condition = condition.unnest()

    def is_day(value: exp.Expression | None) -> bool:
        while isinstance(value, exp.Date | exp.TsOrDsToDate | exp.Paren):
            value = value.this
        return isinstance(value, exp.Column) and value.name == day and value.table == alias

    if isinstance(condition, exp.In) and is_day(condition.this):
        if condition.args.get("unnest") is not None:
            variable = condition.args["unnest"].expressions[0]
            return (VARIABLE,) if variable.name == VARIABLE else None
        literals = [literal(value) for value in condition.expressions]
    elif isinstance(condition, exp.Between) and is_day(condition.this):
        literals = [literal(condition.args["low"]), literal(condition.args["high"])]
    elif isinstance(condition, exp.EQ) and is_day(condition.this):
        literals = [literal(condition.expression)]
    else:
        return None
    named = [text for text in literals if text is not None]
    return tuple(sorted(named)) if named and len(named) == len(literals) else None


VARIABLE = "dbt_partitions_for_replacement"
"""Where dbt's script for BigQuery keeps the days of the rows that it has just built from the touched days: a constant
to the statements after it, by which, as dbt's authors say, their merge prunes."""


def literal(value: exp.Expression) -> str | None:
    """The day that an expression is, if it is one before anything is read."""
    if isinstance(value, exp.Cast | exp.Date | exp.Paren):
        return literal(value.this)
    return value.name if isinstance(value, exp.Literal) else None


def handed_on(query: exp.Expression, alias: str, day: str) -> list[int]:
    """The places at which a query hands on a source's day, if a condition there may be met before it is worked out."""
    if not isinstance(query, exp.Select) or query.args.get("limit") is not None:
        return []

    def is_day(value: exp.Expression) -> bool:
        return isinstance(value, exp.Column) and value.name == day and value.table == alias

    group = query.args.get("group")
    if group is not None:
        if not any(is_day(value) for value in group.expressions):
            return []
    elif any(part.parent_select is query and part.find_ancestor(exp.Window, exp.Select) is query
             for part in query.find_all(exp.AggFunc)):  # fmt: skip
        return []
    windows = [part for part in query.find_all(exp.Window) if part.parent_select is query]
    if not all(any(map(is_day, window.args.get("partition_by") or [])) for window in windows):
        return []
    return [place for place, select in enumerate(query.selects) if is_day(select.unalias())]
