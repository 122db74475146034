"""Raised alerts. The views come with the rules: a warehouse without them has none yet."""

import pandas as pd

from dropbox_audit.dashboard.queries.tables import MOST_ROWS, table
from dropbox_audit.filters import Filter
from dropbox_audit.warehouse import VIEWS_DATASET, Door, NoSuchRelationError

SEVERITIES = ("critical", "high", "medium", "low", "info")

_COLUMNS = (
    *("alert_id", "severity", "rule_id", "rule_name", "title", "occurred_at", "occurred_on", "first_at", "last_at"),
    *("user_id", "user_email", "subject", "event_count", "evidence", "runbook", "raised_at"),
)


def alerts(door: Door, chosen: Filter) -> pd.DataFrame | None:
    """The newest alerts of the days; None where there is no such view."""
    days, parameters = chosen.days()
    try:
        return table(
            door,
            {name: name for name in _COLUMNS},
            f"from {VIEWS_DATASET}.alerts where {days} order by occurred_at desc, alert_id limit {MOST_ROWS}",
            parameters,
        )
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
