"""What went on in the team, at a glance."""

from typing import Any

import pandas as pd

from dropbox_audit.dashboard.queries.tables import grouped
from dropbox_audit.filters import Filter
from dropbox_audit.warehouse import VIEWS_DATASET, Door


def totals(door: Door, chosen: Filter) -> dict[str, int]:
    """The numbers at the top of the overview."""
    days, parameters = chosen.days("day")
    views = {
        "user_activity": {"events": "sum(events)", "people": "count(distinct user_id)"},
        "deletes_per_user": {"deleted": "sum(deleted_items)", "gone": "sum(permanently_deleted_items)"},
        "shares_per_user": {"external": "sum(external_shares)", "public": "sum(public_links)"},
        "logins_per_user": {"failed": "sum(failed_logins)", "successful": "sum(successful_logins)"},
    }
    found: dict[str, int] = {}
    for view, sums in views.items():
        [row] = door.rows(f"select {', '.join(sums.values())} from {VIEWS_DATASET}.{view} where {days}", parameters)
        found |= {name: int(value or 0) for name, value in zip(sums, row, strict=True)}
    return found


def per_day(door: Door, chosen: Filter) -> pd.DataFrame:
    """Events and active people of each day that has any."""
    days, parameters = chosen.days("day")
    return grouped(
        door,
        {"day": "day", "events": "sum(events)", "people": "count(distinct user_id)"},
        f"from {VIEWS_DATASET}.user_activity where {days}",
        parameters,
        by="day",
        rest="order by day",
    )


def people(door: Door, chosen: Filter, most: int = 10) -> pd.DataFrame:
    """Who did the most."""
    days, parameters = chosen.days("day")
    return grouped(
        door,
        {"user_id": "user_id", "who": "coalesce(max(user_name), max(user_email))", "events": "sum(events)"},
        f"from {VIEWS_DATASET}.user_activity where {days} and user_id is not null",
        parameters,
        by="user_id",
        rest=f"order by events desc, user_id limit {most}",
    )


def event_types(door: Door, chosen: Filter, most: int = 10) -> pd.DataFrame:
    """What happened most."""
    return _by(
        door, chosen, {"event_type": "event_type", "sentence": "max(description)"}, "event_type is not null", most
    )


def countries(door: Door, chosen: Filter) -> pd.DataFrame:
    """Where from."""
    return _by(door, chosen, {"country": "country"}, "country is not null", 250)


def _by(door: Door, chosen: Filter, columns: dict[str, Any], condition: str, most: int) -> pd.DataFrame:
    where, parameters = chosen.where()
    [key, *_] = columns
    return grouped(
        door,
        {**columns, "events": "count(*)"},
        f"from {VIEWS_DATASET}.events where {where} and {condition}",
        parameters,
        by=key,
        rest=f"order by events desc, {key} limit {most}",
    )
