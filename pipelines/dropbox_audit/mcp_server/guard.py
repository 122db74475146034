"""SQL from outside: what it may be made of.

A statement is parsed, each node of the tree is looked up in a list of what is allowed, each table must be a view of
the schema `dropbox_audit` or a name that the statement itself gives, and what is executed is written anew from the
tree that was looked at. What the list does not know is refused. The database is the second line: see `Limits`.
"""

import logging
from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from dropbox_audit.warehouse import VIEWS_DATASET
from dropbox_audit.wording import one_line

MOST_CHARACTERS = 10_000


class QueryRefusedError(Exception):
    """A statement is not a query of the views; the text says what to change."""


def checked_query(sql: str, dialect: str, most_rows: int) -> tuple[str, list[str]]:
    """The same query, written anew from its parse tree, with at most `most_rows` rows; and the views that it reads.

    Args:
        sql: one `select`, `from`-first and `with` included.
        dialect: duckdb, bigquery or snowflake.
        most_rows: no larger `limit` is left standing.

    Raises:
        QueryRefusedError: it is no query, reads anything but views of `dropbox_audit`, or uses what is not on the list.
    """
    tree = _parsed(sql, dialect)
    for node in tree.walk():
        if type(node) not in _ALLOWED and not _is_known_function(node):
            raise QueryRefusedError(f"Not possible here: {_words(node, dialect)}. {_REMEDY}")
    views = [_checked_view(table, dialect) for table in list(tree.find_all(exp.Table))]
    return _with_limit(tree, most_rows).sql(dialect=dialect, comments=False), sorted({*filter(None, views)})


def _parsed(sql: str, dialect: str) -> exp.Query:
    if len(sql) > MOST_CHARACTERS:
        raise QueryRefusedError(f"The query is longer than {MOST_CHARACTERS:,} characters: ask for less at a time.")
    # Its warnings would repeat the statement on stderr.
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    try:
        statements = [statement for statement in sqlglot.parse(sql, read=dialect) if statement is not None]
    except SqlglotError as error:
        first = one_line(str(error).splitlines()[0]) if str(error) else type(error).__name__
        raise QueryRefusedError(f"The query cannot be read: {first}") from None
    except RecursionError:
        raise QueryRefusedError("The query is nested too deeply: ask for less at a time.") from None
    if len(statements) != 1:
        raise QueryRefusedError(f"One statement at a time, not {len(statements)}.")
    [tree] = statements
    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery):
        raise QueryRefusedError(f"Not possible here: {type(tree).__name__.upper()}. {_REMEDY}")
    return tree


