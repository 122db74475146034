"""What a poll costs on BigQuery and Snowflake, from the statements that it sends and a declared history: arithmetic.

Everything that is assumed stands here as a constant; docs/operations.md says it in words and shows what comes out.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import sqlglot
import yaml
from dropbox_audit.source import EMPTY, EMPTY_ONCE, LOAD_ID
from dropbox_audit.transform import sql_folder
from scanned_bytes import VARIABLE, Read, Reader, Table
from sqlglot import exp

GIB, TIB = 2**30, 2**40
DAYS_OF_TEN_YEARS = 3650
TOUCHED_DAYS = 2
"""Today, and the day before: events arrive up to a day late. Both are taken to be full."""

WIDTHS = {
    "event": 1331, "details": 61, "description": 24, "actor_id": 42, "actor_member_id": 41, "actor_email": 35,
    "actor_name": 14, "context_id": 42, "context_email": 35, "context_type": 13, "session_id": 46, "event_id": 34,
    "identity": 34, "exact_hash": 34, "walk_id": 34, "event_type": 14, "event_category": 15, "actor_type": 6,
    "actor_user_type": 13, "ip_address": 15, "city": 8, "region": 10, "country": 4, "access_method": 10,
    "load_id": 20, "_dlt_load_id": 20, "asset_type": 7, "name": 27, "path": 38, "namespace_id": 11,
    "relative_path": 30, "file_id": 27, "participant_type": 6, "participant_user_type": 13, "participant_id": 42,
    "email": 36, "email_domain": 21, "account_id": 42, "person_key": 36, "domain": 21, "mark": 7,
    "schema_name": 15, "schema_version_hash": 46, "activity": 8, "is_replayed": 1, "involves_non_team_member": 1,
    "has_missing_details": 1, "is_team_member": 1, "is_tagged_team_member": 1, "unknown_fields": 0,
    "rule_id": 5, "owner": 42, "value": 5, "first_event_id": 34, "counted": 9, "subject_kind": 7, "subject": 42,
    "anchor_event_id": 34, "target_email": 24, "item_name": 21, "item": 34, "item_key": 34, "event_ids": 51,
}  # fmt: skip
"""Bytes of a column in a row as BigQuery counts them, text with two more than its length: means of the demo's team."""
OTHER_WIDTH = 8

ROWS_PER_EVENT = {
    "dropbox_raw.events": 1.0, "dropbox_raw.event_assets": 1.04, "dropbox_raw.event_participants": 0.034,
    "dropbox_audit.events": 1.0, "dropbox_audit.event_assets": 1.04, "dropbox_audit.event_participants": 0.034,
    "dropbox_audit_internal.int_dropbox__event_keys": 1.0, "dropbox_audit_internal.int_dropbox__named_people": 0.034,
    "dropbox_audit_internal.int_dropbox__actor_days": 0.18,
    "dropbox_audit_internal.int_dropbox__actor_name_days": 0.18,
    "dropbox_audit_internal.int_dropbox__actor_type_days": 0.65,
    "dropbox_audit_internal.int_dropbox__domain_days": 0.004,
    "dropbox_audit_internal.int_dropbox__arrival_days": 0.002,
    "dropbox_audit_internal.int_alerts__habits": 0.29, "dropbox_audit_internal.int_alerts__busy_hours": 0.13,
    "dropbox_audit_internal.int_alerts__episodes": 0.009,
}  # fmt: skip
"""Of the same team; these tables are laid out by day."""

ROWS_PER_NEW_EVENT = {
    "dropbox_audit_internal.int_alerts__considered": 0.69, "dropbox_audit_internal.int_alerts__matches": 0.74,
    "dropbox_audit_internal.int_alerts__signals": 0.74,
}  # fmt: skip
"""Of the same team. Steps that BigQuery keeps in a table until the next poll: the touched days, and those around."""
DAYS_AROUND = 3

ROWS_PER_LOAD = {
    "dropbox_raw._dlt_loads": 1, "dropbox_raw.load_days": TOUCHED_DAYS, "dropbox_raw.walks": 1,
    "dropbox_audit_internal.int_dropbox__load_ledger": 1,
}  # fmt: skip
"""Not laid out by day: they grow with the number of loads, whatever these bring."""

ROWS_PER_PERSON = {"dropbox_raw.members": 3, "dropbox_raw.linked_apps": 3, "dropbox_raw.shared_links": 30}
"""With what they were before."""

