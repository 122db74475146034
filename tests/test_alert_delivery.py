"""Alerts are delivered once, to those who want them, whatever breaks in between; and what strangers wrote does no harm.

The views are stood in for by tables with their columns: what raises an alert is tested with the SQL.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest
import requests
from dropbox_audit import run as run_module
from dropbox_audit.alerts import deliver as delivering
from dropbox_audit.alerts.deliver import AlertsNotDelivered, RouteResult, deliver, is_due
from dropbox_audit.alerts.ledger import Waiting
from dropbox_audit.alerts.message import harmless
from dropbox_audit.alerts.routes import RoutesError, read_routes
from dropbox_audit.errors import ConfigurationError, Stopped
from dropbox_audit.load import Loader
from dropbox_audit.run import keep_running, load_once, run_once
from dropbox_audit.screen import status_screen
from dropbox_audit.status import read_status
from receivers import Mailbox, Web, mail_server, web_server
from support import NOON, VirtualClock, Workspace, entered, for_simulator, make_event

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
VARIABLE = "SOURCES__DROPBOX_AUDIT__ALERT_ROUTES"
TOKEN = "s3cretTokenOfTheRoute42"  # pragma: allowlist secret
COLUMNS = """
    alert_id varchar, rule_id varchar, rule_name varchar, severity varchar, title varchar, occurred_at timestamptz,
    occurred_on date, first_at timestamptz, last_at timestamptz, user_id varchar, user_email varchar, subject varchar,
    event_count bigint, item_count bigint, evidence varchar, runbook varchar, raised_at timestamptz
