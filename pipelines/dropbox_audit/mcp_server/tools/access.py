"""What went away, what was opened to whom, and who signed in."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dropbox_audit.mcp_server.answers import MOST_EVENT_IDS, Answer, Row, readable
from dropbox_audit.mcp_server.desk import Desk
from dropbox_audit.mcp_server.select import Select
from dropbox_audit.mcp_server.tools.arguments import (
    DEFAULT_PERIOD,
    NEWEST_FIRST,
    Country,
    IpAddress,
    Limit,
    Person,
    Since,
    Text,
    Until,
)
from dropbox_audit.warehouse import VIEWS_DATASET, Door, marks

_MOST_RECIPIENTS = 20


class DeletedItem(Row):
    """An item that went away."""

    event_id: str
    occurred_at: datetime
    actor_name: str | None = None
    actor_email: str | None = None
    event_type: str
    delete_kind: str | None = None
    is_permanent: bool | None = None
    asset_type: str | None = None
    name: str | None = None
    path: str | None = None
    size_bytes: int | None = None
    access_method: str | None = None
    ip_address: str | None = None
    country: str | None = None


def list_deletes(
    desk: Desk,
    since: Since = None,
    until: Until = None,
    person: Person = None,
    text: Text = None,
    only_permanent: Annotated[bool, Field(description="Only what cannot be restored.")] = False,
    limit: Limit = 50,
) -> Answer[DeletedItem]:
    """Who deleted what, item by item, newest first.

    Files, folders, documents and other content that went away. For "who deleted the folder X" give `text`; for
    "who deleted the most" use rank_people. Looks at the last 90 days unless `since` says otherwise.
    """
    period = desk.period(since, until, DEFAULT_PERIOD)
    with desk.open() as door:
        question = Select("deletes", DeletedItem).within(period).holding(text, "name", "path")
        if person is not None:
            condition, parameters = desk.person(door, person).acted()
            question.where(condition, *parameters)
        if only_permanent:
            question.where("is_permanent")
        order = f"{NEWEST_FIRST}, asset_position"
        return desk.answer(door, question, order, limit, period, is_default=since is None)


class Share(Row):
    """A sharing change."""

    event_id: str
    occurred_at: datetime
    actor_name: str | None = None
    actor_email: str | None = None
    event_type: str
    share_kind: str | None = None
    share_change: str | None = None
    access_level: str | None = None
    previous_setting: str | None = None
    new_setting: str | None = None
    is_public_link: bool | None = None
    is_external: bool | None = None
    external_recipients: int | None = None
    asset_type: str | None = None
    asset_name: str | None = None
    asset_path: str | None = None
    asset_count: int | None = None
    ip_address: str | None = None
    country: str | None = None
    people: list[str] = Field(default_factory=list, description="Whom the event names beside the one who acted.")

    later: ClassVar[frozenset[str]] = frozenset({"people"})


def list_shares(
    desk: Desk,
    since: Since = None,
    until: Until = None,
    person: Person = None,
    text: Text = None,
    shared_with: Annotated[
        str | None,
        Field(
            description="Only where somebody with this in their name or address was named, for example an address or "
            "@partner.com.",
            min_length=2,
            max_length=200,
        ),
    ] = None,
    change: Annotated[
        Literal["granted", "changed", "revoked"] | None, Field(description="Only access that was so treated.")
    ] = None,
    only_external: Annotated[bool, Field(description="Only with people outside the team.")] = False,
    only_public_links: Annotated[bool, Field(description="Only links that were opened to anyone.")] = False,
    limit: Limit = 50,
) -> Answer[Share]:
    """Who shared what with whom, newest first.

    Access given, changed or taken back, links made or opened to anyone. For "who outside can reach our files"
    start with external_people or external_domains. Looks at the last 90 days unless `since` says otherwise.
    """
    period = desk.period(since, until, DEFAULT_PERIOD)
    with desk.open() as door:
        question = Select("shares", Share).within(period).holding(text, "asset_name", "asset_path")
        question.that_names(shared_with, "event_id", "event_participants", ("email", "name"), period)
        question.one_of("share_change", change and [change])
        if person is not None:
            condition, parameters = desk.person(door, person).acted()
            question.where(condition, *parameters)
        if only_external:
            question.where("is_external")
        if only_public_links:
            question.where("is_public_link")
        answer: Answer[Share] = desk.answer(door, question, NEWEST_FIRST, limit, period, is_default=since is None)
        _add_people(door, answer)
        return answer


def _add_people(door: Door, answer: Answer[Share]) -> None:
    if not answer.rows:
        return
    days = sorted({row.occurred_at.date() for row in answer.rows})
    named = Select("event_participants")
    named.where("occurred_on >= ? and occurred_on <= ?", days[0], days[-1])
    ids = [row.event_id for row in answer.rows]
    tail, parameters = named.where(f"event_id in ({marks(ids)})", *ids).tail()
    people: dict[str, list[str]] = {}
    for event_id, who in door.rows(
        f"select event_id, coalesce(email, name, participant_type) {tail} order by event_id, position", parameters
    ):
        people.setdefault(event_id, []).append(readable(who))
    for row in answer.rows:
        row.people = people.get(row.event_id, [])[:_MOST_RECIPIENTS]
    answer.evidence.views.append("event_participants")


class OutsidePerson(Row):
    """Somebody outside the team to whom access was given."""

    email: str
    name: str | None = None
    granted: int = Field(description="Sharing events that gave them access.")
    revoked: int = Field(description="Sharing events that took some back.")
    first_granted_at: datetime | None = None
    last_granted_at: datetime | None = None
    last_revoked_at: datetime | None = None
    items: int = Field(description="Different items, by name and path, that they were given.")
    given_by: int = Field(description="How many of our people gave it.")
    last_given_by: str | None = None
    last_item: str | None = None

    later: ClassVar[frozenset[str]] = frozenset({"last_given_by", "last_item"})


_GRANTED = "share.share_change = 'granted'"
_COLUMNS_OF_OUTSIDE_PERSON = {
    "email": "lower(named.email)",
    "name": "max(named.name)",
    "granted": f"count(distinct case when {_GRANTED} then share.event_id end)",
    "revoked": "count(distinct case when share.share_change = 'revoked' then share.event_id end)",
    "first_granted_at": f"min(case when {_GRANTED} then share.occurred_at end)",
    "last_granted_at": f"max(case when {_GRANTED} then share.occurred_at end)",
    "last_revoked_at": "max(case when share.share_change = 'revoked' then share.occurred_at end)",
    "items": f"count(distinct case when {_GRANTED} then coalesce(share.asset_path, share.asset_name) end)",
    "given_by": f"count(distinct case when {_GRANTED} then share.actor_id end)",
}


def external_people(
    desk: Desk,
    since: Since = None,
    until: Until = None,
    text: Annotated[
        str | None,
        Field(description="Only people with this in their name or address, for example @partner.com.", max_length=200),
    ] = None,
    only_never_revoked: Annotated[
        bool, Field(description="Only people of whom nothing was taken back since they were last given something.")
    ] = False,
    limit: Limit = 50,
) -> Answer[OutsidePerson]:
    """Which people outside the team were given access to our files, by the log.

    Contractors, partners and private addresses, with how often, when last, by whom, and whether any of it was
    taken back. Looks at the whole log unless `since` says otherwise. list_shares with `shared_with` then shows
    what they were given.
    """
    period = desk.period(since, until)
    joins = (
        f"inner join {VIEWS_DATASET}.event_participants as named on named.event_id = share.event_id "
        "and named.occurred_on = share.occurred_on"
    )
    with desk.open() as door:
        question = Select(
            "shares",
            OutsidePerson,
            alias="share",
            joins=joins,
            group="lower(named.email)",
            expressions=_COLUMNS_OF_OUTSIDE_PERSON,
        )
        question.within(period, "share.occurred_at", "share.occurred_on")
        question.where("named.email is not null and coalesce(named.is_team_member, false) = false")
        question.where("share.share_change = 'revoked' or (share.share_change = 'granted' and share.is_external)")
        question.holding(text, "named.email", "named.name")
        # Somebody who has joined since, or is invited, is no outsider.
        question.where(
            f"lower(named.email) not in (select lower(email) from {VIEWS_DATASET}.members "
            "where email is not null and status <> 'removed')"
        )
        question.having(f"{_COLUMNS_OF_OUTSIDE_PERSON['granted']} > 0")
        if only_never_revoked:
            question.having(
                f"coalesce({_COLUMNS_OF_OUTSIDE_PERSON['last_revoked_at']} < "
                f"{_COLUMNS_OF_OUTSIDE_PERSON['last_granted_at']}, true)"
            )
        hints = [
            "By the log alone: access through a group, an open link or from before the log begins is not here, and one "
            "event may take back less than another gave. Dropbox's own sharing report knows what holds now."
        ]
        answer: Answer[OutsidePerson] = desk.answer(
            door, question, "last_granted_at desc, email", limit, period, hints=hints
        )
        _add_last_grant(door, answer)
        return answer


def _add_last_grant(door: Door, answer: Answer[OutsidePerson]) -> None:
    answer.evidence.views.append("event_participants")
    people = {row.email: row for row in answer.rows}
    if not people:
        return
    sql = (
        "select email, giver, item, event_id from (select lower(named.email) as email, share.actor_email as giver, "
        "coalesce(share.asset_name, share.asset_path) as item, share.event_id, row_number() over ("
        "partition by lower(named.email) order by share.occurred_at desc, share.event_id) as recency "
        f"from {VIEWS_DATASET}.shares as share inner join {VIEWS_DATASET}.event_participants as named "
        "on named.event_id = share.event_id and named.occurred_on = share.occurred_on "
        f"where {_GRANTED} and lower(named.email) in ({marks(list(people))})) as grants "
        "where recency = 1 order by email"
    )
    found = door.rows(sql, list(people))
    for email, giver, item, _ in found:
        people[email].last_given_by, people[email].last_item = readable(giver), readable(item)
    answer.cite(event_id for *_, event_id in found)


class ExternalDomain(Row):
    """An e-mail domain outside the team."""

    domain: str
    is_public_mail_provider: bool | None = None
    people_count: int
    external_shares: int
    share_event_count: int
    sharing_user_count: int
    own_event_count: int
    first_seen_at: datetime | None = None
    last_seen_at: datetime | None = None


def external_domains(
    desk: Desk,
    text: Annotated[str | None, Field(description="Only domains that hold this text.", max_length=200)] = None,
    new_since: Annotated[
        str | None, Field(description="Only domains first seen from here on: a date, a timestamp or 7d.", max_length=40)
    ] = None,
    limit: Limit = 50,
) -> Answer[ExternalDomain]:
    """Which outside organisations we share with, one row per e-mail domain.

    With how many people, how often access was given and by how many of our users, what they did themselves, and
    whether it is a public mail provider. Over the whole log; the evidence is events that name somebody of the
    first domain. external_people has the single addresses.
    """
    period = desk.period(None, None)
    with desk.open() as door:
        question = Select("external_domains", ExternalDomain).holding(text, "domain")
        first_seen = desk.period(new_since, None).since
        if first_seen is not None:
            question.where("first_seen_at >= ?", first_seen)
        answer: Answer[ExternalDomain] = desk.answer(door, question, "external_shares desc, domain", limit, period)
        if answer.rows:
            ending = f"@{answer.rows[0].domain}"
            named = Select("event_participants").where("right(lower(email), ?) = ?", len(ending), ending)
            tail, parameters = named.tail()
            ids = door.rows(
                f"select event_id {tail} group by event_id, occurred_on order by occurred_on desc, event_id "
                f"limit {MOST_EVENT_IDS}",
                parameters,
            )
            answer.cite(event_id for (event_id,) in ids)
            answer.evidence.views.append("event_participants")
        return answer


class Login(Row):
    """A sign-in, an attempt at one, or the end of a session."""

    event_id: str
    occurred_at: datetime
    actor_name: str | None = None
    actor_email: str | None = None
    event_type: str
    outcome: str | None = None
    login_method: str | None = None
    failure_reason: str | None = None
    signed_in_as_email: str | None = None
    access_method: str | None = None
    ip_address: str | None = None
    city: str | None = None
    country: str | None = None


def list_logins(
    desk: Desk,
    since: Since = None,
    until: Until = None,
    person: Person = None,
    outcome: Annotated[
        str | None,
        Field(
            description="Only these: success, failure, logout, locked, unlocked, sign_in_as (an administrator in a "
            "member's account).",
            max_length=60,
        ),
    ] = None,
    country: Country = None,
    not_country: Annotated[
        str | None, Field(description="Only from other countries than this one.", max_length=60)
    ] = None,
    ip_address: IpAddress = None,
    limit: Limit = 50,
) -> Answer[Login]:
    """Who signed in, from where and how, and what failed and why, newest first.

    Also sign-outs, and administrators who worked in a member's account. For "whose sign-ins failed most" use
    rank_people. Looks at the last 90 days unless `since` says otherwise.
    """
    period = desk.period(since, until, DEFAULT_PERIOD)
    with desk.open() as door:
        question = Select("logins", Login).within(period)
        question.one_of("outcome", outcome and [outcome]).one_of("country", country and [country])
        question.one_of("ip_address", ip_address and [ip_address])
        if not_country:
            question.where("lower(country) <> ?", not_country.lower())
        if person is not None:
            condition, parameters = desk.person(door, person).acted()
            question.where(condition, *parameters)
        hints = [
            *desk.unheard_of(door, "logins", period, "outcome", outcome),
            *desk.unheard_of(door, "logins", period, "country", country, not_country),
        ]
        return desk.answer(door, question, NEWEST_FIRST, limit, period, hints=hints, is_default=since is None)
