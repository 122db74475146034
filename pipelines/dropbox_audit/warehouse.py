"""The one read-only door to the warehouse, and which warehouse it is."""

import contextlib
import errno
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
from dlt.common.destination import Destination
from dlt.common.destination.exceptions import UnknownDestinationModule
from dlt.common.exceptions import MissingDependencyException

from dropbox_audit.api import Notice
from dropbox_audit.clock import Clock
from dropbox_audit.errors import ConfigurationError, RunError, Stopped
from dropbox_audit.settings import configure_dlt

RAW_DATASET = "dropbox_raw"
VIEWS_DATASET = "dropbox_audit"
INTERNAL_DATASET = "dropbox_audit_internal"
LEDGER = "int_dropbox__load_ledger"
"""The model that is built last: which loads the views have taken in."""
DEFAULT_FILE = "dropbox.duckdb"

_BATCH_ROWS = 20_000
_PATIENCE = 30.0
"""Seconds that a reader and a writer of one DuckDB file wait for each other."""


@dataclass(frozen=True)
class Target:
    """A warehouse: `destination` as dlt names it and, for DuckDB, its file."""

    destination: str
    path: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether the warehouse is a file on this machine."""
        return self.path is not None

    @property
    def location(self) -> str:
        """What tells two warehouses of one kind apart."""
        return str(self.path) if self.path else self.destination

    @property
    def name(self) -> str:
        """The warehouse in a message."""
        return str(self.path) if self.path else self.destination

    def dlt_destination(self) -> Any:
        """The destination as `dlt.pipeline` takes it."""
        return dlt.destinations.duckdb(str(self.path)) if self.path else self.destination

    def check_usable(self) -> None:
        """Raise `RunError` when the file cannot be written, before anything is asked of Dropbox."""
        if self.path is None:
            return
        folder = self.path.parent
        if not folder.is_dir():
            raise RunError(f"{folder} is no folder: create it, or name another file in destination.duckdb.credentials.")
        try:
            # Opening asks the file system itself, which knows read-only mounts and permissions.
            if self.path.exists():
                if not self.path.stat().st_mode & 0o222:
                    # The administrator may write it all the same, but somebody has said that nobody should.
                    raise PermissionError(errno.EACCES, "it is read-only")
                with self.path.open("ab"):
                    pass
                if _is_unfinished(self.path):
                    self.path.unlink()
            else:
                # Not the file itself: an empty one, left behind by a kill, would be no database for ever.
                with tempfile.TemporaryFile(dir=folder):
                    pass
        except OSError as error:
            raise RunError(
                f"{self.path} cannot be written ({error.strerror}): make it writable, or name another file in "
                "destination.duckdb.credentials. Nothing is lost."
            ) from None

    def mark(self) -> list[int] | None:
        """What changes whenever somebody writes to the file or puts another one in its place; None without a file."""
        if self.path is None or not self.path.exists():
            return None
        files = [file.stat() for file in (self.path, self.path.with_name(f"{self.path.name}.wal")) if file.exists()]
        return [number for file in files for number in (file.st_ino, file.st_size, file.st_mtime_ns)]

    def stored_state(self, pipeline_name: str) -> str | None:
        """The version of a pipeline's newest completed state in this file; None when there is none.

        Raises:
            ConfigurationError: the file belongs to the other pipeline: the demo's team and a real one never mix.
        """
        if self.path is None or not self.path.exists():
            return None
        with connect(self) as connection:
            try:
                rows = connection.execute(
                    "select state.pipeline_name, max_by(state.version, loads.load_id), max(loads.load_id) "
                    f"from {RAW_DATASET}._dlt_pipeline_state as state "
                    f"left join {RAW_DATASET}._dlt_loads as loads "
                    "on loads.load_id = state._dlt_load_id and loads.status = 0 group by state.pipeline_name"
                ).fetchall()
            except duckdb.CatalogException:
                return None
        states = {name: None if load_id is None else f"{load_id}:{version}" for name, version, load_id in rows}
        if states and pipeline_name not in states:
            what = "the demo's simulated team" if pipeline_name == "dropbox_audit" else "a real team's log"
            raise ConfigurationError(f"{self.path} holds {what}: name another file in destination.duckdb.credentials.")
        return states.get(pipeline_name)

    def has_views(self) -> bool:
        """Whether this file holds views that were once built to their end; True where only asking would tell."""
        if self.path is None:
            return True
        if not self.path.exists():
            return False
        with connect(self) as connection:
            return bool(
                connection.execute(
                    "select 1 from duckdb_tables() where schema_name = ? and table_name = ?",
                    [INTERNAL_DATASET, LEDGER],
                ).fetchone()
            )


def find_target(destination: str) -> Target:
    """The warehouse that `--destination` and dlt's configuration name.

    Raises:
        ConfigurationError: an unknown destination, or a DuckDB file that could not be queried.
    """
    configure_dlt()
    if destination != "duckdb":
        _check_known(destination)
        return Target(destination)
    configured = any(dlt.secrets.get(key) for key in ("destination.duckdb.credentials", "destination.credentials"))
    if configured:
        factory = dlt.destinations.duckdb()
        path = Path(factory.configuration(factory.spec(), accept_partial=True).credentials.database)
    else:
        path = Path(DEFAULT_FILE)
    return duckdb_target(path)


def _check_known(destination: str) -> None:
    try:
        factory = Destination.from_reference(destination)
        if factory is not None:
            # Loads what the destination depends on.
            factory.spec  # noqa: B018
    except UnknownDestinationModule:
        raise ConfigurationError(
            f"--destination {destination} is unknown: use duckdb, bigquery, snowflake or another destination of dlt."
        ) from None
    except MissingDependencyException as error:
        raise ConfigurationError(
            f"--destination {destination} needs packages that are not installed: {', '.join(error.dependencies)}."
        ) from None


def duckdb_target(path: Path) -> Target:
    """A DuckDB file as the warehouse."""
    if path.name.startswith(":"):
        raise ConfigurationError(
            "A DuckDB in memory is gone when the command ends: name a file in destination.duckdb.credentials."
        )
    if path.stem.lower() in {RAW_DATASET, VIEWS_DATASET, INTERNAL_DATASET, f"{RAW_DATASET}_staging"}:
        raise ConfigurationError(
            f"A DuckDB file called {path.name} makes every query ambiguous, because a dataset has the same name: "
            f"call it {DEFAULT_FILE}, for instance (destination.duckdb.credentials)."
        )
    return Target("duckdb", path.resolve())


def _is_unfinished(path: Path) -> bool:
    """Whether DuckDB was killed, or found the disk full, while it made this file: there is nothing in it yet.

    It writes three headers of 4096 bytes, the first with its name from the ninth byte on, before anything else.
    """
    with path.open("rb") as file:
        start = file.read(12)
    is_stump = start == b"" or (start[8:] == b"DUCK" and path.stat().st_size < 3 * 4096)
    return is_stump and not path.with_name(f"{path.name}.wal").exists()


# -- one file, one writer or many readers -----------------------------------------------------------------------


def is_lock_conflict(error: BaseException) -> bool:
    """Whether `error`, or what caused it, is DuckDB's file lock."""
    text = str(error)
    return "Conflicting lock" in text or "Could not set lock" in text


