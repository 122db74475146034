"""Starts bqemulator 1.4.0, mended where it differs from BigQuery in what dlt, dbt-bigquery or our SQL ask of it.

    python emulator.py start --rest-port 9050 ...

It runs in an environment of its own (requirements.lock), because it needs another sqlglot than dlt. Each section says
which behaviour of BigQuery it restores. The emulator is DuckDB underneath and accepts too much: what is valid BigQuery
SQL, and what it means, test_dialect.py asks Google's own engine.
"""

from __future__ import annotations

import functools
import gzip
import importlib.metadata
import json
import re
import sys
from pathlib import Path
from typing import Any

import sqlglot
from bqemulator import server
from bqemulator.api import app as api
from bqemulator.api.routes import jobs as job_routes
from bqemulator.catalog import ddl_sync
from bqemulator.catalog.models import Clustering
from bqemulator.cli import main
from bqemulator.jobs import executor
from bqemulator.scripting import interpreter
from bqemulator.sql.rewriter import aggregate_variants, create_table_schema_ctas
from bqemulator.sql.rules.json_helpers import JSONExtractToStringRule
from bqemulator.sql.translator import SQLTranslator
from bqemulator.storage.engine import DuckDBEngine
from sqlglot import exp
from sqlglot.parsers.bigquery import BigQueryParser
from starlette.responses import JSONResponse

if importlib.metadata.version("bqemulator") != "1.4.0":
    sys.exit("These patches were made for bqemulator 1.4.0: look at each of them again.")


def parse(sql: str) -> list[Any]:
    try:
        return [statement for statement in sqlglot.parse(sql, read="bigquery") if statement is not None]
    except sqlglot.errors.SqlglotError:
        return []


# -- long statements in seconds -----------------------------------------------------------------------------------
# Our SQL always writes `unnest`. Looking for arrays without it in `from`, the parser copies each subquery once for each
# level that it lies below; the emulator puts a view's text in place of its name, and ours stand ten deep.

BigQueryParser.SUPPORTS_IMPLICIT_UNNEST = False


# -- start without a network ------------------------------------------------------------------------------------
# GEOGRAPHY, which nothing here uses, needs a DuckDB extension that it would download.

DuckDBEngine._load_spatial = lambda self: None


# -- a query that fails is an HTTP error ------------------------------------------------------------------------
# Unmended, jobs.query answers 200 with a list of errors, which Google's client, and so dlt, reads as "no rows".
# `/token` is where the service account of the tests gets its access token, so that no client ever calls Google.

STATUS = {"notFound": 404, "duplicate": 409, "accessDenied": 403}


async def answer_as_google_does(request: Any, call_next: Any) -> Any:
    if request.url.path == "/token":
        return JSONResponse({"access_token": "emulator", "expires_in": 3600, "token_type": "Bearer"})
    response = await call_next(request)
    if request.method != "POST" or not request.url.path.endswith("/queries") or response.status_code != 200:
        return response
    answer = json.loads(b"".join([piece async for piece in response.body_iterator]))
    errors = answer.get("errors")
    if not errors:
        return JSONResponse(answer)
    status = STATUS.get(errors[0].get("reason"), 400)
    return JSONResponse(
        {"error": {"code": status, "message": errors[0].get("message"), "errors": errors}}, status_code=status
    )


def create_app(context: Any, make: Any = api.create_app) -> Any:
    app = make(context)
    app.middleware("http")(answer_as_google_does)
    return app


server.create_app = create_app


# -- load jobs ---------------------------------------------------------------------------------------------------
# Uploads may be zipped; a JSON key without a column is an error; Parquet columns are matched by name.


def load_file(path: str, job: Any, context: Any, load: Any = executor._load_path_into_target) -> Any:
    file = Path(path)
    if file.read_bytes()[:2] == b"\x1f\x8b":
        file.write_bytes(gzip.decompress(file.read_bytes()))
    if job.source_format in ("JSON", "NEWLINE_DELIMITED_JSON") and not job.raw_config.get("ignoreUnknownValues"):
        rows = context.engine.execute(f"pragma table_info('{job.target_ref}')").fetchall()
        columns = {row[1].lower() for row in rows}
        for line in file.read_text().splitlines():
            for key in json.loads(line) if line.strip() else ():
                if key.lower() not in columns:
                    raise executor.InvalidQueryError(f"JSON parsing error: No such field: {key}.")
    return load(path, job, context)


def load_parquet(path: str, table: str, context: Any) -> None:
    context.engine.execute(f"insert into {table} by name select * from read_parquet(?)", [path])