def _is_known_function(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and isinstance(node.this, str) and node.this.lower() in _FURTHER_FUNCTIONS


def _checked_view(table: exp.Table, dialect: str) -> str | None:
    """The view of `dropbox_audit` that a table is, written in full from then on; None for a name of the query's own."""
    odd = [name for name, value in table.args.items() if value and name not in {"this", "db", "alias", "joins"}]
    name, schema = table.this, table.args.get("db")
    is_plain = isinstance(name, exp.Identifier) and name.name.isascii() and name.name.isidentifier()
    if odd or not is_plain or not isinstance(schema, exp.Identifier | None):
        raise QueryRefusedError(
            f"Not possible here: reading from {_words(table, dialect)}. Read views of {VIEWS_DATASET} by their names."
        )
    if schema is None:
        if name.name.lower() in _names_in_reach(table):
            return None
    elif schema.name.lower() != VIEWS_DATASET:
        raise QueryRefusedError(
            f"Only views of {VIEWS_DATASET} can be read, not {_words(table, dialect)}: describe_views lists them."
        )
    view: str = name.name.lower()
    table.set("db", exp.to_identifier(VIEWS_DATASET))
    table.set("this", exp.to_identifier(view))
    return view


def _names_in_reach(table: exp.Table) -> Iterator[str]:
    """Names that `with` gives and that hold where the table stands: none that comes later, none from elsewhere."""
    node: exp.Expr | None = table
    inside: exp.Expr | None = None
    while node is not None:
        if isinstance(node, exp.CTE):
            inside = node
        if isinstance(node, exp.With):
            for cte in node.expressions:
                if cte is inside:
                    if node.args.get("recursive"):
                        yield cte.alias.lower()
                    break
                yield cte.alias.lower()
        elif isinstance(node, exp.Query):
            given = node.args.get("with_")
            if given is not None and (inside is None or inside.parent is not given):
                yield from (cte.alias.lower() for cte in given.expressions)
        node = node.parent


def _with_limit(tree: exp.Query, most_rows: int) -> exp.Query:
    limit = tree.args.get("limit")
    if isinstance(tree, exp.Subquery) or (limit is not None and not _is_number(limit.expression)):
        answer = exp.Subquery(this=tree, alias=exp.TableAlias(this=exp.to_identifier("answer")))
        return exp.select("*").from_(answer).limit(most_rows)
    if limit is not None and int(limit.expression.name) <= most_rows:
        return tree
    return tree.limit(most_rows)


def _is_number(node: exp.Expression | None) -> bool:
    return isinstance(node, exp.Literal) and node.name.isdecimal()


def _words(node: exp.Expr, dialect: str) -> str:
    """A node in the words of who wrote it, cut where it gets long."""
    try:
        text = node.sql(dialect=dialect, comments=False)
    except (SqlglotError, RecursionError, ValueError):
        text = type(node).__name__
    text = one_line(text)
    return text if len(text) <= 80 else f"{text[:80]} …"


_REMEDY = "Only a select of views is, with ordinary functions, joins, aggregates and windows."

_ALLOWED: frozenset[type[exp.Expression]] = frozenset(
    {
        # Queries and their parts.
        *(exp.Select, exp.Union, exp.Intersect, exp.Except, exp.Subquery, exp.With, exp.CTE, exp.From, exp.Join),
        *(exp.Table, exp.TableAlias, exp.Where, exp.Group, exp.Cube, exp.Rollup, exp.GroupingSets, exp.Having),
        *(exp.Qualify, exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Distinct, exp.Unnest),
        *(exp.Window, exp.WindowSpec, exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls),
        # Values and names.
        *(exp.Identifier, exp.Column, exp.Star, exp.Alias, exp.Literal, exp.Boolean, exp.Null, exp.Var),
        *(exp.DataType, exp.DataTypeParam, exp.Interval, exp.Paren, exp.Tuple, exp.Array, exp.Bracket),
        *(exp.JSONPath, exp.JSONPathRoot, exp.JSONPathKey, exp.JSONPathSubscript, exp.JSONPathWildcard),
        # Operators.
        *(exp.And, exp.Or, exp.Xor, exp.Not, exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ),
        *(exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Is, exp.Exists, exp.Any, exp.All),
        *(exp.Like, exp.ILike, exp.Escape, exp.RegexpLike, exp.RegexpILike, exp.SimilarTo, exp.RegexpFullMatch),
        *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.DPipe, exp.AtTimeZone),
        *(exp.Case, exp.If, exp.Cast, exp.TryCast),
        # Aggregates and windows.
        *(exp.Count, exp.CountIf, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.ArgMax, exp.ArgMin, exp.AnyValue),
        *(exp.Median, exp.Quantile, exp.PercentileCont, exp.PercentileDisc, exp.ApproxDistinct),
        *(exp.ApproxQuantile, exp.Mode, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop),
        *(exp.GroupConcat, exp.ArrayAgg, exp.LogicalAnd, exp.LogicalOr, exp.First, exp.Last),
        *(exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile),
        *(exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue),
        # Functions of one value.
        *(exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sign),
        *(exp.Sqrt, exp.Pow, exp.Ln, exp.Log, exp.Exp, exp.SafeDivide),
        *(exp.Lower, exp.Upper, exp.Initcap, exp.Length, exp.Trim, exp.Substring, exp.Left, exp.Right, exp.Replace),
        *(exp.Concat, exp.ConcatWs, exp.SplitPart, exp.Split, exp.StrPosition, exp.StartsWith, exp.EndsWith),
        *(exp.Contains, exp.RegexpExtract, exp.RegexpReplace, exp.Reverse),
        *(exp.ArraySize, exp.ArrayContains, exp.ArrayToString),
        *(exp.JSONExtract, exp.JSONExtractScalar, exp.JSONValue, exp.ParseJSON),
        # Times.
        *(exp.CurrentDate, exp.CurrentTimestamp, exp.DateTrunc, exp.TimestampTrunc, exp.Extract),
        *(exp.DateDiff, exp.TimestampDiff, exp.DateAdd, exp.DateSub, exp.TimestampAdd, exp.TimestampSub),
        *(exp.TsOrDsAdd, exp.TsOrDsDiff, exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.Date, exp.Timestamp),
        *(exp.Year, exp.Quarter, exp.Month, exp.Week, exp.WeekOfYear, exp.Day, exp.DayOfMonth, exp.DayOfWeek),
        *(exp.DayOfWeekIso, exp.DayOfYear, exp.Hour, exp.Minute, exp.Second, exp.LastDay, exp.Dayname, exp.Monthname),
        *(exp.TimeToStr, exp.StrToTime, exp.StrToDate, exp.TimeToUnix, exp.UnixToTime),
        *(exp.DateBin, exp.TimeSlice, exp.DateFromParts, exp.TsOrDsToDatetime),
    }
)

_FURTHER_FUNCTIONS = frozenset(
    {
        *("json_value", "json_keys", "json_array_length", "bool_and", "bool_or"),
        *("now", "date_part", "date_sub", "age", "to_timestamp"),
    }
)
"""Those that sqlglot takes for unknown. None of them builds a value much larger than it was given."""
