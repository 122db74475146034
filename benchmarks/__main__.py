"""Side-by-side measurements that anyone can re-run: `make bench`, or some of them: `python -m benchmarks PART ...`.

    load        a first load against DuckDB's `read_json` of the same bytes
    memory      what the same loads hold in memory
    rivals      20,000 events against dlt's nested-dict path, the official client and Grove's walk
    history     parallel readers of a slow log
    polls       runs with nothing new, and with a thousand events onto 10 thousand, 1 million and 10 million
    questions   each view on 10 million events against a full scan

Each figure is a ratio of two things measured in one run on one machine. The table is printed, and appended to
benchmarks/results.md. Everything together takes about half an hour, 20 GB of disk and 20 GB of memory. `--scale 0.01`
tries it all out on little, and appends nothing unless `--results` names a file; `--folder` keeps what was made, and
makes no warehouse anew that a former run has left there.
"""

import argparse
import contextlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import history, load, polls, questions, rivals
from benchmarks.scale import Bench
from benchmarks.table import HEAD, Row

RESULTS = Path(__file__).with_name("results.md")
PARTS: dict[str, list[Callable[[Bench], list[Row]]]] = {
    "load": [load.speed],
    "memory": [load.memory],
    "rivals": [rivals.rivals],
    "history": [history.history],
    "polls": [polls.quiet, polls.news],
    "questions": [questions.questions],
}
_PACKAGES = ("dropbox-audit", "dlt", "duckdb", "pyarrow", "dbt-core", "dropbox")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all of them by default")
    parser.add_argument("--scale", type=float, default=1.0, help="measure such a part of the published sizes")
    parser.add_argument("--folder", type=Path, help="where to make everything; kept")
    parser.add_argument("--results", type=Path, help="which file to append the table to")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    results = arguments.results or (RESULTS if arguments.scale == 1 else None)
    head = _heading(arguments.scale)
    lines = []
    print(f"{head}\n\n{HEAD}", flush=True)
    with _folder(arguments.folder) as folder:
        bench = Bench(folder, arguments.scale)
        for part in arguments.parts or PARTS:
            for measure in PARTS[part]:
                for row in measure(bench):
                    lines.append(row.cells())
                    print(lines[-1], flush=True)
    if results is not None:
        with results.open("a") as file:
            file.write("\n".join(["", head, "", HEAD, *lines, ""]))


@contextlib.contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _heading(scale: float) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    machine = f"{os.cpu_count()} cores, {_memory_gib():.0f} GiB, {platform.system()} {platform.machine()}"
    part = "" if scale == 1 else f", {scale:g} of the sizes"
    return f"## {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}, Python {platform.python_version()}, {versions}{part}"


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


if __name__ == "__main__":
    sys.exit(main())
