"""Who did what: the log itself, what kinds of events it holds, and one event in full."""

import difflib
from datetime import date, datetime
from typing import Annotated, Any, ClassVar

from pydantic import Field

from dropbox_audit.errors import RunError
from dropbox_audit.mcp_server.answers import Answer, Json, Period, Row, readable_json
from dropbox_audit.mcp_server.desk import Desk
from dropbox_audit.mcp_server.select import Select
from dropbox_audit.mcp_server.tools.arguments import (
    DEFAULT_PERIOD,
    Country,
    EventTypes,
    IpAddress,
    Limit,
    Person,
    Since,
    Text,
    Until,
)
from dropbox_audit.warehouse import VIEWS_DATASET, Door
from dropbox_audit.wording import visible

_MOST_ITEMS_OF_AN_EVENT = 50
_MOST_JSON_CHARACTERS = 20_000
_ASSETS = ("name", "path")


class Event(Row):
    """An event, with the first of its items and people."""

    event_id: str
    occurred_at: datetime
    event_type: str
    description: str | None = None
    actor_type: str | None = None
    actor_name: str | None = None
    actor_email: str | None = None
    first_asset: str | None = None
    first_asset_path: str | None = None
    asset_count: int | None = None
    first_participant: str | None = None
    participant_count: int | None = None
    access_method: str | None = None
    ip_address: str | None = None
    city: str | None = None
    country: str | None = None


_COLUMNS_OF_EVENT = {
    "event_id": "logged.event_id",
    "first_asset": "asset.name",
    "first_asset_path": "asset.path",
    "first_participant": "coalesce(participant.email, participant.name)",
}
_FIRST_OF_EACH = (
    f"left join {VIEWS_DATASET}.event_assets as asset on asset.event_id = logged.event_id "
    "and asset.occurred_on = logged.occurred_on and asset.position = 0 "
    f"left join {VIEWS_DATASET}.event_participants as participant on participant.event_id = logged.event_id "
    "and participant.occurred_on = logged.occurred_on and participant.position = 0"
)


def search_activity(
    desk: Desk,
    since: Since = None,
    until: Until = None,
    person: Person = None,
    text: Text = None,
    event_types: EventTypes = None,
    country: Country = None,
    ip_address: IpAddress = None,
    limit: Limit = 50,
) -> Answer[Event]:
    """Search the whole audit log, newest first.

    What happened to a file or folder, what came from an IP address or country, what one person did. The tools
    for deletes, shares, sign-ins and administrators say more about those. Looks at the last 90 days unless
    `since` says otherwise.
    """
    period = desk.period(since, until, DEFAULT_PERIOD)
    with desk.open() as door:
        question = Select("events", Event, alias="logged", joins=_FIRST_OF_EACH, expressions=_COLUMNS_OF_EVENT)
        question.within(period, "logged.occurred_at", "logged.occurred_on")
        if person is not None:
            condition, parameters = desk.person(door, person).acted("logged.actor_id", "logged.actor_email")
            question.where(condition, *parameters)
        question.one_of("logged.event_type", event_types)
        question.one_of("logged.country", country and [country])
        question.one_of("logged.ip_address", ip_address and [ip_address])
        question.that_names(text, "logged.event_id", "event_assets", _ASSETS, period)
        return desk.answer(
            door,
            question,
            "logged.occurred_at desc, logged.event_id",
            limit,
            period,
            hints=[
                *_unknown_types(door, event_types or []),
                *desk.unheard_of(door, "events", period, "country", country),
            ],
            is_default=since is None,
        )


def _unknown_types(door: Door, event_types: list[str]) -> list[str]:
    """A hint for each event type that the log does not hold, with those that sound like it."""
    if not event_types:
        return []
    logged = {name for (name,) in door.rows(f"select distinct event_type from {VIEWS_DATASET}.events")}
    hints = []
    for name in event_types:
        if name.lower() in logged:
            continue
        alike = difflib.get_close_matches(name.lower(), logged, n=5, cutoff=0.5)
        found = f"; there is {', '.join(alike)}" if alike else ""
        hints.append(f"The log holds no event of the type {visible(name)[:60]!r}{found}.")
    return hints


class EventType(Row):
    """An event type that the log holds."""

    event_type: str
    event_category: str | None = None
    description: str | None = None
    events: int
    people: int
    first_at: datetime
    last_at: datetime
    event_id: str = Field(description="The newest of them.")


_COLUMNS_OF_EVENT_TYPE = {
    "event_category": "max(event_category)",
    "description": "max(description)",
    "events": "count(*)",
    "people": "count(distinct actor_id)",
    "first_at": "min(occurred_at)",
    "last_at": "max(occurred_at)",
    "event_id": "max_by(event_id, occurred_at)",
}


