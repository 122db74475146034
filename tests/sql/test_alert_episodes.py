"""What becomes of an alert when events come late, when it goes on over loads, and when a team has settings of its own.

Four loads with an update after each, then everything is built anew over what is there. What `alerts` said is kept.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from alert_cases import Person, at, burst, day_before, did, file, files, habit, member, outsider, repeated
from dbtproject import Warehouse
from rawlog import RawLog, moment
from support import clean_environment

NEXT_DAY = "2026-03-11"
LATE, MOVED, GROWING, TWICE, OVERTAKEN = (member(name) for name in ("late", "moved", "growing", "twice", "overtaken"))
MUTED, GUEST, EDITOR, BLOCKED, SLEEPER = (
    member("muted"), outsider("guest"), member("editor"), member("blocked"), member("sleeper"),
)  # fmt: skip
TORN, GUESSED, SPITEFUL = member("torn"), member("guessed"), member("spiteful")

LOADS = [
    [
        *burst("file_delete", LATE, files(LATE, 49)),
        *burst("file_delete", MOVED, files(MOVED, 60), start="12:00", every=10),
        *burst("file_delete", GROWING, files(f"{GROWING['name']} a", 60), start="23:40", every=10),
        *burst("file_delete", TWICE, files(f"{TWICE['name']} a", 60), start="08:00"),
        *burst("file_delete", OVERTAKEN, files(f"{OVERTAKEN['name']} a", 60), start=at("00:10", NEXT_DAY), every=10),
        did("dropbox_passwords_exported", "10:00", MUTED),
        *burst("file_delete", GUEST, files(GUEST, 50)),
        *habit(SLEEPER, range(30, 50)),
        *burst("file_download", TORN, files(f"{TORN['name']} a", 100), start="14:00"),
        *burst("file_download", TORN, files(f"{TORN['name']} b", 100), start="14:40"),
        *repeated("login_fail", GUESSED, 12, start=at("23:57", NEXT_DAY), every=10),
        did("login_success", at("00:01", "2026-03-12"), GUESSED),
        *burst("file_download", SPITEFUL, files(f"{SPITEFUL['name']} a", 6), start=day_before(3, "23:00")),
        *burst("file_delete", SPITEFUL, files(f"{SPITEFUL['name']} a", 6), start=day_before(2, "22:00")),
        *burst("file_download", SPITEFUL, files(f"{SPITEFUL['name']} b", 4), start=day_before(2, "22:30")),
        *burst("file_delete", SPITEFUL, files(f"{SPITEFUL['name']} b", 4), start=day_before(1, "01:00")),
        did("dropbox_passwords_exported", day_before(1), GUEST),
    ],
    [
        did("file_delete", "09:59:59", LATE, assets=[file("late one")]),
        *burst("file_delete", MOVED, files(f"{MOVED['name']} before", 30), start="11:55"),
        *burst("file_delete", GROWING, files(f"{GROWING['name']} b", 60), start="23:50", every=10),
        *burst("file_delete", TWICE, files(f"{TWICE['name']} b", 60), start="15:00"),
    ],
    [
        *burst("file_delete", GROWING, files(f"{GROWING['name']} c", 60), start=at("00:05", NEXT_DAY), every=10),
        *burst("file_delete", OVERTAKEN, files(f"{OVERTAKEN['name']} b", 55), start="23:50", every=10),
    ],
    [
        did("dropbox_passwords_exported", at("10:00", NEXT_DAY), MUTED),
        *burst("file_edit", EDITOR, files(EDITOR, 25), start=at("09:00", NEXT_DAY)),
        *repeated("app_blocked_by_permissions", BLOCKED, 5, start=at("09:00", NEXT_DAY), every=151),
        did("login_success", at("11:00", NEXT_DAY), SLEEPER),
    ],
]  # fmt: skip

SETTINGS = [
    ("A18", "enabled", "false"),
    ("F01", "severity", "low"),
    ("F02", "threshold", "20"),
    ("G04", "window_minutes", "10"),
    ("A10", "baseline_days", "20"),
    ("E01", "window_minutes", "10"),
]


CONTRACT = {
    "valid_from": dt.date(2026, 1, 1), "seats": 120, "price_per_seat": "180.00", "price_cents": 18000,
    "currency": "EUR", "billing_period": "year", "renewal_date": dt.date(2026, 7, 9), "notice_days": 60,
}  # fmt: skip


class Alert(NamedTuple):
    alert_id: str
    severity: str
    occurred_at: Any
    first_at: Any
    last_at: Any
    event_count: int
    item_count: int
    raised_at: Any
    title: str


@pytest.fixture(scope="module")
def history(build_once: Any) -> Warehouse:
    def live_through(warehouse: Warehouse) -> None:
        log = RawLog(warehouse.path)
        warehouse.execute("create schema kept")
        for number, events in enumerate(LOADS, start=1):
            log.page("live", events)
            if number == len(LOADS):
                log.snapshot("alert_settings", moment("2026-03-11T00:00:00"), [
                    {"rule_id": rule, "setting": setting, "value": value} for rule, setting, value in SETTINGS
                ])  # fmt: skip
                log.snapshot("contracts", moment("2026-03-11T00:00:00"), [CONTRACT])
            log.load()
            warehouse.dbt("build", "--exclude-resource-type", "test", "unit_test")
            warehouse.execute(f"create table kept.load_{number} as from dropbox_audit.alerts")
        warehouse.dbt("build", "--exclude-resource-type", "test", "unit_test", "--full-refresh")
        warehouse.execute("create table kept.rebuilt as from dropbox_audit.alerts")

    built: Warehouse = build_once("alert-episodes", live_through)
    return built


def alerts(history: Warehouse, load: int, who: Person, rule: str = "F01") -> list[Alert]:
    return [
        Alert(*row)
        for row in history.rows(
            f"select {', '.join(Alert._fields)} from kept.load_{load} where user_id = ? and rule_id = ? "
            "order by occurred_at",
            who["id"],
            rule,
        )
    ]


def test_a_late_event_raises_its_alert_when_it_arrives(history: Warehouse) -> None:
    assert alerts(history, 1, LATE) == []
    (alert,) = alerts(history, 2, LATE)
    assert (alert.first_at, alert.occurred_at) == (at("09:59:59"), at("10:00:48"))
    assert alert.raised_at == moment("2026-09-21T00:10:00")


def test_a_late_event_that_moves_the_beginning_makes_no_other_alert(history: Warehouse) -> None:
    (before,) = alerts(history, 1, MOVED)
    (after,) = alerts(history, 2, MOVED)
    assert after.alert_id == before.alert_id
    assert (before.first_at, before.occurred_at) == (at("12:00"), at("12:08:10"))
    assert (after.first_at, after.occurred_at) == (at("11:55"), at("12:03:10"))
    assert (before.event_count, after.event_count) == (60, 90)


def test_an_alert_grows_over_loads_and_midnight(history: Warehouse) -> None:
    grown = [alerts(history, load, GROWING) for load in (1, 2, 3, 4)]
    assert [len(found) for found in grown] == [1, 1, 1, 1]
    assert len({found[0].alert_id for found in grown}) == 1
    assert [found[0].event_count for found in grown] == [found[0].item_count for found in grown] == [60, 120, 180, 180]
    assert [found[0].last_at for found in grown[:3]] == [at("23:49:50"), at("23:59:50"), at("00:14:50", NEXT_DAY)]
    assert {found[0].occurred_at for found in grown} == {at("23:48:10")}
    assert {found[0].raised_at for found in grown} == {moment("2026-09-21T00:05:00")}
    assert "180" in grown[2][0].title


def test_another_burst_hours_later_is_another_alert(history: Warehouse) -> None:
    (first,) = alerts(history, 1, TWICE)
    again, second = alerts(history, 2, TWICE)
    assert again == first
    assert second.alert_id != first.alert_id
    assert (second.first_at, second.event_count) == (at("15:00"), 60)


def test_events_late_by_a_day_join_the_alert_that_they_began(history: Warehouse) -> None:
    (before,) = alerts(history, 2, OVERTAKEN)
    (after,) = alerts(history, 3, OVERTAKEN)
    assert after.alert_id == before.alert_id
    assert (before.occurred_at, after.occurred_at) == (at("00:18:10", NEXT_DAY), at("23:58:10"))
    assert (before.event_count, after.event_count) == (60, 115)


def test_a_rule_that_is_switched_off_is_silent_about_the_past_too(history: Warehouse) -> None:
    assert [len(alerts(history, load, MUTED, "A18")) for load in (1, 3, 4)] == [1, 1, 0]


def test_a_severity_of_ones_own_is_final(history: Warehouse) -> None:
    assert [alerts(history, load, GUEST)[0].severity for load in (3, 4)] == ["high", "low"]


def test_own_thresholds_windows_and_baselines_hold(history: Warehouse) -> None:
    (edits,) = alerts(history, 4, EDITOR, "F02")
    assert (edits.occurred_at, edits.item_count) == (at("09:00:19", NEXT_DAY), 25)
    assert alerts(history, 4, BLOCKED, "G04") == []
    assert len(alerts(history, 4, SLEEPER, "A10")) == 1
    assert history.rows(
        "select rule_id, is_enabled, severity, threshold, window_minutes, baseline_days from dropbox_audit.alert_rules "
        "where rule_id in ('A10', 'A18', 'F01', 'F02', 'G04') order by 1"
    ) == [
        ("A10", True, "medium", 1, 1440, 20),
        ("A18", False, "high", 1, 60, None),
        ("F01", True, "low", 50, 60, 30),
        ("F02", True, "high", 20, 60, None),
        ("G04", True, "low", 5, 10, None),
    ]


def test_an_alert_that_comes_apart_under_other_settings_leaves_its_name_to_one_part(history: Warehouse) -> None:
    (whole,) = alerts(history, 3, TORN, "E01")
    first, second = alerts(history, 4, TORN, "E01")
    assert (whole.event_count, first.event_count, second.event_count) == (200, 100, 100)
    assert first.alert_id == whole.alert_id != second.alert_id


@pytest.mark.parametrize(("rule", "who"), [("A02", GUESSED), ("E05", SPITEFUL)])
def test_what_is_loaded_for_other_days_takes_nothing_from_an_alert(rule: str, who: Person, history: Warehouse) -> None:
    first = alerts(history, 1, who, rule)
    assert [alert.severity for alert in first] == [{"A02": "high", "E05": "critical"}[rule]]
    assert alerts(history, 2, who, rule) == first


def test_building_everything_anew_changes_no_alert(history: Warehouse) -> None:
    columns = "rule_id, user_id, title, evidence, " + ", ".join(name for name in Alert._fields if name != "title")
    kept, rebuilt = (
        history.rows(f"select {columns} from kept.{name} where rule_id not like 'I%' order by all")
        for name in ("load_4", "rebuilt")
    )
    assert rebuilt == kept
    assert len(kept) > 8


def test_a_renewal_in_a_hundred_and_twenty_days_is_no_reason_to_hurry(history: Warehouse) -> None:
    assert history.rows("select severity, item_count from dropbox_audit.alerts where rule_id = 'J05'") == [
        ("medium", 120)
    ]


def back_test(history: Warehouse, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    shutil.copyfile(history.path, folder / "dropbox.duckdb")
    return subprocess.run(
        [sys.executable, "-m", "dropbox_audit.cli", "alert", "backtest", *arguments],
        cwd=folder,
        env=clean_environment(folder / "home"),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_back_test_finds_what_was_raised_and_what_another_threshold_would_raise(
    history: Warehouse, tmp_path: Path
) -> None:
    raised = history.rows(
        "select occurred_at, item_count from dropbox_audit.alerts where rule_id = 'F01' order by 1, 2"
    )
    done = back_test(history, tmp_path, "--rule", "f01", "--since", "2026-03-01", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    episodes = [(moment(each["occurred_at"][:19]), each["item_count"]) for each in found["episodes"]]
    assert len(raised) > 4
    assert sorted(episodes) == raised
    assert found["raised"] == len(raised)
    done = back_test(history, tmp_path, "--rule", "F01", "--set", "threshold=100", "--since", "2026-03-01")
    assert done.returncode == 0, done.stderr
    over = [count for _, count in raised if count >= 100]
    assert 0 < len(over) < len(raised)
    assert f"with threshold=100:\n{len(over)} alert" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--rule", "F99"], "'F99' is no rule"),
        (["--rule", "E03"], "it looks at other alerts"),
        (["--rule", "H08"], "it takes what other rules leave"),
        (["--rule", "F01", "--set", "treshold=2"], "did you mean threshold?"),
        (["--rule", "F01", "--set", "threshold"], "write it like threshold=50"),
        (["--rule", "F01", "--set", "window_minutes=1441"], "no whole number from 1 to 1440"),
        (["--rule", "F01", "--since", "yesterday"], "is not a time"),
    ],
)
def test_a_back_test_that_cannot_be_is_told(
    arguments: list[str], sentence: str, history: Warehouse, tmp_path: Path
) -> None:
    done = back_test(history, tmp_path, *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
