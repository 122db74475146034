"""Every word of SQL that Snowflake is sent is one of its own.

The emulator is DuckDB underneath and takes DuckDB's words too. So everything that dbt sent while the story was told, to
build and to update every model and to test it, is parsed as Snowflake's SQL, and each function, type and operator must
be on a list that was made from Snowflake's documentation: snowflake/functions.csv, whose pages are those of
docs.snowflake.com. Whoever uses another one reads its page and adds a line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType
from story import Story

HERE = Path(__file__).parent
MODELS = HERE.parents[1] / "sql" / "models"
LIST = HERE / "snowflake" / "functions.csv"

OF_DBT = re.compile(r"\s*(/\*.*?\*/)?\s*(describe|comment on|alter\s+(table|view)|drop|begin|commit)\b", re.I | re.S)
"""Statements that hold nothing of ours: what surrounds a model."""

WORDS_BEFORE_A_PARENTHESIS = {
    "alias", "and", "as", "by", "decimal", "exists", "from", "group", "in", "join", "lateral", "not", "on", "or",
    "over", "partition", "select", "table", "then", "using", "values", "when", "where", "with",
}  # fmt: skip

CLAUSES = (
    exp.Alias | exp.ClusterProperty | exp.Column | exp.ColumnConstraint | exp.ColumnDef | exp.CommentColumnConstraint
    | exp.Create | exp.CTE | exp.DataTypeParam | exp.Delete | exp.From | exp.Group | exp.Having | exp.Identifier
    | exp.If | exp.Insert
    | exp.Join | exp.JSONPath | exp.JSONPathKey | exp.JSONPathRoot | exp.Kwarg | exp.Limit | exp.Literal | exp.Null
    | exp.Order | exp.Ordered | exp.Paren | exp.Properties | exp.RawString | exp.Schema | exp.Select | exp.Star
    | exp.Subquery | exp.Table | exp.TableAlias | exp.TemporaryProperty | exp.TransientProperty | exp.Tuple | exp.Var
    | exp.Where | exp.With
)  # fmt: skip
"""The skeleton of a statement, which is the same in every dialect, or dbt's."""

RESERVED = {
    "all", "alter", "and", "any", "as", "between", "by", "case", "cast", "check", "column", "connect", "constraint",
    "create", "cross", "current", "current_date", "current_time", "current_timestamp", "current_user", "delete",
    "distinct", "drop", "else", "exists", "false", "following", "for", "from", "full", "grant", "group",
    "gscluster", "having", "ilike", "in", "increment", "inner", "insert", "intersect", "into", "is", "issue",
    "join", "lateral", "left", "like", "localtime", "localtimestamp", "minus", "natural", "not", "null", "of", "on",
    "or", "order", "organization", "qualify", "regexp", "revoke", "right", "rlike", "row", "rows", "sample",
    "select", "set", "some", "start", "table", "tablesample", "then", "to", "trigger", "true", "try_cast", "union",
    "unique", "update", "using", "values", "when", "whenever", "where", "with",
}  # fmt: skip
"""sql-reference/reserved-keywords"""


def reviewed() -> set[tuple[str, str]]:
    with LIST.open(newline="") as file:
        return {(line["kind"], line["name"]) for line in csv.DictReader(file)}


REVIEWED = reviewed()


def objections(sql: str) -> Iterator[str]:
    """What in a statement is not Snowflake's, or was never looked up."""
    try:
        nodes = nodes_of(sql)
    except SqlglotError as error:
        yield f"does not parse: {str(error).splitlines()[0]}"
        return
    yield from (f"{kind} {name}" for kind, name in words_of(sql) - REVIEWED)
    yield from (f"operator {token.text}" for token in sqlglot.tokenize(sql, read="snowflake") if is_arrow(token))
    for node in nodes:
        if isinstance(node, exp.Identifier) and not node.quoted and node.name.lower() in RESERVED:
            yield f"reserved word {node.name} as a name"
        if is_never_snowflakes(node):
            yield f"syntax {node.sql()}"


def nodes_of(sql: str) -> list[exp.Expression]:
    trees = sqlglot.parse(sql, read="snowflake")
    return [node for tree in trees if tree is not None for node in tree.walk()]


def words_of(sql: str) -> set[tuple[str, str]]:
    """The functions of a statement, its types, and its operators as sqlglot calls them."""
    nodes = nodes_of(sql)
    types = {("type", node.this.value.lower()) for node in nodes if isinstance(node, exp.DataType)}
    syntax = {
        ("syntax", type(node).__name__)
        for node in nodes
        if not isinstance(node, CLAUSES | exp.DataType) and not is_named_function(node)
    }
    return {("function", name) for name in functions_of(sql)} | types | syntax


