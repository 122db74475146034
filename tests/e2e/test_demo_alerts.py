"""The alerts of the demo: what its stories raise, what its everyday raises, and nothing else."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import cast

import duckdb
import pytest
from dropbox_audit.demo import simulate_team
from dropbox_audit.demo.stories import STORIES
from support import DemoRun

RAISED_BY = {
    "leaver_downloads_a_departments_folder": {"E01": "medium", "E04": "high"},
    "outsider_is_invited_to_a_contract_folder": {"D01": "medium"},
    "burst_of_deletions": {"F01": "medium", "F05": "high"},
    "failed_sign_ins_then_success_from_a_new_country": {"A02": "high", "A05": "high"},
    "admin_role_is_granted": {"C01": "high"},
    "two_factor_is_switched_off": {"B01": "high"},
    "link_is_made_public": {"D02": "medium"},
    "third_of_the_seats_is_idle": {"J02": "medium"},
    "admin_signs_in_as_a_member": {"A01": "high"},
    "app_is_linked_for_the_team": {"G01": "high"},
}
"""Each once, and of whom the story is about, where anybody is."""

SOME_DAYS = {
    "A06": "failed_sign_ins_then_success_from_a_new_country",
}
"""Raised by a story, too, where the person's own working day comes soon after."""

EVERYDAY = {
    "A09": "somebody works at night",
    "A12": "a colleague links a device of another kind",
    "A17": "the reseller's desk signs in, one of the odd events",
    "C06": "the team's domains were verified on the day that the log begins with",
    "D01": "a file is shared with a partner",
    "D02": "a link made on a working day is open to anyone, as the directory says",
    "D08": "the app of the story opens a file request a day",
    "G02": "an app that nobody had before is linked",
    "H04": "another admin makes the weekly report",
    "I03": "the odd events are of types that nobody knows",
    "I04": "some events arrive late",
    "J03": "invitations wait",
    "J04": "suspended members hold seats",
    "J05": "the contract renews in seventy-five days",
}
"""What else is raised on one day or the other, and why that is right: the demo ends at the present minute."""
SEVERE_EVERYDAY = {"A17", "C06"}


def rows(demo_run: DemoRun, sql: str, *parameters: str) -> list[tuple[str, ...]]:
    with duckdb.connect(str(demo_run.path), read_only=True) as connection:
        return connection.execute(sql, parameters).fetchall()


@pytest.fixture(scope="module")
def actors(demo_run: DemoRun) -> dict[str, str]:
    """Who each story is about: the team of the day on which the demo ran."""
    [(newest,)] = rows(demo_run, "select max(loaded_at) from dropbox_audit.events")
    stories = simulate_team(until=cast(datetime, newest)).stories
    return {name: story.actor for name, story in stories.items()}


def test_every_story_is_in_the_table() -> None:
    assert set(RAISED_BY) == {story.__name__ for story in STORIES}


@pytest.mark.parametrize("story", RAISED_BY)
def test_a_story_raises_its_alerts_once(story: str, demo_run: DemoRun, actors: dict[str, str]) -> None:
    expected = Counter(RAISED_BY[story].items())
    of_whom = "select rule_id, severity from dropbox_audit.alerts where coalesce(user_email, '') = ?"
    found = Counter(found for found in rows(demo_run, of_whom, actors[story]) if found in expected)
    assert found == expected


def test_nothing_else_is_raised(demo_run: DemoRun, actors: dict[str, str]) -> None:
    told = {rule for rules in RAISED_BY.values() for rule in rules} | SOME_DAYS.keys()
    assert {rule for (rule,) in rows(demo_run, "select rule_id from dropbox_audit.alerts")} <= told | set(EVERYDAY)
    severe = rows(
        demo_run, "select rule_id, user_email from dropbox_audit.alerts where severity in ('critical', 'high')"
    )
    stories = [rule for rules in RAISED_BY.values() for rule, severity in rules.items() if severity != "medium"]
    assert Counter(rule for rule, _ in severe if rule not in SEVERE_EVERYDAY | SOME_DAYS.keys()) == Counter(stories)
    assert all(who == actors[SOME_DAYS[rule]] for rule, who in severe if rule in SOME_DAYS)