FEW_ROWS = {
    "dropbox_audit_internal.int_dropbox__new_loads": 10, "dropbox_audit_internal.int_dropbox__touched_days": 10,
    "dropbox_audit_internal.int_dropbox__caught_up_walks": 1000, "dropbox_audit_internal.event_types": 1000,
    "dropbox_audit_internal.alert_rules": 100, "dropbox_audit_internal.policy_strengths": 1000,
    "dropbox_audit_internal.places": 10_000, "dropbox_audit_internal.public_mail_domains": 1000,
    "dropbox_audit_internal.ransomware_names": 1000, "dropbox_audit_internal.int_alerts__departures": 10_000,
    "dropbox_raw.alert_settings": 1000, "dropbox_raw.directory_snapshots": 50_000,
}  # fmt: skip

LEAST_BYTES = 10_000_000
"""BigQuery on demand: for each table of a query, and for each query."""
QUERIES_AROUND_DBT = 15
"""dlt's and the transform's own, on tables with a handful of rows: state, schema, loads, which days are new."""
THREADS = 8

DOLLARS_PER_TIB = 6.25
DOLLARS_PER_SLOT_HOUR = 0.04
LEAST_SLOTS, LEAST_SLOT_SECONDS = 50, 60
BYTES_PER_SLOT_SECOND = 100_000_000
SECONDS_PER_STATEMENT = 1.0

DOLLARS_PER_CREDIT = 3.0
COMPRESSION = 4
BYTES_PER_XS_SECOND = 100_000_000
SECONDS_OF_LOADING = 15
AUTO_SUSPEND = 60

DOLLARS_PER_GIB_MONTH = 0.02
DOLLARS_PER_OLD_GIB_MONTH = 0.01
DAYS_UNTIL_OLD = 90
DOLLARS_PER_SNOWFLAKE_TIB_MONTH = 23.0
DUCKDB_BYTES_PER_EVENT = 2700
"""File size by events received, 45,086 of the demo's team, views built: 120 MB."""

PEOPLE = 100_000
EVENTS_PER_PERSON_AND_WORKDAY = 20
WORKDAYS = 250
PAGE = 1000
SECONDS_PER_ANSWER = 0.15
EVENTS_PER_SECOND = 33_362
"""Of a whole load into DuckDB on two cores: benchmarks/results.md, 2026-11-26."""


@dataclass(frozen=True)
class History:
    """What is stored, and how it arrives."""

    events: float
    events_per_day: float
    seconds_between_polls: int

    @property
    def polls_per_day(self) -> float:
        return 86_400 / self.seconds_between_polls

    @property
    def days(self) -> float:
        return self.events / self.events_per_day


class Catalogue:
    """What lies in a warehouse after a full build: tables with their layout, and the queries behind the views."""

    def __init__(self, dialect: str, statements: Sequence[tuple[str, str]]) -> None:
        columns = columns_of_models()
        self.tables = {
            # Where raw tables are laid out by day, tests of loading hold.
            **{f"dropbox_raw.{name}": raw_table(table.column_names) for name, table in {**EMPTY, **EMPTY_ONCE}.items()},
            "dropbox_raw._dlt_loads": Table(("load_id", "schema_name", "status", "inserted_at", "schema_version_hash")),
            **seeds(),
        }
        self.views: dict[str, str] = {}
        self._dialect = dialect
        models = [sql for node, sql in statements if node.startswith("model.")]
        for name, kind, query, layout in made_by(models, dialect):
            if kind == "VIEW":
                self.views[name] = query
            else:
                listed = columns[name.partition(".")[2]] or selected(query, dialect)
                self.tables[name] = Table(listed, layout)
        for table, layout in re.findall(r"alter\s+table\s+(\S+)\s+cluster by\s*\((.*?)\)", "\n".join(models), re.I):
            name = ".".join(table.lower().split(".")[-2:])
            self.tables[name] = Table(self.tables[name].columns, first_day(layout))

    def reads(self, statements: Sequence[tuple[str, str]]) -> list[list[Read]]:
        """What a poll reads, statement by statement, of those that read anything."""
        scratch = {
            name: query
            for name, kind, query, _ in made_by((sql for _, sql in statements), self._dialect)
            if kind == "VIEW"
        }
        reader = Reader(self._dialect, self.tables, {**self.views, **scratch})
        found = [
            reads
            for node, sql in statements
            if not node.startswith("seed.")
            for reads in reader.reads(node, sql)
            if reads
        ]
        touched = min((span(read.days) for reads in found for read in reads if span(read.days)), default=0)
        return [[placed(read, touched) for read in reads] for reads in found]


def placed(read: Read, touched: int) -> Read:
    """A read with what it means to a poll: how far it goes beyond the days that the news touches."""
    if read.table in ROWS_PER_NEW_EVENT:
        return replace(read, is_scratch=True, further_days=DAYS_AROUND)
    return replace(read, further_days=max(0, span(read.days) - touched))


def span(days: Sequence[str] | None) -> int:
    """How many days lie between the first and the last, both included; 0 where none are written down."""
    if not days or days == (VARIABLE,):
        return 0
    named = [date.fromisoformat(day) for day in days]
    return (max(named) - min(named)).days + 1