def is_arrow(token: Token) -> bool:
    """DuckDB's operators for JSON, which sqlglot takes in every dialect."""
    return token.token_type in {TokenType.ARROW, TokenType.DARROW, TokenType.HASH_ARROW, TokenType.DHASH_ARROW}


def is_never_snowflakes(node: exp.Expression) -> bool:
    """Clauses of other dialects that sqlglot takes for Snowflake's too."""
    if isinstance(node, exp.Distinct):
        return node.args.get("on") is not None
    if isinstance(node, exp.Join):
        return node.kind in {"SEMI", "ANTI", "POSITIONAL"} or bool(node.method)
    # LISTAGG has WITHIN GROUP, and its tree is the same.
    return (
        isinstance(node, exp.Order)
        and isinstance(node.parent, exp.Func)
        and not isinstance(node.parent, exp.GroupConcat)
    )


def functions_of(sql: str) -> set[str]:
    """The functions as they are written: sqlglot's tree has other names for many."""
    tokens = sqlglot.tokenize(sql, read="snowflake")
    found = set()
    for before, token, after in zip([None, *tokens], tokens, tokens[1:], strict=False):
        is_qualified = before is not None and before.token_type == TokenType.DOT
        name = token.text.lower()
        if after.token_type == TokenType.L_PAREN and re.fullmatch(r"[a-z_]\w*", name) and not is_qualified:
            found.add(name)
    return found - WORDS_BEFORE_A_PARENTHESIS


def is_named_function(node: exp.Expression) -> bool:
    """Whether it is written as `name(...)`, and so among `functions_of`, or is a cast, whose type is judged."""
    is_operator = isinstance(node, exp.Connector | exp.Case | exp.Exists | exp.Array | exp.Interval | exp.Lambda)
    return isinstance(node, exp.Func) and not is_operator


def ours(statements: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for node, sql in statements:
        # dbt fills seeds with its own insert, whose values it binds.
        if not node.startswith("seed.") and not OF_DBT.match(sql):
            yield node, sql


@pytest.mark.parametrize("step", ["first", "news", "again", "rebuilt"])
def test_every_function_type_and_operator_is_snowflakes_own(told: Callable[[str], Story], step: str) -> None:
    found = {
        (node, objection) for node, sql in ours(told("snowflake").statements[step]) for objection in objections(sql)
    }
    assert found == set()


def test_every_model_was_looked_at_both_as_it_is_built_and_as_it_is_updated(told: Callable[[str], Story]) -> None:
    statements = told("snowflake").statements
    built, updated = (
        {node.split(".")[-1] for node, _ in ours(statements[step]) if node.startswith("model.")}
        for step in ("rebuilt", "news")
    )
    sources = {path.stem: path.read_text() for path in MODELS.rglob("*.sql")}
    # An ephemeral model is a part of those that read it, though it may ask for something of its own.
    ephemeral = {
        model for model, source in sources.items() if re.search(r"materialized = ('ephemeral'|shared_step)", source)
    }
    assert sources.keys() - ephemeral <= built <= sources.keys()
    assert len(ephemeral) < 15
    assert {model for model, source in sources.items() if "materialized = 'incremental'" in source} <= updated


def test_every_line_of_the_list_is_needed(told: Callable[[str], Story]) -> None:
    steps = told("snowflake").statements.values()
    assert REVIEWED - {word for step in steps for _, sql in ours(step) for word in words_of(sql)} == set()


@pytest.mark.parametrize(
    ("planted", "objection"),
    [
        ("select list_contains(x, 1) from t", "function list_contains"),
        ("select string_agg(x, ', ' order by x) from t", "function string_agg"),
        ("select strftime(x, '%Y') from t", "function strftime"),
        ("select x.unnest from t, unnest(t.x) as x", "function unnest"),
        ("select from where", "does not parse"),
        ("select count(*) filter (where x) from t", "syntax Filter"),
        ("select [1, 2] from t", "syntax Array"),
        ("select x + interval 1 day from t", "syntax Interval"),
        ("select list_transform(x, y -> y + 1) from t", "syntax Lambda"),
        ("select x ->> '$.a' from t", "operator ->>"),
        ("select distinct on (x) x from t", "syntax DISTINCT ON"),
        ("select x from t semi join u on true", "syntax SEMI JOIN"),
        ("select max(x order by y) from t", "syntax x ORDER BY y"),
        ("select x at time zone 'UTC' from t", "syntax AtTimeZone"),
        ("select x::hugeint from t", "type int128"),
        ("select try_cast(x as json) from t", "type json"),
        ("select x as start from t", "reserved word start"),
    ],
)
def test_what_is_not_snowflakes_is_found(planted: str, objection: str) -> None:
    assert any(found.startswith(objection) for found in objections(planted)), list(objections(planted))


def test_what_is_snowflakes_passes() -> None:
    assert not list(objections("select coalesce(x, y)::varchar from t where x is not distinct from y"))
