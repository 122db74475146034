"""Which events: one filter for the export, the dashboard's pages and the links between them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from dropbox_audit.warehouse import VIEWS_DATASET, marks

KINDS = {
    "deletes": ("deletes", None),
    "permanent-deletes": ("deletes", "is_permanent"),
    "shares": ("shares", None),
    "external-shares": ("shares", "is_external"),
    "links-created": ("shares", "is_link_created"),
    "public-links": ("shares", "is_public_link"),
    "logins": ("logins", None),
    "successful-logins": ("logins", "outcome = 'success'"),
    "failed-logins": ("logins", "outcome = 'failure'"),
    "admin-actions": ("admin_actions", None),
}
"""Sets of events by the view that holds them and, where it is a part of it, the condition."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events; what is not given leaves all.

    Attributes:
        since: inclusive.
        until: exclusive.
        users: who acted, by e-mail, account id or member id.
        event_types: Dropbox's names, one of them; or, where both are given,
        event_categories: one of these.
        person: part of the name or address of who acted, in any case.
        item: part of the name or path of a file, folder or document, in any case.
        file_id: Dropbox's id of one file.
        ip_address: an address, or how it begins, in any case.
        countries: as Dropbox writes them, one of them.
        has_outsiders: only where Dropbox marks somebody from outside the team.
        kind: one of `KINDS`.
        domain: e-mail domain of somebody who acted or is named.
        event_ids: one of them.
    """

    since: datetime | None = None
    until: datetime | None = None
    users: tuple[str, ...] = ()
    event_types: tuple[str, ...] = ()
    event_categories: tuple[str, ...] = ()
    person: str = ""
    item: str = ""
    file_id: str = ""
    ip_address: str = ""
    countries: tuple[str, ...] = ()
    has_outsiders: bool = False
    kind: str = ""
    domain: str = ""
    event_ids: tuple[str, ...] = ()

    def days(self, column: str = "occurred_on") -> tuple[str, list[Any]]:
        """The condition on the day alone, by which warehouses skip what they need not read; also of child tables."""
        conditions, parameters = ["1 = 1"], list[Any]()
        if self.since is not None:
            conditions.append(f"{column} >= ?")
            parameters.append(self.since.astimezone(UTC).date())
        if self.until is not None:
            conditions.append(f"{column} <= ?")
            parameters.append((self.until.astimezone(UTC) - timedelta(microseconds=1)).date())
        return " and ".join(conditions), parameters

    def within(self, first: date, last: date) -> "Filter":
        """The same, narrowed to the days from the first to the last."""
        since, until = start_of(first), start_of(last + timedelta(days=1))
        return replace(
            self,
            since=since if self.since is None else max(since, self.since),
            until=until if self.until is None else min(until, self.until),
        )

    def where(self) -> tuple[str, list[Any]]:
        """The condition on `events`, and its parameters."""
        days, parameters = self.days()
        conditions = [days]
        for condition, *values in [*self._of_events(), *self._of_other_relations()]:
            conditions.append(condition)
            parameters.extend(values)
        return " and ".join(conditions), parameters

    def _of_events(self) -> Iterator[tuple[Any, ...]]:
        if self.since is not None:
            yield "occurred_at >= ?", self.since
        if self.until is not None:
            yield "occurred_at < ?", self.until
        if self.users:
            yield self._users()
        if self.person:
            yield _contains(("actor_name", "actor_email"), self.person)
        for column, values in (
            ("event_id", self.event_ids),
            ("country", self.countries),
        ):
            if values:
                yield f"{column} in ({marks(values)})", *values
        if self.event_types or self.event_categories:
            kinds = f"event_type in ({marks(self.event_types)}) or event_category in ({marks(self.event_categories)})"
            yield f"({kinds})", *self.event_types, *self.event_categories
        if self.ip_address:
            yield "left(lower(ip_address), ?) = ?", len(self.ip_address), self.ip_address.lower()
        if self.has_outsiders:
            yield ("involves_non_team_member",)

    def _of_other_relations(self) -> Iterator[tuple[Any, ...]]:
        days, of_days = self.days()

        def among(relation: str, condition: str, *values: Any) -> tuple[Any, ...]:
            found = f"select event_id from {VIEWS_DATASET}.{relation} where {days} and {condition}"
            return f"event_id in ({found})", *of_days, *values

        if self.item:
            yield among("event_assets", *_contains(("name", "path"), self.item))
        if self.file_id:
            yield among("event_assets", "file_id = ?", self.file_id)
        if self.kind:
            view, condition = KINDS[self.kind]
            yield among(view, condition or "1 = 1")
        if self.domain:
            ending = f"@{self.domain.lower()}"
            named, *values = among("event_participants", "right(lower(email), ?) = ?", len(ending), ending)
            yield f"(right(lower(actor_email), ?) = ? or {named})", len(ending), ending, *values

    def _users(self) -> tuple[Any, ...]:
        addresses = [user.lower() for user in self.users if "@" in user]
        by_id = f"actor_id in ({marks(self.users)}) or actor_member_id in ({marks(self.users)})"
        if not addresses:
            return (f"({by_id})", *self.users, *self.users)
        # A person is found under any address they ever had.
        return (
            f"(lower(actor_email) in ({marks(addresses)}) or {by_id} or "
            f"actor_id in (select distinct named.actor_id from {VIEWS_DATASET}.events as named "
            f"where lower(named.actor_email) in ({marks(addresses)})))",
            *(*addresses, *self.users, *self.users, *addresses),
        )


def _contains(columns: tuple[str, ...], text: str) -> tuple[str, ...]:
    """A condition that one of the columns holds a text: `like` would take its signs for wildcards."""
    text = text.lower()
    return (
        "(" + " or ".join(f"replace(lower({column}), ?, '') <> lower({column})" for column in columns) + ")",
        *(text for _ in columns),
    )


def start_of(day: date) -> datetime:
    """The instant a UTC day begins."""
    return datetime.combine(day, time(), UTC)