def list_event_types(
    desk: Desk,
    since: Since = None,
    until: Until = None,
    person: Person = None,
    text: Annotated[
        str | None, Field(description="Only types whose name or description holds this text.", max_length=200)
    ] = None,
    limit: Limit = 100,
) -> Answer[EventType]:
    """Which kinds of events there are, how many of each, and when first and last.

    A table of contents of the log, or of what one person did; also the place to find the names that
    `event_types` of search_activity takes. Looks at the last 90 days unless `since` says otherwise.
    """
    period = desk.period(since, until, DEFAULT_PERIOD)
    with desk.open() as door:
        question = Select("events", EventType, group="event_type", expressions=_COLUMNS_OF_EVENT_TYPE)
        question.within(period)
        question.holding(text, "event_type", "description")
        if person is not None:
            condition, parameters = desk.person(door, person).acted()
            question.where(condition, *parameters)
        return desk.answer(door, question, "count(*) desc, event_type", limit, period, is_default=since is None)


class Asset(Row):
    """A file or folder of an event."""

    asset_type: str | None = None
    name: str | None = None
    path: str | None = None
    file_id: str | None = None
    size_bytes: int | None = None


class Participant(Row):
    """Somebody else whom an event names."""

    participant_type: str | None = None
    name: str | None = None
    email: str | None = None
    is_team_member: bool | None = None


class WholeEvent(Row):
    """An event in full."""

    event_id: str
    occurred_at: datetime
    event_type: str
    event_category: str | None = None
    description: str | None = None
    actor_type: str | None = None
    actor_id: str | None = None
    actor_member_id: str | None = None
    actor_email: str | None = None
    actor_name: str | None = None
    context_type: str | None = None
    context_email: str | None = None
    ip_address: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    access_method: str | None = None
    session_id: str | None = None
    involves_non_team_member: bool | None = None
    has_missing_details: bool | None = None
    asset_count: int | None = None
    participant_count: int | None = None
    loaded_at: datetime | None = None
    assets: list[Asset] = Field(default_factory=list)
    participants: list[Participant] = Field(default_factory=list)
    details: Json = Field(default=None, description="What Dropbox says about this kind of event.")
    raw: Json = Field(default=None, description="The complete event as Dropbox gave it, where it was asked for.")

    later: ClassVar[frozenset[str]] = frozenset({"assets", "participants", "details", "raw"})


def get_event(
    desk: Desk,
    event_id: Annotated[
        str, Field(description="The id, as event_id or evidence.event_ids gives it.", min_length=1, max_length=60)
    ],
    include_raw: Annotated[bool, Field(description="Also give the complete event as Dropbox logged it.")] = False,
) -> Answer[WholeEvent]:
    """One event in full: who, what, from where, each file and person it lists, and its details.

    Use it to back up a finding with evidence.
    """
    wanted = event_id.strip().lower()
    period = Period()
    with desk.open() as door:
        question = Select("events", WholeEvent).where("event_id = ?", wanted)
        answer: Answer[WholeEvent] = desk.answer(door, question, "event_id", 1, period)
        answer.evidence.views = ["events", "event_assets", "event_participants"]
        if not answer.rows:
            raise RunError(
                f"No event has the id {visible(event_id)!r}: copy it from an answer, with its -2 if it has one."
            )
        [event] = answer.rows
        day = event.occurred_at.date()
        event.assets = _listed(door, Select("event_assets", Asset), wanted, day)
        event.participants = _listed(door, Select("event_participants", Participant), wanted, day)
        answer.truncated = max(event.asset_count or 0, event.participant_count or 0) > _MOST_ITEMS_OF_AN_EVENT
        [(details, whole)] = door.rows(
            f"select details, event from {VIEWS_DATASET}.events where event_id = ? and occurred_on = ?", [wanted, day]
        )
        event.details, is_cut = readable_json(details, _MOST_JSON_CHARACTERS)
        answer.truncated |= is_cut
        if include_raw:
            event.raw, is_cut = readable_json(whole, _MOST_JSON_CHARACTERS)
            answer.truncated |= is_cut
        if answer.truncated:
            answer.hints.append(
                f"Long lists show {_MOST_ITEMS_OF_AN_EVENT} items, long texts are cut; the warehouse has all."
            )
        return answer


def _listed(door: Door, listed: Select, event_id: str, day: date) -> list[Any]:
    """A list of an event's, as far as it is shown."""
    listed.where("event_id = ? and occurred_on = ?", event_id, day)
    return [listed.row.of(row) for row in door.rows(*listed.rows("position", _MOST_ITEMS_OF_AN_EVENT))]
