"""One DuckDB file: one process that writes, or many that read, and each side waits for the other."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb

from dropbox_audit.api import Notice
from dropbox_audit.clock import Clock
from dropbox_audit.errors import RunError, Stopped

_PATIENCE = 30.0
"""Seconds that a reader and a writer of one DuckDB file wait for each other."""

_LOCK = (
    "memory_limit = '600MB'",
    "max_temp_directory_size = '0B'",
    # A bare name must never mean a variable of this program.
    "python_enable_replacements = false",
    "enable_external_access = false",
    "lock_configuration = true",
)
"""The last two are DuckDB's own promise: no file, no network, no extension, and no way back."""

_one_locked = threading.Lock()


def is_lock_conflict(error: BaseException) -> bool:
    """Whether `error`, or what caused it, is DuckDB's file lock."""
    text = str(error)
    return "Conflicting lock" in text or "Could not set lock" in text


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` tells that DuckDB needs more memory than it was given."""
    return "Out of Memory Error" in str(error)


@contextlib.contextmanager
def connect(
    path: Path,
    *,
    stop: threading.Event | None = None,
    notice: Notice = lambda _: None,
    is_locked: bool = False,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection for the length of one query; waits up to half a minute for a writer to finish.

    Args:
        path: the file.
        stop: ends the wait.
        notice: is told of the wait.
        is_locked: whether SQL from outside is going to run: it reaches this file and nothing else of the machine, and
            cannot set otherwise. One such connection is open at a time: those of one process share what is set.
    """
    with _one_locked if is_locked else contextlib.nullcontext():
        connection = _open(path, read_only=True, clock=Clock(), stop=stop or threading.Event(), notice=notice)
        try:
            connection.execute("set timezone = 'UTC'")
            for setting in _LOCK if is_locked else ():
                connection.execute(f"set {setting}")
            yield connection
        finally:
            connection.close()


def wait_for_file(path: Path | None, clock: Clock, stop: threading.Event, notice: Notice) -> None:
    """Wait up to half a minute until no other process has the file open; nothing where there is none."""
    if path is not None and path.exists():
        _open(path, read_only=False, clock=clock, stop=stop, notice=notice).close()


def _open(
    path: Path, *, read_only: bool, clock: Clock, stop: threading.Event, notice: Notice
) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + _PATIENCE
    told = False
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only)
        except duckdb.Error as error:
            if "not a valid DuckDB database" in str(error):
                raise RunError(
                    f"{path} is no DuckDB database: name another file in destination.duckdb.credentials."
                ) from None
            if not is_lock_conflict(error):
                raise RunError(f"{path} cannot be opened: {str(error).splitlines()[0]}") from None
            if time.monotonic() > deadline:
                raise RunError(
                    f"{path} has been in use by another program for half a minute: close it and try again."
                ) from None
            if not told:
                notice(f"{path} is in use by another program: waiting up to {_PATIENCE:.0f} s")
                told = True
            if clock.wait(stop, 0.25):
                raise Stopped("stopped while waiting for the warehouse") from None
