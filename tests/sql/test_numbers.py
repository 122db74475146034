"""The per-user views against plain Python that knows nothing of SQL."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

import pytest
from dbtproject import Warehouse
from randomteam import DELETES, GRANTS, LINKS, OTHER_SHARES, RENAMED_AT, random_events
from rawlog import RawLog

EVENTS = random_events(seed=7, count=3000)
SHARES = {*GRANTS, *LINKS, *OTHER_SHARES}
PUBLIC_MAIL = {"gmail.com"}

Key = tuple[Any, Any]


def load_and_build(warehouse: Warehouse) -> None:
    log = RawLog(warehouse.path)
    for start in range(0, len(EVENTS), 500):
        log.page("walk", EVENTS[start : start + 500])
    log.load()
    warehouse.dbt("build", "--exclude-resource-type", "unit_test")


@pytest.fixture(scope="module")
def built(build_once: Any) -> Warehouse:
    warehouse: Warehouse = build_once("numbers", load_and_build)
    return warehouse


def key(made: dict[str, Any]) -> Key:
    return made["row"]["occurred_on"], made["row"]["actor_id"]


def per_user(warehouse: Warehouse, view: str) -> dict[Key, tuple[Any, ...]]:
    rows = warehouse.rows(f"select * exclude (user_email) from dropbox_audit.{view}")
    found = {(day, user): tuple(numbers) for day, user, *numbers in rows}
    assert len(found) == len(rows)
    return found


def summed(counts: dict[Key, Counter[str]], *names: str) -> dict[Key, tuple[int, ...]]:
    return {at: tuple(count[name] for name in names) for at, count in counts.items()}


def test_deletes_per_user(built: Warehouse) -> None:
    counts: dict[Key, Counter[str]] = defaultdict(Counter)
    for made in EVENTS:
        event_type = made["row"]["event_type"]
        if event_type in DELETES:
            items = max(len(made["assets"]), 1)
            counts[key(made)].update(events=1, items=items, permanent=items if DELETES[event_type] else 0)
    assert per_user(built, "deletes_per_user") == summed(counts, "events", "items", "permanent")
    total = sum(count["items"] for count in counts.values())
    assert built.rows("select count(*) from dropbox_audit.deletes") == [(total,)]


class Team:
    """Who was inside, and since when, read off the events."""

    def __init__(self) -> None:
        self.members: dict[str, Any] = {}
        self.domains: dict[str, Any] = {}
        self.verified: list[tuple[Any, str, bool]] = []
        for made in EVENTS:
            row = made["row"]
            at = row["occurred_at"]
            if row["actor_user_type"] == "team_member":
                email = (row["actor_email"] or "").lower()
                for name in filter(None, (row["actor_id"], email)):
                    self.members[name] = min(at, self.members.get(name, at))
                domain = email.rpartition("@")[2]
                if domain and domain not in PUBLIC_MAIL:
                    self.domains[domain] = min(at, self.domains.get(domain, at))
            if row["event_type"].startswith("domain_verification"):
                for domain in json.loads(row["details"])["domain_names"]:
                    self.verified.append((at, domain.lower(), row["event_type"].endswith("success")))

    def holds(self, made: dict[str, Any], email: str, account: str | None, kind: str | None) -> bool:
        at, domain = made["row"]["occurred_at"], email.rpartition("@")[2]
        marks = [is_in for since, of, is_in in sorted(self.verified) if of == domain and since <= at]
        return (
            kind == "team_member"
            or any(name in self.members and self.members[name] <= at for name in (email, account))
            or (domain in self.domains and self.domains[domain] <= at)
            or bool(marks and marks[-1])
        )


def outsiders(made: dict[str, Any], team: Team) -> set[str]:
    if made["row"]["event_type"] not in GRANTS:
        return set()
    details = json.loads(made["row"]["details"])
    named = [((p.get("email") or "").lower(), p.get("id"), p["kind"]) for p in made["participants"]]
    named += [(email.lower(), None, None) for email in details.get("invitees", [])]
    named += [(user["user_identifier"].lower(), None, None) for user in details.get("external_users", [])]
    people: dict[str, list[bool]] = defaultdict(list)
    for email, account, kind in named:
        if kind != "group":
            people[email or account].append(team.holds(made, email, account, kind))
    return {who for who, inside in people.items() if not any(inside)}


def test_shares_per_user(built: Warehouse) -> None:
    team = Team()
    counts: dict[Key, Counter[str]] = defaultdict(Counter)
    for made in EVENTS:
        event_type, details = made["row"]["event_type"], json.loads(made["row"]["details"])
        if event_type in SHARES:
            setting = details.get("new_value") or details.get("audience") or {}
            counts[key(made)].update(
                events=1,
                external=len(outsiders(made, team)),
                created=event_type == "shared_link_create",
                public=event_type in LINKS and setting.get(".tag") == "public",
            )
    assert per_user(built, "shares_per_user") == summed(counts, "events", "external", "created", "public")
    assert built.rows(
        "select count(*), sum(external_recipients), count_if(is_public_link) from dropbox_audit.shares"
    ) == [tuple(sum(count[name] for count in counts.values()) for name in ("events", "external", "public"))]


def test_external_shares_follow_the_domain_as_it_was_at_that_time(built: Warehouse) -> None:
    judged = built.rows(
        "select is_external, count(*) from dropbox_audit_internal.int_dropbox__judged_people "
        "where email_domain = 'late.example' and account_id is null group by all"
    )
    assert dict(judged).keys() == {True, False}


def test_logins_per_user(built: Warehouse) -> None:
    counts: dict[Key, dict[str, Any]] = defaultdict(lambda: {"ok": 0, "fail": 0, "ips": set(), "countries": set()})
    for made in EVENTS:
        row = made["row"]
        if row["event_type"] == "login_success":
            entry = counts[key(made)]
            entry["ok"] += 1
            entry["ips"] |= {row["ip_address"]} - {None}
            entry["countries"] |= {row["country"]} - {None}
        elif row["event_type"] == "login_fail":
            counts[key(made)]["fail"] += 1
    assert per_user(built, "logins_per_user") == {
        at: (entry["ok"], entry["fail"], len(entry["ips"]), len(entry["countries"])) for at, entry in counts.items()
    }


def test_user_activity_counts_every_event_once(built: Warehouse) -> None:
    counts = Counter(key(made) for made in EVENTS)
    rows = built.rows("select day, user_id, events, other_events, deletes, shares from dropbox_audit.user_activity")
    assert {(day, user): events for day, user, events, *_ in rows} == counts
    assert sum(row[3] for row in rows) == sum(
        made["row"]["event_type"] == "something_dropbox_added_last_week" for made in EVENTS
    )
    assert sum(row[4] for row in rows) == sum(made["row"]["event_type"] in DELETES for made in EVENTS)
    assert sum(row[5] for row in rows) == sum(made["row"]["event_type"] in SHARES for made in EVENTS)


def test_a_rename_shows_everywhere_at_once(built: Warehouse) -> None:
    renamed = f"dbid:{1:035d}"
    for view in ("deletes_per_user", "shares_per_user", "logins_per_user", "user_activity"):
        assert built.rows(f"select distinct user_email from dropbox_audit.{view} where user_id = ?", renamed) == [
            ("new@acme.example",)
        ]
    seen = built.rows(
        "select distinct actor_email from dropbox_audit.events where actor_id = ? and occurred_at < ?",
        renamed,
        RENAMED_AT,
    )
    assert seen == [("old@acme.example",)]


def test_who_has_no_id_is_one_row_per_day(built: Warehouse) -> None:
    rows = built.rows("select day, user_email from dropbox_audit.user_activity where user_id is null")
    assert len(rows) == len({day for day, _ in rows}) == 4
    assert {email for _, email in rows} == {None}


def test_children_keep_their_order(built: Warehouse) -> None:
    by_id = {made["row"]["identity"]: made for made in EVENTS}
    for table, list_name in (("event_assets", "assets"), ("event_participants", "participants")):
        found: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for event_id, position, name in built.rows(f"select event_id, position, name from dropbox_audit.{table}"):
            found[event_id].append((position, name))
        expected = {
            identity: list(enumerate(item["name"] for item in made[list_name]))
            for identity, made in by_id.items()
            if made[list_name]
        }
        assert {event_id: sorted(items) for event_id, items in found.items()} == expected
