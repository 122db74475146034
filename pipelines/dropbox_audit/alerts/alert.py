"""Alerts as the view has them, and reading those that may be due."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import orjson

from dropbox_audit.warehouse import VIEWS_DATASET, Door, marks

_MOST_PARAMETERS = 500


@dataclass(frozen=True, slots=True)
class Alert:
    """A row of the view `alerts`. Its texts may be strangers'."""

    alert_id: str
    rule_id: str
    rule_name: str
    severity: str
    title: str
    occurred_at: datetime
    first_at: datetime
    last_at: datetime
    user_email: str | None
    subject: str | None
    event_count: int
    item_count: int | None
    evidence: str
    runbook: str | None

    def evidence_values(self) -> dict[str, Any]:
        """What the evidence says, nothing where it is not readable."""
        try:
            values = orjson.loads(self.evidence or "{}")
        except ValueError:
            return {}
        return values if isinstance(values, dict) else {}


def about(subject: str | None, user_email: str | None) -> str | None:
    """What a subject says beyond who did it: ids of accounts stay in the view, the evidence names their owners."""
    parts = [part for part in (subject or "").split(" > ") if part != user_email and not part.startswith("dbid:")]
    return " > ".join(parts) or None


_NEVER_NULL = {"event_count": "0", "first_at": "occurred_at", "last_at": "occurred_at", "title": "rule_name"}
_COLUMNS = ", ".join(
    f"coalesce({name}, {_NEVER_NULL[name]})" if name in _NEVER_NULL else name
    for name in (field.name for field in fields(Alert))
)


def read_alerts(door: Door, since: datetime, ids: Collection[str]) -> list[Alert]:
    """The alerts that happened or went on after `since`, and those of `ids` whenever they were.

    Raises:
        NoSuchRelationError: the views do not hold alerts yet.
    """
    relation = f"select {_COLUMNS} from {VIEWS_DATASET}.alerts"
    rows = door.rows(f"{relation} where occurred_at >= ? or last_at >= ?", [since, since])
    found = {row[0]: Alert(*row) for row in rows}
    for some in portions([alert_id for alert_id in ids if alert_id not in found]):
        rows = door.rows(f"{relation} where alert_id in ({marks(some)})", some)
        found |= {row[0]: Alert(*row) for row in rows}
    return list(found.values())


def read_reasons(door: Door) -> dict[str, str]:
    """Why each rule matters, by its id."""
    return {rule_id: why or "" for rule_id, why in door.rows(f"select rule_id, why from {VIEWS_DATASET}.alert_rules")}


def portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """So many at a time as one query takes as parameters."""
    for start in range(0, len(ids), _MOST_PARAMETERS):
        yield ids[start : start + _MOST_PARAMETERS]
