"""Google's own analyser and reference engine for BigQuery's SQL, as a process that answers lines of JSON.

It is ZetaSQL, compiled to WebAssembly; it runs in the emulator's environment (requirements.lock), where nothing else
imports what it needs. A request is an object with `do`, the answer an object, with `error` if Google refuses the SQL:

    {"do": "table", "name": "project.dataset.table", "columns": [["id", "INT64"]], "rows": [[1]]}
    {"do": "analyse", "sql": "..."}     -> {"columns": [["id", "INT64"]]}, without columns where it is no query
    {"do": "execute", "sql": "..."}     -> {"columns": ..., "rows": [[1]]}
    {"do": "parse", "sql": "..."}       -> {}, for scripts of several statements

Timestamps and dates are texts in ISO format, a NUMERIC is a number, everything else is as JSON has it.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import re
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import wasmtime
from google._upb import _message
from google.protobuf.timestamp_pb2 import Timestamp
from zetasql.api import Parser, TableBuilder, TypeFactory
from zetasql.core import wasm_client
from zetasql.core.local_service import ZetaSqlLocalService
from zetasql.types import (
    AnalyzeRequest,
    AnalyzerOptions,
    EvaluateQueryRequest,
    LanguageOptions,
    TypeKind,
    ZetaSQLBuiltinFunctionOptions,
)
from zetasql.types.proto_model import (
    ErrorMessageMode,
    LanguageFeature,
    ProductMode,
    ResolvedNodeKind,
    SimpleCatalog,
    TableContent,
    TableData,
    Value,
)
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2

TYPES = {
    "STRING": TypeKind.TYPE_STRING,
    "INT64": TypeKind.TYPE_INT64,
    "FLOAT64": TypeKind.TYPE_DOUBLE,
    "BOOL": TypeKind.TYPE_BOOL,
    "DATE": TypeKind.TYPE_DATE,
    "TIMESTAMP": TypeKind.TYPE_TIMESTAMP,
    "NUMERIC": TypeKind.TYPE_NUMERIC,
}
NAMES = {int(kind): name for name, kind in TYPES.items()}
EPOCH = date(1970, 1, 1)
NUMERIC_PARTS = 10**9
"""A NUMERIC travels as a whole number of these."""
# BigQuery's other names for INT64, which ZetaSQL leaves to whoever embeds it.
ALIASES = [
    SimpleCatalog.NamedType(name=name, type=TypeFactory.create_simple_type(TypeKind.TYPE_INT64))
    for name in ("BIGINT", "INTEGER", "INT", "SMALLINT", "TINYINT", "BYTEINT")
]

# What ZetaSQL can do and BigQuery does not offer; everything else is switched on.
NOT_IN_BIGQUERY = re.compile(
    "PROTO|GRAPH|SPANNER|MAP_TYPE|UUID|MEASURE|MULTILEVEL|MULTIWAY|MODULES|LAMBDA|LATERAL|FOR_UPDATE|ON_CONFLICT"
    "|RETURNING|AGGREGATE_FILTERING|REPLACE_FIELDS|FILTER_FIELDS|ARRAY_FIND|ARRAY_ZIP|ARRAY_GREATEST|ARRAY_EQUALITY"
    "|ARRAY_ORDERING|JSON_TYPE_COMPARISON|JSON_CONTAINS|JSON_FLATTEN|STRUCT_POSITIONAL|FIRST_AND_LAST_N|TOKENIZED"
    "|PIPE_(FORK|TEE|IF|INSERT|EXPORT|CREATE|RECURSIVE)|TIMESTAMP_(NANOS|PICOS)"
)


# A long sum is a deep tree, deeper than protobuf reads unless told.
_message.SetAllowOversizeProtos(True)


# -- speed ------------------------------------------------------------------------------------------------------


class CachedModule:
    """Compiling the engine takes half a minute, so its native code is kept beside the packages it came with."""

    @staticmethod
    def from_file(engine: Any, path: str) -> Any:
        name = f"zetasql-{version('zetasql')}-wasmtime-{version('wasmtime')}.native"
        cached = Path(sys.prefix) / name
        with cached.with_suffix(".lock").open("w") as lock:
            # One of two test workers that start together compiles, the other one waits for it.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not cached.exists():
                unfinished = cached.with_suffix(".unfinished")
                unfinished.write_bytes(wasmtime.Module.from_file(engine, path).serialize())
                unfinished.replace(cached)
        return wasmtime.Module.deserialize_file(engine, str(cached))


def address(client: Any, pointer: int) -> int:
    return int(ctypes.addressof(client.memory.data_ptr().contents)) + (pointer & 0xFFFFFFFF)


wasm_client.Module = CachedModule
# The package's own way is to copy byte by byte in Python.
wasm_client.WasmClient.write_bytes = lambda self, pointer, data: ctypes.memmove(address(self, pointer), data, len(data))
wasm_client.WasmClient.read_bytes = lambda self, pointer, size: ctypes.string_at(address(self, pointer), size)


# -- the engine -------------------------------------------------------------------------------------------------


class Engine:
    """The language as BigQuery has it, and the tables it knows."""

    def __init__(self) -> None:
        language = LanguageOptions.maximum_features()
        language.product_mode = ProductMode.PRODUCT_EXTERNAL
        language.enabled_language_features = [
            feature
            for feature in language.enabled_language_features
            if not NOT_IN_BIGQUERY.search(LanguageFeature(feature).name)
        ]
        language.reserved_keywords = ["QUALIFY"]
        language.supported_statement_kinds = [kind for kind in ResolvedNodeKind if kind.name.endswith("_STMT")]
        self.language = language
        self.options = AnalyzerOptions(
            language_options=language, error_message_mode=ErrorMessageMode.ERROR_MESSAGE_ONE_LINE
        )
        self.options.default_timezone = "UTC"
        self.functions = ZetaSQLBuiltinFunctionOptions(language_options=language)
        self.columns: dict[str, list[tuple[str, str]]] = {}
        self.content: dict[str, Any] = {}

    def table(self, name: str, columns: list[tuple[str, str]], rows: list[list[Any]] | None = None) -> dict[str, Any]:
        self.columns[name] = columns
        kinds = [kind for _, kind in columns]
        content = TableContent(
            table_data=TableData(
                row=[
                    TableData.Row(cell=[to_value(kind, value) for kind, value in zip(kinds, row, strict=True)])
                    for row in rows or ()
                ]
            )
        )
        # Kept as it travels: making that of Python objects takes longer than any query.
        self.content[name] = content.to_proto()
        return {}

    def analyse(self, sql: str) -> dict[str, Any]:
        request = AnalyzeRequest(sql_statement=sql, options=self.options, simple_catalog=self._catalog(sql)).to_proto()
        # Read as it comes: the package's own way makes Python objects of the whole tree, which is slow.
        statement = call("Analyze", request, local_service_pb2.AnalyzeResponse).resolved_statement
        if statement.WhichOneof("node") != "resolved_query_stmt_node":
            return {}
        found = statement.resolved_query_stmt_node.output_column_list
        return {"columns": [[column.name, type_name(column.column.type)] for column in found]}

    def execute(self, sql: str) -> dict[str, Any]:
        # Content can be given for tables without a path only, so each name becomes one identifier with dots in it, and
        # gets the alias that it has by itself in BigQuery: its last part.
        for name in self.content:
            ticks = rf"(?<![`\w.])`{name.replace('.', '`[.]`')}`"
            sql = re.sub(rf"{ticks}(?=\s+as\b)", f"`{name}`", sql)
            sql = re.sub(ticks, f"`{name}` as `{name.split('.')[-1]}`", sql)
        read = re.sub("--.*", "", sql)
        request = EvaluateQueryRequest(sql=sql, options=self.options, simple_catalog=self._catalog(sql)).to_proto()
        for name, content in self.content.items():
            if f"`{name}`" in read:
                request.table_content[name].CopyFrom(content)
        answer = call("EvaluateQuery", request, local_service_pb2.EvaluateQueryResponse)
        columns = [[column.name, type_name(column.type)] for column in answer.prepared.columns]
        rows = [[from_value(cell) for cell in row.cell] for row in answer.content.table_data.row]
        return {"columns": columns, "rows": rows}

    def parse(self, sql: str) -> dict[str, Any]:
        Parser.parse_script_static(sql, self.language)
        return {}

    def _catalog(self, sql: str) -> Any:
        root = SimpleCatalog(name="root", table=[], catalog=[], named_type=ALIASES)
        root.builtin_function_options = self.functions
        words = set(re.findall(r"[\w$-]+", sql))
        for name, columns in self.columns.items():
            *path, last = name.split(".")
            if last not in words:
                continue
            node = root
            for part in path:
                inner = next((catalog for catalog in node.catalog if catalog.name == part), None)
                if inner is None:
                    inner = SimpleCatalog(name=part, table=[], catalog=[])
                    node.catalog.append(inner)
                node = inner
            node.table.append(make_table(last, columns))
            root.table.append(make_table(name, columns))
        return root


def call(what: str, request: Any, answer: Any) -> Any:
    service = ZetaSqlLocalService.get_instance()
    return service.wasm_client.call_grpc_func(f"ZetaSqlLocalService_{what}", request, answer)


def make_table(name: str, columns: list[tuple[str, str]]) -> Any:
    builder = TableBuilder(name)
    for column, kind in columns:
        builder.add_column(column, TypeFactory.create_simple_type(TYPES[kind]))
    return builder.build()


def type_name(kind: Any) -> str:
    return NAMES.get(int(kind.type_kind), TypeKind(kind.type_kind).name.removeprefix("TYPE_"))


def to_value(kind: str, value: Any) -> Value:
    if value is None:
        return Value()
    if kind == "TIMESTAMP":
        stamp = Timestamp()
        stamp.FromDatetime(datetime.fromisoformat(value))
        return Value(timestamp_value=stamp)
    if kind == "DATE":
        return Value(date_value=(date.fromisoformat(value) - EPOCH).days)
    if kind == "NUMERIC":
        whole = round(Decimal(str(value)) * NUMERIC_PARTS)
        return Value(numeric_value=whole.to_bytes(whole.bit_length() // 8 + 1, "little", signed=True))
    field = {"STRING": "string_value", "INT64": "int64_value", "FLOAT64": "double_value", "BOOL": "bool_value"}[kind]
    return Value(**{field: value})


def from_value(value: Any) -> Any:
    which = value.WhichOneof("value")
    if which is None:
        return None
    found = getattr(value, which)
    if which == "timestamp_value":
        return found.ToDatetime(tzinfo=UTC).isoformat()
    if which == "numeric_value":
        return float(Decimal(int.from_bytes(found, "little", signed=True)) / NUMERIC_PARTS)
    if which == "date_value":
        return (EPOCH + timedelta(days=found)).isoformat()
    return found


def serve() -> None:
    engine = Engine()
    answers = {"table": engine.table, "analyse": engine.analyse, "execute": engine.execute, "parse": engine.parse}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = answers[request.pop("do")](**request)
        except Exception as error:
            answer = {"error": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
