"""Side-by-side measurements that anyone can re-run: `make bench`, or `python -m benchmarks [EVENTS]`.

Each figure is the wall time of a whole process, start included, with the pages served by another process on loopback
without latency. Ratios are of one run on one machine; the table is printed and appended to benchmarks/results.md.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

RESULTS = Path(__file__).with_name("results.md")
POLLS = 5


@contextmanager
def log_server(events: int, write: Path | None = None) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.log_server", str(events)]
    if write:
        command += ["--write", str(write)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=RESULTS.parents[1]) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def seconds(command: list[str], folder: Path, **environment: str) -> float:
    began = time.perf_counter()
    subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


def best_of(times: int, measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(times))


def measure(events: int) -> list[tuple[str, float, str]]:
    rows: list[tuple[str, float, str]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = folder / "events.jsonl"
        with log_server(events, lines) as url:
            settings = {
                "DLT_DATA_DIR": str(folder / "dlt"),
                "RUNTIME__DLTHUB_TELEMETRY": "false",
                "SOURCES__DROPBOX_AUDIT__API_URL": url,
                "SOURCES__DROPBOX_AUDIT__ACCESS_TOKEN": "benchmark",
                "SOURCES__DROPBOX_AUDIT__REQUESTS_PER_HOUR": "0",
            }
            cli = [sys.executable, "-m", "dropbox_audit.cli"]
            ours = seconds([*cli, "load"], folder, **settings)
            with duckdb.connect(str(folder / "dropbox.duckdb"), read_only=True) as connection:
                loaded = connection.execute("select count(*) from dropbox_raw.events").fetchone()[0]
            assert loaded == events, f"{loaded} of {events} events arrived"
            rows.append((f"`dropbox-audit load`, {events:,} events", ours, f"{events / ours:,.0f} events/s"))

            nested_script = str(Path(__file__).with_name("dlt_nested.py"))
            nested = seconds([sys.executable, nested_script, url, str(folder / "nested.duckdb")], folder, **settings)
            rows.append(("dlt's nested-dict path, the same pages", nested, f"ours is {nested / ours:.1f} x as fast"))

            read_json = (
                "import duckdb, sys; duckdb.connect('read.duckdb').execute("
                "\"create table events as select * from read_json('events.jsonl', format='newline_delimited')\")"
            )
            plain = seconds([sys.executable, "-c", read_json], folder)
            rows.append(
                ("DuckDB `read_json`, the same bytes on disk", plain, f"ours is {plain / ours:.2f} of its speed")
            )

            seconds([*cli, "run"], folder, **settings)
            poll = best_of(POLLS, lambda: seconds([*cli, "run"], folder, **settings))
            start = best_of(POLLS, lambda: seconds([sys.executable, "-c", "import dlt, duckdb"], folder, **settings))
            rows.append(("`import dlt, duckdb`", start, ""))
            rows.append(("`dropbox-audit run`, nothing new", poll, f"{poll / start:.2f} x the import"))
    return rows


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    rows = measure(events)
    versions = ", ".join(f"{name} {version(name)}" for name in ("dlt", "duckdb", "pyarrow"))
    lines = [
        f"## {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}",
        "",
        "| work | seconds | |",
        "|---|---:|---|",
        *(f"| {work} | {took:.2f} | {note} |" for work, took, note in rows),
        "",
    ]
    print("\n".join(lines))
    with RESULTS.open("a") as file:
        file.write("\n".join(["", *lines]))


if __name__ == "__main__":
    main()
