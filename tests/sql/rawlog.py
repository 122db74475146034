"""Writes the raw tables as the loader does, row by row as the contract says, without loader or network.

A test describes walks, pages and loads; nothing here knows what the views make of them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from dropbox_audit import directory
from dropbox_audit.alert_settings import ALERT_SETTINGS
from dropbox_audit.contracts import CONTRACTS
from dropbox_audit.runs import ALERT_DELIVERIES

UTC = dt.UTC
SPACE = dt.timedelta(seconds=1)

_TEXT, _WHOLE, _FLAG, _DAY = pa.string(), pa.int64(), pa.bool_(), pa.date32()
_TIME, _NUMBER = pa.timestamp("us", tz="UTC"), pa.float64()


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


TABLES = {
    "events": _schema(
        walk_id=_TEXT, page_no=_WHOLE, position=_WHOLE, is_replayed=_FLAG, identity=_TEXT, exact_hash=_TEXT,
        occurred_at=_TIME, occurred_on=_DAY, event_type=_TEXT, event_category=_TEXT, description=_TEXT,
        actor_type=_TEXT, actor_user_type=_TEXT, actor_id=_TEXT, actor_member_id=_TEXT, actor_email=_TEXT,
        actor_name=_TEXT, context_type=_TEXT, context_id=_TEXT, context_email=_TEXT, ip_address=_TEXT, city=_TEXT,
        region=_TEXT, country=_TEXT, access_method=_TEXT, session_id=_TEXT, involves_non_team_member=_FLAG,
        asset_count=_WHOLE, participant_count=_WHOLE, details=_TEXT, has_missing_details=_FLAG,
        unknown_fields=_TEXT, event=_TEXT, received_at=_TIME, _dlt_load_id=_TEXT,
    ),
    "event_assets": _schema(
        walk_id=_TEXT, page_no=_WHOLE, event_position=_WHOLE, position=_WHOLE, occurred_on=_DAY, asset_type=_TEXT,
        name=_TEXT, path=_TEXT, namespace_id=_TEXT, relative_path=_TEXT, file_id=_TEXT, size_bytes=_WHOLE,
        _dlt_load_id=_TEXT,
    ),
    "event_participants": _schema(
        walk_id=_TEXT, page_no=_WHOLE, event_position=_WHOLE, position=_WHOLE, occurred_on=_DAY,
        participant_type=_TEXT, participant_user_type=_TEXT, participant_id=_TEXT, email=_TEXT, name=_TEXT,
        is_team_member=_FLAG, _dlt_load_id=_TEXT,
    ),
    "load_days": _schema(day=_DAY, event_count=_WHOLE, _dlt_load_id=_TEXT),
    "rejected_events": _schema(
        walk_id=_TEXT, page_no=_WHOLE, position=_WHOLE, reason=_TEXT, event=_TEXT, received_at=_TIME,
        _dlt_load_id=_TEXT,
    ),
    "walks": _schema(
        walk_id=_TEXT, kind=_TEXT, start_time=_TIME, end_time=_TIME, opened_at=_TIME, pages=_WHOLE, events=_WHOLE,
        first_occurred_at=_TIME, last_occurred_at=_TIME, caught_up_at=_TIME, covers_until=_TIME, state=_TEXT,
        recorded_at=_TIME, _dlt_load_id=_TEXT,
    ),
    "runs": _schema(
        run_id=_TEXT, command=_TEXT, version=_TEXT, started_at=_TIME, finished_at=_TIME, outcome=_TEXT, error=_TEXT,
        requests=_WHOLE, pages=_WHOLE, events=_WHOLE, rejected_events=_WHOLE, repaired_events=_WHOLE, retries=_WHOLE,
        waited_seconds=_NUMBER, resets=_WHOLE, cursor_age_seconds=_NUMBER, recorded_at=_TIME, _dlt_load_id=_TEXT,
    ),
    "verifications": _schema(
        verification_id=_TEXT, run_id=_TEXT, day=_DAY, since=_TIME, until=_TIME, is_whole_day=_FLAG,
        dropbox_events=_WHOLE, warehouse_events=_WHOLE, missing_events=_WHOLE, extra_events=_WHOLE,
        repaired_events=_WHOLE, result=_TEXT, verified_at=_TIME, _dlt_load_id=_TEXT,
    ),
    **{
        name: pa.schema([*schema, ("_dlt_load_id", _TEXT)])
        for name, schema in {
            **directory.SCHEMAS,
            "contracts": CONTRACTS,
            "alert_settings": ALERT_SETTINGS,
            "alert_deliveries": ALERT_DELIVERIES,
        }.items()
    },
    "_dlt_loads": _schema(
        load_id=_TEXT, schema_name=_TEXT, status=_WHOLE, inserted_at=_TIME, schema_version_hash=_TEXT,
    ),
}  # fmt: skip


def moment(text: str) -> dt.datetime:
    """`2026-03-01T12:00:00` (UTC) as a timestamp."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


