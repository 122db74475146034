"""What administrators did: to the team, its policies and its members."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from dropbox_audit.mcp_server.answers import Answer, Row
from dropbox_audit.mcp_server.desk import Desk
from dropbox_audit.mcp_server.select import Select
from dropbox_audit.mcp_server.tools.arguments import (
    DEFAULT_PERIOD,
    NEWEST_FIRST,
    EventTypes,
    Limit,
    Person,
    Since,
    Until,
)

Whom = Annotated[
    str | None,
    Field(
        description="Only what was done to somebody with this in their name or address.", min_length=1, max_length=200
    ),
]


class AdminAction(Row):
    """What an administrator did."""

    event_id: str
    occurred_at: datetime
    actor_name: str | None = None
    actor_email: str | None = None
    event_type: str
    activity: str | None = None
    description: str | None = None
    affected: str | None = None
    previous_value: str | None = None
    new_value: str | None = None
    access_method: str | None = None
    ip_address: str | None = None
    country: str | None = None


def list_admin_actions(
    desk: Desk,
    since: Since = None,
    until: Until = None,
    person: Person = None,
    whom: Whom = None,
    event_types: EventTypes = None,
    limit: Limit = 50,
) -> Answer[AdminAction]:
    """What administrators did, newest first.

    To members, groups, policies, devices and apps, in reports, or signed in as somebody else, with the value
    before and after. list_policy_changes and list_member_changes say more about those. Looks at the last 90
    days unless `since` says otherwise.
    """
    period = desk.period(since, until, DEFAULT_PERIOD)
    with desk.open() as door:
        question = Select("admin_actions", AdminAction).within(period).holding(whom, "affected")
        question.one_of("event_type", event_types)
        if person is not None:
            condition, parameters = desk.person(door, person).acted()
            question.where(condition, *parameters)
        hints = desk.unheard_of(door, "admin_actions", period, "event_type", *(event_types or ()))
        return desk.answer(door, question, NEWEST_FIRST, limit, period, hints=hints, is_default=since is None)


class PolicyChange(Row):
    """A change of a policy or setting."""

    event_id: str
    occurred_at: datetime
    actor_name: str | None = None
    actor_email: str | None = None
    event_type: str
    policy: str | None = None
    description: str | None = None
    previous_value: str | None = None
    new_value: str | None = None
    ip_address: str | None = None
    country: str | None = None


def list_policy_changes(
    desk: Desk,
    since: Since = None,
    until: Until = None,
    person: Person = None,
    text: Annotated[
        str | None, Field(description="Only policies or settings that hold this text.", min_length=1, max_length=200)
    ] = None,
    limit: Limit = 50,
) -> Answer[PolicyChange]:
    """Which policies and settings were changed, by whom, from what to what, newest first.

    Of the team, a folder, a link or a device. Looks at the last 90 days unless `since` says otherwise.
    """
    period = desk.period(since, until, DEFAULT_PERIOD)
    with desk.open() as door:
        question = Select("policy_changes", PolicyChange).within(period)
        question.holding(text, "policy", "event_type", "description")
        if person is not None:
            condition, parameters = desk.person(door, person).acted()
            question.where(condition, *parameters)
        return desk.answer(door, question, NEWEST_FIRST, limit, period, is_default=since is None)


class MemberChange(Row):
    """A change to a member."""

    event_id: str
    occurred_at: datetime
    actor_name: str | None = None
    actor_email: str | None = None
    event_type: str
    change_kind: str | None = None
    member_name: str | None = None
    member_email: str | None = None
    previous_value: str | None = None
    new_value: str | None = None
    ip_address: str | None = None
    country: str | None = None


def list_member_changes(
    desk: Desk,
    since: Since = None,
    until: Until = None,
    person: Person = None,
    whom: Whom = None,
    change_kind: Annotated[
        str | None,
        Field(description="Only these: status, role, name, e-mail, storage limit, invitation, product.", max_length=60),
    ] = None,
    limit: Limit = 50,
) -> Answer[MemberChange]:
    """Who joined, left, was invited, suspended, removed or promoted, and by whom, newest first.

    Also another name, address, storage limit or product. Looks at the last 90 days unless `since` says
    otherwise.
    """
    period = desk.period(since, until, DEFAULT_PERIOD)
    with desk.open() as door:
        question = Select("member_changes", MemberChange).within(period).holding(whom, "member_email", "member_name")
        question.one_of("change_kind", change_kind and [change_kind])
        if person is not None:
            condition, parameters = desk.person(door, person).acted()
            question.where(condition, *parameters)
        order = f"{NEWEST_FIRST}, participant_position"
        hints = desk.unheard_of(door, "member_changes", period, "change_kind", change_kind)
        return desk.answer(door, question, order, limit, period, hints=hints, is_default=since is None)
