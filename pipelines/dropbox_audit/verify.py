"""Prove completeness: read a window of the log again and compare it, as a multiset, with the warehouse.

A verification polls first, so that what is merely new is not called missing, and polls once more before it calls
anything missing, because events go on arriving while it reads. What it reads stays out of the warehouse, whose raw rows
would double with every verification; a repair loads the rows of missing events only.

The standing rescan (setting `rescan`) is the same for the last days, once a day, against the raw rows alone: insurance
against a cursor that does not deliver what arrives late.
"""

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from dropbox_audit import cursor
from dropbox_audit.comparison import EVIDENCE, VIEW, Comparison, DayCount, iso
from dropbox_audit.errors import RunError
from dropbox_audit.load import Loader, RunRecord, Window
from dropbox_audit.load.packages import WarehouseMovedError
from dropbox_audit.runs import VERIFICATIONS
from dropbox_audit.settings import duration
from dropbox_audit.transform import is_due, transform
from dropbox_audit.warehouse import RAW_DATASET, VIEWS_DATASET, open_door, require_views

_RESCAN_EVERY = timedelta(hours=24)


@dataclass
class Verification:
    """What a verification found; `missing` and `extra` before any repair, `result` after it.

    An event is `event_id`, `occurred_at` and `event_type`. `superseded_events` are no difference: Dropbox once failed
    to give their details, so both readings of them are kept.
    """

    run_id: str
    since: str | None
    until: str
    result: str = "equal"
    dropbox_events: int = 0
    warehouse_events: int = 0
    missing: list[dict[str, Any]] = field(default_factory=list)
    extra: list[dict[str, Any]] = field(default_factory=list)
    repaired_events: int = 0
    superseded_events: int = 0
    requests: int = 0
    days: list[DayCount] = field(default_factory=list)


def verify(loader: Loader, window: Window, *, repair: bool = False) -> Verification:
    """Poll, read `window` again and compare it with `dropbox_audit.events`. Call it within `loader.alone()`.

    Args:
        loader: of the warehouse.
        window: what to read again.
        repair: load what is missing.

    Raises:
        DropboxAuditError: it could not be finished; nothing is said about the window then.
    """
    with loader.recorded("verify") as run:
        run.if_it_fails = [{"verifications": _failed(loader, run, window)}]
        loader.poll(run)
        if is_due(loader):
            # Untested: what a test would find wrong is for the comparison to say, event by event.
            transform(loader, is_tested=False)
        with _reading(loader, run, window, keeps_rows=repair) as comparison:
            _take_down(loader, comparison)
            comparison.compare()
            if comparison.count("missing"):
                # Events go on arriving while a window is read.
                batches = run.result.batches
                loader.poll(run)
                if run.result.batches > batches:
                    transform(loader, is_tested=False)
                    _take_down(loader, comparison)
                    comparison.look_again()
            found = _findings(run, window, comparison)
            if repair and found.missing:
                _commit(loader, comparison.repair())
                transform(loader, is_repair=True, is_tested=False)
                _take_down(loader, comparison)
                comparison.look_again()
            _conclude(loader, run, found, comparison)
    return found


def rescan_if_due(loader: Loader, run: RunRecord) -> Verification | None:
    """Once a day, read the last days again and load what never arrived, as a part of `run`; None when not due."""
    now, last = loader.clock.now(), cursor.rescanned_at(loader.pipeline)
    opened = [cursor.parse(walk.opened_at) for walk in loader.walks().values() if walk.kind == "live"]
    since = last or max((moment for moment in opened if moment is not None), default=now)
    if loader.settings.rescan is None or now - since < _RESCAN_EVERY:
        return None
    begin = (now - duration(loader.settings.rescan, "rescan")).replace(hour=0, minute=0, second=0, microsecond=0)
    window = Window(begin, now.replace(microsecond=0))
    loader.notice(f"Reading the last {loader.settings.rescan} again (setting rescan)")
    with _reading(loader, run, window, keeps_rows=True) as comparison:
        _take_down(loader, comparison, with_view=False)
        comparison.compare()
        if comparison.count("missing"):
            loader.poll(run)
            _take_down(loader, comparison, with_view=False)
            comparison.look_again()
        found = _findings(run, window, comparison)
        if found.missing:
            _commit(loader, comparison.repair())
            _take_down(loader, comparison, with_view=False)
            comparison.look_again()
            loader.notice(
                f"The rescan found {len(found.missing):,} events that the cursor had not delivered, the oldest of "
                f"{found.missing[0]['occurred_at']}: they are loaded"
            )
        _conclude(loader, run, found, comparison, rescanned_at=now)
    return found


