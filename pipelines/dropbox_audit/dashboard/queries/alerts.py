"""Raised alerts. The views come with the rules: a warehouse without them has none yet."""

from typing import Any

import pandas as pd

from dropbox_audit.dashboard.queries.tables import MOST_ROWS, table
from dropbox_audit.filters import Filter
from dropbox_audit.warehouse import VIEWS_DATASET, Door, NoSuchRelationError, marks

SEVERITIES = ("critical", "high", "medium", "low", "info")

_COLUMNS = (
    *("alert_id", "severity", "rule_id", "rule_name", "title", "occurred_at", "occurred_on", "first_at", "last_at"),
    *("user_id", "user_email", "subject", "event_count", "evidence", "runbook", "raised_at"),
)


_RANKS = " ".join(f"when '{name}' then {rank}" for rank, name in enumerate(SEVERITIES))


def alerts(
    door: Door, chosen: Filter, severities: tuple[str, ...] = (), *, is_worst_first: bool = False
) -> pd.DataFrame | None:
    """The newest alerts of the days, of some severities or all; None where there is no such view."""
    days, parameters = chosen.days()
    order = f"case severity {_RANKS} end, occurred_at desc" if is_worst_first else "occurred_at desc"
    which = f" and severity in ({marks(severities)})" if severities else ""
    return _table(door, f"where {days}{which} order by {order}, alert_id limit {MOST_ROWS}", [*parameters, *severities])


def alert(door: Door, alert_id: str) -> pd.DataFrame | None:
    """One alert, whenever it was."""
    return _table(door, "where alert_id = ?", [alert_id])


def _table(door: Door, rest: str, parameters: list[Any]) -> pd.DataFrame | None:
    try:
        return table(door, {name: name for name in _COLUMNS}, f"from {VIEWS_DATASET}.alerts {rest}", parameters)
    except NoSuchRelationError:
        return None


def counts(door: Door, chosen: Filter) -> dict[str, int] | None:
    """Alerts of the days by severity; None where there is no such view."""
    days, parameters = chosen.days()
    try:
        rows = door.rows(
            f"select severity, count(*) from {VIEWS_DATASET}.alerts where {days} group by severity", parameters
        )
    except NoSuchRelationError:
        return None
    return {severity: int(number) for severity, number in rows}


def rules(door: Door) -> pd.DataFrame | None:
    """Every rule as it applies; None where there is no such view."""
    columns = ("rule_id", "name", "severity", "is_enabled", "why", "threshold", "window_minutes")
    try:
        return table(
            door, {name: name for name in columns}, f"from {VIEWS_DATASET}.alert_rules order by rule_id limit 500"
        )
    except NoSuchRelationError:
        return None