"""


@dataclass
class Place:
    """A loaded warehouse, and time."""

    workspace: Workspace
    url: str
    clock: VirtualClock
    patch: pytest.MonkeyPatch

    def loader(self, **options: Any) -> Loader:
        """As a new process would make it."""
        return self.workspace.loader(self.url, clock=self.clock, **options)

    def load(self) -> None:
        loader = self.loader()
        with loader.alone():
            load_once(loader)

    def routes(self, **routes: dict[str, str]) -> None:
        self.patch.setenv(VARIABLE, json.dumps(routes))

    def raise_alert(self, alert_id: str, *, ago: timedelta = MINUTE, **changes: Any) -> None:
        """Put an alert into the view, or change the one that is there."""
        at = self.clock.now() - ago
        row = {
            "alert_id": alert_id,
            "rule_id": "F01",
            "rule_name": "Mass deletion",
            "severity": "high",
            "title": f"Alert {alert_id}",
            "occurred_at": at,
            "occurred_on": at.date(),
            "first_at": at,
            "last_at": at,
            "user_id": None,
            "user_email": "jo@acme.example",
            "subject": None,
            "event_count": 12,
            "item_count": 9,
            "evidence": json.dumps({"event_ids": [f"{n:032x}" for n in range(12)], "event_count": 12, "threshold": 5}),
            "runbook": "Ask Jo; https://wiki.acme.example/runbook",
            "raised_at": at,
            **changes,
        }
        with duckdb.connect(str(self.workspace.path)) as connection:
            connection.execute("delete from dropbox_audit.alerts where alert_id = ?", [alert_id])
            connection.execute(
                f"insert into dropbox_audit.alerts values ({', '.join('?' * len(row))})", [*row.values()]
            )

    def go_on(self, alert_id: str, **changes: Any) -> None:
        """What happens to an alert in the view while its episode goes on."""
        sets = ", ".join(f"{name} = ?" for name in changes)
        with duckdb.connect(str(self.workspace.path)) as connection:
            connection.execute(
                f"update dropbox_audit.alerts set {sets} where alert_id = ?", [*changes.values(), alert_id]
            )

    def deliver(self, **options: Any) -> dict[str, RouteResult]:
        loader = self.loader(**options)
        with loader.alone():
            return {result.route: result for result in deliver(loader, "run-1")}

    def ledger(self) -> list[tuple[Any, ...]]:
        return self.workspace.rows(
            "select alert_id, route, outcome, attempt from dropbox_raw.alert_deliveries order by attempted_at, alert_id"
        )


def prepare(workspace: Workspace) -> None:
    with duckdb.connect(str(workspace.path)) as connection:
        connection.execute("create schema dropbox_audit")
        connection.execute(f"create table dropbox_audit.alerts ({COLUMNS})")
        connection.execute("create table dropbox_audit.alert_rules (rule_id varchar, why varchar)")
        connection.execute("insert into dropbox_audit.alert_rules values ('F01', 'It may be ransomware.')")


@pytest.fixture
def place(workspace: Workspace, clock: VirtualClock, serve: Any, monkeypatch: pytest.MonkeyPatch) -> Place:
    _, url = serve([make_event()])
    made = Place(workspace, url, clock, monkeypatch)
    monkeypatch.setattr(delivering, "is_transform_due", lambda _: False)
    made.load()
    prepare(workspace)
    return made


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as server:
        yield server


# -- routes -----------------------------------------------------------------------------------------------------------


def test_an_alert_goes_to_the_routes_that_take_its_severity_and_its_rule(place: Place, web: Web) -> None:
    place.routes(
        all={"url": f"json://{web.url}/all", "min_severity": "info", "digest": "off"},
        bad={"url": f"json://{web.url}/bad", "min_severity": "high"},
        access={"url": f"json://{web.url}/access", "rules": "A* B01 -A09", "digest": "off"},
    )
    for alert_id, rule_id, severity in (
        ("1", "A01", "critical"),
        ("2", "A09", "high"),
        ("3", "B01", "low"),
        ("4", "B02", "medium"),
        ("5", "I03", "info"),
    ):
        place.raise_alert(alert_id, rule_id=rule_id, severity=severity)
    results = place.deliver()
    assert web.titles("/all") == [
        "[CRITICAL] Alert 1",
        "[HIGH] Alert 2",
        "[MEDIUM] Alert 4",
        "[LOW] Alert 3",
        "[INFO] Alert 5",
    ]
    assert web.titles("/bad") == ["[CRITICAL] Alert 1", "[HIGH] Alert 2"]
    assert web.titles("/access") == ["[CRITICAL] Alert 1", "[LOW] Alert 3"]
    assert [results[name].delivered for name in ("all", "bad", "access")] == [5, 2, 2]
    assert len(place.ledger()) == 9
    assert not any(result.alerts for result in place.deliver().values()), "once"
    assert len(web.received) == 9


def test_a_message_says_what_happened_when_by_whom_and_what_to_do(place: Place, web: Web) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops"})
    evidence = {"event_ids": [f"id-{n}" for n in range(12)], "threshold": 5, "ip_address": "192.0.2.7", "app": None}
    place.raise_alert(
        "1",
        title="Jo deleted 9 files",
        subject="dbid:AAjo > Contracts > dbid:AAann",
        evidence=json.dumps(evidence),
        first_at=NOON - 2 * HOUR,
    )
    place.deliver()
    [(_, sent)] = web.received
    assert sent["title"] == "[HIGH] Jo deleted 9 files"
    assert sent["type"] == "failure"
    assert sent["message"].splitlines() == [
        "Mass deletion (F01), high",
        "When: 2026-11-01 10:00 to 11:59 UTC",
        "Who: jo@acme.example",
        "About: Contracts",
        "Count: 12 events, 9 counted, threshold 5",
        "From: 192.0.2.7",
        "Why: It may be ransomware.",
        "What to do: Ask Jo; https://wiki.acme.example/runbook",
        "Events: id-0, id-1, id-2, id-3, id-4 and 7 more",
        "Alert: 1",
    ]


def test_a_mail_arrives(place: Place, mailbox: Mailbox) -> None:
    place.routes(mail={"url": f"mailto://{mailbox.address}?from=audit@acme.example&to=sec@acme.example&mode=insecure"})
    place.raise_alert("1", title="A file called <b>x</b> & more")
    place.deliver()
    [mail] = mailbox.mails
    assert mail["subject"] == "[HIGH] A file called \u2039b\u203ax\u2039/b\u203a & more"
    assert "sec@acme.example" in mail["to"]
    assert "Who: jo@acme.example" in mailbox.texts()[0]
    mailbox.refuses = True
    place.raise_alert("2")
    assert place.deliver()["mail"].failed == 1


def test_routes_may_stand_in_files_and_in_variables_of_their_own(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = workspace.folder / ".dlt"
    folder.mkdir()
    head = "[sources.dropbox_audit.alert_routes."
    (folder / "config.toml").write_text(f'{head}security]\nrules = ["A*", "B01"]\nquiet = "1h"\n')
    (folder / "secrets.toml").write_text(f'{head}security]\nurl = "json://localhost/a"\nquiet = "2h"\n')
    (folder / "secrets.toml").chmod(0o600)
    monkeypatch.setenv(f"{VARIABLE}__OPS__URL", "json://localhost/b")
    monkeypatch.setenv(f"{VARIABLE}__SECURITY__MIN_SEVERITY", "High")
    with entered(workspace, monkeypatch):
        monkeypatch.setenv(f"{VARIABLE}__OPS__URL", "json://localhost/b")
        monkeypatch.setenv(f"{VARIABLE}__SECURITY__MIN_SEVERITY", "High")
        ops, security = read_routes().usable
    assert (ops.name, ops.url, ops.min_severity, ops.rules, ops.quiet) == (
        "ops", "json://localhost/b", "low", ("*",), 4 * HOUR,
    )  # fmt: skip
    assert (security.url, security.rules, security.min_severity) == ("json://localhost/a", ("A*", "B01"), "high")
    assert security.quiet == 2 * HOUR


@pytest.mark.parametrize(
    ("route", "told"),
    [
        ({}, "has no usable url: write an address of Apprise's"),
        ({"url": TOKEN}, "has no usable url"),
        ({"url": f"nonsense://{TOKEN}"}, "has a url that Apprise cannot use"),
        ({"url": f"json://localhost/{TOKEN}", "severity": "high"}, "'severity' is unknown: write url, min_severity"),
        ({"url": f"json://localhost/{TOKEN}", "min_severity": "urgent"}, "min_severity 'urgent' is unknown"),
        ({"url": f"json://localhost/{TOKEN}", "rules": "A* !"}, "rules '!' names no rule"),
        ({"url": f"json://localhost/{TOKEN}", "digest": "daily"}, "digest = 'daily' is not a duration"),
        ({"url": f"json://localhost/{TOKEN}", "quiet": "-1h"}, "quiet = '-1h' is not a duration"),
    ],
)
def test_a_route_that_cannot_be_used_is_told_by_name_and_keeps_no_other_from_being_used(
    route: dict[str, str], told: str, place: Place, web: Web
) -> None:
    place.routes(broken=route, good={"url": f"json://{web.url}/good"})
    place.raise_alert("1")
    with pytest.raises(RoutesError) as caught:
        place.deliver()
    assert told in str(caught.value)
    assert "broken" in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert caught.value.exit_code == 2
    assert web.titles("/good") == ["[HIGH] Alert 1"]


@pytest.mark.parametrize("value", [f'{{"a": "json://{TOKEN}"}}', f"json://{TOKEN}", f'["{TOKEN}"]'])
def test_routes_that_are_no_table_are_told_without_being_said(value: str, place: Place) -> None:
    place.patch.setenv(VARIABLE, value)
    with pytest.raises(RoutesError, match="alert_routes is no") as caught:
        place.deliver()
    assert TOKEN not in str(caught.value)


# -- once, and not too often ------------------------------------------------------------------------------------------


def test_low_alerts_are_gathered_into_one_message_per_period(place: Place, web: Web) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops", "min_severity": "info", "digest": "24h"})
    place.raise_alert("1", severity="low")
    place.raise_alert("2", severity="info")
    place.raise_alert("3", severity="medium")
    result = place.deliver()["ops"]
    assert web.titles("/ops") == ["[MEDIUM] Alert 3", "[LOW] 2 minor alerts since the last digest"]
    assert "2026-11-01 11:59 [LOW] Alert 1 (F01)" in web.received[1][1]["message"].splitlines()
    assert (result.delivered, result.grouped) == (1, 2)
    for hours in range(1, 24):
        place.clock.advance(3600)
        place.raise_alert(f"later {hours}", severity="low")
        assert place.deliver()["ops"].waiting == hours
    assert len(web.received) == 2
    place.clock.advance(3600)
    assert place.deliver()["ops"].grouped == 23
    assert web.titles("/ops")[2:] == ["[LOW] 23 minor alerts since the last digest"]
    assert sorted(set(place.ledger()), key=str)[-1] == ("later 9", "ops", "grouped", 1)
    place.clock.advance(24 * 3600)
    assert place.deliver()["ops"].grouped == 0, "nothing new, no message"
    assert len(web.received) == 3


def test_an_alert_that_goes_on_is_sent_again_after_the_quiet_time_and_a_worse_one_at_once(
    place: Place, web: Web
) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops", "quiet": "4h"})
    place.raise_alert("1", severity="medium")
    place.deliver()
    place.clock.advance(2 * 3600)
    place.go_on("1", last_at=place.clock.now(), event_count=40)
    assert place.deliver()["ops"].waiting == 1
    place.clock.advance(2 * 3600)
    assert place.deliver()["ops"].delivered == 1
    assert web.titles("/ops") == ["[MEDIUM] Alert 1", "[MEDIUM] Update: Alert 1"]
    assert "Count: 40 events" in web.received[1][1]["message"]
    place.clock.advance(5 * 3600)
    assert place.deliver()["ops"].delivered == 0, "it has not gone on"
    place.go_on("1", severity="critical")
    assert place.deliver()["ops"].delivered == 1
    assert web.titles("/ops")[2:] == ["[CRITICAL] Update: Alert 1"]


def test_a_state_that_goes_on_is_told_once(place: Place, web: Web) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops"})
    evidence = json.dumps({"event_ids": [], "counted": "state", "threshold": 90})
    place.raise_alert("idle seats", event_count=0, item_count=7, user_email=None, evidence=evidence)
    for _ in range(10):
        place.deliver()
        place.clock.advance(3600)
        place.go_on("idle seats", last_at=place.clock.now())
    [(_, sent)] = web.received
    assert sent["message"].splitlines() == [
        "Mass deletion (F01), high",
        "When: 2026-11-01 11:59 UTC",
        "Count: 7 counted, threshold 90",
        "Why: It may be ransomware.",
        "What to do: Ask Jo; https://wiki.acme.example/runbook",
        "Alert: idle seats",
    ]


def test_an_episode_that_began_long_ago_is_still_updated(place: Place, web: Web) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops"})
    place.raise_alert("1")
    place.deliver()
    for _ in range(3):
        place.clock.advance(24 * 3600)
        place.go_on("1", last_at=place.clock.now())
        assert place.deliver()["ops"].delivered == 1
    assert len(web.received) == 4


def test_many_at_a_time_are_ten_messages_and_one(place: Place, web: Web) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops"})
    for number in range(70):
        place.raise_alert(f"{number:02}", severity="critical" if number == 69 else "medium")
    result = place.deliver()["ops"]
    assert (result.delivered, result.grouped) == (10, 60)
    assert web.titles("/ops")[0] == "[CRITICAL] Alert 69"
    assert web.titles("/ops")[10:] == ["[MEDIUM] 60 more alerts"]
    assert web.received[-1][1]["message"].endswith("... and 20 more")
    assert len(place.ledger()) == 70


# -- first look, second machine, backup -------------------------------------------------------------------------------


def test_a_first_look_at_a_long_history_delivers_the_last_day_only_and_notes_nothing_of_the_rest(
    place: Place, web: Web
) -> None:
    with duckdb.connect(str(place.workspace.path)) as connection:
        connection.execute(
            """
            insert into dropbox_audit.alerts
            select
                'old ' || n, 'F01', 'Mass deletion', 'high', 'Old', moment, moment::date, moment, moment,
                null, null, null, 1, 1, '{}', '', moment
            from (
                select n, timestamptz '2026-10-31 11:59:59+00' - n * interval 1 minute as moment
                from range(10000) as numbers(n)
            )
            """
        )
    place.raise_alert("young", ago=timedelta(hours=23, minutes=59))
    place.routes(ops={"url": f"json://{web.url}/ops"})
    place.deliver()
    assert web.titles("/ops") == ["[HIGH] Alert young"]
    assert place.ledger() == [("young", "ops", "delivered", 1)]
    for _ in range(3):
        place.clock.advance(3600)
        place.deliver()
    assert len(web.received) == 1
    assert len(place.ledger()) == 1


def test_what_was_raised_while_nothing_ran_for_a_week_is_delivered_and_a_late_event_too(place: Place, web: Web) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops"})
    place.deliver()
    place.clock.advance(7 * 24 * 3600)
    place.raise_alert("in between", ago=timedelta(days=5))
    place.raise_alert("late", ago=timedelta(days=7, hours=20))
    place.raise_alert("before", ago=timedelta(days=8, hours=1))
    place.deliver()
    assert web.titles("/ops") == ["[HIGH] Alert late", "[HIGH] Alert in between"]


@pytest.mark.parametrize("trouble", ["the log cannot be read", "the views cannot be built", "none"])
def test_news_of_days_in_which_something_was_broken_is_delivered_and_old_history_is_not(
    trouble: str, place: Place, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops"})
    place.deliver()
    monkeypatch.setattr(delivering, "is_transform_due", lambda _: "views" in trouble)
    for _ in range(3):
        place.clock.advance(24 * 3600)
        if "log" not in trouble:
            place.load()
        place.deliver()
    monkeypatch.setattr(delivering, "is_transform_due", lambda _: False)
    place.load()
    place.raise_alert("of the second day", ago=timedelta(days=2))
    place.raise_alert("of last year", ago=timedelta(days=400))
    place.deliver()
    assert web.titles("/ops") == ([] if trouble == "none" else ["[HIGH] Alert of the second day"])
    place.clock.advance(MINUTE.total_seconds())
    place.raise_alert("of now")
    place.deliver()
    assert web.titles("/ops")[-1] == "[HIGH] Alert of now"


def test_another_machine_goes_on_where_the_first_one_ended(place: Place, web: Web) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops", "min_severity": "info"})
    for number in range(5):
        place.raise_alert(str(number))
    place.raise_alert("low", severity="low")
    place.deliver()
    place.workspace.forget_home()
    place.clock.advance(6 * 3600)
    place.raise_alert("new")
    place.raise_alert("new and low", severity="low")
    assert place.deliver()["ops"].delivered == 1
    assert web.titles("/ops")[6:] == ["[HIGH] Alert new"], "and the digest is not due yet"


def test_another_machine_after_a_week_misses_nothing(place: Place, web: Web) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops"})
    place.deliver()
    place.workspace.forget_home()
    place.clock.advance(7 * 24 * 3600)
    place.raise_alert("in between", ago=timedelta(days=5))
    place.deliver()
    assert web.titles("/ops") == ["[HIGH] Alert in between"]


def test_a_route_that_is_new_gets_what_is_young(place: Place, web: Web) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops"})
    place.raise_alert("1")
    place.deliver()
    place.clock.advance(23 * 3600)
    place.raise_alert("2", ago=HOUR)
    place.routes(ops={"url": f"json://{web.url}/ops"}, more={"url": f"json://{web.url}/more"})
    place.deliver()
    assert web.titles("/ops") == ["[HIGH] Alert 1", "[HIGH] Alert 2"]
    assert web.titles("/more") == ["[HIGH] Alert 1", "[HIGH] Alert 2"]


# -- failures ---------------------------------------------------------------------------------------------------------


def test_what_a_target_does_not_take_is_tried_again_less_and_less_often_until_it_does(place: Place, web: Web) -> None:
    place.routes(down={"url": f"json://{web.url}/down"}, up={"url": f"json://{web.url}/up"})
    web.answer = lambda path, _: 500 if path == "/down" else 200
    place.raise_alert("1")
    result = place.deliver()["down"]
    assert (result.failed, result.waiting) == (1, 0)
    assert result.error is not None
    assert "500" in result.error
    tries = []
    for minute in range(1, 250):
        place.clock.advance(60)
        before = len(web.titles("/down"))
        if is_due(place.loader(), has_built=False):
            place.deliver()
        if len(web.titles("/down")) > before:
            tries.append(minute)
    assert tries == [1, 3, 7, 15, 31, 63, 123, 183, 243]
    assert web.titles("/up") == ["[HIGH] Alert 1"]
    status = read_status(place.loader(), place.clock)
    assert status.alerts == [
        {"route": "down", "pending": 1, "failed": 1, "error": result.error},
        {"route": "up", "pending": 0, "failed": 0, "error": None},
    ]
    assert "down: 1 pending, 1 failed" in status_screen(status)
    web.answer = lambda *_: 200
    place.clock.advance(3600)
    assert place.deliver()["down"].delivered == 1
    assert place.ledger()[-1] == ("1", "down", "delivered", 11)
    status = read_status(place.loader(), place.clock)
    assert status.alerts is not None
    assert [(route["pending"], route["failed"]) for route in status.alerts] == [(0, 0), (0, 0)]


def test_a_target_that_is_down_for_days_gets_everything_afterwards_and_costs_few_rows(place: Place, web: Web) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops", "min_severity": "info"})
    web.answer = lambda *_: 503
    for number in range(40):
        place.raise_alert(f"{number:02}", severity="low" if number % 2 else "high")
    for _ in range(10):
        place.deliver()
        place.clock.advance(6 * 3600)
    assert len(place.ledger()) <= 10 * 2
    web.answer = lambda *_: 200
    place.deliver()
    place.clock.advance(3600)
    place.deliver()
    delivered = {row[0] for row in place.ledger() if row[2] in {"delivered", "grouped"}}
    assert delivered == {f"{number:02}" for number in range(40)}


def test_an_alert_that_a_target_never_takes_holds_up_no_other(place: Place, web: Web) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops"})
    web.answer = lambda _, body: 400 if "poison" in body["title"] else 200
    for name in ("poison 1", "poison 2", "poison 3"):
        place.raise_alert(name, severity="critical")
    place.raise_alert("fine")
    for _ in range(3):
        place.clock.advance(60)
        place.deliver()
    assert "[HIGH] Alert fine" in web.titles("/ops")


@pytest.mark.parametrize("place_of_crash", ["before it is written down", "before it is loaded"])
def test_a_crash_loses_no_alert_and_repeats_one_at_most(
    place_of_crash: str, place: Place, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops"})
    for number in range(3):
        place.raise_alert(str(number))

    def crash(*_: Any, **__: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(Waiting, "add", crash) if "written" in place_of_crash else patch.setattr(Loader, "commit", crash)
        with pytest.raises(MemoryError):
            place.deliver()
    place.deliver()
    repeated = ["[HIGH] Alert 0"] if "written" in place_of_crash else []
    assert web.titles("/ops") == repeated + [f"[HIGH] Alert {number}" for number in range(3)]
    assert {row[0] for row in place.ledger()} == {"0", "1", "2"}
    assert not Waiting(place.loader().folder).has_any


def test_a_torn_line_costs_only_itself(place: Place) -> None:
    place.routes(ops={"url": "json://127.0.0.1:9/ops"})
    place.raise_alert("1")
    loader = place.loader()
    waiting = Waiting(loader.folder)
    with loader.alone():
        plan = delivering.look(loader, read_routes().usable).plans[0]
    attempt = delivering.Attempt.of(
        plan.single[0].alert, route="ops", outcome="delivered", attempt=1, attempted_at=place.clock.now()
    )
    waiting.add([attempt])
    with (loader.folder / "alert_deliveries.jsonl").open("ab") as file:
        file.write(b'{"route": "ops", "outc')
    waiting.add([attempt])
    assert waiting.read() == [attempt, attempt]


def test_killed_while_the_target_takes_an_alert_it_is_sent_again(serve: Any, outside: Workspace, web: Web) -> None:
    _, url = serve([make_event()])
    environment = {
        **for_simulator(url),
        VARIABLE: json.dumps({"ops": {"url": f"json://{web.url}/ops"}}),
    }
    assert outside.run("load", **environment).returncode == 0
    prepare(outside)
    Place(outside, url, VirtualClock(datetime.now(NOON.tzinfo)), pytest.MonkeyPatch()).raise_alert("1")
    process = outside.start("alert", **environment)

    def kill(*_: Any) -> int:
        os.kill(process.pid, signal.SIGKILL)
        return 200

    web.answer = kill
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    web.answer = lambda *_: 200
    done = outside.run("alert", **environment)
    assert (done.returncode, done.stdout) == (0, "Alerts to ops: 1 delivered.\n")
    assert web.titles("/ops") == ["[HIGH] Alert 1"] * 2
    assert outside.run("alert", **environment).stdout == "Alerts to ops: nothing new.\n"


# -- as a part of a run -----------------------------------------------------------------------------------------------


@pytest.fixture
def without_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """The views are tables here, and nothing builds them."""
    monkeypatch.setattr(run_module, "is_due", lambda _: False)


def run(place: Place, **options: Any) -> Any:
    loader = place.loader(**options)
    with loader.alone():
        return run_once(loader)


@pytest.mark.usefixtures("without_views")
def test_a_run_delivers_and_fails_for_it_only_when_all_else_is_done(place: Place, web: Web) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops"})
    place.raise_alert("1")
    web.answer = lambda *_: 500
    loader, results = place.loader(), []
    with loader.alone(), pytest.raises(AlertsNotDelivered, match="1 alert was not taken by the route ops") as caught:
        run_once(loader, results.append)
    assert caught.value.exit_code == 1
    [result] = results
    assert (result.load.outcome, result.load.error) == ("failed", str(caught.value))
    assert [(route.delivered, route.failed) for route in result.alerts] == [(0, 1)]
    web.answer = lambda *_: 200
    place.clock.advance(120)
    result = run(place)
    assert (result.load.outcome, [route.delivered for route in result.alerts]) == ("nothing_new", [1])


@pytest.mark.usefixtures("without_views")
def test_a_quiet_run_asks_nothing_until_an_hour_has_passed(
    place: Place, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Any] = []
    look = delivering.look
    monkeypatch.setattr(delivering, "look", lambda *arguments: looks.append(arguments) or look(*arguments))
    run(place)
    assert not looks, "without a route there is nothing to look for"
    place.routes(ops={"url": f"json://{web.url}/ops"})
    run(place)
    assert len(looks) == 1
    for _ in range(11):
        place.clock.advance(300)
        run(place)
    assert len(looks) == 1
    place.clock.advance(300)
    run(place)
    assert len(looks) == 2
    assert is_due(place.loader(), has_built=True), "new events are looked at at once"


@pytest.mark.usefixtures("without_views")
def test_where_nothing_can_be_loaded_alerts_are_delivered_all_the_same(place: Place, web: Web, serve: Any) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops"})
    place.raise_alert("stale", rule_id="I01")
    with pytest.raises(ConfigurationError, match="token"):
        run(place, access_token="sl.revoked")  # pragma: allowlist secret
    assert web.titles("/ops") == ["[HIGH] Alert stale"]


@pytest.mark.usefixtures("without_views")
def test_a_wrong_route_is_told_and_ends_no_standing_run(place: Place) -> None:
    place.routes(broken={"url": "nowhere"})
    loader, told = place.loader(), []

    def once() -> None:
        if len(told) == 2:
            loader.stop.set()
        run_once(loader)

    with loader.alone():
        keep_running(loader, 60, once, failed=told.append)
    assert [type(error) for error in told] == [RoutesError] * len(told)
    assert len(told) >= 2


def test_a_signal_does_not_wait_for_a_target_that_hangs(loaded: Any, web: Web) -> None:
    workspace, environment, place = loaded
    place.raise_alert("1")
    over = threading.Event()
    web.answer = lambda *_: 200 if over.wait(60) else 500
    process = workspace.start(
        "alert", **environment, **{VARIABLE: json.dumps({"ops": {"url": f"json://{web.url}/ops"}})}
    )
    web.asked.wait(60)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=15)
    over.set()
    assert process.returncode == 128 + signal.SIGTERM
    assert "stopped while delivering alerts" in stderr


def test_a_signal_between_two_alerts_leaves_the_second_for_the_next_run(place: Place, web: Web) -> None:
    place.routes(ops={"url": f"json://{web.url}/ops"})
    for number in range(3):
        place.raise_alert(str(number))
    stop = threading.Event()

    def answer(*_: Any) -> int:
        stop.set()
        return 200

    web.answer = answer
    with pytest.raises(Stopped):
        place.deliver(stop=stop)
    assert place.ledger() == [("0", "ops", "delivered", 1)], "what was sent by then is known"
    web.answer = lambda *_: 200
    place.deliver()
    assert web.titles("/ops") == [f"[HIGH] Alert {number}" for number in range(3)]


# -- strangers' texts -------------------------------------------------------------------------------------------------

NASTY = (
    "a\x1b[31m\u202egnp\r\nBcc: x@evil.example <!channel> <@U123> @everyone @here <https://evil.example|login> "
    "[click](https://evil.example) <script>alert(1)</script> www.evil.example @admin *bold* `code` &amp;"
)
HARMS = ("<!channel", "<@U", "@everyone", "@here", "@admin", "https://evil", "](http", "<script", "www.evil")


def test_a_strangers_text_calls_nobody_and_links_nowhere(place: Place, web: Web, mailbox: Mailbox) -> None:
    # Slack's own plugin, pointed at this machine, would need its real address: Mattermost's speaks the same dialect.
    place.routes(
        json={"url": f"json://{web.url}/json"},
        mattermost={"url": f"mmost://{web.url}/{TOKEN}"},
        mail={"url": f"mailto://{mailbox.address}?from=audit@acme.example&to=sec@acme.example&mode=insecure"},
    )
    place.raise_alert(
        "1", title=NASTY, subject=NASTY, user_email=NASTY, evidence=json.dumps({"asset": NASTY, "event_ids": [NASTY]})
    )
    place.deliver()
    texts = [json.dumps(body, ensure_ascii=False) for _, body in web.received]
    texts += [str(mail["subject"]) + mail.get_body(("plain",)).get_content() for mail in mailbox.mails if mail]
    assert len(texts) == 3
    ours = "https://wiki.acme.example/runbook"
    for text in (text.replace(ours, "").replace(TOKEN, "").replace("\r", "") for text in texts):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)
        assert [harm for harm in HARMS if harm in text] == []
    assert all(mail["bcc"] is None for mail in mailbox.mails)
    [title] = web.titles("/json")
    assert len(title) <= 160


@pytest.mark.parametrize(
    "address",
    [
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#alerts",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#alerts?blocks=yes",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "workflows://prod-1.example/workflowid1234/signature567890",
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
        "gchat://workspace/key1234567890/token1234567890",
        "wxteams://abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz12",
        "ntfys://topic?format=markdown",
        "pagerduty://ABCDEFGHIJKLMNOPQRSTUVWXYZ123456@ABCDEFGHIJKLMNOP",
    ],
)
def test_a_strangers_text_is_as_harmless_in_each_targets_own_dialect(
    address: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def request(_self: Any, method: str, url: str, **given: Any) -> requests.Response:
        payload = given.get("json") or given.get("data") or ""
        if "scalevector" not in url:
            # dlt's telemetry runs in this process before the product is asked for anything.
            sent.append(payload if isinstance(payload, str) else json.dumps(payload))
        response = requests.Response()
        response.status_code, response._content = 200, b"ok" if "slack" in url else b'{"ok": true}'
        return response

    monkeypatch.setattr(requests.Session, "request", request)
    place.routes(target={"url": address})
    place.raise_alert("1", title=NASTY, subject=NASTY, user_email=NASTY)
    assert place.deliver()["target"].delivered == 1
    [text] = sent
    assert "Mass deletion" in text.replace("\\", "")
    text = text.replace("https://wiki.acme.example/runbook", "")
    assert [harm for harm in HARMS if harm in text] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jo@acme.example", "jo@acme.example"),
        ("jo.b+x@channel-partners.example", "jo.b+x(at)channel-partners.example"),
        ("report (final) v1.2 - 100 %.pdf", "report (final) v1.2 - 100 %.pdf"),
        ("HTTP://x.example", "HTTP[:]//x.example"),
        ("a\nb\tc", "a b c"),
        ("x" * 300, "x" * 199 + "…"),
        ("", ""),
    ],
)
def test_a_plain_name_stays_as_it_is(text: str, said: str) -> None:
    assert harmless(text) == said


# -- commands ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def loaded(serve: Any, outside: Workspace) -> tuple[Workspace, dict[str, str], Place]:
    _, url = serve([make_event()])
    environment = for_simulator(url)
    assert outside.run("load", **environment).returncode == 0
    prepare(outside)
    clock = VirtualClock(datetime.now(NOON.tzinfo))
    return outside, environment, Place(outside, url, clock, pytest.MonkeyPatch())


def test_a_dry_run_shows_what_would_go_where_and_sends_nothing(loaded: Any, web: Web) -> None:
    workspace, environment, place = loaded
    routes = {
        "security": {"url": f"json://{web.url}/{TOKEN}", "min_severity": "high", "rules": "F*"},
        "everybody": {"url": f"json://{web.url}/{TOKEN}"},
    }
    for number in range(14):
        place.raise_alert(
            f"{number}", title=f"A title that is rather long, with a \x1b[31mcolour {number} " + "x" * 200
        )
    place.raise_alert("low", severity="low", title="Small")
    shown = workspace.run("alert", "--dry-run", **environment, **{VARIABLE: json.dumps(routes)})
    assert (shown.returncode, shown.stderr) == (0, "")
    assert max(len(line) for line in shown.stdout.splitlines()) <= 80
    assert "Route security: rules F*, high and worse" in shown.stdout
    assert "now, all in one message" in shown.stdout
    assert "now, as the digest" in shown.stdout
    assert "\x1b" not in shown.stdout
    as_json = workspace.run("alert", "--dry-run", "--json", **environment, **{VARIABLE: json.dumps(routes)})
    everybody, security = json.loads(as_json.stdout)["routes"]
    assert (len(security["now"]), len(security["together"]), security["digest"]) == (10, 4, [])
    assert [alert["title"] for alert in everybody["digest"]] == ["Small"]
    assert web.received == []
    assert workspace.rows("select count(*) from dropbox_raw.alert_deliveries") == [(0,)]


def test_without_a_route_a_dry_run_shows_the_new_alerts_and_how_to_name_one(loaded: Any) -> None:
    workspace, environment, place = loaded
    place.raise_alert("1", severity="info", title="Small but new")
    shown = workspace.run("alert", "--dry-run", **environment)
    assert shown.returncode == 0
    assert "Small but new" in shown.stdout
    assert "[sources.dropbox_audit.alert_routes.security]" in shown.stdout
    assert max(len(line) for line in shown.stdout.splitlines()) <= 80
    refused = workspace.run("alert", **environment)
    assert refused.returncode == 2
    assert "No alert route is configured" in refused.stderr


def test_a_sample_goes_through_the_routes_that_take_its_rule(loaded: Any, web: Web) -> None:
    workspace, environment, _ = loaded
    routes = {
        "files": {"url": f"json://{web.url}/files", "rules": "F*"},
        "access": {"url": f"json://{web.url}/access", "rules": "A*"},
        "worst": {"url": f"json://{web.url}/worst", "min_severity": "critical"},
    }
    environment |= {VARIABLE: json.dumps(routes)}
    done = workspace.run("alert", "test", "f01", **environment)
    assert (done.returncode, done.stdout) == (0, "The route files has taken it.\n")
    [(_, sent)] = web.received
    assert "Test, nothing has happened: " in sent["title"]
    assert "{" not in sent["title"] + sent["message"]
    assert "What to do: " in sent["message"]
    web.answer = lambda *_: 500
    done = workspace.run("alert", "test", "F01", "--route", "worst", **environment)
    assert done.returncode == 1
    assert "The route worst has not taken it" in done.stderr
    for arguments, said in (
        (("Z99",), "'Z99' is no rule"),
        (("F01", "--route", "nobody"), "No alert route is called nobody; configured: access, files, worst"),
    ):
        done = workspace.run("alert", "test", *arguments, **environment)
        assert done.returncode == 2
        assert said in done.stderr
    assert workspace.rows("select count(*) from dropbox_raw.alert_deliveries") == [(0,)]


def test_every_packaged_rule_has_a_sample_that_reads_well() -> None:
    from dropbox_audit.alert_settings import packaged_rules
    from dropbox_audit.alerts.message import one
    from dropbox_audit.alerts.plan import Due
    from dropbox_audit.alerts.sample import sample_of

    rules = packaged_rules()
    assert len(rules) == 83
    for rule in rules.values():
        message = one(Due(sample_of(rule, NOON)), {rule["rule_id"]: rule["why"]})
        assert "{" not in message.title, message.title
        assert len(message.body) < 2000


def test_the_address_of_a_route_is_nowhere_whatever_becomes_of_it(loaded: Any, web: Web) -> None:
    workspace, environment, place = loaded
    routes = {
        "good": {"url": f"json://user:{TOKEN}@{web.url}/{TOKEN}"},
        "refusing": {"url": f"jsons://user:{TOKEN}@{web.url}/{TOKEN}"},
        "closed": {"url": f"json://127.0.0.1:9/{TOKEN}"},
        "nameless": {"url": f"slack://{TOKEN}"},
        "unknown": {"url": f"nonsense://{TOKEN}"},
        "wrong": {"url": f"json://localhost/{TOKEN}", "digest": TOKEN},
    }
    environment |= {VARIABLE: json.dumps(routes)}
    place.raise_alert("1")
    place.raise_alert("2", severity="low")
    shown = []
    for arguments in (
        ("alert",),
        ("alert", "--debug"),
        ("alert", "--json"),
        ("alert", "--dry-run"),
        ("alert", "test", "F01"),
        ("status",),
        ("status", "--json"),
    ):
        done = workspace.run(*arguments, **environment)
        shown += [done.stdout, done.stderr]
    assert any("1 delivered" in text for text in shown) or web.received
    assert not any(TOKEN in text for text in shown)
    files = [file for folder in (workspace.folder, workspace.home) for file in folder.rglob("*") if file.is_file()]
    assert workspace.path in files
    assert [file for file in files if TOKEN.encode() in file.read_bytes()] == []
    errors = workspace.rows("select distinct route, error from dropbox_raw.alert_deliveries where outcome = 'failed'")
    assert {route for route, _ in errors} >= {"closed"}
