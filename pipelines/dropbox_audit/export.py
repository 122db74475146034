"""Filtered events to a file: CSV, Parquet or JSON lines."""

import csv
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from dropbox_audit.errors import ConfigurationError, RunError
from dropbox_audit.events import EVENTS, TIMESTAMP
from dropbox_audit.warehouse import VIEWS_DATASET, Target, marks, open_door, require_views

_FORMULA_SIGNS = {"=", "+", "-", "@", "\N{MINUS SIGN}"}
_CELL_BREAKERS = {"\t", "\r", "\n"}

COLUMNS = pa.schema(
    [
        ("event_id", pa.string()),
        *(
            EVENTS.field(name)
            for name in (
                *("occurred_at", "occurred_on", "event_type", "event_category", "description"),
                *("actor_type", "actor_id", "actor_member_id", "actor_email", "actor_name"),
                *("context_type", "context_id", "context_email"),
                *("ip_address", "city", "region", "country", "access_method", "session_id"),
                *("involves_non_team_member", "asset_count", "participant_count"),
                *("details", "has_missing_details", "event"),
            )
        ),
        ("loaded_at", TIMESTAMP),
    ]
)
"""The view `events`, as it is exported."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events: `since` inclusive, `until` exclusive; `users` by e-mail, account or member id; event types."""

    since: datetime | None = None
    until: datetime | None = None
    users: tuple[str, ...] = ()
    event_types: tuple[str, ...] = ()

    def where(self) -> tuple[str, list[Any]]:
        """The condition on `events`, and its parameters."""
        conditions, parameters = ["1 = 1"], list[Any]()
        if self.since is not None:
            conditions += ["occurred_at >= ?", "occurred_on >= ?"]
            parameters += [self.since, self.since.date()]
        if self.until is not None:
            conditions += ["occurred_at < ?", "occurred_on <= ?"]
            parameters += [self.until, self.until.date()]
        if self.users:
            users = [user.lower() for user in self.users]
            # A person is found under any address they ever had.
            conditions.append(
                f"(lower(actor_email) in ({marks(users)}) or actor_id in ({marks(users)}) or "
                f"actor_member_id in ({marks(users)}) or actor_id in (select distinct named.actor_id "
                f"from {VIEWS_DATASET}.events as named where lower(named.actor_email) in ({marks(users)})))"
            )
            parameters += [*users, *self.users, *self.users, *users]
        if self.event_types:
            conditions.append(f"event_type in ({marks(self.event_types)})")
            parameters += self.event_types
        return " and ".join(conditions), parameters


def export_events(target: Target, chosen: Filter, output: Path) -> int:
    """Write the chosen events, oldest first, to `output`; its suffix says the format. Returns their number.

    Raises:
        ConfigurationError: an unknown suffix, or views that were never built.
        RunError: a file that cannot be written; an unfinished one is removed.
    """
    write = _WRITERS.get(output.suffix.lower())
    if write is None:
        raise ConfigurationError(f"--output {output}: the name must end in {', '.join(_WRITERS)}.")
    if target.path is not None and not target.path.exists():
        raise ConfigurationError(f"{target.path} does not exist yet: run `dropbox-audit run` first.")
    partial = output.with_name(f".{output.name}.partial")
    where, parameters = chosen.where()
    with open_door(target) as door:
        require_views(door, target)
        chosen_rows = f"select {', '.join(COLUMNS.names)} from {VIEWS_DATASET}.events where {where}"
        rows = door.batches(f"{chosen_rows} order by occurred_at, event_id", parameters, COLUMNS)
        try:
            count = write(rows, partial)
            partial.replace(output)
        except OSError as error:
            raise RunError(f"{output} cannot be written ({error.strerror}): choose another --output.") from error
        finally:
            partial.unlink(missing_ok=True)
    return count


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    for row in batch.to_pylist():
        row["occurred_at"] = row["occurred_at"].isoformat().replace("+00:00", "Z")
        row["loaded_at"] = row["loaded_at"].isoformat().replace("+00:00", "Z")
        yield row


def _write_csv(batches: Iterable[pa.RecordBatch], path: Path) -> int:
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS.names)
        for batch in batches:
            for row in _rows(batch):
                writer.writerow([_harmless(value) for value in row.values()])
            count += batch.num_rows
    return count


def _harmless(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: names in the log are chosen by strangers."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str) or not value or value[0].isalnum():
        return value
    # Spreadsheets skip what cannot be seen before the sign, and some take its full-width form for it.
    first = next((c for c in value if c.isprintable() and not c.isspace()), "")
    is_formula = unicodedata.normalize("NFKC", first) in _FORMULA_SIGNS or value[0] in _CELL_BREAKERS
    return f"'{value}" if is_formula else value


def _write_json_lines(batches: Iterable[pa.RecordBatch], path: Path) -> int:
    count = 0
    with path.open("wb") as file:
        for batch in batches:
            for row in _rows(batch):
                file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            count += batch.num_rows
    return count


def _write_parquet(batches: Iterable[pa.RecordBatch], path: Path) -> int:
    count = 0
    with pq.ParquetWriter(path, COLUMNS, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


_WRITERS = {".csv": _write_csv, ".parquet": _write_parquet, ".jsonl": _write_json_lines, ".ndjson": _write_json_lines}
