"""Warehouses that hold 10 thousand, a million and ten million events, all made in one way.

A log of two days is loaded through the real path, so that dlt's state, walks and runs are what they would be. Then its
rows in `dropbox_raw` are copied in SQL, each copy two days before the one after it, with identities, row keys, file ids
and timestamps of its own, in the columns as in the JSON; 20 copies make one load. Last, `dropbox-audit transform`
builds the views. So at each size a day holds as many events as at the others, and only the history behind it is longer.
"""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.log import FILE_MARK, Log, append, evenly
from benchmarks.log_server import Served, serving
from benchmarks.product import Finished, Installation
from benchmarks.scale import Bench

SEED_EVENTS = 10_000
SEED_DAYS = 2
COPIES_PER_LOAD = 20
SIZES = {"10 thousand": 1, "1 million": 100, "10 million": 1000}
"""By how many copies of the seed."""
_POLL_EVENTS_PER_SECOND = 4
_MOST_ROUNDS = 5


@dataclass
class Warehouse:
    """A warehouse with its views, the log it is fed from, and the server of that log."""

    installation: Installation
    log: Path
    served: Served

    def poll(self, events: int) -> Finished:
        """Let so many events happen, then run."""
        last = Log(self.log).last_moment
        append(self.log, (last + 1 + n // _POLL_EVENTS_PER_SECOND for n in range(events)))
        return self.installation.run("run", "--json")


@contextmanager
def standing(bench: Bench, name: str) -> Iterator[Warehouse]:
    """The warehouse of a size; made once for each folder, and kept in it."""
    folder = bench.folder / f"warehouse of {name}"
    log = folder / "log.jsonl"
    is_made = folder / "made"
    if not is_made.exists():
        # Perhaps a run broke off while it made one.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        events = bench.count(SEED_EVENTS, 100)
        append(log, evenly(events, events / SEED_DAYS, _end()))
    with serving(log) as served:
        warehouse = Warehouse(Installation(folder, served.url), log, served)
        if not is_made.exists():
            _make(warehouse.installation, SIZES[name])
            is_made.touch()
        yield warehouse


def _end() -> int:
    """Four hours before the last midnight: what happens next all falls on one day, within the lookback of two."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((midnight - timedelta(hours=4)).timestamp())


def _make(installation: Installation, copies: int) -> None:
    began = time.perf_counter()
    installation.run("load")
    multiply(installation.warehouse, copies)
    multiplied = time.perf_counter()
    installation.run("transform")
    built = time.perf_counter()
    for _ in range(_MOST_ROUNDS):
        # After a first load the live walk may begin anew, and read the last days once more.
        if '"nothing_new"' in installation.run("run", "--json").output:
            break
    print(
        f"{installation.folder.name}: rows in {multiplied - began:.0f} s, views in {built - multiplied:.0f} s, "
        f"{installation.warehouse.stat().st_size / 2**30:.2f} GiB",
        file=sys.stderr,
    )


def multiply(warehouse: Path, copies: int) -> None:
    """Copy what is loaded until there is `copies` times as much of it, older and older."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set timezone = 'UTC'")
        for table in ("events", "event_assets", "event_participants"):
            connection.execute(f"create temp table seed_{table} as from dropbox_raw.{table}")
        [(load_id,)] = connection.execute("select min(load_id) from dropbox_raw._dlt_loads").fetchall()
        for oldest in range(copies - 1, 0, -COPIES_PER_LOAD):
            youngest = max(1, oldest - COPIES_PER_LOAD + 1)
            # Load ids are unix times: as many seconds before the real load as there are copies after this one.
            seconds, _, fraction = str(load_id).partition(".")
            _copy(connection, youngest, oldest, f"{int(seconds) - oldest}.{fraction}")


def _copy(connection: duckdb.DuckDBPyConnection, youngest: int, oldest: int, load_id: str) -> None:
    copied = f"(select unnest(range({youngest}, {oldest} + 1))::integer as copy) as copies"
    days = f"({SEED_DAYS} * copy)"
    placed = (
        f"page_no + 1000 * copy as page_no, (occurred_on - {days})::date as occurred_on, '{load_id}' as _dlt_load_id"
    )
    connection.execute(
        f"""
        insert into dropbox_raw.events by name
        select seed_events.* replace (
            {placed},
            md5(identity || copy) as identity,
            md5(exact_hash || copy) as exact_hash,
            occurred_at - to_days({days}) as occurred_at,
            replace(
                '{{"timestamp":"' || strftime(occurred_on - {days}, '%Y-%m-%d') || substr(event, 25),
                '{FILE_MARK}"',
                printf('%04d"', copy)
            ) as event
        )
        from seed_events cross join {copied}
        order by occurred_at
        """
    )
    for table, changed in (
        ("event_assets", f"replace(file_id, '{FILE_MARK}', printf('%04d', copy)) as file_id"),
        ("event_participants", "email as email"),
    ):
        connection.execute(
            f"""
            insert into dropbox_raw.{table} by name
            select seed_{table}.* replace ({placed}, {changed})
            from seed_{table} cross join {copied}
            order by occurred_on
            """
        )
    connection.execute(
        f"""
        insert into dropbox_raw.load_days by name
        select occurred_on as day, count(*) as event_count, '{load_id}' as _dlt_load_id
        from dropbox_raw.events where _dlt_load_id = '{load_id}' group by occurred_on
        """
    )
    connection.execute(
        f"""
        insert into dropbox_raw._dlt_loads by name
        select * replace ('{load_id}' as load_id) from dropbox_raw._dlt_loads order by load_id desc limit 1
        """
    )
