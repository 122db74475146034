"""Starts fakesnow 0.12.1, mended where it differs from Snowflake in what dlt, dbt-snowflake or our SQL ask of it.

    python emulator.py

Prints its port once it listens, and ends when its stdin closes, so that it never outlives the session of tests that
started it. It runs in an environment of its own (requirements.lock), because it needs another sqlglot than dlt. Each
section says which behaviour of Snowflake it restores. The emulator is DuckDB underneath and accepts too much: that the
SQL is Snowflake's, test_snowflake_functions.py checks against a list made from the documentation.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import re
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fakesnow.arrow as wire
import fakesnow.copy_into as copying
import fakesnow.server as fake
import fakesnow.transforms.stage as stages
import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
import uvicorn
from fakesnow import cursor, info_schema
from fakesnow.cursor import FakeSnowflakeCursor
from snowflake.connector.errors import Error, ProgrammingError
from sqlglot import exp
from sqlglot.tokens import TokenType

if importlib.metadata.version("fakesnow") != "0.12.1":
    sys.exit("These patches were made for fakesnow 0.12.1: look at each of them again.")

# As in Snowflake, connecting makes no schema: dlt and dbt have to.
fake.shared_fs.create_schema_on_connect = False


# -- several statements in one request --------------------------------------------------------------------------
# dlt sends the statements that make its tables together (MULTI_STATEMENT_COUNT = 0).


def statements(sql: str) -> list[str]:
    found, start = [], 0
    for token in sqlglot.tokenize(sql, read="snowflake") if ";" in sql else []:
        if token.token_type == TokenType.SEMICOLON:
            found.append(sql[start : token.start])
            start = token.end + 1
    return [statement for statement in (*found, sql[start:]) if statement.strip()] or [sql]


# -- what is not supported is an error of SQL -------------------------------------------------------------------
# Unmended it is an HTTP status 500, which the connector takes for an outage and retries for minutes.


def refusal(error: Exception) -> ProgrammingError:
    return ProgrammingError(msg=f"fakesnow: {type(error).__name__}: {error}", errno=9999, sqlstate="99999")


def refusing(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except Error:
            raise
        except Exception as error:
            raise refusal(error) from error

    return called


# -- comments on columns ----------------------------------------------------------------------------------------
# dbt writes all of a table's with one ALTER TABLE, which sqlglot does not read. Nothing here asks for them again.

COLUMN_COMMENTS = re.compile(r'\s*alter\s+(table|view)\s+\S+\s+alter\s+"\w+" comment \$\$', re.IGNORECASE)


# -- how long a statement may take -------------------------------------------------------------------------------
# The MCP server sets it before it asks; nothing here takes that long.

TIME_LIMIT = re.compile(r"\s*alter\s+session\s+set\s+statement_timeout_in_seconds\s*=\s*\d+\s*$", re.IGNORECASE)


# -- the comment on a table may hold an apostrophe ---------------------------------------------------------------


def comment(*arguments: str, make: Any = info_schema.insert_table_comment_sql) -> str:
    return make(*arguments[:-1], (arguments[-1] or "").replace("'", "''"))


info_schema.insert_table_comment_sql = comment


# -- REMOVE @stage/path -----------------------------------------------------------------------------------------
# dlt takes each file out of the stage once it is copied.


def remove(session: Any, statement: str) -> str:
    stage, _, path = statement.split(None, 1)[1].strip().strip("'").removeprefix("@").partition("/")
    database, schema, name = stages.parts_from_var(stage, session.database, session.schema)
    if stages.is_table_stage(name):
        target = (database, schema, name.removeprefix("%"))
        folder = stages.internal_dir(session.table_stages.resolve_for_copy(database, schema, name, target))
    else:
        folder = stages.internal_dir(f"{database}.{schema}.{name}")
    for file in Path(folder).rglob("*"):
        if file.is_file() and str(file).startswith(f"{folder}{path}"):
            file.unlink()
    return "SELECT 'removed' AS result"


def execute(
    self: FakeSnowflakeCursor, command: str, *arguments: Any, run: Any = FakeSnowflakeCursor.execute, **options: Any
) -> Any:
    for statement in statements(command):
        if statement.lstrip()[:7].upper() == "REMOVE ":
            sent = remove(self._conn, statement)
        else:
            is_skipped = COLUMN_COMMENTS.match(statement) or TIME_LIMIT.match(statement)
            sent = "SELECT 'done' AS status" if is_skipped else statement
        done = run(self, sent, *arguments, **options)
    return done


FakeSnowflakeCursor.execute = refusing(execute)
fake.describe_as_rowtype = refusing(fake.describe_as_rowtype)


# -- PUT and COPY INTO as dlt writes them -----------------------------------------------------------------------
# A stage in quotes, option values in quotes, commas between options: Snowflake takes both ways of writing.


def as_fakesnow_reads_it(statement: exp.Expression) -> exp.Expression:
    if isinstance(statement, exp.Put | exp.Copy):
        for comma in list(statement.find_all(exp.SequenceProperties)):
            if not comma.expressions:
                comma.pop()
    if isinstance(statement, exp.Put):
        target = statement.args["target"].text("this")
        statement.set("target", exp.Var(this=target.removeprefix("'").removesuffix("'")))
    if isinstance(statement, exp.Copy):
        for option in statement.args.get("params") or []:
            if option.this.name.upper() == "MATCH_BY_COLUMN_NAME":
                option.set("expression", exp.Var(this=option.expression.name))
    # -- temporary tables in a schema: DuckDB keeps them in a catalog of its own, so they are made ordinary ones.
    # dbt gives each a name of its own and drops it.
    if isinstance(statement, exp.Create) and (mark := statement.find(exp.TemporaryProperty)):
        mark.pop()
    # -- SPLIT_TO_TABLE, which DuckDB does not have.
    for pieces in statement.find_all(exp.SplitToTable):
        texts = exp.Anonymous(this="string_split", expressions=[pieces.this, pieces.expression])
        pieces.replace(exp.select(exp.alias_(exp.Anonymous(this="unnest", expressions=[texts]), "value")).subquery())
    return statement


def parse_one(command: str, parse: Any = cursor.parse_one) -> exp.Expression:
    return as_fakesnow_reads_it(parse(command))


cursor.parse_one = fake.parse_one = parse_one


# -- COPY INTO from JSON lines by column name -------------------------------------------------------------------
# Unmended, JSON fills tables of a single VARIANT column only; dlt's own tables have typed columns.


def copy_into(*arguments: Any, run: Any = copying.copy_into, **options: Any) -> Any:
    context.connection, context.database, context.schema = arguments[:3]
    return run(*arguments, **options)


def inserts(copy: exp.Copy, options: Any, urls: list[str], parquet: Any = None, make: Any = copying._inserts) -> Any:
    if not isinstance(options.file_format, copying.ReadJSON) or options.match_by_column_name.value == "NONE":
        return make(copy, options, urls, parquet)
    columns = copying._describe_table(
        copying._extract_table(copy.this), context.connection, context.database, context.schema
    )
    made = []
    for url in urls:
        source = options.file_format.read_expression(url).sql("duckdb")
        keys = context.connection.execute(f"select distinct unnest(json_keys(json)) from {source}").fetchall()
        names = {key.upper(): key for (key,) in keys}
        values = [
            f'cast(json_extract_string(json, \'$."{names[name.upper()]}"\') as {kind}) as "{name}"'
            for name, kind in columns
            if name.upper() in names
        ]
        select = sqlglot.parse_one(f"select {', '.join(values)} from {source}", read="duckdb")
        made.append(exp.Insert(this=copy.this, expression=select, by_name=True))
    return made


context = threading.local()
cursor.copy_into = copy_into
copying._inserts = inserts


# -- NULL as a time ---------------------------------------------------------------------------------------------
# Unmended it reaches the client as 1970-01-01.


def timestamps(values: Any, make: Any = wire.timestamp_to_sf_struct) -> pa.Array:
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    made = make(values)
    fields = [made.type.field(number) for number in range(made.type.num_fields)]
    parts = [pc.fill_null(made.field(number), 0) for number in range(made.type.num_fields)]
    return pa.StructArray.from_arrays(parts, fields=fields, mask=pc.is_null(values))


wire.timestamp_to_sf_struct = timestamps


# -- the server -------------------------------------------------------------------------------------------------


class Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print(sockets[0].getsockname()[1], flush=True)  # noqa: T201


if __name__ == "__main__":
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    threading.Thread(target=lambda: os.read(0, 1) or os._exit(0), daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Server(uvicorn.Config(fake.app, log_level="warning")).run(sockets=[listener])
