"""Processes that are measured, and dropbox-audit as one of them."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

_SAMPLED_SECONDS = 0.05


@dataclass(frozen=True)
class Finished:
    """A process that has ended well."""

    seconds: float
    """Wall time from before its start to after its end."""
    peak_bytes: int
    """The most memory (resident set) that it and its children held together."""
    output: str


def run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> Finished:
    """Run a command in a folder; fails loudly if it fails."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **(environment or {})}, stdout=output, stderr=errors
        )
        with _tree_watched(process.pid) as most:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(f"{command} ended with {process.returncode}: {errors.read()[-2000:]}")
        # Linux counts in KiB, macOS in bytes.
        alone = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return Finished(seconds, max(alone, *most), output.read())


@contextmanager
def _tree_watched(pid: int) -> Iterator[list[int]]:
    """The most bytes that a process and its descendants held at any of some moments (Linux only; else 0)."""
    most, is_over = [0], threading.Event()

    def watch() -> None:
        while not is_over.wait(_SAMPLED_SECONDS):
            most[0] = max(most[0], _tree_bytes(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        is_over.set()
        thread.join()


def _tree_bytes(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        # It has just ended, or there is no /proc.
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(map(_tree_bytes, children))


class Installation:
    """dropbox-audit with a folder of its own, reading from a log server."""

    def __init__(self, folder: Path, url: str, **settings: str | int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.environment = {
            "DLT_DATA_DIR": str(folder / "dlt"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "SOURCES__DROPBOX_AUDIT__API_URL": url,
            "SOURCES__DROPBOX_AUDIT__ACCESS_TOKEN": "benchmark",
            "SOURCES__DROPBOX_AUDIT__REQUESTS_PER_HOUR": "0",
            # The server has a log and nothing else.
            "SOURCES__DROPBOX_AUDIT__DIRECTORY_EVERY": "off",
            **{f"SOURCES__DROPBOX_AUDIT__{name.upper()}": str(value) for name, value in settings.items()},
        }

    @property
    def warehouse(self) -> Path:
        return self.folder / "dropbox.duckdb"

    def run(self, *arguments: str) -> Finished:
        """Run a command of dropbox-audit."""
        return run([sys.executable, "-m", "dropbox_audit.cli", *arguments], self.folder, self.environment)

    def python(self, *arguments: str) -> Finished:
        """Run Python in the same environment."""
        return run([sys.executable, *arguments], self.folder, self.environment)

    def query(self, sql: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def count_events(self) -> int:
        """How many different events have been loaded."""
        [(count,)] = self.query("select count(distinct identity) from dropbox_raw.events")
        return int(str(count))
