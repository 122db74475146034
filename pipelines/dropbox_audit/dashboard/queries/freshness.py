"""How fresh the data is, told by small tables."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dropbox_audit.dashboard.queries.tables import in_utc
from dropbox_audit.warehouse import VIEWS_DATASET, Door


@dataclass(frozen=True)
class Freshness:
    """When the newest event happened, and when Dropbox was last asked by a run that this warehouse knows of."""

    newest_event_at: datetime | None
    last_run_at: datetime | None
    has_failed_since: bool


def freshness(door: Door, today: date) -> Freshness:
    """Read it; `today` spares reading the whole history for the newest event."""
    newest = None
    for days in (2, 30, 10_000):
        [(newest,)] = door.rows(
            f"select max(occurred_at) from {VIEWS_DATASET}.events where occurred_on >= ?",
            [today - timedelta(days=days)],
        )
        if newest is not None:
            break
    [(last, failed)] = door.rows(
        "select max(case when outcome in ('loaded', 'nothing_new') then coalesce(finished_at, recorded_at) end), "
        f"max(case when outcome = 'failed' then coalesce(finished_at, recorded_at) end) "
        f"from {VIEWS_DATASET}.pipeline_runs"
    )
    return Freshness(in_utc(newest), in_utc(last), failed is not None and (last is None or failed > last))
