"""Rows deleted behind the product's back come back, under the ids they had, once what raw lost is loaded again."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import duckdb
import pytest
from dbtproject import Warehouse
from randomteam import random_events
from rawlog import RawLog, event, file, moment, person
from test_incremental import content, put_live_walk, transform

KEYS = "dropbox_audit_internal.int_dropbox__event_keys"
VIEWS = ["events", "event_assets", "event_participants"]
NOON = moment("2026-03-10T12:00:00")


def reworded(made: dict[str, Any]) -> dict[str, Any]:
    """The same event with another presentation: the same identity, another exact hash."""
    row = made["row"]
    return {**made, "row": {**row, "description": "reworded", "exact_hash": row["exact_hash"][::-1]}}


def damage(warehouse: Warehouse, rnd: random.Random) -> set[str]:
    """Delete a tenth of everything, raw rows with their items; returns the identities of which something is gone."""
    with duckdb.connect(str(warehouse.path)) as connection:

        def pick(relation: str, columns: str, share: float = 0.1) -> list[tuple[Any, ...]]:
            rows = connection.execute(f"select {columns} from {relation} order by all").fetchall()
            return rnd.sample(rows, int(len(rows) * share))

        lost = set()
        for walk_id, page_no, position, identity in pick("dropbox_raw.events", "walk_id, page_no, position, identity"):
            lost.add(identity)
            for table in VIEWS:
                place = "position" if table == "events" else "event_position"
                connection.execute(
                    f"delete from dropbox_raw.{table} where walk_id = ? and page_no = ? and {place} = ?",
                    [walk_id, page_no, position],
                )
        for relation in (KEYS, "dropbox_audit.events"):
            for (event_id,) in pick(relation, "event_id"):
                lost.add(event_id[:32])
                connection.execute(f"delete from {relation} where event_id = ?", [event_id])
        for view in VIEWS[1:]:
            for event_id, position in pick(f"dropbox_audit.{view}", "event_id, position"):
                lost.add(event_id[:32])
                connection.execute(
                    f"delete from dropbox_audit.{view} where event_id = ? and position = ?", [event_id, position]
                )
        return lost


def load_and_lose(warehouse: Warehouse) -> None:
    """Twins, other wordings and readings over several walks; then the losses, and the repair from a new walk."""
    rnd = random.Random(20260310)
    events = random_events(seed=23, count=900)
    twins = rnd.sample(events, 60)
    log = RawLog(warehouse.path)
    log.page("live", events[:500])
    put_live_walk(log, at="2026-09-21T00:06:00")
    log.load()
    log.page("live", [*events[500:], *twins[:40], *map(reworded, twins[40:])])
    log.page("window", [reworded(made) if rnd.random() < 0.2 else made for made in events[200:600]])
    log.load(copies=2)
    transform(warehouse)
    warehouse.execute(
        "create schema kept; create table kept.items as "
        "select event_id, position, name from dropbox_audit.event_assets; "
        f"create table kept.keys as select event_id from {KEYS}"
    )
    lost = damage(warehouse, rnd)
    # What Dropbox gives when it is asked again: every copy of what was lost, some of it in other words by now.
    again = [*events, *twins[:40], *map(reworded, twins[40:])]
    log.page(
        "verification",
        [reworded(made) if rnd.random() < 0.1 else made for made in again if made["row"]["identity"] in lost],
    )
    log.load()
    transform(warehouse, is_repair=True)


@pytest.fixture(scope="module")
def repaired(build_once: Any) -> Warehouse:
    built: Warehouse = build_once("repair", load_and_lose)
    return built


def test_a_repair_equals_a_rebuild_from_nothing(repaired: Warehouse, build_once: Any) -> None:
    def rebuild(fresh: Warehouse) -> None:
        fresh.path.write_bytes(repaired.path.read_bytes())
        fresh.execute("drop schema dropbox_audit cascade; drop schema dropbox_audit_internal cascade")
        transform(fresh)

    healed, from_nothing = content(repaired), content(build_once("repair-rebuilt", rebuild))
    assert healed.keys() == from_nothing.keys()
    for name in healed:
        assert healed[name] == from_nothing[name], name


def test_every_event_has_the_id_it_had(repaired: Warehouse) -> None:
    before = repaired.rows("from kept.keys order by 1")
    assert len(before) > 900
    assert repaired.rows(f"select event_id from {KEYS} order by 1") == before
    assert repaired.rows("select event_id from dropbox_audit.events order by 1") == before


def test_every_item_is_back(repaired: Warehouse) -> None:
    items = repaired.rows("select event_id, position, name from dropbox_audit.event_assets order by all")
    assert items == repaired.rows("from kept.items order by all")


# -- what no repair was asked for, and what raw cannot give back -----------------------------------------------------


def shared(number: int) -> dict[str, Any]:
    return event(
        "shared_content_add_member",
        NOON + dt.timedelta(seconds=number),
        actor=person(1),
        assets=[file(f"a{number}"), file(f"b{number}")],
        participants=[person(7), person(8)],
    )


FOUND = {
    "events": "select event_id from dropbox_audit.events order by 1",
    "assets": "select event_id, position from dropbox_audit.event_assets order by all",
    "participants": "select event_id, position from dropbox_audit.event_participants order by all",
    "days": "select day, events from dropbox_audit.log_completeness",
    "per_user": "select share_events from dropbox_audit.shares_per_user",
}


def lose_and_go_on(warehouse: Warehouse) -> None:
    events = [shared(number) for number in range(4)]
    first, second, gone, twin = (made["row"]["identity"] for made in events)
    log = RawLog(warehouse.path)
    log.page("live", [*events, events[3]])
    log.load()
    transform(warehouse)

    def keep(name: str) -> None:
        for what, sql in FOUND.items():
            warehouse.execute(f"create table kept.{name}_{what} as {sql}")

    warehouse.execute("create schema kept")
    keep("before")
    # Views lose rows that raw still has, and the day's next event comes.
    warehouse.execute(
        f"delete from dropbox_audit.events where event_id = '{first}';"
        f"delete from dropbox_audit.event_assets where event_id = '{first}' and position = 0;"
        f"delete from dropbox_audit.event_participants where event_id = '{second}'"
    )
    log.page("live", [shared(4)])
    log.load()
    transform(warehouse)
    keep("touched")
    # Raw loses an event whole and one of two twins, and Dropbox gives neither again.
    for table, place in (("events", "position"), ("event_assets", "event_position")):
        warehouse.execute(
            f"delete from dropbox_raw.{table} where walk_id = 'live' and page_no = 0 and {place} in (2, 3)"
        )
    log.page("verification", events[:2])
    log.load()
    transform(warehouse, is_repair=True)
    keep("repaired")
    warehouse.execute(f"create table kept.ids as select '{gone}' as gone, '{twin}' as twin")


@pytest.fixture(scope="module")
def damaged(build_once: Any) -> Warehouse:
    built: Warehouse = build_once("repair-lost", lose_and_go_on)
    return built


def kept(warehouse: Warehouse, step: str) -> dict[str, list[tuple[Any, ...]]]:
    return {what: warehouse.rows(f"from kept.{step}_{what}") for what in FOUND}


def test_rows_that_raw_still_has_come_back_with_the_next_event_of_their_day(damaged: Warehouse) -> None:
    before, touched = kept(damaged, "before"), kept(damaged, "touched")
    assert [len(before[what]) for what in ("events", "assets", "participants")] == [5, 10, 10]
    assert [len(touched[what]) for what in ("events", "assets", "participants")] == [6, 12, 12]
    assert set(before["assets"]) < set(touched["assets"])
    assert (touched["days"], touched["per_user"]) == ([(NOON.date(), 6)], [(6,)])


def test_a_repair_never_takes_away_what_raw_can_no_longer_give(damaged: Warehouse) -> None:
    touched, repaired = kept(damaged, "touched"), kept(damaged, "repaired")
    assert [repaired[what] for what in ("events", "assets", "participants", "per_user")] == [
        touched[what] for what in ("events", "assets", "participants", "per_user")
    ]
    [(gone, twin)] = damaged.rows("from kept.ids")
    assert {(gone,), (twin,), (f"{twin}-2",)} < set(repaired["events"])
