"""A poll costs what is new: the statements that it sends name their days, so what they read does not grow with history.

They are those that dbt really sent when the story's news came in: models, what dbt makes around them, the data tests.
What a warehouse would read is worked out from their parse trees and the layout of the tables; no warehouse is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import poll_plan
import pytest
from poll_plan import (
    FEW_ROWS,
    ROWS_PER_EVENT,
    ROWS_PER_LOAD,
    ROWS_PER_PERSON,
    Catalogue,
    History,
    billed,
    by_layout,
    scanned,
)
from scanned_bytes import VARIABLE, Read, Reader, Table
from story import Story

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
HISTORIES = [History(stored, 274_000, 300) for stored in (1e7, 1e9, 1e10)]

Told = Callable[[str], Story]
Statements = Sequence[Sequence[Read]]


def a_poll(told: Told, destination: str) -> tuple[Catalogue, list[list[Read]]]:
    statements = told(destination).statements
    catalogue = Catalogue(destination, statements["first"])
    return catalogue, catalogue.reads(statements["news"])


@pytest.mark.parametrize("destination", ["bigquery", "snowflake"])
def test_every_read_of_a_table_laid_out_by_day_names_the_touched_days(told: Told, destination: str) -> None:
    catalogue, poll = a_poll(told, destination)
    assert {name for name, stored in catalogue.tables.items() if stored.day} == ROWS_PER_EVENT.keys()
    by_day = [read for read in by_layout(poll)[0] if not read.is_scratch]
    assert [read for read in by_day if read.days is None] == []
    of_alerts = {read.further_days for read in by_day if ".int_alerts__" in read.node}
    others = [read for read in by_day if ".int_alerts__" not in read.node]
    assert len({read.days for read in others} - {(VARIABLE,)}) == 1
    # A window may begin two days before and end one day after; a habit is a year and a month.
    assert max(of_alerts) <= 404
    assert {read.further_days for read in others} == {0}
    assert {read.table for read in by_day} == ROWS_PER_EVENT.keys()
    assert {read.node.partition(".")[0] for read in by_day} == {"model", "test"}


@pytest.mark.parametrize("destination", ["bigquery", "snowflake"])
def test_what_a_poll_reads_does_not_grow_with_history(told: Told, destination: str) -> None:
    by_day, others = by_layout(a_poll(told, destination)[1])
    assert len({scanned(by_day, history) for history in HISTORIES}) == 1
    assert {read.table for read in others} <= ROWS_PER_LOAD.keys() | ROWS_PER_PERSON.keys() | FEW_ROWS.keys()
    others = [read for read in others if read.table not in ROWS_PER_PERSON]
    for history in HISTORIES:
        # What is not laid out by day has a row or two for each load: it grows with the polls, whatever these bring.
        loads = history.polls_per_day * history.days
        assert scanned(others, history) < 2100 * loads + 70_000_000
    slow = [History(history.events, history.events_per_day, 3600) for history in HISTORIES]
    assert scanned(others, slow[1]) < scanned(others, HISTORIES[1]) / 8


@pytest.mark.parametrize("destination", ["bigquery", "snowflake"])
def test_a_planted_model_without_days_is_found(told: Told, destination: str) -> None:
    catalogue, poll = a_poll(told, destination)
    planted = "create or replace table dropbox_audit.events__dbt_tmp as (select actor_id from dropbox_audit.events)"
    poll = [*poll, *catalogue.reads([("model.planted", planted)])]
    by_day, _ = by_layout(poll)
    assert [(read.node, read.columns) for read in by_day if read.days is None and not read.is_scratch] == [
        ("model.planted", ("actor_id",))
    ]
    bytes_read = [scanned(by_day, history) for history in HISTORIES]
    assert bytes_read[0] < bytes_read[1] < bytes_read[2]


# -- what limits a read and what does not --------------------------------------------------------------------------

SMALL = {"raw.log": Table(("id", "day", "text", "load_id"), "day"), "raw.loads": Table(("load_id",))}
VIEWS = {
    "views.once": "with log as (select * from raw.log), numbered as (select log.*, row_number() over "
    "(partition by log.id, log.day order by log.load_id) as copy from log) select id, day from numbered where copy = 1",
    "views.across_days": "select id, day, row_number() over (partition by id order by day) as copy from raw.log",
}
IN = "in (date '2026-11-01', date '2026-11-02')"


def reads(sql: str) -> list[Read]:
    return [read for statement in Reader("bigquery", SMALL, VIEWS).reads("planted", sql) for read in statement]


@pytest.mark.parametrize(
    "sql",
    [
        f"select id from raw.log where day {IN}",
        "select id from raw.log where day between date '2026-11-01' and date '2026-11-02'",
        f"with log as (select * from raw.log) select id from log where id <> 'x' and day {IN}",
        f"select id from views.once where day {IN}",
        f"with log as (select * from views.once) select log.id from log join raw.loads on true where log.day {IN}",
        f"select * from (select day, count(*) as n from raw.log group by day) as days where day {IN}",
        f"select loads.load_id from raw.loads left join raw.log on log.load_id = loads.load_id and log.day {IN}",
        f"select 1 from (select day from raw.log union all select day from raw.log) as both_ where day {IN}",
        f"delete from raw.log where day {IN} and id in (select id from raw.log where day {IN})",
    ],
)
def test_days_that_reach_a_read_limit_it(sql: str) -> None:
    found = [read.days for read in reads(sql) if read.table == "raw.log"]
    assert found
    assert set(found) == {("2026-11-01", "2026-11-02")}


@pytest.mark.parametrize(
    "sql",
    [
        "select id from raw.log",
        f"select id from raw.log where day {IN} or id = 'x'",
        "select id from raw.log where day in (select max(day) from raw.log)",
        "select id from raw.log where day >= current_date()",
        f"select a.id from raw.log as a join raw.log as b on a.day = b.day where a.day {IN}",
        f"select id, copy from views.across_days where day {IN}",
        f"select * from (select max(day) as day from raw.log) as latest where day {IN}",
        f"select * from (select day from raw.log limit 10) as some where day {IN}",
        f"select log.id from raw.log left join raw.loads on log.load_id = loads.load_id and log.day {IN}",
        f"with log as (select * from raw.log) select id from log where day {IN} union all select id from log",
        "delete from raw.log where id = 'x'",
    ],
)
def test_days_that_do_not_reach_a_read_do_not(sql: str) -> None:
    assert None in [read.days for read in reads(sql) if read.table == "raw.log"]


def test_only_columns_that_are_used_are_read() -> None:
    (read,) = reads(f"with log as (select * from raw.log) select id from log where day {IN}")
    assert read.columns == ("day", "id")
    assert [read.columns for read in reads("delete from raw.log where day = date '2026-11-01'")] == [
        ("day", "id", "load_id", "text")
    ]


def test_what_only_inserts_reads_nothing_of_its_target() -> None:
    merge = "merge into raw.log as d using (select * from raw.loads) as s on FALSE"
    insert = "when not matched then insert (id) values (load_id)"
    assert [read.table for read in reads(f"{merge} {insert}")] == ["raw.loads"]
    overwrite = f"{merge} when not matched by source and d.day in unnest({VARIABLE}) then delete {insert}"
    assert {(read.table, read.days) for read in reads(overwrite)} == {("raw.loads", None), ("raw.log", (VARIABLE,))}


# -- prices and the page -------------------------------------------------------------------------------------------


def test_each_table_of_a_query_is_billed_ten_megabytes_at_least() -> None:
    small, nothing_more = History(1e7, 10, 300), poll_plan.QUERIES_AROUND_DBT * 10_000_000
    seeds = [Read("m", name, ("load_id",), None, False) for name in FEW_ROWS]
    assert billed([], small) == nothing_more
    assert billed([seeds, [seeds[0], seeds[0]]], small) == nothing_more + (len(seeds) + 1) * 10_000_000
    large = Read("m", "dropbox_audit.events", ("event",), ("2026-11-01",), False)
    assert billed([[large]], History(1e9, 100_000, 300)) == nothing_more + 2 * 100_000 * 1331


def test_the_page_shows_these_figures(told: Told) -> None:
    catalogue, bigquery = a_poll(told, "bigquery")
    _, snowflake = a_poll(told, "snowflake")
    page = OPERATIONS.read_text(encoding="utf-8")
    for table in (
        poll_plan.polls_table(bigquery, snowflake),
        poll_plan.growth_table(bigquery),
        poll_plan.storage_table(catalogue.tables),
        poll_plan.first_load_table(),
    ):
        assert table in page, f"docs/operations.md should show\n{table}"
