"""What was delivered where: rows of `dropbox_raw.alert_deliveries`, and those that wait here to be loaded."""

import os
import secrets
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from dropbox_audit import local
from dropbox_audit.alerts.alert import Alert, portions
from dropbox_audit.alerts.routes import Route
from dropbox_audit.runs import ALERT_DELIVERIES
from dropbox_audit.warehouse import RAW_DATASET, Door, NoSuchRelationError, marks

DELIVERED, GROUPED, FAILED = "delivered", "grouped", "failed"
_FIRST_RETRY = timedelta(minutes=1)
_LAST_RETRY = timedelta(hours=1)
_ROOM = 1 << 16
"""More bytes than a message's lines take."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver an alert, or (without an alert) a message of many that failed."""

    route: str
    outcome: str
    attempt: int
    attempted_at: datetime
    alert_id: str | None = None
    rule_id: str | None = None
    severity: str | None = None
    error: str | None = None
    last_at: datetime | None = None
    event_count: int | None = None
    run_id: str | None = None
    delivery_id: str = field(default_factory=lambda: secrets.token_hex(16))

    @classmethod
    def of(cls, alert: Alert, **facts: Any) -> "Attempt":
        """An attempt to deliver an alert as it is now."""
        names = ("alert_id", "rule_id", "severity", "last_at", "event_count")
        return cls(**{name: getattr(alert, name) for name in names}, **facts)

    @property
    def retry_at(self) -> datetime | None:
        """When to try again, if it failed; twice as long after each failure, up to an hour."""
        if self.outcome != FAILED:
            return None
        doublings: int = min(self.attempt - 1, 10)
        return self.attempted_at + min(_FIRST_RETRY * 2.0**doublings, _LAST_RETRY)


@dataclass(slots=True)
class Known:
    """What the ledger knows of an alert and a route, or of a route's messages of many."""

    delivered: Attempt | None = None
    """The last that arrived."""
    failed: Attempt | None = None
    """The last that did not, if nothing has arrived since."""

    def take(self, attempt: Attempt) -> None:
        """Learn of an attempt; in whatever order they come."""
        if attempt.outcome != FAILED:
            self.delivered = _later(self.delivered, attempt)
        else:
            self.failed = _later(self.failed, attempt)
        if self.delivered and self.failed and self.delivered.attempted_at >= self.failed.attempted_at:
            self.failed = None

    @property
    def failures(self) -> int:
        """How often in a row it has failed."""
        return self.failed.attempt if self.failed is not None else 0

    @property
    def retry_at(self) -> datetime | None:
        """When to try again, if it failed last."""
        return self.failed.retry_at if self.failed is not None else None


def _later(known: Attempt | None, attempt: Attempt) -> Attempt:
    return known if known is not None and known.attempted_at > attempt.attempted_at else attempt


class Ledger:
    """What is known of deliveries, by alert and route."""

    def __init__(self) -> None:
        self._known: dict[tuple[str | None, str], Known] = {}

    def take(self, attempts: Iterable[Attempt]) -> None:
        """Learn of attempts."""
        for attempt in attempts:
            self._known.setdefault((attempt.alert_id, attempt.route), Known()).take(attempt)
            if attempt.outcome == GROUPED:
                self._known.setdefault((None, attempt.route), Known()).take(attempt)

    def of(self, alert_id: str, route: Route) -> Known:
        """What is known of an alert and a route."""
        return self._known.get((alert_id, route.name), Known())

    def of_many(self, route: Route) -> Known:
        """What is known of a route's messages of many."""
        return self._known.get((None, route.name), Known())

    def failing(self) -> list[Attempt]:
        """The attempts that failed and nothing has arrived since."""
        return [known.failed for known in self._known.values() if known.failed is not None]


_NAMES = tuple(item.name for item in fields(Attempt))


def read_failing(door: Door) -> list[Attempt]:
    """The newest attempt for each alert and route where that is a failure, and of each message of many."""
    return _read(
        door,
        "select * from (select *, row_number() over (partition by alert_id, route order by attempted_at desc) "
        f"as recency from {RAW_DATASET}.alert_deliveries) as attempts where recency = 1 and outcome = '{FAILED}'",
    )


def read_attempts(door: Door, ids: Collection[str]) -> list[Attempt]:
    """All attempts for these alerts."""
    found = []
    for some in portions(list(ids)):
        found += _read(door, f"select * from {RAW_DATASET}.alert_deliveries where alert_id in ({marks(some)})", some)
    return found


def read_last_grouped(door: Door) -> list[Attempt]:
    """One of the alerts that arrived in each route's last message of many."""
    return _read(
        door,
        "select * from (select *, row_number() over (partition by route order by attempted_at desc) as recency "
        f"from {RAW_DATASET}.alert_deliveries where outcome = '{GROUPED}') as attempts where recency = 1",
    )


def _read(door: Door, relation: str, parameters: Collection[Any] = ()) -> list[Attempt]:
    try:
        rows = door.rows(f"select {', '.join(_NAMES)} from ({relation}) as found", list(parameters))
    except NoSuchRelationError:
        # A warehouse that an earlier version loaded last.
        return []
    return [Attempt(**dict(zip(_NAMES, row, strict=True))) for row in rows]


def table_of(attempts: Iterable[Attempt]) -> pa.Table:
    """Attempts as rows of `alert_deliveries`."""
    return pa.Table.from_pylist([asdict(attempt) for attempt in attempts], ALERT_DELIVERIES)


class Waiting:
    """Attempts that are written down on this machine and not loaded yet: one line of JSON each.

    Unlike the journal it is synced to the disk: what is lost of it is delivered again.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "alert_deliveries.jsonl"

    @property
    def has_any(self) -> bool:
        """Whether any wait."""
        return self._path.exists()

    def read(self) -> list[Attempt]:
        """All that wait; a line that a power cut has torn does not count."""
        found = []
        for line in self._path.read_bytes().splitlines() if self._path.exists() else ():
            if not line:
                continue
            try:
                facts = orjson.loads(line)
            except ValueError:
                continue
            for name in ("attempted_at", "last_at"):
                facts[name] = datetime.fromisoformat(facts[name]) if facts[name] else None
            found.append(Attempt(**facts))
        return found

    def add(self, attempts: Iterable[Attempt]) -> None:
        """Write them down, for good before this returns."""
        lines = b"".join(orjson.dumps(asdict(attempt), option=orjson.OPT_APPEND_NEWLINE) for attempt in attempts)
        # A line that was torn must not take the next one along.
        self._write(self._path, b"\n" + lines)

    def check(self) -> None:
        """Raise `RunError` where nothing can be written down: what is sent then would be sent again and again."""
        probe = self._path.with_suffix(".probe")
        try:
            self._write(probe, b"\n" * _ROOM)
        finally:
            probe.unlink(missing_ok=True)

    def _write(self, path: Path, content: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise local.disk_error(error, path) from error

    def clear(self) -> None:
        """They are loaded."""
        self._path.unlink(missing_ok=True)
