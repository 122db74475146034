"""Records that go into the warehouse beside the log: what each run did, and what was verified."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from dropbox_audit.events import TIMESTAMP

RUNS = pa.schema(
    [
        ("run_id", pa.string()),
        ("command", pa.string()),
        ("version", pa.string()),
        ("started_at", TIMESTAMP),
        ("finished_at", TIMESTAMP),
        ("outcome", pa.string()),
        ("error", pa.string()),
        ("requests", pa.int64()),
        ("pages", pa.int64()),
        ("events", pa.int64()),
        ("rejected_events", pa.int64()),
        ("retries", pa.int64()),
        ("waited_seconds", pa.float64()),
        ("resets", pa.int64()),
        ("repaired_events", pa.int64()),
        ("cursor_age_seconds", pa.float64()),
        ("recorded_at", TIMESTAMP),
    ]
)
"""One row per run and load package; the newest `recorded_at` of a run counts. `outcome` is running, loaded,
nothing_new, interrupted or failed."""

VERIFICATIONS = pa.schema(
    [
        ("verification_id", pa.string()),
        ("run_id", pa.string()),
        ("day", pa.date32()),
        ("since", TIMESTAMP),
        ("until", TIMESTAMP),
        ("is_whole_day", pa.bool_()),
        ("dropbox_events", pa.int64()),
        ("warehouse_events", pa.int64()),
        ("missing_events", pa.int64()),
        ("extra_events", pa.int64()),
        ("repaired_events", pa.int64()),
        ("result", pa.string()),
        ("verified_at", TIMESTAMP),
    ]
)
"""One row per verification and UTC day of its window; without a day, one that failed before it could compare.

`missing_events` and `extra_events` are as found; `result` is equal, different or failed as it stood at the end, that is
after a repair."""

ALERT_DELIVERIES = pa.schema(
    [
        ("delivery_id", pa.string()),
        ("alert_id", pa.string()),
        ("rule_id", pa.string()),
        ("severity", pa.string()),
        ("route", pa.string()),
        ("outcome", pa.string()),
        ("attempt", pa.int64()),
        ("error", pa.string()),
        ("last_at", TIMESTAMP),
        ("event_count", pa.int64()),
        ("attempted_at", TIMESTAMP),
        ("run_id", pa.string()),
    ]
)
"""One row per alert, route and attempt to deliver it; a row may be there twice. `outcome` is delivered, grouped
(delivered as one of many in a message) or failed; a failed message of many has one row, without an alert. `last_at` and
`event_count` are the alert's as they were then: one that goes on is delivered again."""

RECORDS = {"runs": RUNS, "verifications": VERIFICATIONS}
"""The tables of records, by name."""

_TIMES = [field.name for field in RUNS if field.type == TIMESTAMP]


def new_run_id(now: datetime) -> str:
    """An id that sorts by time."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def run_table(records: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Records (times as ISO text, as the journal keeps them) as an Arrow table."""
    rows = [
        {**record, **{key: datetime.fromisoformat(record[key]) for key in _TIMES if record.get(key)}}
        for record in records
    ]
    return pa.Table.from_pylist(rows, RUNS)