# -- parts of both ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _reading(loader: Loader, run: RunRecord, window: Window, *, keeps_rows: bool) -> Iterator[Comparison]:
    """The window, read again into a scratch file that is gone afterwards."""
    folder = loader.folder / "verify"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    walk = cursor.open_walk("window", loader.clock.now(), window.start, window.end)
    reader = loader.reader({walk.walk_id: walk})
    run.count_requests(reader)
    try:
        with Comparison(folder / "reading.duckdb", window.start, window.end, keeps_rows=keeps_rows) as comparison:
            for tables in reader.tables():
                comparison.add_reading(tables)
            if reader.error is not None:
                raise reader.error
            yield comparison
    finally:
        reader.close()
        shutil.rmtree(folder, ignore_errors=True)


def _take_down(loader: Loader, comparison: Comparison, *, with_view: bool = True) -> None:
    since, until = comparison.since, comparison.until
    condition, parameters = "occurred_on <= ? and occurred_at < ?", [until.date(), until]
    if since is not None:
        condition += " and occurred_on >= ? and occurred_at >= ?"
        parameters += [since.date(), since]
    # Whether all copies lack their details, in words that every warehouse has.
    lacks_details = "min(case when has_missing_details then 1 else 0 end)"
    evidence = f"""
        select
            identity, max(copies) as copies, min(occurred_at) as occurred_at, min(event_type) as event_type,
            min(actor_id) as actor_id, min(lacks_details) = 1 as has_missing_details
        from (
            select
                walk_id, identity, min(occurred_at) as occurred_at, min(event_type) as event_type,
                min(actor_id) as actor_id, {lacks_details} as lacks_details,
                count(distinct cast(page_no as string) || ' ' || cast(position as string)) as copies
            from {RAW_DATASET}.events
            where not coalesce(is_replayed, false) and {condition}
                and _dlt_load_id in (select load_id from {RAW_DATASET}._dlt_loads where status = 0)
            group by walk_id, identity
        ) as walks
        group by identity
    """
    view = f"select {', '.join(VIEW.names)} from {VIEWS_DATASET}.events where {condition}"
    with open_door(loader.target, stop=loader.stop, notice=loader.notice) as door:
        if with_view:
            require_views(door, loader.target)
        comparison.add_warehouse(
            door.batches(evidence, parameters, EVIDENCE),
            door.batches(view, parameters, VIEW) if with_view else None,
        )


def _findings(run: RunRecord, window: Window, comparison: Comparison) -> Verification:
    return Verification(
        run_id=run.result.run_id,
        since=iso(window.start) if window.start else None,
        until=iso(window.end),
        dropbox_events=comparison.count("expected"),
        warehouse_events=comparison.count("held"),
        missing=comparison.missing(),
        extra=comparison.extra(),
        superseded_events=comparison.count("superseded"),
        days=comparison.days(),
    )


def _conclude(
    loader: Loader,
    run: RunRecord,
    found: Verification,
    comparison: Comparison,
    rescanned_at: datetime | None = None,
) -> None:
    """Judge after the repair, and put it into the warehouse with the run's record."""
    still_missing = {day.day: day.missing_events for day in comparison.days()} if found.missing else {}
    found.repaired_events = len(found.missing) - comparison.count("missing")
    found.result = "different" if found.extra or comparison.count("missing") else "equal"
    rows = [
        {
            **_heading(loader, run, comparison.since, comparison.until),
            "day": day.day,
            "is_whole_day": day.is_whole_day,
            "dropbox_events": day.dropbox_events,
            "warehouse_events": day.warehouse_events,
            "missing_events": day.missing_events,
            "extra_events": day.extra_events,
            "repaired_events": day.missing_events - still_missing.get(day.day, 0),
            "result": "different" if day.extra_events or still_missing.get(day.day, 0) else "equal",
        }
        for day in found.days
    ]
    tables = {"verifications": pa.Table.from_pylist(rows, VERIFICATIONS)}
    if found.result == "equal":
        # The warehouse holds all that these walks have read, though their pages are not in it.
        tables["walks"] = comparison.walks()
    run.result.repaired_events += found.repaired_events
    outcome = "loaded" if run.result.batches else "nothing_new"
    _commit(loader, [tables], record=lambda: run.for_package(outcome), rescanned_at=rescanned_at)
    found.requests = run.result.requests


def _failed(loader: Loader, run: RunRecord, window: Window) -> pa.Table:
    """What is left of a verification that does not come to an end."""
    row = {**_heading(loader, run, window.start, window.end), "is_whole_day": False, "result": "failed"}
    return pa.Table.from_pylist([row], VERIFICATIONS)


def _heading(loader: Loader, run: RunRecord, since: datetime | None, until: datetime) -> dict[str, Any]:
    return {
        "verification_id": run.result.run_id,
        "run_id": run.result.run_id,
        "since": since,
        "until": until,
        "verified_at": loader.clock.now(),
    }


def _commit(loader: Loader, tables: Iterable[Mapping[str, pa.Table]], **options: Any) -> None:
    try:
        loader.commit(tables, walks=loader.walks, **options)
    except WarehouseMovedError:
        raise RunError(f"Another run has changed {loader.target.name} meanwhile: verify again.") from None
