"""The alerts of the demo: what its stories raise, what its everyday raises, and nothing else."""

from __future__ import annotations

from collections import Counter

import duckdb
import pytest
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
"""Each once, and by whom the story is about, where anybody is."""

EVERYDAY = {
    "A09": "somebody works at night",
    "A12": "a colleague links a device of another kind",
    "A17": "the reseller's desk signs in, one of the odd events",
    "D01": "a file is shared with a partner",
    "D08": "the app of the story opens a file request a day",
    "G02": "an app that nobody had before is linked",
    "H04": "another admin makes the weekly report",
    "I03": "the odd events are of types that nobody knows",
    "J03": "invitations wait",
    "J04": "suspended members hold seats",
    "J05": "the contract renews in seventy-five days",
}
"""What else is raised, and why that is right; none of it worse than medium but the reseller's."""


def rows(demo_run: DemoRun, sql: str) -> list[tuple[str, ...]]:
    with duckdb.connect(str(demo_run.path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_story_is_in_the_table() -> None:
    assert set(RAISED_BY) == {story.__name__ for story in STORIES}


@pytest.mark.parametrize("story", RAISED_BY)
def test_a_story_raises_its_alerts_once(story: str, demo_run: DemoRun) -> None:
    expected = Counter(RAISED_BY[story].items())
    found = Counter(
        (rule, severity)
        for rule, severity in rows(demo_run, "select rule_id, severity from dropbox_audit.alerts")
        if (rule, severity) in expected
    )
    assert found == expected


def test_a_storys_alerts_are_of_one_person(demo_run: DemoRun) -> None:
    people = dict(
        rows(demo_run, "select rule_id, string_agg(distinct user_email) from dropbox_audit.alerts group by all")
    )
    assert people["E01"] == people["E04"]
    assert people["F01"] == people["F05"]
    assert people["A02"] == people["A05"]
    assert len({people[rule] for rule in ("E01", "F01", "A02", "C01", "B01", "D02", "A01", "G01")}) == 8


def test_nothing_else_is_raised(demo_run: DemoRun) -> None:
    told = {rule for rules in RAISED_BY.values() for rule in rules}
    assert {rule for (rule,) in rows(demo_run, "select rule_id from dropbox_audit.alerts")} <= told | set(EVERYDAY)
    severe = rows(demo_run, "select rule_id from dropbox_audit.alerts where severity in ('critical', 'high')")
    stories = [rule for rules in RAISED_BY.values() for rule, severity in rules.items() if severity != "medium"]
    assert Counter(rule for (rule,) in severe if rule != "A17") == Counter(stories)
