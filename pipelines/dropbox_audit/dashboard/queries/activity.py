"""The feed of events, newest first, and everything about one of them."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd

from dropbox_audit.dashboard.queries.tables import in_utc, table
from dropbox_audit.filters import Filter, start_of
from dropbox_audit.warehouse import VIEWS_DATASET, Door, marks

PAGE = 50
_SPANS = (1, 7, 30, 120, 500)
"""Days that are looked at first: the newest events are most often all there."""
_AROUND = timedelta(minutes=30)
_HISTORY = timedelta(days=366)

_FEED = (
    *("event_id", "occurred_at", "occurred_on", "event_type", "event_category", "description"),
    *("actor_type", "actor_id", "actor_name", "actor_email", "city", "country", "ip_address", "asset_count"),
)


@dataclass(frozen=True)
class Place:
    """A place between two events of the feed: behind this one."""

    occurred_at: datetime
    event_id: str


@dataclass(frozen=True)
class Page:
    """Events newest first, with the name of the first item of each, and whether there are older ones."""

    events: pd.DataFrame
    has_more: bool


def page(door: Door, chosen: Filter, today: date, behind: Place | None = None) -> Page:
    """The next events behind a place: found by where it is, never by counting those before it."""
    newest = behind.occurred_at.date() if behind is not None else today + timedelta(days=1)
    if chosen.until is not None:
        newest = min(newest, chosen.until.date())
    rows = pd.DataFrame()
    for span in (*_SPANS, None):
        since = None if span is None else start_of(newest - timedelta(days=span))
        if since is not None and chosen.since is not None and since <= chosen.since:
            since = None
        narrowed = chosen if since is None else replace(chosen, since=since)
        if behind is not None:
            # The day of the place bounds what is read.
            until = start_of(behind.occurred_at.date() + timedelta(days=1))
            narrowed = replace(narrowed, until=min(until, chosen.until or until))
        where, parameters = narrowed.where()
        if behind is not None:
            where += " and (occurred_at < ? or (occurred_at = ? and event_id < ?))"
            parameters += [behind.occurred_at, behind.occurred_at, behind.event_id]
        rows = table(
            door,
            {name: name for name in _FEED},
            f"from {VIEWS_DATASET}.events where {where} order by occurred_at desc, event_id desc limit {PAGE + 1}",
            parameters,
        )
        if len(rows) > PAGE or since is None:
            break
    events = rows.head(PAGE).copy()
    events["item"] = _first_items(door, events)
    return Page(events, len(rows) > PAGE)


def _first_items(door: Door, events: pd.DataFrame) -> list[str | None]:
    listed = events[events["asset_count"].map(bool)]
    if listed.empty:
        return [None] * len(events)
    ids = listed["event_id"].tolist()
    names = dict(
        door.rows(
            f"select event_id, coalesce(name, path) from {VIEWS_DATASET}.event_assets "
            f"where occurred_on >= ? and occurred_on <= ? and position = 0 and event_id in ({marks(ids)})",
            [listed["occurred_on"].min(), listed["occurred_on"].max(), *ids],
        )
    )
    return [
        None if names.get(event_id) is None else names[event_id] + (f" +{count - 1}" if count > 1 else "")
        for event_id, count in zip(events["event_id"], events["asset_count"], strict=True)
    ]


def count(door: Door, chosen: Filter) -> int:
    """How many events are chosen."""
    where, parameters = chosen.where()
    [(number,)] = door.rows(f"select count(*) from {VIEWS_DATASET}.events where {where}", parameters)
    return int(number)


def event_types(door: Door, since: date) -> list[tuple[str, str, str]]:
    """The event types of the log since a day: type, category, Dropbox's sentence."""
    rows = door.rows(
        f"select event_type, coalesce(max(event_category), ''), coalesce(max(description), '') "
        f"from {VIEWS_DATASET}.events where occurred_on >= ? group by event_type order by event_type",
        [since],
    )
    return [(str(name), str(category), str(sentence)) for name, category, sentence in rows]


def countries(door: Door, since: date) -> list[str]:
    """The countries of the log since a day."""
    rows = door.rows(
        f"select distinct country from {VIEWS_DATASET}.events where occurred_on >= ? and country is not null "
        "order by country",
        [since],
    )
    return [country for (country,) in rows]


@dataclass(frozen=True)
class Detail:
    """One event, with its items and people, and the device where Dropbox still lists it."""

    event: dict[str, Any]
    items: pd.DataFrame
    people: pd.DataFrame
    device: str | None


_DETAIL = (
    *("event_id", "occurred_at", "occurred_on", "event_type", "event_category", "description"),
    *("actor_type", "actor_id", "actor_name", "actor_email", "context_type", "context_email"),
    *("ip_address", "city", "region", "country", "access_method", "session_id", "involves_non_team_member"),
    *("has_missing_details", "event", "loaded_at"),
)


def detail(door: Door, event_id: str, day: date) -> Detail | None:
    """Everything about the event of a day; None where there is no such event."""
    rows = door.rows(
        f"select {', '.join(_DETAIL)} from {VIEWS_DATASET}.events where occurred_on = ? and event_id = ?",
        [day, event_id],
    )
    if not rows:
        return None
    event = dict(zip(_DETAIL, map(in_utc, rows[0]), strict=True))
    of_event = "where occurred_on = ? and event_id = ? order by position"
    items = table(
        door,
        {name: name for name in ("name", "path", "asset_type", "size_bytes", "file_id")},
        f"from {VIEWS_DATASET}.event_assets {of_event}",
        [day, event_id],
    )
    people = table(
        door,
        {name: name for name in ("name", "email", "participant_type", "is_team_member")},
        f"from {VIEWS_DATASET}.event_participants {of_event}",
        [day, event_id],
    )
    device = None
    if event["session_id"] is not None:
        for name, platform, kind in door.rows(
            f"select device_name, platform, device_type from {VIEWS_DATASET}.devices where session_id = ?",
            [event["session_id"]],
        ):
            device = ", ".join(filter(None, (name, platform, kind)))
    return Detail(event, items, people, device)


def around(door: Door, event: dict[str, Any]) -> pd.DataFrame:
    """What the same actor did half an hour before and after, newest first."""
    if event["actor_id"] is None:
        return pd.DataFrame()
    near = Filter(
        since=event["occurred_at"] - _AROUND,
        until=event["occurred_at"] + _AROUND + timedelta(seconds=1),
        users=(event["actor_id"],),
    )
    return _newest(door, near)


def history(door: Door, file_id: str, occurred_at: datetime) -> pd.DataFrame:
    """What happened to a file in the year before and after, newest first."""
    return _newest(door, Filter(since=occurred_at - _HISTORY, until=occurred_at + _HISTORY, file_id=file_id))


def _newest(door: Door, chosen: Filter) -> pd.DataFrame:
    where, parameters = chosen.where()
    events = table(
        door,
        {name: name for name in _FEED},
        f"from {VIEWS_DATASET}.events where {where} order by occurred_at desc, event_id desc limit 100",
        parameters,
    )
    events["item"] = _first_items(door, events)
    return events


def now() -> datetime:
    """The present moment, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def names(door: Door, user_ids: tuple[str, ...]) -> dict[str, str]:
    """The latest names of people and apps by their ids."""
    rows = door.rows(
        f"select user_id, coalesce(max(user_name), max(user_email)) from {VIEWS_DATASET}.user_activity "
        f"where user_id in ({marks(user_ids)}) group by user_id",
        list(user_ids),
    )
    return {user_id: name for user_id, name in rows if name is not None}