def fingerprint(value: Any) -> str:
    return hashlib.md5(json.dumps(value, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def person(
    number: int = 1, *, kind: str = "team_member", email: str | None = "", name: str | None = ""
) -> dict[str, Any]:
    """A user as actor or participant. `email=None` leaves the address out; "" makes one up."""
    return {
        "kind": kind,
        "id": f"dbid:{number:035d}",
        "member_id": f"dbmid:{number:034d}" if kind == "team_member" else None,
        "email": f"user{number}@acme.example" if email == "" else email,
        "name": f"User {number}" if name == "" else name,
    }


def file(name: str = "plan.docx", *, kind: str = "file", size: int | None = 10) -> dict[str, Any]:
    return {"kind": kind, "name": name, "path": f"/Team/{name}", "file_id": f"id:{name}", "size": size}


def event(
    event_type: str,
    at: str | dt.datetime,
    *,
    actor: dict[str, Any] | None = None,
    actor_type: str | None = None,
    assets: list[dict[str, Any]] | None = None,
    participants: list[dict[str, Any]] | None = None,
    details: dict[str, Any] | None = None,
    **columns: Any,
) -> dict[str, Any]:
    """One event as Dropbox might deliver it; `columns` overrides any column of the raw row."""
    occurred_at = moment(at) if isinstance(at, str) else at
    assets, participants, actor = assets or [], participants or [], actor or {}
    content = {
        "timestamp": occurred_at.isoformat(),
        "event_type": {".tag": event_type},
        "actor": actor,
        "assets": assets,
        "participants": participants,
        "details": {".tag": f"{event_type}_details", **(details or {})},
        "more": {key: str(value) for key, value in columns.items()},
    }
    row = {
        "identity": fingerprint({**content, "actor": actor.get("id")}),
        "exact_hash": fingerprint(content),
        "occurred_at": occurred_at,
        "occurred_on": occurred_at.astimezone(UTC).date(),
        "event_type": event_type,
        "event_category": "sharing",
        "description": event_type.replace("_", " "),
        "actor_type": actor_type or ("user" if actor else "anonymous"),
        "actor_user_type": actor.get("kind"),
        "actor_id": actor.get("id"),
        "actor_member_id": actor.get("member_id"),
        "actor_email": actor.get("email"),
        "actor_name": actor.get("name"),
        "asset_count": len(assets),
        "participant_count": len(participants),
        "details": json.dumps(content["details"], separators=(",", ":")),
        "has_missing_details": False,
        "event": json.dumps(content, separators=(",", ":")),
        **columns,
    }
    return {"row": row, "assets": assets, "participants": participants}


class RawLog:
    """The schema `dropbox_raw` of one DuckDB file. Pages gather in memory until `load` commits them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._loads = 0
        self._next_page: dict[str, int] = {}
        self._pending: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        with duckdb.connect(str(path)) as connection:
            connection.execute("create schema if not exists dropbox_raw")
            for name, schema in TABLES.items():
                connection.register("empty", schema.empty_table())
                connection.execute(f"create table if not exists dropbox_raw.{name} as from empty")

    def page(self, walk_id: str, events: list[dict[str, Any]], *, replayed: bool = False) -> None:
        """The next page of a walk."""
        page_no = self._next_page.get(walk_id, 0)
        self._next_page[walk_id] = page_no + 1
        for position, item in enumerate(events):
            self._put_event(walk_id, page_no, position, item, replayed)

    def _put_event(self, walk_id: str, page_no: int, position: int, item: dict[str, Any], replayed: bool) -> None:
        place = {"walk_id": walk_id, "page_no": page_no}
        self._pending["events"].append({**place, "position": position, "is_replayed": replayed, **item["row"]})
        child = {**place, "event_position": position, "occurred_on": item["row"]["occurred_on"]}
        for number, asset in enumerate(item["assets"]):
            self._pending["event_assets"].append(
                {
                    **child,
                    "position": number,
                    "asset_type": asset.get("kind"),
                    "name": asset.get("name"),
                    "path": asset.get("path"),
                    "file_id": asset.get("file_id"),
                    "size_bytes": asset.get("size"),
                }
            )
        for number, participant in enumerate(item["participants"]):
            is_group = participant["kind"] == "group"
            self._pending["event_participants"].append(
                {
                    **child,
                    "position": number,
                    "participant_type": "group" if is_group else "user",
                    "participant_user_type": None if is_group else participant["kind"],
                    "participant_id": participant.get("id"),
                    "email": participant.get("email"),
                    "name": participant.get("name"),
                    "is_team_member": None if is_group else participant["kind"] == "team_member",
                }
            )

    def put(self, table: str, **columns: Any) -> None:
        """One row of any other raw table."""
        self._pending[table].append(columns)

    def snapshot(
        self, resource: str, taken_at: dt.datetime, rows: list[dict[str, Any]], *, team_member_id: str | None = None
    ) -> None:
        """A whole reading of a list of the directory (shared links: of one member), or of a file of the team's."""
        snapshot_id = f"{resource} {taken_at.isoformat()}"
        self.put(
            "directory_snapshots", snapshot_id=snapshot_id, taken_at=taken_at, resource=resource, state="complete",
            team_member_id=team_member_id, is_full=True, record_count=len(rows), changed_count=len(rows),
        )  # fmt: skip
        for number, row in enumerate(rows):
            kept: dict[str, Any] = {"is_gone": False, "row_hash": fingerprint(str(row)), "record": "{}"}
            self.put(
                resource, snapshot_id=snapshot_id, taken_at=taken_at,
                **({"line_no": number + 2} if resource in ("contracts", "alert_settings") else kept), **row,
            )  # fmt: skip

    def load(self, *, completed: bool = True, copies: int = 1) -> str:
        """Commit what is pending as one load; `copies` writes each row more than once, as a crash may."""
        self._loads += 1
        load_id = f"{1_790_000_000 + 300 * self._loads}.{self._loads:06d}"
        inserted_at = moment("2026-09-21T00:00:00") + self._loads * 300 * SPACE
        for row in self._pending["events"]:
            row.setdefault("received_at", inserted_at - 10 * SPACE)
        for day, count in Counter(row["occurred_on"] for row in self._pending["events"]).items():
            self.put("load_days", day=day, event_count=count)
        if completed:
            self.put("_dlt_loads", load_id=load_id, schema_name="dropbox_audit", status=0, inserted_at=inserted_at)
        with duckdb.connect(str(self.path)) as connection:
            for name, rows in self._pending.items():
                if rows:
                    stamp = {} if name == "_dlt_loads" else {"_dlt_load_id": load_id}
                    batch = pa.Table.from_pylist([{**row, **stamp} for row in rows], schema=TABLES[name])
                    connection.register("batch", batch)
                    for _ in range(1 if name == "_dlt_loads" else copies):
                        connection.execute(f"insert into dropbox_raw.{name} from batch")
                rows.clear()
        return load_id

    def complete(self, load_id: str) -> None:
        """Mark a load that was left unfinished as complete."""
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(
                "insert into dropbox_raw._dlt_loads values (?, 'dropbox_audit', 0, timestamptz '2026-09-22', null)",
                [load_id],
            )
