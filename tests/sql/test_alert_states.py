"""The rules about the collector and about seats, each on both sides of its threshold.

They speak of states and not of events, so one warehouse has all is well and another one nothing.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from alert_cases import did, file, listed, member
from dbtproject import Warehouse
from rawlog import UTC, RawLog

HOURS, MINUTES, DAYS = (dt.timedelta(**{unit: 1}) for unit in ("hours", "minutes", "days"))
WAITS = 10 * MINUTES
STATE_RULES = ("I01", "I02", "I04", "I05", "J01", "J02", "J03", "J04", "J05")


def put_runs(log: RawLog, last: dt.datetime, gaps: list[dt.timedelta], *, resets: int) -> None:
    """Three runs by hand, then one every ten minutes up to `last`, but for gaps far from each other."""
    ends = [last]
    for gap in reversed(gaps):
        ends += [ends[-1] - n * WAITS for n in range(1, 31)]
        # A run that failed brings nothing.
        died = ends[-1] - 4 * MINUTES
        log.put("runs", run_id=f"failed-{len(ends)}", command="run", outcome="failed", started_at=died - MINUTES,
                finished_at=died, recorded_at=died, resets=0)  # fmt: skip
        ends.append(ends[-1] - gap)
    ends += [ends[-1] - n * WAITS for n in range(1, 31)]
    ends += [ends[-1] - n * HOURS for n in (15, 20, 22)]
    for number, end in enumerate(reversed(ends)):
        outcome = "nothing_new" if number % 2 else "loaded"
        log.put("runs", run_id=f"run-{number:03d}", command="run", outcome=outcome, started_at=end - MINUTES,
                finished_at=end, recorded_at=end, resets=resets if number == 40 else 0)  # fmt: skip


def fill(warehouse: Warehouse, *, is_well: bool) -> None:
    """`is_well`: each state is one step on the right side of its threshold, else it is on it."""
    now = dt.datetime.now(UTC).replace(microsecond=0)
    noon = now.replace(hour=12, minute=0, second=0) - DAYS
    log = RawLog(warehouse.path)
    founder, idle, resting, invited = member("founder"), member("idle"), member("resting"), member("invited")
    newest = did("login_success", noon, founder)
    log.page("live", [
        did("login_success", noon - 300 * DAYS, founder),
        did("login_success", now - (89 if is_well else 90) * DAYS, idle),
        did("login_success", now - 200 * DAYS, resting),
        did("file_delete", noon - (6 if is_well else 7) * DAYS, founder, assets=[file("last one")]),
        newest,
    ])  # fmt: skip
    log.put("walks", walk_id="live", kind="live", state="open", caught_up_at=noon + MINUTES, covers_until=noon,
            last_occurred_at=noon, recorded_at=noon + MINUTES)  # fmt: skip
    log.load()
    late = [noon - HOURS] * 20 + [noon - HOURS - MINUTES] * (0 if is_well else 3)
    log.page("live", [
        did("login_success", at, member("late"), received_at=noon + 10 * MINUTES) for at in late
    ])  # fmt: skip
    log.put("walks", walk_id="live", kind="live", state="open", caught_up_at=noon + 10 * MINUTES, covers_until=noon,
            last_occurred_at=noon, recorded_at=noon + 10 * MINUTES)  # fmt: skip
    if is_well:
        put_runs(log, now - 6 * HOURS - 50 * MINUTES, [59 * MINUTES, 40 * MINUTES], resets=0)
    else:
        put_runs(log, now - 10 * HOURS, [60 * MINUTES, 4 * HOURS], resets=2)
    for days, used in ((9, 110), (6, 113 if is_well else 114), (3, 113 if is_well else 116)):
        log.snapshot("team_info", now - days * DAYS, [
            {"team_id": "team", "name": "Acme", "num_licensed_users": 120, "num_used_licenses": used}
        ])  # fmt: skip
    more = 0 if is_well else 1
    log.snapshot("members", now, [
        listed(founder, "active", joined_on=now - 300 * DAYS),
        listed(idle, "active", joined_on=now - 250 * DAYS),
        listed(resting, "suspended", joined_on=now - 250 * DAYS, suspended_on=now - (30 + more) * DAYS),
        listed(invited, "invited", invited_on=now - (14 + more) * DAYS),
    ])  # fmt: skip
    log.snapshot("contracts", now, [{
        "valid_from": (now - 200 * DAYS).date(), "seats": 120, "price_per_seat": "180.00", "price_cents": 18000,
        "currency": "EUR", "billing_period": "year", "renewal_date": (now + (121 if is_well else 28) * DAYS).date(),
        "notice_days": 60,
    }])  # fmt: skip
    log.load()
    warehouse.dbt("build", "--exclude-resource-type", "unit_test")


@pytest.fixture(scope="module")
def well(build_once: Any) -> Warehouse:
    warehouse: Warehouse = build_once("alerts-well", lambda made: fill(made, is_well=True))
    return warehouse


@pytest.fixture(scope="module")
def unwell(build_once: Any) -> Warehouse:
    warehouse: Warehouse = build_once("alerts-unwell", lambda made: fill(made, is_well=False))
    return warehouse


@pytest.mark.parametrize("rule", STATE_RULES)
def test_a_state_on_the_right_side_of_its_threshold(well: Warehouse, rule: str) -> None:
    assert well.rows("select title, evidence from dropbox_audit.alerts where rule_id = ?", rule) == []


HITS: dict[str, list[tuple[str, int]]] = {
    # The last one still lasts: how long would make it another one with each look at it.
    "I01": [("medium", 60), ("high", 240), ("high", 60)],
    "I02": [("medium", 2)],
    "I04": [("info", 3)],
    "I05": [("medium", 7)],
    "J01": [("medium", 114)],
    "J02": [("medium", 1)],
    "J03": [("low", 1)],
    "J04": [("low", 1)],
    "J05": [("high", 28)],
}


@pytest.mark.parametrize("rule", STATE_RULES)
def test_a_state_on_its_threshold(unwell: Warehouse, rule: str) -> None:
    rows = unwell.rows(
        "select severity, item_count, title, evidence, runbook, user_email, event_count, raised_at is not null "
        "from dropbox_audit.alerts where rule_id = ? order by occurred_at",
        rule,
    )
    assert [tuple(row[:2]) for row in rows] == HITS[rule]
    for _, count, title, evidence, *others in rows:
        assert "{" not in title
        assert "something" not in title
        assert "{count}" not in rule_title(unwell, rule) or str(count) in title
        assert json.loads(evidence)["event_ids"] == []
        assert others[1:] == [None, 0, True]


def rule_title(warehouse: Warehouse, rule: str) -> str:
    ((title,),) = warehouse.rows("select title from dropbox_audit.alert_rules where rule_id = ?", rule)
    return str(title)


def test_what_a_state_is_about_is_told(unwell: Warehouse) -> None:
    facts = {
        rule: json.loads(evidence)
        for rule, evidence in unwell.rows("select rule_id, evidence from dropbox_audit.alerts where rule_id like 'J%'")
    }
    assert (facts["J01"]["seats_used"], facts["J01"]["seats_bought"]) == (114, 120)
    assert facts["J02"]["cost_per_year"] == 180
    assert facts["J03"]["example"].startswith("invited.")
    assert facts["J04"]["example"].startswith("resting.")
    assert (facts["J05"]["seats"], facts["J05"]["seats_needed"]) == (120, 1)


def test_seats_are_nearly_full_once(unwell: Warehouse) -> None:
    assert unwell.rows(
        "select alerts.occurred_at = min(taken_at) from dropbox_audit.alerts cross join dropbox_raw.team_info "
        "where rule_id = 'J01' and num_used_licenses = 114 group by alerts.occurred_at"
    ) == [(True,)]
