"""What Dropbox gives for a window against what the warehouse holds, as multisets.

Both sides go into a scratch DuckDB file and are compared there, so that memory stays bounded whatever the window
holds. A side is a set of event ids: the identity rule says how many copies of an identity one walk has seen, and with
that which ids must be there. A row of the view `events` counts only if its own JSON still says what its id says, and an
event is missing too where the view has it but the raw rows it came from are gone: it would not survive a rebuild.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from dropbox_audit.events import SCHEMAS, TIMESTAMP, identity_of
from dropbox_audit.walks import WALKS

_MEMORY = "400MB"
_MOST_DAYS = 10_000
_BATCH_ROWS = 10_000
_ONE_DAY = timedelta(days=1)

EVIDENCE = pa.schema(
    [
        ("identity", pa.string()),
        ("copies", pa.int64()),
        ("occurred_at", TIMESTAMP),
        ("event_type", pa.string()),
        ("actor_id", pa.string()),
        ("has_missing_details", pa.bool_()),
    ]
)
"""One row per identity among the raw rows of the window: the largest number of copies that one walk has seen."""

VIEW = pa.schema(
    [
        ("event_id", pa.string()),
        ("occurred_at", TIMESTAMP),
        ("event_type", pa.string()),
        ("actor_id", pa.string()),
        ("has_missing_details", pa.bool_()),
        ("event", pa.string()),
    ]
)
"""One row per row of the view `events` in the window."""

_HELD = VIEW.remove(VIEW.get_field_index("event")).append(pa.field("is_sound", pa.bool_()))

_NARROW = (
    *("walk_id", "page_no", "position", "is_replayed", "identity"),
    *("occurred_at", "event_type", "actor_id", "has_missing_details"),
)
"""What of a reading is needed to compare it, if nothing is to be repaired from it."""


@dataclass(frozen=True, slots=True)
class DayCount:
    """One UTC day of a comparison."""

    day: date
    is_whole_day: bool
    dropbox_events: int
    warehouse_events: int
    missing_events: int
    extra_events: int


class Comparison:
    """One comparison, in its scratch file; use it as a context manager.

    Args:
        path: the scratch file; whatever is there is not looked at.
        since, until: the window; None: from the beginning of the log.
        keeps_rows: keep complete rows, so that what is missing can be loaded from this reading.
    """

    def __init__(self, path: Path, since: datetime | None, until: datetime, *, keeps_rows: bool) -> None:
        self.since, self.until = since, until
        self._keeps_rows = keeps_rows
        self._walks: list[pa.Table] = []
        self._scratch = duckdb.connect(str(path))
        self._scratch.execute(f"set memory_limit = '{_MEMORY}'; set preserve_insertion_order = false")
        self._scratch.execute("set timezone = 'UTC'")
        for name, schema in SCHEMAS.items():
            self._create(f"read_{name}", schema)
        if not keeps_rows:
            narrow = f"select {', '.join(_NARROW)} from read_events"
            self._scratch.execute(f"create or replace table read_events as {narrow}")

    def __enter__(self) -> "Comparison":
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.close()

    # -- the two sides ------------------------------------------------------------------------------------------

    def add_reading(self, tables: Mapping[str, pa.Table]) -> None:
        """Add what was read from Dropbox: tables by name, as a reader gives them."""
        for name in SCHEMAS if self._keeps_rows else ("events",):
            if name in tables and tables[name].num_rows:
                columns = "*" if self._keeps_rows else ", ".join(_NARROW)
                self._insert(f"read_{name}", tables[name], columns)
        if "walks" in tables:
            self._walks.append(tables["walks"])

    def add_warehouse(self, evidence: Iterable[pa.RecordBatch], view: Iterable[pa.RecordBatch] | None = None) -> None:
        """Take down what the warehouse holds now: its raw rows (`EVIDENCE`) and the view `events` (`VIEW`).

        Without a view the raw rows are judged alone.
        """
        self._create("evidence", EVIDENCE)
        for batch in evidence:
            self._insert("evidence", pa.Table.from_batches([batch]))
        self._create("held_now", _HELD)
        for batch in view or ():
            table = pa.Table.from_batches([batch])
            said = zip(table["event_id"].to_pylist(), table["event"].to_pylist(), strict=True)
            is_sound = [event_id is not None and identity_of(event or "") == event_id[:32] for event_id, event in said]
            self._insert("held_now", table.drop_columns("event").append_column(_HELD.field("is_sound"), [is_sound]))
        if view is None:
            self._scratch.execute(
                f"""
                insert into held_now by name
                select {_ID} as event_id, occurred_at, event_type, actor_id, has_missing_details, true as is_sound
                from (select *, unnest(range(1, copies + 1)) as copy from evidence)
                """
            )

    # -- the findings -------------------------------------------------------------------------------------------

    def compare(self) -> None:
        """Find what is missing and what is extra between the reading and the warehouse as taken down."""
        since = "true" if self.since is None else f"occurred_at >= timestamptz '{self.since.isoformat()}'"
        self._scratch.execute(
            f"""
            create or replace table expected as
            select {_ID} as event_id, *
            from (
                select identity, unnest(range(1, max(copies) + 1)) as copy, min(occurred_at) as occurred_at,
                    min(event_type) as event_type, min(actor_id) as actor_id,
                    bool_and(has_missing_details) as has_missing_details
                from (
                    select walk_id, identity, count(*) as copies, min(occurred_at) as occurred_at,
                        min(event_type) as event_type, min(actor_id) as actor_id,
                        bool_and(has_missing_details) as has_missing_details
                    from read_events
                    where not is_replayed and {since} and occurred_at < timestamptz '{self.until.isoformat()}'
                    group by all
                )
                group by identity
            );

            create or replace table held as from held_now;

            create or replace table missing as from expected as wanted where {_IS_MISSING};

            create or replace table extra as
            select * from (
                select *, row_number() over (partition by event_id order by is_sound desc) as times from held
            )
            where times > 1 or not is_sound or event_id is null or event_id not in (select event_id from expected);

            create or replace table superseded as
            select event_id, has_missing_details from extra as one
            where is_sound and times = 1 and exists (select 1 from expected as other where {_IS_OTHER_READING})
            union all
            select event_id, has_missing_details from missing as one
            where exists (select 1 from held as other where {_IS_OTHER_READING});

            delete from missing where event_id in (select event_id from superseded);
            delete from extra where times = 1 and is_sound and event_id in (select event_id from superseded);
            """
        )

    def missing(self) -> list[dict[str, Any]]:
        """Events that Dropbox gives and the warehouse lacks: `event_id`, `occurred_at`, `event_type`, oldest first."""
        return self._list("missing")

    def extra(self) -> list[dict[str, Any]]:
        """Events that the warehouse holds and Dropbox does not give, in the same form."""
        return self._list("extra")

    def count(self, side: str) -> int:
        """Number of events `expected`, `held`, `missing`, `extra` or `superseded`.

        Superseded are readings as `missing_details` of events that are known in full from another reading.
        """
        which = "where has_missing_details" if side == "superseded" else ""
        [(number,)] = self._scratch.execute(f"select count(*) from {side} {which}").fetchall()
        return int(number)

    def walks(self) -> pa.Table:
        """The records of the walks of the reading."""
        table = pa.concat_tables(self._walks) if self._walks else WALKS.empty_table()
        return table.set_column(WALKS.get_field_index("kind"), "kind", pa.repeat("verification", table.num_rows))

    def look_again(self) -> None:
        """Take from what is missing whatever the warehouse, taken down once more, holds by now.

        What is extra stays as it was found: an event that came after the reading is not in it.
        """
        self._scratch.execute(
            f"""
            create or replace table still_missing as from missing as wanted where {_IS_MISSING};
            insert into held from held_now
            where is_sound and event_id in (select event_id from missing)
                and event_id not in (select event_id from held where is_sound)
                and event_id not in (select event_id from still_missing);
            create or replace table missing as from still_missing;
            """
        )

    def days(self) -> list[DayCount]:
        """Counts of every day of the window, quiet ones too."""
        rows = self._scratch.execute(
            """
            select cast(occurred_at at time zone 'UTC' as date) as day,
                count(*) filter (side = 'expected'), count(*) filter (side = 'held'),
                count(*) filter (side = 'missing'), count(*) filter (side = 'extra')
            from (
                select occurred_at, 'expected' as side from expected
                union all select occurred_at, 'held' from held
                union all select occurred_at, 'missing' from missing
                union all select occurred_at, 'extra' from extra
            )
            group by day
            """
        ).fetchall()
        counts = {day: numbers for day, *numbers in rows}
        last = (self.until - timedelta(microseconds=1)).astimezone(UTC).date()
        first = self.since.astimezone(UTC).date() if self.since is not None else min(counts, default=last)
        first = max(first, last - timedelta(days=_MOST_DAYS))
        listed = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        return [DayCount(day, self._is_whole(day), *counts.get(day, (0, 0, 0, 0))) for day in listed]

    def repair(self) -> Iterator[dict[str, pa.Table]]:
        """The rows of every missing event, all the copies that one walk saw, as tables to load. Needs `keeps_rows`."""
        self._scratch.execute(
            """
            create or replace table chosen as
            select read_events.walk_id, read_events.page_no, read_events.position from read_events
            join (
                select identity, arg_max(walk_id, copies) as walk_id
                from (
                    select identity, walk_id, count(*) as copies from read_events
                    where not is_replayed and identity in (select identity from missing)
                    group by all
                )
                group by identity
            ) as seen on seen.identity = read_events.identity and seen.walk_id = read_events.walk_id
            where not read_events.is_replayed
            """
        )
        rows = (
            "select items.* from read_{} as items join chosen on items.walk_id = chosen.walk_id "
            "and items.page_no = chosen.page_no and items.{} = chosen.position"
        )
        for name in ("events", "event_assets", "event_participants"):
            place = "position" if name == "events" else "event_position"
            for batch in self._scratch.sql(rows.format(name, place)).to_arrow_reader(_BATCH_ROWS):
                yield {name: pa.Table.from_batches([batch]).cast(SCHEMAS[name])}

    # -- the scratch file ---------------------------------------------------------------------------------------

    def _create(self, name: str, schema: pa.Schema) -> None:
        self._scratch.register("arriving", schema.empty_table())
        self._scratch.execute(f"create or replace table {name} as from arriving")

    def _insert(self, name: str, table: pa.Table, columns: str = "*") -> None:
        self._scratch.register("arriving", table)
        self._scratch.execute(f"insert into {name} by name select {columns} from arriving")
        self._scratch.unregister("arriving")

    def _list(self, name: str) -> list[dict[str, Any]]:
        rows = self._scratch.execute(
            f"select event_id, occurred_at, event_type from {name} order by occurred_at, event_id"
        ).fetchall()
        return [
            {"event_id": event_id, "occurred_at": iso(occurred_at), "event_type": event_type}
            for event_id, occurred_at, event_type in rows
        ]

    def _is_whole(self, day: date) -> bool:
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return (self.since is None or self.since <= begin) and begin + _ONE_DAY <= self.until


_IS_MISSING = """(
    wanted.copy > coalesce((select max(copies) from evidence where evidence.identity = wanted.identity), 0)
    or wanted.event_id not in (select event_id from held_now where is_sound and event_id is not null)
)"""
_IS_OTHER_READING = """(
    other.has_missing_details <> one.has_missing_details
    and other.occurred_at = one.occurred_at
    and other.event_type = one.event_type
    and (other.actor_id is null or one.actor_id is null or other.actor_id = one.actor_id)
)"""
"""Dropbox sometimes fails to give an event's details, and perhaps its actor; once it can, that is a second event."""

_ID = "identity || case when copy = 1 then '' else '-' || copy end"


def iso(moment: datetime) -> str:
    """An instant as ISO 8601 in UTC, with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
