"""Deletes, shares and sign-ins."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from dropbox_audit.dashboard.geography import distance_km
from dropbox_audit.dashboard.queries.tables import MOST_ROWS, grouped, in_utc, table
from dropbox_audit.filters import Filter
from dropbox_audit.warehouse import VIEWS_DATASET, Door

_TRAVEL = timedelta(hours=12)
_FASTEST_KMH = 900
"""An airliner's speed; places are the middles of countries, so only the impossible is shown."""


def sums(door: Door, view: str, columns: tuple[str, ...], chosen: Filter) -> dict[str, int]:
    """Totals of a view per user and day."""
    days, parameters = chosen.days("day")
    sql = ", ".join(f"sum({column})" for column in columns)
    [row] = door.rows(f"select {sql} from {VIEWS_DATASET}.{view} where {days}", parameters)
    return {name: int(value or 0) for name, value in zip(columns, row, strict=True)}


def per_day(door: Door, view: str, columns: tuple[str, ...], chosen: Filter) -> pd.DataFrame:
    """The same, per day."""
    days, parameters = chosen.days("day")
    return grouped(
        door,
        {"day": "day", **{column: f"sum({column})" for column in columns}},
        f"from {VIEWS_DATASET}.{view} where {days}",
        parameters,
        by="day",
        rest="order by day",
    )


def per_user(door: Door, view: str, columns: tuple[str, ...], chosen: Filter) -> pd.DataFrame:
    """The same, per user; whoever has none of the first columns is left out."""
    days, parameters = chosen.days("day")
    return grouped(
        door,
        {
            "user_id": "user_id",
            "who": "max(user_email)",
            **{column: f"sum({column})" for column in columns},
            "last_day": "max(day)",
        },
        f"from {VIEWS_DATASET}.{view} where {days} and user_id is not null",
        parameters,
        by="user_id",
        rest=f"where {columns[0]} > 0 order by {columns[0]} desc, user_id limit {MOST_ROWS}",
    )


def newest(door: Door, view: str, columns: tuple[str, ...], chosen: Filter, condition: str = "1 = 1") -> pd.DataFrame:
    """The newest rows of a view of single events."""
    days, parameters = chosen.days()
    return table(
        door,
        {name: name for name in ("event_id", "occurred_at", "occurred_on", *columns)},
        f"from {VIEWS_DATASET}.{view} where {days} and {condition} "
        f"order by occurred_at desc, event_id desc limit {MOST_ROWS}",
        parameters,
    )


def domains(door: Door) -> pd.DataFrame:
    """Domains outside the team, by how much was shared with them."""
    columns = (
        *("domain", "is_public_mail_provider", "external_shares", "people_count", "sharing_user_count"),
        *("own_event_count", "first_seen_at", "last_seen_at"),
    )
    return table(
        door,
        {name: name for name in columns},
        f"from {VIEWS_DATASET}.external_domains order by external_shares desc, domain limit {MOST_ROWS}",
    )


def login_countries(door: Door, chosen: Filter) -> pd.DataFrame:
    """Sign-ins that succeeded and failed, by country."""
    days, parameters = chosen.days()
    return grouped(
        door,
        {
            "country": "country",
            "events": "sum(case when outcome = 'success' then 1 else 0 end)",
            "failed": "sum(case when outcome = 'failure' then 1 else 0 end)",
        },
        f"from {VIEWS_DATASET}.logins where {days} and outcome in ('success', 'failure') and country is not null",
        parameters,
        by="country",
        rest="order by events desc, country",
    )


def travels(door: Door, chosen: Filter) -> list[dict[str, Any]]:
    """Successful sign-ins of one person from two countries, too far apart for the time between them; newest first."""
    days, parameters = chosen.days()
    rows = door.rows(
        f"""
        select actor_id, who, from_country, country, from_at, occurred_at, occurred_on, event_id, ip_address from (
            select
                actor_id, coalesce(actor_name, actor_email) as who, country, occurred_at, occurred_on, event_id,
                ip_address,
                lag(country) over (partition by actor_id order by occurred_at, event_id) as from_country,
                lag(occurred_at) over (partition by actor_id order by occurred_at, event_id) as from_at
            from {VIEWS_DATASET}.logins
            where {days} and outcome = 'success' and actor_id is not null and country is not null
        ) as signed_in
        where from_country <> country order by occurred_at desc limit 5000
        """,
        parameters,
    )
    found = []
    for actor_id, who, origin, country, before, after, day, event_id, ip_address in rows:
        kilometres = distance_km(origin, country)
        if kilometres is not None and _is_too_fast(kilometres, before, after):
            found.append(
                {
                    "event_id": event_id,
                    "occurred_at": in_utc(after),
                    "occurred_on": day,
                    "actor_id": actor_id,
                    "who": who,
                    "from_country": origin,
                    "country": country,
                    "minutes": round((after - before).total_seconds() / 60),
                    "kilometres": round(kilometres, -1),
                    "ip_address": ip_address,
                }
            )
    return found[:MOST_ROWS]


def _is_too_fast(kilometres: float, before: datetime, after: datetime) -> bool:
    return after - before < _TRAVEL and kilometres > _FASTEST_KMH * (after - before).total_seconds() / 3600
