"""Is the log complete?"""

import pandas as pd

from dropbox_audit.dashboard.queries.tables import table
from dropbox_audit.warehouse import VIEWS_DATASET, Door


def days(door: Door) -> pd.DataFrame:
    """Each day of the log with its verdict."""
    columns = (
        *("day", "status", "events", "rejected_events", "lateness_p95_seconds", "is_covered", "resets"),
        *("last_verified_at", "missing_events", "extra_events", "unknown_event_types", "unknown_fields"),
    )
    return table(door, {name: name for name in columns}, f"from {VIEWS_DATASET}.log_completeness order by day")


def runs(door: Door) -> pd.DataFrame:
    """The newest runs."""
    columns = ("started_at", "command", "outcome", "event_count", "request_count", "duration_seconds", "error")
    return table(
        door, {name: name for name in columns}, f"from {VIEWS_DATASET}.pipeline_runs order by started_at desc limit 50"
    )
