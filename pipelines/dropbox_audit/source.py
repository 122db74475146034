"""The dlt source: resources and hints, no logic.

pipeline = dlt.pipeline("dropbox_audit", destination="duckdb", dataset_name="dropbox_raw")
pipeline.run(dropbox_audit(access_token="..."))
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.configuration.specs import BaseConfiguration
from dlt.extract import DltResource

from dropbox_audit import cursor, directory, local
from dropbox_audit.alert_settings import ALERT_SETTINGS
from dropbox_audit.api import DropboxClient
from dropbox_audit.clock import Clock
from dropbox_audit.contracts import CONTRACTS
from dropbox_audit.cursor import Walk
from dropbox_audit.events import SCHEMAS
from dropbox_audit.runs import ALERT_DELIVERIES, RECORDS, run_table
from dropbox_audit.settings import Settings, duration
from dropbox_audit.walks import WALKS, LogReader

LOAD_ID = "_dlt_load_id"

LOAD_DAYS = pa.schema([("day", pa.date32()), ("event_count", pa.int64())])
"""One row per load and UTC day of its events: which days a load touches is known without reading the events."""

EMPTY = {
    name: pa.Table.from_batches([], schema)
    for name, schema in {**SCHEMAS, "walks": WALKS, "load_days": LOAD_DAYS, **RECORDS}.items()
}
"""The views read every one of these, so each exists after the first load, whatever that brings."""

EMPTY_ONCE = {
    name: pa.Table.from_batches([], schema)
    for name, schema in {
        **directory.SCHEMAS,
        "contracts": CONTRACTS,
        "alert_settings": ALERT_SETTINGS,
        "alert_deliveries": ALERT_DELIVERIES,
    }.items()
}
"""Likewise, but a load that brings nothing of them need not touch them again."""


@dlt.source(name="dropbox_audit", section="dropbox_audit", spec=Settings)
def dropbox_audit(
    app_key: str | None = None,
    app_secret: str | None = None,
    refresh_token: str | None = None,
    access_token: str | None = None,
    api_url: str = dlt.config.value,
    start_time: str | None = None,
    lookback: str = dlt.config.value,
    requests_per_hour: int = dlt.config.value,
    give_up_after: str = dlt.config.value,
    backfill_workers: int = dlt.config.value,
) -> Iterator[DltResource]:
    """A Dropbox team's audit log, every event as Dropbox gave it.

    The resource `events` is incremental on the Dropbox cursor, which is kept in the resource's state: the first run
    reads the log from `start_time` to its present end, each later run what has arrived since. It fills the tables
    `events`, `event_assets`, `event_participants`, `rejected_events` and `walks`.

    The arguments are the settings of section `sources.dropbox_audit`; given here they win over configuration.
    `.dlt/config.toml` says what each means.

    Raises:
        ConfigurationError: missing or refused credentials, a missing scope, a setting that cannot be used.
        RunError: trouble with Dropbox that lasted longer than `give_up_after`; nothing of this extraction is loaded.
    """
    settings = Settings(
        app_key=app_key,
        app_secret=app_secret,
        refresh_token=refresh_token,
        access_token=access_token,
        api_url=api_url,
        start_time=start_time,
        lookback=lookback,
        requests_per_hour=requests_per_hour,
        give_up_after=give_up_after,
        backfill_workers=backfill_workers,
    )

    @dlt.resource(name="events", write_disposition="append")
    def events() -> Iterator[Any]:
        made, reader = _Package(), _own_reader(settings)
        try:
            yield from made.items(reader.tables())
            yield from made.items([EMPTY, made.missing_tables()])
        finally:
            reader.close()
        if reader.error is not None:
            raise reader.error
        cursor.store(cursor.current_state(), reader.walks)

    yield events


@dlt.source(name="dropbox_audit", section="dropbox_audit", spec=BaseConfiguration)
def package(
    tables: Iterable[Mapping[str, pa.Table]],
    runs: Callable[[], Iterable[Mapping[str, Any]]],
    walks: Callable[[], Mapping[str, Walk]],
    rescanned_at: datetime | None,
    snapshot: Mapping[str, Any] | None = None,
    alert_marks: Mapping[str, Mapping[str, str]] | None = None,
) -> Iterator[DltResource]:
    """One load package of the loader's: `tables` by name, then the run records and the walks as they are by then."""

    @dlt.resource(name="events", write_disposition="append")
    def events() -> Iterator[Any]:
        made = _Package()
        yield from made.items(tables)
        yield made.into("runs", run_table(runs()))
        yield from made.items([EMPTY, made.missing_tables()])
        state = cursor.current_state()
        cursor.store(state, walks())
        if rescanned_at is not None:
            cursor.note_rescan(state, rescanned_at)
        if snapshot is not None:
            cursor.note_directory(state, snapshot)
        if alert_marks is not None:
            cursor.note_alerts(state, alert_marks)

    yield events


