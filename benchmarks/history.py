"""How much sooner parallel readers end a first load: `python -m benchmarks.history`.

    python -m benchmarks.history [--shapes even crowded] [--workers 1 4] [--pages 300] [--page-size 100]

A process of its own serves a log of one of several shapes, each answer after 150 ms. For each number of workers it is
read twice: by the reader alone, and by a whole `dropbox-audit load` into a new DuckDB file, start included. Ratios are
to one worker, requests to the pages that the log fills.
"""

import argparse
import asyncio
import bisect
import math
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import orjson
import uvicorn
from dropbox_audit.api import DropboxClient
from dropbox_audit.cursor import first_walks
from dropbox_audit.settings import Settings
from dropbox_audit.walks import LogReader
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.log_server import event

LATENCY = 0.15
SLOW = 2.0
YEARS = 5
PAGES_PER_BATCH = 200
STAMP = "%Y-%m-%dT%H:%M:%SZ"

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


# -- the server -------------------------------------------------------------------------------------------------------


def serve(shape: str, pages: int, size: int) -> None:
    """Serve a log: stateless cursors `position:end`, numbers of events in order of time."""
    chance = random.Random(7)
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    begin, span = end - timedelta(days=365 * YEARS), timedelta(days=365 * YEARS)
    count = pages * size
    stamps = [(begin + span * SHAPES[shape](n / count)).strftime(STAMP) for n in range(count)]
    bodies = [orjson.dumps(event(n, chance) | {"timestamp": stamps[n]}) for n in range(count)]
    slow = range(int(count * 0.5), int(count * 0.52)) if shape == "slow" else range(0)
    requests = 0

    async def answer(start: int, stop: int) -> Response:
        nonlocal requests
        requests += 1
        until = min(stop, start + size)
        await asyncio.sleep(SLOW if start in slow else LATENCY)
        tail = f'],"cursor":"{until}:{stop}","has_more":{"true" if until < stop else "false"}}}'.encode()
        return Response(b'{"events":[' + b",".join(bodies[start:until]) + tail, media_type="application/json")

    async def first(request: Request) -> Response:
        asked = orjson.loads(await request.body()).get("time", {})
        start = bisect.bisect_left(stamps, asked["start_time"]) if "start_time" in asked else 0
        stop = bisect.bisect_left(stamps, asked["end_time"]) if "end_time" in asked else count
        return await answer(start, max(start, stop))

    async def following(request: Request) -> Response:
        start, stop = orjson.loads(await request.body())["cursor"].split(":")
        return await answer(int(start), int(stop))

    async def asked(_: Request) -> Response:
        nonlocal requests
        so_far, requests = requests, 0
        return Response(str(so_far))

    app = Starlette(
        routes=[
            Route("/2/team_log/get_events", first, methods=["POST"]),
            Route("/2/team_log/get_events/continue", following, methods=["POST"]),
            Route("/requests", asked),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    socket = server.config.bind_socket()
    print(f"http://127.0.0.1:{socket.getsockname()[1]}", flush=True)
    server.run(sockets=[socket])


@contextmanager
def running(shape: str, pages: int, size: int) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.history", "--serve", shape]
    command += ["--pages", str(pages), "--page-size", str(size)]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def requests_of(url: str) -> int:
    """Requests since this was last asked."""
    with urllib.request.urlopen(f"{url}/requests") as response:
        return int(response.read())


# -- what is measured -------------------------------------------------------------------------------------------------


def read(url: str, workers: int, start_time: str | None) -> tuple[float, int]:
    """Seconds and events of the reader alone."""
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
        for _ in reader.tables(PAGES_PER_BATCH):
            pass
    took = time.perf_counter() - began
    reader.close()
    if reader.error is not None:
        raise reader.error
    return took, reader.tally.events


def load(url: str, workers: int, start_time: str | None) -> tuple[float, int]:
    """Seconds of a whole `dropbox-audit load`, and how many different events it brought."""
    with tempfile.TemporaryDirectory() as name:
        settings = {
            "DLT_DATA_DIR": str(Path(name) / "dlt"),
            "SOURCES__DROPBOX_AUDIT__API_URL": url,
            "SOURCES__DROPBOX_AUDIT__ACCESS_TOKEN": "benchmark",
            "SOURCES__DROPBOX_AUDIT__REQUESTS_PER_HOUR": "0",
            "SOURCES__DROPBOX_AUDIT__BACKFILL_WORKERS": str(workers),
        }
        if start_time:
            settings["SOURCES__DROPBOX_AUDIT__START_TIME"] = start_time
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "dropbox_audit.cli", "load"],
            cwd=name,
            env={**os.environ, **settings},
            check=True,
            capture_output=True,
        )
        took = time.perf_counter() - began
        with duckdb.connect(str(Path(name) / "dropbox.duckdb"), read_only=True) as connection:
            row = connection.execute("select count(distinct identity) from dropbox_raw.events").fetchone()
        return took, int(row[0]) if row else 0


def measure(shape: str, pages: int, size: int, workers: list[int], reading_only: bool) -> Iterator[str]:
    """Lines of the table for one shape."""
    start_time = (
        f"{datetime.now(UTC) - timedelta(days=365 * (YEARS + 10)):%Y-%m-%d}" if shape == "early start" else None
    )
    with running(shape, pages, size) as url:
        first: tuple[float, float] | None = None
        for count in workers:
            reading, _ = read(url, count, start_time)
            requests = requests_of(url)
            whole, events = (0.0, pages * size) if reading_only else load(url, count, start_time)
            assert events == pages * size, f"{events} of {pages * size} events arrived"
            requests_of(url)
            first = first or (reading, whole)
            sooner = "" if reading_only else f" {whole:.1f} | {first[1] / whole:.2f}"
            yield (
                f"| {shape}, {pages} x {size} | {count} | {requests} ({requests / pages:.2f}) | "
                f"{reading:.1f} | {first[0] / reading:.2f} |{sooner} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--page-size", type=int, default=100)
    parser.add_argument("--reading-only", action="store_true")
    parser.add_argument("--serve", metavar="SHAPE", choices=list(SHAPES))
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.pages, arguments.page_size)
        return
    print("| log | workers | requests (per page) | reading, s | times sooner | whole load, s | times sooner |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for shape in arguments.shapes:
        for line in measure(shape, arguments.pages, arguments.page_size, arguments.workers, arguments.reading_only):
            print(line, flush=True)


if __name__ == "__main__":
    main()