executor._load_path_into_target = load_file
executor._LOAD_FORMAT_HANDLERS["PARQUET"] = load_parquet


# -- alter table --------------------------------------------------------------------------------------------------
# One statement may add several columns, and whoever asks for the table's schema afterwards sees them.


def one_action_each(sql: str) -> str:
    statements = []
    for statement in parse(sql):
        for action in statement.args.get("actions", []):
            single = statement.copy()
            single.set("actions", [action.copy()])
            statements.append(single.sql(dialect="bigquery"))
    return ";\n".join(statements) if len(statements) > 1 else sql


@functools.wraps(executor.execute_query_job)
async def execute(project: str, job: str, sql: str, parameters: Any, context: Any, **options: Any) -> Any:
    is_alter = any(isinstance(statement, exp.Alter) for statement in parse(sql))
    if is_alter:
        sql = one_action_each(sql)
    done = await executor.execute_query_job(project, job, as_value(sql), parameters, context, **options)
    for statement in parse(sql):
        if not isinstance(statement, exp.Alter):
            continue
        name = ddl_sync._split_target(statement.this, project)
        table = context.catalog.get_table(*name)
        schema = ddl_sync._introspect_schema(*name, context)
        context.catalog.update_table(table.model_copy(update={"schema_": schema}))
    return done


job_routes.execute_query_job = execute


# -- set (variable) = (select as struct ...) ---------------------------------------------------------------------
# dbt's insert_overwrite collects the partitions that way; unmended, the variable holds a struct instead of its value.


def as_value(sql: str) -> str:
    return re.sub(
        r"\bset\s*\(\s*(\w+)\s*\)\s*=\s*\(\s*select\s+as\s+struct\b", r"set \1 = (select", sql, flags=re.IGNORECASE
    )


# -- create table ... partition by ... cluster by ----------------------------------------------------------------
# tables.get tells how a table is clustered. (How it is partitioned by a column, it tells by itself.)


def sync_created_table(sql: str, project: str, context: Any, sync: Any = ddl_sync.sync_created_table) -> None:
    sync(sql, project, context)
    for statement in parse(sql):
        properties = statement.args.get("properties")
        if not isinstance(statement, exp.Create) or properties is None:
            continue
        target = statement.this.this if isinstance(statement.this, exp.Schema) else statement.this
        for clustered in properties.find_all(exp.ClusterProperty):
            table = context.catalog.get_table(*ddl_sync._split_target(target, project))
            clustering = Clustering(fields=tuple(column.name for column in clustered.expressions))
            context.catalog.update_table(table.model_copy(update={"clustering": clustering}))


for module in (ddl_sync, executor, interpreter):
    module.sync_created_table = sync_created_table


# -- array_agg(distinct x ignore nulls) ----------------------------------------------------------------------------
# Another part of dbt's insert_overwrite; unmended, the filter against nulls says "not distinct x is null".


def value_of(operand: Any, find: Any = aggregate_variants._filter_target) -> Any:
    operand = find(operand)
    return operand.expressions[0] if isinstance(operand, exp.Distinct) else operand


aggregate_variants._filter_target = value_of


# -- create table t (columns) as (select ...) ----------------------------------------------------------------------
# What dbt writes for an enforced contract; unmended, the brackets keep the columns from being told apart.


def first_select(body: Any, find: Any = create_table_schema_ctas._first_select) -> Any:
    return find(body.unnest() if isinstance(body, exp.Subquery) else body)


create_table_schema_ctas._first_select = first_select


# -- two tables of one name ----------------------------------------------------------------------------------------
# dropbox_raw.events and dropbox_audit.events have different columns. Unmended, a pass that looks for types of decimal
# numbers, of which there are none here, mixes them up.

SQLTranslator._annotate_tree = staticmethod(lambda tree, schema: tree)


# -- coalesce(json_value(text, path), json_query(text, path)) -------------------------------------------------------
# json_query of a text is a text. Unmended, DuckDB's arrow for it, as an argument of a function, is taken for a lambda,
# misses the cast to text, and makes JSON of the other arguments.


def is_arrow(node: Any) -> bool:
    return isinstance(node, exp.Lambda) and node.this.is_string and node.this.name.startswith("$")


def as_text(rule: Any, node: Any) -> Any:
    if is_arrow(node):
        node = exp.JSONExtract(this=exp.column(node.expressions[0].copy()), expression=node.this.copy())
    return exp.cast(node.copy(), "varchar")


JSONExtractToStringRule.applies_to = lambda rule, node: isinstance(node, exp.JSONExtract) or is_arrow(node)
JSONExtractToStringRule.rewrite = as_text


if __name__ == "__main__":
    main()
