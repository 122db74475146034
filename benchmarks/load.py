"""A first load against DuckDB's `read_json` of the same bytes, and how much memory it takes.

Both are whole processes that end with everything in a new DuckDB file. The load gets pages of a thousand events over
loopback without latency from the log server, whose own work counts against it, since both share the machine;
`read_json` reads the very file that the server serves. That file has just been written or read, so it comes from the
system's cache for both. The two take turns, and each one's best counts.
"""

import time
from dataclasses import dataclass

from benchmarks.log import append, evenly
from benchmarks.log_server import serving
from benchmarks.product import Installation
from benchmarks.scale import Bench
from benchmarks.table import Row

SIZES = {200_000: 3, 2_000_000: 2}
"""How often each is measured."""
_EVENTS_A_DAY = 5_000
_MIB = 2**20
_MOST_MIB = 400
_READ_JSON = """
import duckdb, sys
with duckdb.connect(sys.argv[2]) as connection:
    connection.execute("create table events as from read_json(?, format = 'newline_delimited')", [sys.argv[1]])
"""


@dataclass(frozen=True)
class _Loads:
    events: int
    ours: float
    read_json: float
    peak_bytes: int


def speed(bench: Bench) -> list[Row]:
    """How fast a first load is."""
    rows = []
    for full in SIZES:
        loads = _loads(bench, full)
        ratio = loads.read_json / loads.ours
        goal = 0.25 if full == max(SIZES) else None
        rows.append(
            Row(
                f"`load`, {loads.events:,} events",
                f"{loads.ours:.2f} s, {loads.events / loads.ours:,.0f} events/s",
                f"DuckDB `read_json` of the same bytes: {loads.read_json:.2f} s",
                ratio,
                f"≥ {goal} of its speed" if goal else "",
                ratio >= goal if goal else None,
            )
        )
    return rows


def memory(bench: Bench) -> list[Row]:
    """What a first load holds in memory at most."""
    small, large = (_loads(bench, full) for full in SIZES)
    ratio = large.peak_bytes / small.peak_bytes
    return [
        Row(
            f"peak memory of `load`, {large.events:,} events",
            f"{large.peak_bytes / _MIB:.0f} MiB",
            f"{small.events:,} events: {small.peak_bytes / _MIB:.0f} MiB",
            ratio,
            f"0.9 to 1.1, under {_MOST_MIB} MiB",
            0.9 <= ratio <= 1.1 and max(small.peak_bytes, large.peak_bytes) < _MOST_MIB * _MIB,
        )
    ]


def _loads(bench: Bench, full: int) -> _Loads:
    if ("loads", full) not in bench.made:
        bench.made["loads", full] = _measure(bench, bench.count(full, 1000), bench.times(SIZES[full]))
    loads: _Loads = bench.made["loads", full]
    return loads


def _measure(bench: Bench, events: int, times: int) -> _Loads:
    with bench.scratch() as folder:
        log = folder / "log.jsonl"
        append(log, evenly(events, _EVENTS_A_DAY, int(time.time()) - 3600))
        ours, theirs = [], []
        with serving(log) as served:
            for turn in range(times):
                installation = Installation(folder / f"load {turn}", served.url)
                ours.append(installation.run("load"))
                loaded = installation.count_events()
                assert loaded == events, f"{loaded} of {events} events arrived"
                installation.warehouse.unlink()
                table = folder / "read.duckdb"
                theirs.append(installation.python("-c", _READ_JSON, str(log), str(table)))
                table.unlink()
    return _Loads(
        events,
        min(each.seconds for each in ours),
        min(each.seconds for each in theirs),
        max(each.peak_bytes for each in ours),
    )
