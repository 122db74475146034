"""Every alert rule: a hit and a miss."""

from __future__ import annotations

import csv
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from alert_cases import (
    CASES,
    JOINED_LATELY,
    JOINED_LONG_AGO,
    LISTED_APP,
    LISTED_AS_REMOVED,
    LISTED_TOO_LONG,
    PUBLIC_LINK,
    TEAM_LINK,
    WATCH_LISTS,
    Case,
    day_before,
    did,
    listed,
    member,
)
from dbtproject import PROJECT, Warehouse
from rawlog import RawLog, moment
from test_alert_states import STATE_RULES

VAGUE = re.compile(r"\b(someone|something|nothing|everyone|unknown|none|null)\b|[{}]", re.IGNORECASE)
SEQUENCES = {"E03", "E04"}
SNAPSHOT_AT = moment("2026-03-09T00:00:00")
COLUMNS = (
    "alert_id, rule_id, severity, title, occurred_at, occurred_on, first_at, last_at, user_email, event_count, "
    "item_count, evidence, runbook, raised_at"
)


def load_and_build(warehouse: Warehouse) -> None:
    log = RawLog(warehouse.path)
    founder = member("founder")
    links = {PUBLIC_LINK["file_id"]: "public", TEAM_LINK["file_id"]: "team"}
    log.page("walk", [
        did("login_success", moment("2025-08-01T09:00:00"), founder),
        did("domain_verification_add_domain_success", moment("2025-08-01T10:00:00"), founder, actor_type="admin",
            details={"domain_names": ["acme.example", "brand.example"]}),
    ])  # fmt: skip
    for case in CASES:
        log.page("walk", case.background + case.events)
    log.snapshot("alert_settings", SNAPSHOT_AT, [
        {"rule_id": "", "setting": name, "value": value} for name, value in WATCH_LISTS
    ])  # fmt: skip
    log.snapshot("members", SNAPSHOT_AT, [
        listed(founder, "active", joined_on=moment("2025-08-01T09:00:00")),
        listed(JOINED_LONG_AGO, "active", joined_on=day_before(900)),
        listed(JOINED_LATELY, "active", joined_on=day_before(59)),
        listed(LISTED_AS_REMOVED, "removed"),
        listed(LISTED_TOO_LONG, "suspended", suspended_on=moment("2026-03-07T10:00:00")),
    ])  # fmt: skip
    log.snapshot("shared_links", SNAPSHOT_AT, [
        {"team_member_id": founder["member_id"], "url": f"https://{file_id}", "file_id": file_id, "audience": audience}
        for file_id, audience in links.items()
    ], team_member_id=founder["member_id"])  # fmt: skip
    log.snapshot("linked_apps", SNAPSHOT_AT, [
        {"team_member_id": founder["member_id"], "app_id": LISTED_APP, "app_name": "Slack", "publisher": "Slack Inc."}
    ])  # fmt: skip
    log.load()
    warehouse.dbt("build", "--exclude-resource-type", "unit_test")


@pytest.fixture(scope="module")
def built(build_once: Any) -> Warehouse:
    warehouse: Warehouse = build_once("alerts", load_and_build)
    return warehouse


def test_every_rule_has_a_hit_and_a_miss() -> None:
    with (PROJECT / "seeds" / "alert_rules.csv").open(encoding="utf-8") as lines:
        rules = {line["rule_id"] for line in csv.DictReader(lines)}
    assert {case.rule for case in CASES if case.severity} | set(STATE_RULES) == rules
    assert {case.rule for case in CASES if not case.severity} | set(STATE_RULES) == rules
    assert len(rules) == 83


@cache
def everything(path: Path) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str], set[str]]:
    """The alerts by event that they count, the rules' titles, and the events that are there."""
    warehouse = Warehouse(path)
    by_event: dict[str, list[dict[str, Any]]] = {}
    names = COLUMNS.split(", ")
    for row in warehouse.rows(f"select {COLUMNS} from dropbox_audit.alerts"):
        alert = dict(zip(names, row, strict=True))
        alert["evidence"] = json.loads(alert["evidence"])
        for event_id in alert["evidence"]["event_ids"]:
            by_event.setdefault(event_id, []).append(alert)
    titles = dict(warehouse.rows("select rule_id, title from dropbox_audit.alert_rules"))
    return by_event, titles, {event_id for (event_id,) in warehouse.rows("select event_id from dropbox_audit.events")}


def identity(made: dict[str, Any]) -> str:
    text: str = made["row"]["identity"]
    return text


def raised(warehouse: Warehouse, case: Case) -> list[dict[str, Any]]:
    by_event = everything(warehouse.folder)[0]
    found = {
        alert["alert_id"]: alert
        for made in case.events
        for alert in by_event.get(identity(made), [])
        if alert["rule_id"] == case.rule
    }
    return list(found.values())


@pytest.mark.parametrize("case", [case for case in CASES if case.severity is None], ids=lambda case: case.id)
def test_what_a_rule_must_not_see(built: Warehouse, case: Case) -> None:
    assert raised(built, case) == []
    assert {identity(made) for made in case.events} <= everything(built.folder)[2]


@pytest.mark.parametrize("case", [case for case in CASES if case.severity], ids=lambda case: case.id)
def test_what_a_rule_must_see(built: Warehouse, case: Case) -> None:
    alerts = raised(built, case)
    assert [alert["severity"] for alert in alerts] == [case.severity] * case.alerts
    if case.alerts > 1:
        return
    alert, evidence = alerts[0], alerts[0]["evidence"]
    events = sorted(case.events, key=lambda made: (made["row"]["occurred_at"], identity(made)))
    assert alert["event_count"] == evidence["event_count"] == len(events)
    # Evidence names the events of the day on which the episode began.
    first_day = events[case.crossed]["row"]["occurred_on"]
    named = [identity(made) for made in events if made["row"]["occurred_on"] <= first_day]
    if case.rule in SEQUENCES:
        # Of each of both, up to twenty.
        assert evidence["event_ids"] == [identity(made) for made in events][: len(evidence["event_ids"])]
    else:
        assert evidence["event_ids"] == named[:20]
    assert alert["occurred_at"] == events[case.crossed]["row"]["occurred_at"]
    assert alert["occurred_on"] == events[case.crossed]["row"]["occurred_on"]
    assert (alert["first_at"], alert["last_at"]) == tuple(events[end]["row"]["occurred_at"] for end in (0, -1))
    assert alert["raised_at"] == moment("2026-09-21T00:05:00")
    assert alert["runbook"]
    if case.items is not None:
        assert alert["item_count"] == evidence["item_count"] == case.items
    actors = {made["row"]["actor_email"] for made in events}
    assert alert["user_email"] == (actors.pop() if len(actors) == 1 else case.shown.get("actor"))
    template = everything(built.folder)[1][case.rule]
    title = alert["title"]
    assert not VAGUE.search(title) or VAGUE.search(re.sub(r"[{]\w+[}]", "", template)), title
    for name, value in case.shown.items():
        if f"{{{name}}}" in template and value is not None:
            assert value in title