class _Package:
    """Makes the items of the load package that is being extracted."""

    def __init__(self) -> None:
        # Asked once: dlt resolves its configuration each time, which costs more than writing a table.
        self._load_id = pa.scalar(dlt.current.load_package_state()["load_id"], pa.string())
        destination = dlt.current.pipeline().destination
        self._destination = destination.destination_type.rpartition(".")[2] if destination else ""

    def items(self, batches: Iterable[Mapping[str, pa.Table]]) -> Iterator[Any]:
        """Tables, and then how many events of each day were among them."""
        days = Counter[Any]()
        for tables in batches:
            for name, table in tables.items():
                if name == "events":
                    counted = table["occurred_on"].value_counts().to_pylist()
                    days.update({count["values"]: count["counts"] for count in counted})
                yield self.into(name, table)
        rows = [{"day": day, "event_count": count} for day, count in sorted(days.items())]
        yield self.into("load_days", pa.Table.from_pylist(rows, LOAD_DAYS))

    def missing_tables(self) -> dict[str, pa.Table]:
        """Those of `EMPTY_ONCE` that no load has brought yet."""
        known = dlt.current.source_schema().tables
        return {name: table for name, table in EMPTY_ONCE.items() if name not in known}

    def into(self, table_name: str, table: pa.Table) -> Any:
        """An item for a table of its own, also when it is empty: every table exists after the first load.

        Each row carries its load id, whatever dlt is configured to add: the views count completed loads only.
        """
        table = table.append_column(pa.field(LOAD_ID, pa.string()), pa.repeat(self._load_id, table.num_rows))
        hints = dlt.mark.make_hints(table_name=table_name, write_disposition="append", **self._layout(table))
        return dlt.mark.with_hints(table, hints, create_table_variant=True)

    def _layout(self, table: pa.Table) -> dict[str, Any]:
        """How a warehouse lays out events and their items: by day, so that a query reads only the days it asks for."""
        if "occurred_on" not in table.column_names or self._destination not in {"bigquery", "snowflake"}:
            return {}
        if self._destination == "snowflake":
            return {"columns": {"occurred_on": {"cluster": True}}}
        clusters = [name for name in ("event_type", "actor_id") if name in table.column_names]
        return {
            "columns": {"occurred_on": {"partition": True}},
            "additional_table_hints": {"x-bigquery-cluster-columns": clusters} if clusters else None,
        }


def _own_reader(settings: Settings) -> LogReader:
    clock = Clock()
    now = clock.now()
    settings.validated(now)
    walks = cursor.walks_in(cursor.current_state()) or cursor.first_walks(settings, now)
    return LogReader(
        DropboxClient(settings, budget=local.request_budget(settings, clock), clock=clock),
        walks,
        lookback=duration(settings.lookback, "lookback"),
        clock=clock,
        workers=settings.backfill_workers,
    )
