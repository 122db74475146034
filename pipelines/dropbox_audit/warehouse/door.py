"""The one read-only door to the warehouse: the same queries for a DuckDB file, BigQuery and Snowflake.

Queries are written in the words that all three share, with `?` for each parameter.
"""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import duckdb
import pyarrow as pa
from dlt.common.destination import Destination
from dlt.common.schema import Schema
from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation

from dropbox_audit.api import Notice
from dropbox_audit.errors import ConfigurationError, RunError
from dropbox_audit.settings import first_line
from dropbox_audit.warehouse.file import connect
from dropbox_audit.warehouse.target import VIEWS_DATASET, Target, credentials_of

_BATCH_ROWS = 20_000
_MEMORY = "600MB"


class NoSuchRelationError(Exception):
    """A query names a table or view that is not there."""


class Door(Protocol):
    """What can be asked of a warehouse."""

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a small result; raises `NoSuchRelationError`."""

    def batches(self, sql: str, parameters: Sequence[Any], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a large result in bounded memory, in the columns of `schema`; raises `NoSuchRelationError`."""


@contextlib.contextmanager
def open_door(
    target: Target, *, stop: threading.Event | None = None, notice: Notice = lambda _: None
) -> Iterator[Door]:
    """The door to a warehouse, open as briefly as can be: a DuckDB file has one writer or many readers.

    Raises:
        RunError: it cannot be reached, or a query failed.
    """
    if target.path is not None:
        with connect(target.path, stop=stop, notice=notice) as connection:
            yield _FileDoor(connection)
        return
    configuration = credentials_of(target)
    try:
        factory: Any = Destination.from_reference(target.destination)
        with factory.client(Schema("dropbox_audit"), configuration).sql_client as client:
            yield _RemoteDoor(client)
    except DatabaseException as error:
        raise RunError(f"{target.name} answers: {first_line(error)}") from error


def is_there(door: Door, relation: str) -> bool:
    """Whether a table or view exists; asks for no row of it."""
    try:
        door.rows(f"select 1 from {relation} where 1 = 0")
    except NoSuchRelationError:
        return False
    return True


def require_views(door: Door, target: Target) -> None:
    """Raise `ConfigurationError` when the views were never built."""
    if not is_there(door, f"{VIEWS_DATASET}.events"):
        raise ConfigurationError(f"{target.name} has no views yet: run `dropbox-audit run` (or `transform`) first.")


def marks(values: Sequence[Any]) -> str:
    """A parameter's mark for each value, for `in (...)`."""
    return ", ".join("?" * len(values)) if values else "null"


class _FileDoor:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, list(parameters)).fetchall()
        except duckdb.CatalogException as error:
            raise NoSuchRelationError(first_line(error)) from error

    def batches(self, sql: str, parameters: Sequence[Any], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        self._connection.execute(f"set memory_limit = '{_MEMORY}'")
        try:
            reader = self._connection.sql(sql, params=list(parameters)).to_arrow_reader(_BATCH_ROWS)
        except duckdb.CatalogException as error:
            raise NoSuchRelationError(first_line(error)) from error
        for batch in reader:
            yield from pa.Table.from_batches([batch]).cast(schema).to_batches()


class _RemoteDoor:
    def __init__(self, client: Any) -> None:
        self._client = client

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._executed(sql, parameters) as cursor:
            return [tuple(row) for row in cursor.fetchall()]

    def batches(self, sql: str, parameters: Sequence[Any], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with self._executed(sql, parameters) as cursor:
            while rows := cursor.fetchmany(_BATCH_ROWS):
                columns = zip(*rows, strict=True)
                yield pa.RecordBatch.from_arrays(
                    [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
                )

    @contextlib.contextmanager
    def _executed(self, sql: str, parameters: Sequence[Any]) -> Iterator[Any]:
        try:
            with self._client.execute_query(sql.replace("?", "%s"), *parameters) as cursor:
                yield cursor
        except DatabaseUndefinedRelation as error:
            raise NoSuchRelationError(first_line(error)) from error
