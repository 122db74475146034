"""Who did what: the log itself, one event in full, one person, and who did the most of something."""

import difflib
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field

from dropbox_audit.errors import RunError
from dropbox_audit.mcp_server.answers import Answer, Json, Period, Row, readable, readable_json
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
    SomePerson,
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
            hints=_unknown_types(door, event_types or []),
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


_KINDS = (
    "views",
    "downloads",
    "adds",
    "edits",
    "moves",
    "copies",
    "deletes",
    "restores",
    "comments",
    "shares",
    "access_requests",
    "signature_events",
    "logins",
    "device_events",
    "app_events",
    "member_events",
    "group_events",
    "policy_events",
    "security_events",
    "governance_events",
    "report_events",
    "team_events",
    "other_events",
)


class DayOfPerson(Row):
    """What somebody did on a day."""

    day: date
    events: int
    counts: dict[str, int] = Field(default_factory=dict, description="Events of each kind that occurred.")
    distinct_ips: int | None = None
    distinct_countries: int | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None

    later: ClassVar[frozenset[str]] = frozenset({"counts"})


class Place(BaseModel):
    """From where somebody worked."""

    country: str | None = None
    city: str | None = None
    events: int
    ip_addresses: int
    last_at: datetime


class AboutPerson(BaseModel):
    """Somebody, as the directory and the log know them."""

    email: str | None = None
    name: str | None = None
    account_id: str | None = None
    former_addresses: list[str] = Field(default_factory=list)
    is_in_team: bool = Field(
        default=False, description="Dropbox lists them as a member; if not, they only appear in the log."
    )
    status: str | None = None
    role: str | None = None
    group_names: str | None = None
    joined_on: datetime | None = None
    suspended_on: datetime | None = None
    removed_on: datetime | None = Field(
        default=None, description="By when they were first listed as removed; list_member_changes has the event itself."
    )
    last_seen_at: datetime | None = None
    idle_days: int | None = None
    devices: int = Field(default=0, description="Devices and web sessions linked now: see list_devices.")
    linked_apps: int = Field(default=0, description="Apps linked now: see list_linked_apps.")


class PersonAnswer(Answer[DayOfPerson]):
    """A person: who they are, and what they did."""

    person: AboutPerson
    events: int = Field(default=0, description="Events in the period.")
    active_days: int = 0
    totals: dict[str, int] = Field(default_factory=dict, description="Events of each kind in the period.")
    places: list[Place] = Field(default_factory=list, description="From where, most events first.")


def person_summary(
    desk: Desk, person: SomePerson, since: Since = None, until: Until = None, limit: Limit = 31
) -> PersonAnswer:
    """Who somebody is and what they did.

    Role, status, when last seen, totals of each kind of activity, from which countries and cities, and day by
    day, newest first. Start here for a question about one person, then search_activity with `person` for single
    events. Looks at the last 90 days unless `since` says otherwise.
    """
    period = desk.period(since, until, DEFAULT_PERIOD)
    with desk.open() as door:
        who = desk.person(door, person)
        acted, parameters = who.acted("user_id", "user_email")
        days = Select("user_activity", DayOfPerson).on_days_of(period).where(acted, *parameters)
        tail, tail_parameters = days.tail()
        sums = ", ".join(f"sum({kind})" for kind in ("events", *_KINDS))
        [(active_days, events, *totals)] = door.rows(f"select count(distinct day), {sums} {tail}", tail_parameters)
        rows = []
        for values in door.rows(*days.rows("day desc, user_id", limit + 1, _KINDS)):
            row = DayOfPerson.of(values[: -len(_KINDS)])
            row.counts = _counts(values[-len(_KINDS) :])
            rows.append(row)
        answer: PersonAnswer = desk.empty(
            door,
            period,
            ["user_activity", "members", "events", "devices", "linked_apps"],
            is_default=since is None,
            kind=PersonAnswer,
            person=_about(door, who.ids, who.addresses, who.label),
            events=int(events or 0),
            active_days=int(active_days),
            totals=_counts(totals),
        )
        acted, parameters = who.acted()
        logged = Select("events").within(period).where(acted, *parameters)
        tail, tail_parameters = logged.tail()
        answer.places = [
            Place(country=readable(country), city=readable(city), events=number, ip_addresses=addresses, last_at=last)
            for country, city, number, addresses, last in door.rows(
                f"select country, city, count(*), count(distinct ip_address), max(occurred_at) {tail} "
                "group by country, city order by 3 desc, 1, 2 limit 10",
                tail_parameters,
            )
        ]
        ids = door.rows(f"select event_id {tail} order by occurred_at desc, event_id limit 20", tail_parameters)
        if not events:
            answer.hints.append("They did nothing in this period, as far as the log knows.")
        answer.fitted(rows, limit, [event_id for (event_id,) in ids])
        answer.total_rows = int(active_days)
        return answer


