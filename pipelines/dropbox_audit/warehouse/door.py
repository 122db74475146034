"""The one read-only door to the warehouse: the same queries for a DuckDB file, BigQuery and Snowflake.

Queries are written in the words that all three share, with `?` for each parameter.
"""

import contextlib
import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import duckdb
import pyarrow as pa
from dlt.common.destination import Destination
from dlt.common.schema import Schema
from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation

from dropbox_audit.api import Notice
from dropbox_audit.errors import ConfigurationError, RunError
from dropbox_audit.settings import first_line, in_one_line
from dropbox_audit.warehouse.file import connect
from dropbox_audit.warehouse.target import VIEWS_DATASET, Target, credentials_of

_BATCH_ROWS = 20_000
_CHUNK_ROWS = 50
_MEMORY = "600MB"


class NoSuchRelationError(Exception):
    """A query names a table or view that is not there."""


class TooSlowError(RunError):
    """A query took longer than its limits allow."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may cost. With limits a DuckDB file is opened locked: SQL from outside reaches nothing else.

    Attributes:
        seconds: DuckDB is interrupted then; Snowflake and BigQuery end the statement themselves.
        scanned_bytes: what BigQuery may bill; it refuses a query that would scan more, before it runs.
    """

    seconds: float
    scanned_bytes: int


class Door(Protocol):
    """What can be asked of a warehouse."""

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a small result; raises `NoSuchRelationError`."""

    def batches(self, sql: str, parameters: Sequence[Any], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a large result in bounded memory, in the columns of `schema`; raises `NoSuchRelationError`."""

    def table(self, sql: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """A result's columns and, a few at a time, its rows; raises `NoSuchRelationError`. SQL only, no parameters."""


@contextlib.contextmanager
def open_door(
    target: Target,
    *,
    stop: threading.Event | None = None,
    notice: Notice = lambda _: None,
    limits: Limits | None = None,
) -> Iterator[Door]:
    """The door to a warehouse, open as briefly as can be: a DuckDB file has one writer or many readers.

    Raises:
        RunError: it cannot be reached, or a query failed.
    """
    if target.path is not None:
        with connect(target.path, stop=stop, notice=notice, is_locked=limits is not None) as connection:
            yield _FileDoor(connection) if limits is None else _LimitedFileDoor(connection, limits)
        return
    # A name without a schema must not lead to raw evidence where SQL comes from outside.
    configuration = credentials_of(target) if limits is None else credentials_of(target, VIEWS_DATASET)
    try:
        factory: Any = Destination.from_reference(target.destination)
        with factory.client(Schema("dropbox_audit"), configuration).sql_client as client:
            if limits is not None:
                _LIMITERS[target.destination](client, limits)
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

    def table(self, sql: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        try:
            self._connection.execute(sql)
        except duckdb.CatalogException as error:
            raise NoSuchRelationError(in_one_line(error)) from error
        columns = [column[0] for column in self._connection.description or ()]
        return columns, _chunks(self._connection)


class _LimitedFileDoor(_FileDoor):
    """A file's door for SQL from outside: what takes too long is interrupted, what fails is said in a line."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, limits: Limits) -> None:
        super().__init__(connection)
        self._limits = limits

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._limited():
            return super().rows(sql, parameters)

    def table(self, sql: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        with self._limited():
            columns, rows = super().table(sql)
        return columns, self._rows_in_time(rows)

    def _rows_in_time(self, rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """DuckDB computes rows as they are fetched, so the time for that is limited, too."""
        with self._limited():
            yield from rows

    @contextlib.contextmanager
    def _limited(self) -> Iterator[None]:
        timer = threading.Timer(self._limits.seconds, self._connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        except duckdb.InterruptException:
            raise TooSlowError(
                f"The query was stopped after {self._limits.seconds:.0f} s: ask for a shorter period, or for less."
            ) from None
        except duckdb.OutOfMemoryException:
            raise RunError(
                "The query needs more memory than it may have: ask for a shorter period, or for less."
            ) from None
        except duckdb.Error as error:
            raise RunError(f"DuckDB answers: {in_one_line(error)}") from error
        finally:
            timer.cancel()


def _limit_bigquery(client: Any, limits: Limits) -> None:
    from google.cloud.bigquery import QueryJobConfig  # type: ignore[import-untyped, unused-ignore]

    client.native_connection.default_query_job_config = QueryJobConfig(
        maximum_bytes_billed=limits.scanned_bytes, job_timeout_ms=round(limits.seconds * 1000)
    )


def _limit_snowflake(client: Any, limits: Limits) -> None:
    client.execute_sql(f"alter session set statement_timeout_in_seconds = {round(limits.seconds)}")


_LIMITERS = {"bigquery": _limit_bigquery, "snowflake": _limit_snowflake}


def _chunks(cursor: Any) -> Iterator[tuple[Any, ...]]:
    """Rows as they are asked for: a reader that has enough leaves the rest where it is."""
    while rows := cursor.fetchmany(_CHUNK_ROWS):
        yield from map(tuple, rows)


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

    def table(self, sql: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        with self._executed(sql, ()) as cursor:
            # The cursor ends with this call; a statement from outside carries its own limit, so this is not much.
            rows = list(itertools.islice(_chunks(cursor), _CHUNK_ROWS * 10))
            return [column[0] for column in cursor.native_cursor.description or ()], iter(rows)

    @contextlib.contextmanager
    def _executed(self, sql: str, parameters: Sequence[Any]) -> Iterator[Any]:
        # Without parameters a `?` is a character like any other, and a driver does not look for `%s`.
        marked = sql.replace("?", "%s") if parameters else sql
        try:
            with self._client.execute_query(marked, *parameters) as cursor:
                yield cursor
        except DatabaseUndefinedRelation as error:
            raise NoSuchRelationError(first_line(error)) from error
