"""What one person did, and who did the most of something."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field

from dropbox_audit.mcp_server.answers import Answer, Row, readable
from dropbox_audit.mcp_server.desk import Desk
from dropbox_audit.mcp_server.select import Select
from dropbox_audit.mcp_server.tools.arguments import DEFAULT_PERIOD, Limit, Since, SomePerson, Until
from dropbox_audit.warehouse import Door
from dropbox_audit.wording import visible

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
