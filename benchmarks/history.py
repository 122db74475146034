"""How much sooner parallel readers end a first load.

    python -m benchmarks.history [--shapes even crowded] [--workers 1 4] [--pages 300] [--page-size 100]

A log of one of several shapes is served, each answer after 150 ms. For each number of workers it is read twice: by the
reader alone, and by a whole `dropbox-audit load` into a new DuckDB file, start included. Ratios are to one worker,
requests to the pages that the log fills. N workers are N readers of history beside the reader of the live walk, which
helps them once it has caught up. The part `history` of the benchmarks is the whole load of the even log.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dropbox_audit.api import DropboxClient
from dropbox_audit.cursor import first_walks
from dropbox_audit.settings import Settings
from dropbox_audit.walks import LogReader

from benchmarks.log import append
from benchmarks.log_server import Served, serving
from benchmarks.product import Installation
from benchmarks.scale import Bench
from benchmarks.table import Row

LATENCY = 0.15
YEARS = 5
PAGES = 300
PAGE_SIZE = 100
WORKERS = [1, 2, 4, 8]
_PAGES_PER_BATCH = 200
_GOAL = 0.9
_LINEAR_UP_TO = 4

# -- shapes: where in the span from the first event (0) to now (1) the n-th of all events lies (0 <= n < 1) -----------


def even(n: float) -> float:
    return n


def growing(n: float) -> float:
    """Twice as many events each year."""
    return math.log2(1 + n * (2**YEARS - 1)) / YEARS


def crowded(n: float) -> float:
    """One week with a hundred times the events of the others."""
    weeks = YEARS * 52
    before, total = 100, weeks + 99
    n *= total
    if n < before:
        return n / weeks
    if n < before + 100:
        return (before + (n - before) / 100) / weeks
    return (n - 99) / weeks


def old(n: float) -> float:
    """Everything in the first tenth: the log ended long ago."""
    return n / 10


SHAPES: dict[str, Callable[[float], float]] = {
    "even": even,
    "growing": growing,
    "crowded": crowded,
    "old": old,
    "early start": even,
    "slow": even,
}
"""In `early start`, `start_time` lies ten years before the first event; in `slow`, the answers of a fiftieth of the
log take two seconds each."""


@contextmanager
def running(folder: Path, shape: str, pages: int, size: int) -> Iterator[Served]:
    """A log of that shape, served."""
    span = 365 * YEARS * 86_400
    begin = int(time.time()) - 3600 - span
    count = pages * size
    log = folder / f"{shape}.jsonl"
    append(log, (begin + int(span * SHAPES[shape](n / count)) for n in range(count)))
    slow = (0.5, 0.52) if shape == "slow" else (0.0, 0.0)
    with serving(log, most_events=size, latency=LATENCY, slow=slow) as served:
        yield served


# -- what is measured -------------------------------------------------------------------------------------------------


def history(bench: Bench) -> list[Row]:
    """How near to linear the first load of an even log gets with more readers."""
    pages = bench.count(PAGES, 4)
    rows = []
    with bench.scratch() as folder, running(folder, "even", pages, PAGE_SIZE) as served:
        one = 0.0
        for workers in WORKERS:
            took = load(folder / f"{workers} workers", served.url, workers, None, pages * PAGE_SIZE)
            one = one or took
            ratio = one / took / workers
            is_judged = 1 < workers <= _LINEAR_UP_TO
            rows.append(
                Row(
                    f"history of {pages} pages, 150 ms each, {workers} worker{'s' if workers > 1 else ''}",
                    f"{took:.1f} s, {served.requests()} requests",
                    f"ideal: {one / workers:.1f} s",
                    ratio,
                    f"≥ {_GOAL} of linear" if is_judged else "",
                    ratio >= _GOAL if is_judged else None,
                )
            )
    return rows


def load(folder: Path, url: str, workers: int, start_time: str | None, events: int) -> float:
    """Seconds of a whole `dropbox-audit load` that brings so many events."""
    settings = {"start_time": start_time} if start_time else {}
    installation = Installation(folder, url, backfill_workers=workers, **settings)
    took = installation.run("load").seconds
    arrived = installation.count_events()
    assert arrived == events, f"{arrived} of {events} events arrived"
    return took


def read(url: str, workers: int, start_time: str | None) -> float:
    """Seconds of the reader alone."""
    now = datetime.now(UTC)
    settings = Settings(
        access_token="benchmark", api_url=url, requests_per_hour=0, backfill_workers=workers, start_time=start_time
    )
    began = time.perf_counter()
    reader = LogReader(
        DropboxClient(settings.validated(now)),
        first_walks(settings, now),
        lookback=timedelta(hours=48),
        workers=workers,
    )
    while not reader.is_finished:
        for _ in reader.tables(_PAGES_PER_BATCH):
            pass
    took = time.perf_counter() - began
    reader.close()
    if reader.error is not None:
        raise reader.error
    return took


def lines(shape: str, pages: int, size: int, workers: list[int], reading_only: bool) -> Iterator[str]:
    """Lines of the table of shapes."""
    years_ago = datetime.now(UTC) - timedelta(days=365 * (YEARS + 10))
    start_time = f"{years_ago:%Y-%m-%d}" if shape == "early start" else None
    with tempfile.TemporaryDirectory() as name, running(Path(name), shape, pages, size) as served:
        first: tuple[float, float] | None = None
        for count in workers:
            reading = read(served.url, count, start_time)
            requests = served.requests()
            whole = 0.0
            if not reading_only:
                whole = load(Path(name) / f"{count} workers", served.url, count, start_time, pages * size)
            served.requests()
            first = first or (reading, whole)
            sooner = "" if reading_only else f" {whole:.1f} | {first[1] / whole:.2f}"
            yield (
                f"| {shape}, {pages} x {size} | {count} | {requests} ({requests / pages:.2f}) | "
                f"{reading:.1f} | {first[0] / reading:.2f} |{sooner} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--workers", nargs="+", type=int, default=WORKERS)
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--page-size", type=int, default=PAGE_SIZE)
    parser.add_argument("--reading-only", action="store_true")
    arguments = parser.parse_args()
    print("| log | workers | requests (per page) | reading, s | times sooner | whole load, s | times sooner |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for shape in arguments.shapes:
        for line in lines(shape, arguments.pages, arguments.page_size, arguments.workers, arguments.reading_only):
            print(line, flush=True)


if __name__ == "__main__":
    main()
