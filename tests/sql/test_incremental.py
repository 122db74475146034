"""However the loads come in, and wherever a run dies, the views end up as if they were built from nothing."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import duckdb
import pytest
from dbtproject import Warehouse
from randomteam import random_events
from rawlog import RawLog, moment

EVENTS = random_events(seed=11, count=1800)
FIRST, SECOND, THIRD, FOURTH = EVENTS[:700], EVENTS[700:1200], EVENTS[1200:1600], EVENTS[1600:]

# What differs by design: when a load was taken in, and what the last run had to do.
PER_RUN = [
    *("int_dropbox__load_ledger", "int_dropbox__new_loads", "int_dropbox__touched_days"),
    *("int_alerts__considered", "int_alerts__matches", "int_alerts__signals"),
]

# What an alert is called depends on what was known first, and stays so.
NAMES = {"alert_id", "anchor_event_id", "named_at"}


def content(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every relation that dbt made."""
    relations = warehouse.rows(
        "select table_schema || '.' || table_name from information_schema.tables "
        "where table_schema in ('dropbox_audit', 'dropbox_audit_internal') and not list_contains(?, table_name)",
        PER_RUN,
    )
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        return {
            name: connection.execute(
                f"select columns(lambda name: not list_contains(?, name)) from {name} order by all", [list(NAMES)]
            ).fetchall()
            for (name,) in sorted(relations)
        }


def ledger(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.rows("select load_id from dropbox_audit_internal.int_dropbox__load_ledger order by 1")


def loads(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.rows("select load_id from dropbox_raw._dlt_loads order by 1")


def days_of(events: list[dict[str, Any]]) -> list[str]:
    return sorted({made["row"]["occurred_on"].isoformat() for made in events})


def put_live_walk(log: RawLog, at: str) -> None:
    now = moment(at)
    log.put("walks", walk_id="live", kind="live", state="open", caught_up_at=now, covers_until=now, recorded_at=now)


def transform(warehouse: Warehouse, *arguments: str, **variables: Any) -> None:
    warehouse.dbt("build", "--exclude-resource-type", "test", "unit_test", *arguments, variables=variables)


@pytest.fixture(scope="module")
def warehouse(build_once: Any) -> Warehouse:
    """A history of loads, re-reading, a death half-way and a wrong list of days; the copies are for the tests."""

    def live_through(warehouse: Warehouse) -> None:
        log = RawLog(warehouse.path)
        log.page("live", FIRST)
        # What the live walk receives from the second load on comes by polling.
        put_live_walk(log, at="2026-09-21T00:06:00")
        log.load()
        transform(warehouse)
        # A run that dies after `events`: children, aggregates and the ledger never see the second load.
        log.page("live", SECOND)
        log.load(copies=2)
        transform(warehouse, "--select", "+events")
        # The next one has a third load to do as well, which holds the first once more, as another walk read it.
        log.page("window", THIRD)
        log.page("window", FIRST)
        log.load()
        log.page("never-finished", FOURTH)
        log.load(completed=False)
        transform(warehouse)
        warehouse.execute(
            "create schema kept; create table kept.ledger as from dropbox_audit_internal.int_dropbox__load_ledger"
        )
        # Days given from outside, the second time all of them.
        log.page("live", FOURTH)
        put_live_walk(log, at="2026-09-21T00:20:00")
        log.load()
        days = days_of(FOURTH)
        transform(warehouse, touched_days=days[:1])
        warehouse.execute("create table kept.partial as from dropbox_audit_internal.int_dropbox__load_ledger")
        transform(warehouse, touched_days=days)

    built: Warehouse = build_once("incremental", live_through)
    return built


def test_step_by_step_equals_from_nothing(warehouse: Warehouse, build_once: Any) -> None:
    def rebuild(fresh: Warehouse) -> None:
        with duckdb.connect(str(fresh.path)) as connection:
            connection.execute(f"attach '{warehouse.path}' as lived (read_only)")
            connection.execute("create schema dropbox_raw")
            for (table,) in connection.execute(
                "select table_name from information_schema.tables "
                "where table_catalog = 'lived' and table_schema = 'dropbox_raw'"
            ).fetchall():
                connection.execute(f"create table dropbox_raw.{table} as from lived.dropbox_raw.{table}")
        fresh.dbt("build", "--exclude-resource-type", "unit_test")

    fresh = build_once("incremental-rebuilt", rebuild)
    lived, from_nothing = content(warehouse), content(fresh)
    assert lived.keys() == from_nothing.keys()
    for name in lived:
        assert lived[name] == from_nothing[name], name
    assert len(lived["dropbox_audit.events"]) == len(EVENTS)
    assert ledger(fresh) == ledger(warehouse) == loads(warehouse)


def test_the_log_holds_what_the_evidence_is_made_of(warehouse: Warehouse) -> None:
    """Else the comparison above would not notice a day that is not brought up to date."""
    [(events, polled, new_fields, new_types)] = warehouse.rows(
        "select sum(events), sum(polled_events), count(unknown_fields), count(unknown_event_types) "
        "from dropbox_audit.log_completeness"
    )
    assert events == len(EVENTS)
    assert polled == len(SECOND) + len(FOURTH)
    assert min(new_fields, new_types) > 1


def test_lateness_is_by_nearest_rank_over_the_polled_events_of_a_day(warehouse: Warehouse) -> None:
    late: dict[Any, list[float]] = defaultdict(list)
    for day, seconds in warehouse.rows(
        "select distinct on (page_no, position) occurred_on, epoch(received_at) - epoch(occurred_at) "
        "from dropbox_raw.events where walk_id = 'live' and received_at > '2026-09-21T00:06:00Z'"
    ):
        late[day].append(seconds)
    expected = {
        day: tuple(sorted(seconds)[-(-percent * len(seconds) // 100) - 1] for percent in (50, 95, 99))
        for day, seconds in late.items()
    }
    found = warehouse.rows(
        "select day, lateness_p50_seconds, lateness_p95_seconds, lateness_p99_seconds "
        "from dropbox_audit.log_completeness where polled_events > 0"
    )
    assert {day: tuple(percentiles) for day, *percentiles in found} == expected
    assert any(len(set(percentiles)) == 3 for percentiles in expected.values())


def test_a_run_that_died_is_continued(warehouse: Warehouse) -> None:
    assert len(warehouse.rows("from kept.ledger")) == 3


def test_a_load_stays_open_until_all_its_days_were_named(warehouse: Warehouse) -> None:
    assert len(days_of(FOURTH)) > 1
    assert len(warehouse.rows("from kept.partial")) == 3
    assert len(ledger(warehouse)) == 4


def test_nothing_new_is_nothing_to_do(warehouse: Warehouse, build_once: Any) -> None:
    def run_again(idle: Warehouse) -> None:
        idle.path.write_bytes(warehouse.path.read_bytes())
        transform(idle)

    idle = build_once("incremental-idle", run_again)
    assert idle.rows("from dropbox_audit_internal.int_dropbox__new_loads") == []
    assert idle.rows("from dropbox_audit_internal.int_dropbox__touched_days") == []
    assert content(idle) == content(warehouse)
    assert ledger(idle) == ledger(warehouse)
