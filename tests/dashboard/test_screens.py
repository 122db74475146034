"""Every page: it draws, its numbers are SQL's, what strangers wrote stays text, and trouble is told in plain words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from drawn import APP, PAGES, TEXT_ONLY, draw, elements, links
from dressedwarehouse import HOSTILE, RUNBOOK, rows
from dropbox_audit.dashboard import asking, sign_in
from dropbox_audit.warehouse import Target, duckdb_target

SINCE = (datetime.now(UTC) - timedelta(days=29)).date()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_draws_and_says_how_fresh_it_is(page: str, shown: Target) -> None:
    test = draw(page)
    assert not test.exception
    assert not test.error
    [(newest,)] = rows(shown, "select max(occurred_at) from dropbox_audit.events")
    [head, *_] = [caption.value for caption in test.caption]
    assert f"Newest event {newest:%d %b %Y, %H:%M}" in head
    assert "Dropbox last read" in head


def metrics(test: Any) -> dict[str, str]:
    return {metric.label: metric.value for metric in test.metric}


def test_the_overview_counts_what_sql_counts(shown: Target) -> None:
    found = metrics(draw("overview"))
    questions = {
        "Events": "select count(*) from dropbox_audit.events where occurred_on >= ?",
        "Active people": "select count(distinct actor_id) from dropbox_audit.events where occurred_on >= ?",
        "Deleted items": "select count(*) from dropbox_audit.deletes where occurred_on >= ?",
        "Public links": "select count(*) from dropbox_audit.shares where is_public_link and occurred_on >= ?",
        "Failed sign-ins": "select count(*) from dropbox_audit.events where event_type = 'login_fail' "
        "and occurred_on >= ?",
        "Alerts": "select count(*) from dropbox_audit.alerts where occurred_on >= ?",
    }
    expected = {name: f"{rows(shown, sql, SINCE)[0][0]:,}" for name, sql in questions.items()}
    assert {name: found[name] for name in expected} == expected


def test_the_days_of_a_page_come_from_its_address(shown: Target) -> None:
    day = SINCE + timedelta(days=9)
    found = metrics(draw("deletes", since=str(day), until=str(day + timedelta(days=2))))
    sql = "select count(*) from dropbox_audit.deletes where occurred_on between ? and ?"
    [(expected,)] = rows(shown, sql, day, day + timedelta(days=2))
    assert found["Deleted items"] == f"{expected:,}"
    assert metrics(draw("deletes", days="7")) != found


@pytest.mark.parametrize(
    ("page", "card", "view", "condition"),
    [
        ("deletes", 1, "deletes", "is_permanent"),
        ("shares", 0, "shares", "is_external"),
        ("logins", 1, "logins", "outcome = 'failure'"),
    ],
)
def test_a_number_links_to_its_events(page: str, card: int, view: str, condition: str, shown: Target) -> None:
    where = links(draw(page))["See events"][card]
    path, _, query = where.partition("?")
    assert path == "activity"
    test = draw("activity", **parse_qs(query))
    sql = f"select count(distinct event_id) from dropbox_audit.{view} where {condition} and occurred_on >= ?"
    assert f"**{rows(shown, sql, SINCE)[0][0]:,} events**" in [markdown.value for markdown in test.markdown]


@pytest.mark.parametrize("page", PAGES)
def test_what_strangers_wrote_is_never_markup(page: str, shown: Target) -> None:
    [(event_id, day)] = rows(
        shown,
        "select event_id, occurred_on from dropbox_audit.events where actor_name = ? "
        "order by occurred_at desc, event_id desc limit 1",
        HOSTILE,
    )
    opened = {"activity": {"event": event_id, "on": str(day)}, "alerts": {"alert": f"{0:032x}"}}.get(page, {})
    test = draw(page, **opened)
    assert not test.exception
    plain_text, marked_up = [], []
    for element in elements(test._tree):
        text = str(element.proto)
        (plain_text if element.type in TEXT_ONLY else marked_up).append(text)
    assert not [text for text in marked_up if "evil.example" in text or "onerror" in text]
    if page in {"activity", "alerts", "overview"}:
        shown_text = " ".join([*(element.value for element in test.text), *(str(f.value) for f in test.dataframe)])
        assert "onerror=alert(1)" in shown_text.replace("\n", " ") or any("onerror" in text for text in plain_text)


def test_a_name_cannot_turn_its_letters_around(shown: Target) -> None:
    [(name,)] = rows(shown, "select min(name) from dropbox_audit.event_assets where contains(name, chr(8238))")
    listed = list(draw("activity", item=name).dataframe[0].value["item"])
    assert name.replace("\u202e", "") in listed
    assert not [item for item in listed if "\u202e" in item]


def test_no_page_lets_text_become_markup() -> None:
    for path in APP.parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"unsafe_allow|st\.html|st\.write\(|components\.|st\.iframe|st\.latex", text), path.name


def test_an_alert_opens_with_evidence_runbook_and_its_events(shown: Target) -> None:
    test = draw("alerts", alert=f"{0:032x}")
    texts = [text.value for text in test.text]
    assert RUNBOOK in texts
    assert HOSTILE in texts
    [(event_id,)] = rows(
        shown, "select evidence ->> '$.event_ids[0]' from dropbox_audit.alerts where alert_id = ?", f"{0:032x}"
    )
    [where] = links(test)["See the 1 event of the evidence"]
    events = draw("activity", **parse_qs(where.partition("?")[2]))
    assert "**1 event**" in [markdown.value for markdown in events.markdown]
    assert links(events)
    assert parse_qs(where.partition("?")[2])["id"] == [event_id]


def test_an_alert_opens_from_its_address_whenever_it_was(shown: Target) -> None:
    test = draw("alerts", alert=f"{0:032x}", since="2020-01-01", until="2020-01-02")
    assert "No alert matches." in [caption.value for caption in test.caption]
    assert RUNBOOK in [text.value for text in test.text]


def test_the_number_of_a_severity_leads_to_its_alerts(shown: Target) -> None:
    [(high,)] = rows(shown, "select count(*) from dropbox_audit.alerts where severity = 'high'")
    found = draw("alerts")
    assert metrics(found)["High"] == str(high)
    where = links(found)["See alerts"][1]
    path, _, query = where.partition("?")
    assert path == "alerts"
    test = draw("alerts", **parse_qs(query))
    assert list(test.dataframe[0].value["severity"]) == ["High"] * high
    assert metrics(test) == metrics(found)
    [everywhere] = links(draw("overview"))["See alerts"]
    assert "severity" not in everywhere


def test_the_overview_shows_the_worst_alerts_first(shown: Target) -> None:
    worst = next(frame.value for frame in draw("overview").dataframe if "severity" in frame.value)
    assert list(worst["severity"]) == ["Critical"] * 2 + ["High"] * 2 + ["Medium"] * 2 + ["Low"] * 2


def test_a_rule_in_the_address_narrows_the_alerts(shown: Target) -> None:
    test = draw("alerts", rule="E03")
    assert list(test.dataframe[0].value["rule_name"]) == ["Rule 3"]
    assert test.selectbox[0].value == "E03"


def test_a_warehouse_without_alerts_says_so(shown: Target, plain: Target) -> None:
    asking.use(plain)
    test = draw("alerts")
    assert not test.exception
    assert "no alerts yet" in test.info[0].value
    overview = draw("overview")
    assert not overview.exception
    assert metrics(overview)["Alerts"] == "-"


def test_trouble_with_the_warehouse_is_told_and_not_dumped(shown: Target, tmp_path: Path) -> None:
    broken = tmp_path / "dropbox.duckdb"
    broken.write_text("this is no database, but long enough to be looked into")
    asking.use(duckdb_target(broken))
    test = draw("activity")
    assert not test.exception
    assert "cannot be read" in test.error[0].value
    assert "is no DuckDB database" in test.text[0].value


@pytest.mark.parametrize("page", ["overview", "activity", "alerts", "apps"])
def test_an_odd_address_breaks_no_page(page: str, shown: Target) -> None:
    odd = {
        "days": "many",
        "since": "2026-99-99",
        "until": "9999-12-31",
        "kind": "'; drop table events --",
        "type": ["<b>", "file_edit"],
        "country": "<img src=x>",
        "event": "nothing",
        "on": "soon",
        "alert": "x",
        "app": "x",
    }
    assert not draw(page, **odd).exception


def test_who_has_not_signed_in_sees_nothing(shown: Target) -> None:
    sign_in.require(("acme.example",))
    for page in ("overview", "activity"):
        test = draw(page)
        assert [button.label for button in test.button] == ["Sign in"]
        assert not test.dataframe
        assert not test.metric


@pytest.mark.parametrize(
    ("claims", "is_allowed"),
    [
        ({"email": "ann@acme.example"}, True),
        ({"email": "Ann@ACME.example", "email_verified": True}, True),
        ({"email": "bob@partner.example"}, True),
        ({"email": "eve@partner.example"}, False),
        ({"email": "ann@acme.example.evil.example"}, False),
        ({"email": "ann@sub.acme.example"}, False),
        ({"email": "ann@acme.example", "email_verified": False}, False),
        ({"email": "acme.example"}, False),
        ({}, False),
    ],
)
def test_only_who_is_on_the_list_may_look(claims: dict[str, Any], is_allowed: bool) -> None:
    assert sign_in.is_allowed(claims, ("acme.example", "bob@partner.example")) is is_allowed


def test_streamlit_finds_no_pages_to_serve_past_the_sign_in() -> None:
    assert not (APP.parent / "pages").exists()