def made_by(statements: Iterable[str], dialect: str) -> Iterator[tuple[str, str, str, str | None]]:
    """Of each table and view that is created: its name, its kind, the query behind it and the day it is laid out by."""
    for sql in statements:
        if not re.search(r"create\s+or\s+replace", sql):
            continue
        for made in sqlglot.parse(sql, read=dialect):
            if isinstance(made, exp.Create):
                table = made.find(exp.Table)
                assert table is not None
                layout = made.find(exp.PartitionedByProperty)
                name = f"{table.db}.{table.name}".lower()
                yield name, str(made.kind), made.expression.sql(dialect), layout and first_day(layout.sql(dialect))


def first_day(layout: str) -> str | None:
    return "occurred_on" if "occurred_on" in layout.lower() else None


def columns_of_models() -> dict[str, tuple[str, ...]]:
    """Of each model, as its description lists them."""
    described = (yaml.safe_load(path.read_text()) for path in sql_folder().glob("models/**/*.yml"))
    models = [model for page in described for model in page.get("models") or []]
    return {model["name"]: tuple(column["name"] for column in model.get("columns") or ()) for model in models}


def selected(query: str, dialect: str) -> tuple[str, ...]:
    """The columns of a step whose description lists none: it is a table on BigQuery only."""
    names = sqlglot.parse_one(query, read=dialect).named_selects
    assert "*" not in names
    return tuple(names)


def seeds() -> dict[str, Table]:
    found = {}
    for path in sql_folder().glob("seeds/*.csv"):
        with path.open(newline="") as file:
            found[f"dropbox_audit_internal.{path.stem}"] = Table(tuple(next(csv.reader(file))))
    return found


def raw_table(columns: Sequence[str]) -> Table:
    return Table((*columns, LOAD_ID), "occurred_on" if "occurred_on" in columns else None)


def width(read: Read) -> int:
    return sum(WIDTHS.get(column, OTHER_WIDTH) for column in read.columns)


def rows(read: Read, history: History) -> float:
    """How many rows a read looks at: of the touched days where it names days, of all history where it names none."""
    if (per_event := {**ROWS_PER_EVENT, **ROWS_PER_NEW_EVENT}.get(read.table)) is not None:
        is_limited = read.days is not None or read.is_scratch
        return per_event * history.events_per_day * (TOUCHED_DAYS + read.further_days if is_limited else history.days)
    if read.table in ROWS_PER_PERSON:
        return ROWS_PER_PERSON[read.table] * history.events_per_day / EVENTS_PER_PERSON_AND_WORKDAY
    if read.table in ROWS_PER_LOAD and not read.is_scratch:
        return ROWS_PER_LOAD[read.table] * history.polls_per_day * history.days
    return FEW_ROWS.get(read.table, 10)


def scanned(reads: Iterable[Read], history: History) -> float:
    return sum(width(read) * rows(read, history) for read in reads)


def billed(statements: Iterable[Sequence[Read]], history: History) -> float:
    """BigQuery's bytes on demand, in whole MB, at least ten for each table that a query names."""
    total = QUERIES_AROUND_DBT * float(LEAST_BYTES)
    for reads in statements:
        for table in {read.table for read in reads}:
            total += max(LEAST_BYTES, scanned((read for read in reads if read.table == table), history))
    return total


def slot_hours(statements: Sequence[Sequence[Read]], history: History) -> float:
    """What an autoscaling reservation bills for a poll: fifty slots, for a minute or as long as it takes them."""
    work = scanned((read for reads in statements for read in reads), history) / BYTES_PER_SLOT_SECOND
    seconds = len(statements) * SECONDS_PER_STATEMENT / THREADS + work / LEAST_SLOTS
    return LEAST_SLOTS * max(LEAST_SLOT_SECONDS, seconds) / 3600


def credits_used(statements: Sequence[Sequence[Read]], history: History) -> float:
    """What an X-Small warehouse bills for a poll, the idle minute before it suspends itself included."""
    read = scanned((read for reads in statements for read in reads), history) / COMPRESSION / BYTES_PER_XS_SECOND
    busy = SECONDS_OF_LOADING + len(statements) * SECONDS_PER_STATEMENT / THREADS + read
    return min(max(busy + AUTO_SUSPEND, 60.0), max(busy, float(history.seconds_between_polls))) / 3600


STORED = (1e7, 1e9, 1e10)
INTERVALS = (300, 900, 3600)
SHORT = {300: "5 min", 900: "15 min", 3600: "hour"}
EXPONENT = {1e7: "10⁷", 1e9: "10⁹", 1e10: "10¹⁰"}