@contextlib.contextmanager
def connect(
    target: Target,
    *,
    stop: threading.Event | None = None,
    notice: Notice = lambda _: None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection for the length of one query; waits up to half a minute for a writer to finish."""
    connection = _open(target, read_only=True, clock=Clock(), stop=stop or threading.Event(), notice=notice)
    try:
        connection.execute("set timezone = 'UTC'")
        yield connection
    finally:
        connection.close()


def read_batches(
    target: Target, sql: str, parameters: Sequence[Any], *, stop: threading.Event, notice: Notice
) -> Iterator[pa.RecordBatch]:
    """The rows of one query as Arrow batches, in bounded memory; the connection lasts as long as they are read."""
    with connect(target, stop=stop, notice=notice) as connection:
        connection.execute("set memory_limit = '600MB'")
        yield from connection.sql(sql, params=list(parameters)).to_arrow_reader(_BATCH_ROWS)


def wait_for_file(target: Target, clock: Clock, stop: threading.Event, notice: Notice) -> None:
    """Wait up to half a minute until no other process has the warehouse's file open; nothing for other kinds."""
    if target.path is not None and target.path.exists():
        _open(target, read_only=False, clock=clock, stop=stop, notice=notice).close()


def _open(
    target: Target, *, read_only: bool, clock: Clock, stop: threading.Event, notice: Notice
) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + _PATIENCE
    told = False
    while True:
        try:
            return duckdb.connect(str(target.path), read_only=read_only)
        except duckdb.Error as error:
            if "not a valid DuckDB database" in str(error):
                raise RunError(
                    f"{target.name} is no DuckDB database: name another file in destination.duckdb.credentials."
                ) from None
            if not is_lock_conflict(error):
                raise RunError(f"{target.name} cannot be opened: {str(error).splitlines()[0]}") from None
            if time.monotonic() > deadline:
                raise RunError(
                    f"{target.name} has been in use by another program for half a minute: close it and try again."
                ) from None
            if not told:
                notice(f"{target.name} is in use by another program: waiting up to {_PATIENCE:.0f} s")
                told = True
            if clock.wait(stop, 0.25):
                raise Stopped("stopped while waiting for the warehouse") from None


def require_views(connection: duckdb.DuckDBPyConnection, target: Target) -> None:
    """Raise `ConfigurationError` when the views were never built."""
    found = connection.execute(
        "select 1 from information_schema.tables where table_schema = ? and table_name = 'events'", [VIEWS_DATASET]
    ).fetchall()
    if not found:
        raise ConfigurationError(f"{target.name} has no views yet: run `dropbox-audit run` (or `transform`) first.")
