"""The team as it is and was: members, seats and their cost, leavers, devices and apps."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from dropbox_audit.mcp_server.answers import Answer, Period, Row
from dropbox_audit.mcp_server.desk import Desk
from dropbox_audit.mcp_server.select import Select
from dropbox_audit.mcp_server.tools.arguments import Limit, Person
from dropbox_audit.seats import Seats, seats_of
from dropbox_audit.warehouse import VIEWS_DATASET, Door

_NEVER_READ = (
    "The team's members were never read: that needs the scopes team_info.read and members.read and the setting "
    "directory_every."
)
Words = Annotated[
    str | None,
    Field(description="Only where a name, an address or a group holds this text.", min_length=1, max_length=200),
]


def _answer(desk: Desk, door: Door, question: Select, order: str, limit: int) -> Answer[Any]:
    answer = desk.answer(door, question, order, limit, Period(), is_about_team=True)
    if answer.freshness.team_read_on is None:
        answer.hints.append(_NEVER_READ)
    return answer


class Member(Row):
    """A member as Dropbox lists them now."""

    email: str | None = None
    name: str | None = None
    status: str | None = None
    role: str | None = None
    is_admin: bool | None = None
    membership_type: str | None = None
    group_names: str | None = None
    joined_on: datetime | None = None
    invited_on: datetime | None = None
    suspended_on: datetime | None = None
    removed_on: datetime | None = None
    last_seen_at: datetime | None = None
    last_seen_doing: str | None = None
    idle_days: int | None = None
    account_id: str | None = None


def list_members(
    desk: Desk,
    text: Words = None,
    status: Annotated[
        Literal["active", "invited", "suspended", "removed"] | None, Field(description="Only members of this status.")
    ] = None,
    only_admins: Annotated[bool, Field(description="Only those with an administrator's role.")] = False,
    limit: Limit = 100,
) -> Answer[Member]:
    """Who is in the team now, with status, role, groups, and when and how they were last seen.

    Administrators, invitations that nobody accepted, suspended and removed people. For the past use
    members_on_day.
    """
    with desk.open() as door:
        question = Select("members", Member).holding(text, "email", "name", "group_names")
        question.one_of("status", status and [status])
        if only_admins:
            question.where("is_admin")
        return _answer(desk, door, question, "email, team_member_id", limit)


class MemberThen(Row):
    """A member as they were."""

    email: str | None = None
    name: str | None = None
    status: str | None = None
    role: str | None = None
    is_admin: bool | None = None
    membership_type: str | None = None
    valid_from: datetime | None = Field(default=None, description="Since when it was seen so.")
    valid_to: datetime | None = Field(default=None, description="Until when; absent where it still holds.")


def members_on_day(
    desk: Desk,
    day: Annotated[date, Field(description="At the end of this UTC day, for example 2026-03-01.")],
    text: Words = None,
    only_admins: Annotated[bool, Field(description="Only those with an administrator's role then.")] = False,
    limit: Limit = 100,
) -> Answer[MemberThen]:
    """Who was in the team on a day of the past, with the status and role of that day.

    "Who was an administrator on 1 March?" Knows nothing of days before members were first read.
    """
    with desk.open() as door:
        question = Select("members_history", MemberThen).holding(text, "email", "name")
        end = desk.period(f"{day}T23:59:59Z", None).since
        question.where("valid_from <= ? and (valid_to is null or valid_to > ?)", end, end)
        if only_admins:
            question.where("is_admin")
        answer = _answer(desk, door, question, "email, team_member_id", limit)
        if not answer.rows:
            [(first,)] = door.rows(f"select min(valid_from) from {VIEWS_DATASET}.members_history")
            if first is not None and first.date() > day:
                answer.hints.append(f"Members were first read on {first.date()}; what was before is not known.")
        return answer


class RenewalOfContract(Row):
    """A contract that holds now or is still to come."""

    renewal_date: date | None = None
    days_left: int | None = None
    notice_deadline: date | None = None
    days_to_notice: int | None = None
    is_current: bool | None = None
    valid_from: date | None = None
    seats: int | None = None
    billing_period: str | None = None
    price_per_seat: Decimal | None = None
    cost_per_year: Decimal | None = None
    seats_needed: int | None = None
    seats_to_drop: int | None = None
    saving_per_year: Decimal | None = None
    currency: str | None = None


class SeatsAnswer(Answer[RenewalOfContract]):
    """Seats and their cost; the rows are the contracts and when they renew."""

    seats: Seats


def seats_and_cost(desk: Desk) -> SeatsAnswer:
    """Seats bought, given out, used and free, what they cost, and when the contract renews.

    How many members are idle for 30, 60 and 90 days and what those cost; the next renewal, the deadline for
    notice, how many seats are needed and what fewer would save; what people who have left still own.
    list_idle_members, list_leavers and list_spend have the single rows.
    """
    with desk.open() as door:
        seats = seats_of(door, desk.target.name)
        question = Select("renewals", RenewalOfContract)
        rows = [RenewalOfContract.of(row) for row in door.rows(*question.rows("is_current desc, valid_from", 51))]
        views = ["licences", "renewals", "spend", "idle_members", "member_offboarding", "members"]
        answer: SeatsAnswer = desk.empty(door, Period(), views, is_about_team=True, kind=SeatsAnswer, seats=seats)
        if seats.as_of is None:
            answer.hints.append(_NEVER_READ)
        if seats.cost_per_year is None:
            answer.hints.append("What the seats cost is not known: nobody has written contracts.csv.")
        return answer.fitted(rows, 50)


class IdleMember(Row):
    """A member who holds a seat and has not used it for 30 days or more."""

    email: str | None = None
    name: str | None = None
    status: str | None = None
    role: str | None = None
    group_names: str | None = None
    joined_on: datetime | None = None
    last_seen_at: datetime | None = None
    last_seen_doing: str | None = None
    idle_days: int | None = None
    cost_per_year: Decimal | None = None
    currency: str | None = None


def list_idle_members(
    desk: Desk,
    idle_days: Annotated[int, Field(description="Idle for so many days or more; 30 at least.", ge=30, le=3650)] = 30,
    text: Words = None,
    limit: Limit = 100,
) -> Answer[IdleMember]:
    """Who holds a seat and does not use it, the longest idle first, with what the seat costs.

    Active or suspended members without an event, device or web session for 30 days or more.
    """
    with desk.open() as door:
        question = Select("idle_members", IdleMember).holding(text, "email", "name", "group_names")
        question.where("idle_days >= ?", idle_days)
        return _answer(desk, door, question, "idle_days desc, email, team_member_id", limit)


class Leaver(Row):
    """Somebody who has left and still owns something."""

    email: str | None = None
    name: str | None = None
    status: str | None = None
    role: str | None = None
    left_on: datetime | None = Field(
        default=None,
        description="When they were suspended, or first listed as removed; list_member_changes has the event itself.",
    )
    shared_link_count: int | None = Field(default=None, description="Absent where their links were never read.")
    public_link_count: int | None = None
    device_count: int | None = None
    device_last_used_at: datetime | None = None
    linked_app_count: int | None = None
    linked_app_names: str | None = None
    shared_folder_count: int | None = None


def list_leavers(desk: Desk, text: Words = None, limit: Limit = 100) -> Answer[Leaver]:
    """Who has left and still owns shared links, devices, linked apps or shared folders.

    What an offboarding has forgotten. Whoever owns nothing any more is not listed; list_members with `status`
    has everybody.
    """
    with desk.open() as door:
        question = Select("member_offboarding", Leaver).holding(text, "email", "name")
        return _answer(desk, door, question, "left_on desc, email, team_member_id", limit)


class SpendOfMonth(Row):
    """What a month cost."""

    month: date
    scope: str
    group_name: str | None = None
    seats: int | None = None
    cost: Decimal | None = None
    currency: str | None = None


def list_spend(
    desk: Desk,
    scope: Annotated[
        Literal["team", "group"],
        Field(description="team: what each month costs by contract; group: the cost of each group's seats."),
    ] = "team",
    since: Annotated[date | None, Field(description="Only months from this day's on.")] = None,
    until: Annotated[date | None, Field(description="Only months up to this day's, which is included.")] = None,
    limit: Limit = 60,
) -> Answer[SpendOfMonth]:
    """What Dropbox cost each month, for the team or for each group, newest first.

    Amounts of different currencies are never added; whoever is in two groups counts in both, so add up rows of
    one group only.
    """
    with desk.open() as door:
        question = Select("spend", SpendOfMonth).where("scope = ?", scope)
        if since is not None:
            question.where("month >= ?", since.replace(day=1))
        if until is not None:
            question.where("month <= ?", until.replace(day=1))
        answer = _answer(desk, door, question, "month desc, cost desc, group_name, currency", limit)
        if not answer.rows:
            answer.hints.append("What the seats cost is not known: nobody has written contracts.csv.")
        return answer


class Device(Row):
    """A device or web session that is linked now."""

    device_type: str | None = None
    device_name: str | None = None
    platform: str | None = None
    client_type: str | None = None
    client_version: str | None = None
    email: str | None = None
    name: str | None = None
    member_status: str | None = None
    ip_address: str | None = None
    country: str | None = None
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    expires_at: datetime | None = None
    unused_days: int | None = None


def list_devices(
    desk: Desk,
    person: Person = None,
    device_type: Annotated[Literal["web", "desktop", "mobile"] | None, Field(description="Only these.")] = None,
    unused_days: Annotated[int | None, Field(description="Not used for so many days or more.", ge=0, le=36500)] = None,
    only_of_leavers: Annotated[bool, Field(description="Only of people who are suspended, removed or gone.")] = False,
    limit: Limit = 100,
) -> Answer[Device]:
    """Which computers, phones and web sessions are linked now, the longest unused first.

    Whose they are, from where and when they were last used.
    """
    with desk.open() as door:
        question = Select("devices", Device).one_of("device_type", device_type and [device_type])
        if person is not None:
            condition, parameters = desk.person(door, person).acted("account_id", "email")
            question.where(condition, *parameters)
        if unused_days is not None:
            question.where("unused_days >= ?", unused_days)
        if only_of_leavers:
            question.where("coalesce(member_status, 'gone') not in ('active', 'invited')")
        return _answer(desk, door, question, "unused_days desc, session_id", limit)


class LinkedApp(Row):
    """An app, and who has linked it."""

    app_name: str | None = None
    app_id: str | None = None
    publisher: str | None = None
    publisher_url: str | None = None
    scopes: str | None = None
    linked_for: str | None = None
    is_shadow_app: bool | None = None
    email: str | None = None
    name: str | None = None
    member_status: str | None = None
    linked_at: datetime | None = None
    first_seen_in_team_at: datetime | None = None
    member_count: int | None = None
    last_used_at: datetime | None = None


def list_linked_apps(
    desk: Desk,
    person: Person = None,
    text: Annotated[
        str | None, Field(description="Only apps whose name or publisher holds this text.", max_length=200)
    ] = None,
    only_shadow_apps: Annotated[
        bool, Field(description="Only apps that members linked on their own, without the team.")
    ] = False,
    limit: Limit = 100,
) -> Answer[LinkedApp]:
    """Which apps may reach our files, who has linked each of them and when it first appeared.

    One row per app and member, those that nobody linked for the team first.
    """
    with desk.open() as door:
        question = Select("linked_apps", LinkedApp).holding(text, "app_name", "publisher")
        if person is not None:
            condition, parameters = desk.person(door, person).acted("account_id", "email")
            question.where(condition, *parameters)
        if only_shadow_apps:
            question.where("is_shadow_app")
        return _answer(
            desk, door, question, "is_shadow_app desc, first_seen_in_team_at desc, app_name, app_id, email", limit
        )