def _counts(values: Any) -> dict[str, int]:
    return {kind: int(value) for kind, value in zip(_KINDS, values, strict=True) if value}


def _about(door: Door, ids: frozenset[str], addresses: frozenset[str], label: str) -> AboutPerson:
    who = Select("members")
    condition = " or ".join(["account_id = ? or team_member_id = ?"] * len(ids) + ["lower(email) = ?"] * len(addresses))
    parameters = [value for one in sorted(ids) for value in (one, one)] + sorted(addresses)
    tail, _ = who.where(condition, *parameters).tail()
    fields = (
        *("email", "name", "account_id", "status", "role", "group_names", "joined_on"),
        *("suspended_on", "removed_on", "last_seen_at", "idle_days"),
    )
    found = door.rows(f"select {', '.join(fields)} {tail} order by status, email limit 1", parameters)
    if found:
        about = AboutPerson(is_in_team=True, **dict(zip(fields, map(readable, found[0]), strict=True)))
    else:
        name, _, address = label.rpartition(" (")
        about = AboutPerson(name=name, email=address.rstrip(")"), account_id=next(iter(sorted(ids)), None))
    about.former_addresses = sorted(visible(one) for one in addresses if one != (about.email or "").lower())
    for view, name in (("devices", "devices"), ("linked_apps", "linked_apps")):
        tail, _ = Select(view).where(condition, *parameters).tail()
        [(number,)] = door.rows(f"select count(*) {tail}", parameters)
        setattr(about, name, int(number))
    return about


Measure = Literal[
    "events",
    "deleted_items",
    "permanently_deleted_items",
    "external_shares",
    "links_created",
    "public_links",
    "failed_logins",
    "successful_logins",
    "downloads",
    "views",
    "edits",
    "adds",
]

_VIEW_OF_MEASURE = {
    "deleted_items": "deletes_per_user",
    "permanently_deleted_items": "deletes_per_user",
    "external_shares": "shares_per_user",
    "links_created": "shares_per_user",
    "public_links": "shares_per_user",
    "failed_logins": "logins_per_user",
    "successful_logins": "logins_per_user",
}
_EVENTS_OF_MEASURE = {
    "events": ("events", "1 = 1"),
    "deleted_items": ("deletes", "1 = 1"),
    "permanently_deleted_items": ("deletes", "is_permanent"),
    "external_shares": ("shares", "is_external"),
    "links_created": ("shares", "is_link_created"),
    "public_links": ("shares", "is_public_link"),
    "failed_logins": ("logins", "event_type = 'login_fail'"),
    "successful_logins": ("logins", "event_type = 'login_success'"),
}


class Rank(Row):
    """Somebody, and how much of it they did."""

    user_email: str | None = None
    user_id: str | None = None
    total: int
    days: int = Field(description="Days on which they did it at all.")
    most_on_a_day: int
    first_day: date
    last_day: date


def rank_people(
    desk: Desk,
    measure: Annotated[
        Measure,
        Field(
            description="What to count: external_shares are people outside the team who were given access, downloads, "
            "views, edits and adds are events about files, events are events of every kind."
        ),
    ],
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
) -> Answer[Rank]:
    """Who did the most of something.

    Deleted the most, shared the most with outsiders, failed to sign in most often, downloaded the most. One row
    per person, the highest first; counted by whole UTC days. The evidence is events of whoever comes first.
    Looks at the last 90 days unless `since` says otherwise.
    """
    period = desk.period(since, until, DEFAULT_PERIOD)
    view = _VIEW_OF_MEASURE.get(measure, "user_activity")
    with desk.open() as door:
        expressions = {
            "user_email": "max(user_email)",
            "total": f"sum({measure})",
            "days": "count(distinct day)",
            "most_on_a_day": f"max({measure})",
            "first_day": "min(day)",
            "last_day": "max(day)",
        }
        question = Select(view, Rank, group="user_id", expressions=expressions)
        question.on_days_of(period).where(f"{measure} > 0")
        answer: Answer[Rank] = desk.answer(
            door, question, "total desc, user_id", limit, period, is_default=since is None
        )
        if answer.rows and measure in _EVENTS_OF_MEASURE:
            source, condition = _EVENTS_OF_MEASURE[measure]
            first = answer.rows[0].user_id
            behind = Select(source).within(period).where(condition)
            behind.where("actor_id = ?", first) if first else behind.where("actor_id is null")
            tail, parameters = behind.tail()
            # A delete is a row for each of its items.
            ids = door.rows(
                f"select event_id {tail} group by event_id order by max(occurred_at) desc, event_id limit 20",
                parameters,
            )
            answer.cite(event_id for (event_id,) in ids)
            answer.evidence.views.append(source)
        return answer