def grouped(number: float) -> str:
    """A number with as many digits as it is worth."""
    return f"{number:,.0f}" if number >= 10 else f"{number:,.1f}" if number >= 1 else f"{number:.2f}"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    ruled = [" | ".join(head), "|".join(["---:"] * len(head)), *(" | ".join(line) for line in lines)]
    return "\n".join(f"|{line}|" if line.startswith("---") else f"| {line} |" for line in ruled)


def polls_table(bigquery: Sequence[Sequence[Read]], snowflake: Sequence[Sequence[Read]]) -> str:
    """Cost by stored events, which took ten years to arrive, and by the time between polls."""
    lines = []
    for events in STORED:
        for seconds in INTERVALS:
            history = History(events, events / DAYS_OF_TEN_YEARS, seconds)
            polls = 30 * history.polls_per_day
            bytes_billed, slots, credit = (
                billed(bigquery, history),
                slot_hours(bigquery, history),
                credits_used(snowflake, history),
            )
            lines.append(
                (
                    EXPONENT[events],
                    grouped(history.events_per_day),
                    SHORT[seconds],
                    grouped(bytes_billed / GIB),
                    grouped(bytes_billed * polls / TIB),
                    grouped(bytes_billed * polls / TIB * DOLLARS_PER_TIB),
                    grouped(slots),
                    grouped(slots * polls * DOLLARS_PER_SLOT_HOUR),
                    f"{credit:.3f}",
                    grouped(credit * polls),
                    grouped(credit * polls * DOLLARS_PER_CREDIT),
                )
            )
    head = ("stored", "a day", "poll every", "GiB a poll", "TiB a month", "$", "slot-hours a poll", "$ a month",
            "credits a poll", "a month", "$")  # fmt: skip
    return table(head, lines)


def growth_table(bigquery: Sequence[Sequence[Read]]) -> str:
    """What a poll scans at one rate of arrival, however much is stored."""
    lines = []
    for events in STORED:
        history = History(events, 1e9 / DAYS_OF_TEN_YEARS, 300)
        by_day, others = by_layout(bigquery)
        lines.append(
            (
                EXPONENT[events],
                grouped(history.days / 365),
                f"{scanned(by_day, history) / GIB:.2f}",
                grouped(scanned(others, history) / GIB),
                grouped(scanned(others, replace(history, seconds_between_polls=3600)) / GIB),
            )
        )
    head = ("stored", "years", "GiB of tables by day", "GiB of the others, polls every 5 min", "every hour")
    return table(head, lines)


def by_layout(statements: Iterable[Sequence[Read]]) -> tuple[list[Read], list[Read]]:
    """The reads of tables that are laid out by day or hold the touched days only, and of the others."""
    by_day = ROWS_PER_EVENT.keys() | ROWS_PER_NEW_EVENT.keys()
    reads = [read for statement in statements for read in statement]
    return (
        [read for read in reads if read.table in by_day],
        [read for read in reads if read.table not in by_day],
    )


def storage_table(tables: Mapping[str, Table]) -> str:
    """Raw tables and the views' own, without what a warehouse keeps to go back in time."""
    bytes_per_event = sum(
        ratio * sum(WIDTHS.get(column, OTHER_WIDTH) for column in tables[name].columns)
        for name, ratio in ROWS_PER_EVENT.items()
    )
    lines = []
    for events in STORED:
        gib = events * bytes_per_event / GIB
        new = DAYS_UNTIL_OLD / DAYS_OF_TEN_YEARS
        lines.append(
            (
                EXPONENT[events],
                grouped(gib),
                grouped(gib * (new * DOLLARS_PER_GIB_MONTH + (1 - new) * DOLLARS_PER_OLD_GIB_MONTH)),
                grouped(gib / COMPRESSION),
                grouped(gib / COMPRESSION / 1024 * DOLLARS_PER_SNOWFLAKE_TIB_MONTH),
                grouped(events * DUCKDB_BYTES_PER_EVENT / GIB),
            )
        )
    return table(("stored", "BigQuery GiB", "$ a month", "Snowflake GiB", "$ a month", "DuckDB GiB"), lines)


def first_load_table() -> str:
    """Hours until ten years of a team of 100,000 are read: what Dropbox, the budget and one machine let through."""
    pages = PEOPLE * EVENTS_PER_PERSON_AND_WORKDAY * WORKDAYS * 10 / PAGE
    lines = []
    for budget, workers in ((1000, 4), (10_000, 4), (0, 1), (0, 2), (0, 4)):
        limits = {
            "the budget": pages / budget if budget else 0.0,
            "answers": pages * SECONDS_PER_ANSWER / workers / 3600,
            "this machine": pages * PAGE / EVENTS_PER_SECOND / 3600,
        }
        bound = max(limits, key=limits.__getitem__)
        lines.append((str(budget), str(workers), grouped(limits[bound]), bound))
    return table(("requests_per_hour", "backfill_workers", "hours", "what decides"), lines)
