"""The feed: its filters, its paging, one event with all around it, and what each question costs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlglot
import yaml
from drawn import PAGES, draw
from dressedwarehouse import HOSTILE, rows
from dropbox_audit.dashboard import asking
from dropbox_audit.dashboard.queries import activity
from dropbox_audit.filters import KINDS, Filter
from dropbox_audit.warehouse import Door, Target, open_door
from sqlglot import exp

ROOT = Path(__file__).parents[2]
TODAY = datetime.now(UTC).date()
DAY = timedelta(days=1)


def feed(target: Target, chosen: Filter) -> pd.DataFrame:
    """All pages of a feed, one behind the other."""
    found, behind = [], None
    with open_door(target) as door:
        while True:
            page = activity.page(door, chosen, TODAY, behind)
            found.append(page.events)
            if not page.has_more:
                return pd.concat(found)
            assert len(page.events) == activity.PAGE
            last = page.events.iloc[-1]
            behind = activity.Place(last["occurred_at"], last["event_id"])


@pytest.fixture(scope="module")
def events(dressed: Target) -> list[dict[str, Any]]:
    """The whole log, newest first, with the names and paths of each event's items and the addresses of its people."""
    columns = (
        *("event_id", "occurred_at", "occurred_on", "event_type", "event_category", "actor_id", "actor_member_id"),
        *("actor_name", "actor_email", "ip_address", "country", "involves_non_team_member"),
    )
    found = [
        dict(zip(columns, row, strict=True))
        for row in rows(
            dressed,
            f"select {', '.join(columns)} from dropbox_audit.events order by occurred_at desc, event_id desc",
        )
    ]
    for name, sql in {
        "items": "select event_id, list(concat_ws(chr(1), lower(name), lower(path))), list(file_id) "
        "from dropbox_audit.event_assets group by event_id",
        "people": "select event_id, list(lower(email)), null from dropbox_audit.event_participants group by event_id",
    }.items():
        by_event = {event_id: (texts, ids) for event_id, texts, ids in rows(dressed, sql)}
        for event in found:
            event[name], ids = by_event.get(event["event_id"], ([], []))
            if name == "items":
                event["file_ids"] = ids
    return found


def noon(days_ago: int) -> datetime:
    return datetime.combine(TODAY - days_ago * DAY, datetime.min.time(), UTC) + timedelta(hours=12)


CASES: dict[str, tuple[Filter, Callable[[dict[str, Any]], Any]]] = {
    "person by name": (Filter(person="EMMA"), lambda e: "emma" in (e["actor_name"] or "").lower()
                       or "emma" in (e["actor_email"] or "").lower()),
    "person by address": (Filter(person="@LABS."), lambda e: "@labs." in (e["actor_email"] or "").lower()),
    "a percent sign is no wildcard": (Filter(person="%"), lambda e: "%" in f"{e['actor_name']}{e['actor_email']}"),
    "an underscore is no wildcard": (Filter(item="a_b"), lambda e: any("a_b" in text for text in e["items"])),
    "item": (Filter(item="BUDGET"), lambda e: any("budget" in text for text in e["items"])),
    "item by path": (Filter(item="/finance/"), lambda e: any("/finance/" in text for text in e["items"])),
    "an item that is markup": (Filter(item="<img src=x"), lambda e: any("<img src=x" in text for text in e["items"])),
    "types or categories": (
        Filter(event_types=("login_fail",), event_categories=("comments",)),
        lambda e: e["event_type"] == "login_fail" or e["event_category"] == "comments",
    ),
    "long address": (Filter(ip_address="2001:DB8:"), lambda e: (e["ip_address"] or "").startswith("2001:db8:")),
    "address": (Filter(ip_address="192.0.2."), lambda e: (e["ip_address"] or "").startswith("192.0.2.")),
    "country": (Filter(countries=("BR", "US")), lambda e: e["country"] in {"BR", "US"}),
    "outsiders": (Filter(has_outsiders=True), lambda e: e["involves_non_team_member"]),
    "days": (
        Filter(since=noon(9), until=noon(5)),
        lambda e: noon(9) <= e["occurred_at"] < noon(5),
    ),
    "all at once": (
        Filter(since=noon(30), person="a", item="e", event_categories=("file_operations",), countries=("IE",)),
        lambda e: e["occurred_at"] >= noon(30)
        and "a" in f"{e['actor_name']}{e['actor_email']}".lower()
        and any("e" in text for text in e["items"])
        and e["event_category"] == "file_operations"
        and e["country"] == "IE",
    ),
    "nothing": (Filter(person="nobody of this name"), lambda _: False),
    "an attempt to get out of the quotes": (Filter(person="' or 1=1 --"), lambda _: False),
    "domain": (
        Filter(domain="Northgate-Partners.example"),
        lambda e: any(
            (text or "").endswith("@northgate-partners.example")
            for text in [*e["people"], (e["actor_email"] or "").lower()]
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_filter_gives_its_events_newest_first(case: str, dressed: Target, events: list[dict[str, Any]]) -> None:
    chosen, belongs = CASES[case]
    expected = [event["event_id"] for event in events if belongs(event)]
    if len(expected) > 600:
        # Enough pages have been turned by then.
        chosen = Filter(**{**{name: getattr(chosen, name) for name in Filter.__slots__}, "since": noon(4)})
        expected = [e["event_id"] for e in events if belongs(e) and e["occurred_at"] >= noon(4)]
    found = feed(dressed, chosen)["event_id"].tolist()
    assert found == expected
    with open_door(dressed) as door:
        assert activity.count(door, chosen) == len(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_the_events_of_its_view(kind: str, dressed: Target) -> None:
    view, condition = KINDS[kind]
    sql = f"select count(distinct event_id) from dropbox_audit.{view} where {condition or 'true'}"
    with open_door(dressed) as door:
        assert activity.count(door, Filter(kind=kind)) == rows(dressed, sql)[0][0]


def test_turning_pages_shows_each_event_once(dressed: Target, events: list[dict[str, Any]]) -> None:
    chosen = Filter(since=noon(6))
    found = feed(dressed, chosen)["event_id"].tolist()
    assert len(found) > 5 * activity.PAGE
    assert found == [event["event_id"] for event in events if event["occurred_at"] >= noon(6)]


def test_one_event_with_all_around_it(dressed: Target, events: list[dict[str, Any]]) -> None:
    # Of one file alone, whatever day it is.
    event = next(
        event
        for event in events
        if any("<img src=x" in text for text in event["items"]) and len(set(event["file_ids"])) == 1
    )
    near = [
        other["event_id"]
        for other in events
        if other["actor_id"] == event["actor_id"]
        and abs(other["occurred_at"] - event["occurred_at"]) <= timedelta(minutes=30)
    ]
    [file_id] = set(event["file_ids"])
    same_file = [other["event_id"] for other in events if file_id in other["file_ids"]]
    with open_door(dressed) as door:
        found = activity.detail(door, event["event_id"], event["occurred_on"])
        assert found is not None
        assert activity.around(door, found.event)["event_id"].tolist() == near
        assert activity.history(door, file_id, event["occurred_at"])["event_id"].tolist() == same_file
        assert activity.detail(door, event["event_id"], event["occurred_on"] - DAY) is None
    assert json.loads(found.event["event"])["timestamp"] == f"{event['occurred_at']:%Y-%m-%dT%H:%M:%SZ}"
    assert "<img src=x onerror=alert(1)>" in found.items["name"][0]


def test_the_feed_tells_what_happened_in_plain_words(shown: Target) -> None:
    frame = draw("activity").dataframe[0].value
    [(name,)] = rows(
        shown,
        "select actor_name from dropbox_audit.events order by occurred_at desc, event_id desc limit 1",
    )
    assert name == HOSTILE
    assert frame["who"][0] == HOSTILE
    assert len(frame) == activity.PAGE
    assert set(frame["place"].str.split(", ").str[-1]) <= {"Ireland", "United States", "Germany", "Brazil", ""}


def test_the_widgets_write_the_address_and_follow_it(shown: Target) -> None:
    test = draw("activity", person="emma", days="30", type="file_edit")
    [person, item, _] = test.text_input
    assert (person.value, item.value) == ("emma", "")
    assert test.multiselect[0].value == [("type", "file_edit")]
    item.set_value("budget").run()
    expected = {"person": "emma", "days": "30", "type": "file_edit", "item": "budget"}
    assert dict(test.query_params) == expected
    test.text_input[0].set_value("").run()
    assert "person" not in test.query_params
    test.query_params["item"] = "offer"
    test.run()
    assert test.text_input[1].value == "offer"


def test_a_link_narrows_to_what_no_widget_shows_and_can_be_dropped(shown: Target) -> None:
    test = draw("activity", kind="failed-logins")
    assert "Only failed sign-ins" in [text.value for text in test.text]
    [drop] = [button for button in test.button if button.label == "Remove"]
    drop.click().run()
    assert "kind" not in test.query_params
    assert "Only failed sign-ins" not in [text.value for text in test.text]


# -- what is asked ----------------------------------------------------------------------------------------------------


class Listener:
    """A door that remembers what it was asked."""

    def __init__(self, door: Door, asked: list[str]) -> None:
        self._door = door
        self._asked = asked

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        assert sql.count("?") == len(parameters)
        self._asked.append(sql)
        return self._door.rows(sql, parameters)


@pytest.fixture(scope="module")
def asked(dressed: Target) -> list[str]:
    """Everything that the pages ask when they are drawn in all ways that differ."""
    import streamlit as st

    patch = pytest.MonkeyPatch()
    statements: list[str] = []
    really_open = asking.open_door

    class Opened:
        def __init__(self, target: Target) -> None:
            self._door = really_open(target)

        def __enter__(self) -> Any:
            return Listener(self._door.__enter__(), statements)

        def __exit__(self, *error: Any) -> None:
            self._door.__exit__(*error)

    patch.setattr(asking, "open_door", Opened)
    st.cache_data.clear()
    asking.use(dressed)
    [(event_id, day)] = rows(
        dressed,
        "select event_id, occurred_on from dropbox_audit.event_assets where name like '<img%' limit 1",
    )
    [(app,)] = rows(dressed, "select app_id from dropbox_audit.linked_apps limit 1")
    with patch.context():
        for page in PAGES:
            assert not draw(page).exception
        narrowed = dict.fromkeys(("person", "item", "ip", "domain", "file"), "x")
        assert not draw(
            "activity", days="7", **narrowed, country="IE", outsiders="1", kind="deletes", user="u"
        ).exception
        assert not draw("activity", kind="admin-actions").exception
        assert not draw("activity", event=event_id, on=str(day)).exception
        assert not draw("apps", app=app).exception
    patch.undo()
    st.cache_data.clear()
    assert len(statements) > 40
    return statements


def relations(tree: exp.Expression) -> Iterator[tuple[exp.Table, exp.Expression]]:
    for table in tree.find_all(exp.Table):
        select = table.find_ancestor(exp.Select)
        if table.db == "dropbox_audit" and select is not None:
            yield table, select


PARTITIONED = {"events", "event_assets", "event_participants", "deletes", "shares", "logins", "admin_actions", "alerts"}


def test_every_question_of_events_and_their_children_names_the_days(asked: list[str]) -> None:
    for sql in asked:
        for table, select in relations(sqlglot.parse_one(sql, read="duckdb")):
            where = select.args.get("where")
            columns = {column.name for column in where.find_all(exp.Column)} if where is not None else set()
            is_probe = sql == "select 1 from dropbox_audit.events where 1 = 0"
            is_all_time = where is not None and "1 = 1" in where.sql()
            if table.name in PARTITIONED and not is_probe:
                assert "occurred_on" in columns or is_all_time, sql


def test_no_question_counts_over_what_came_before(asked: list[str]) -> None:
    assert not [sql for sql in asked if re.search(r"\boffset\b", sql)]


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake"])
def test_every_question_is_in_the_words_of_all_three_warehouses(dialect: str, asked: list[str]) -> None:
    for sql in asked:
        theirs = sqlglot.parse_one(sql, read=dialect)
        for function in theirs.find_all(exp.Func):
            name = function.sql_name() if not isinstance(function, exp.Anonymous) else function.name.upper()
            assert name in SHARED_WORDS, (name, sql)


SHARED_WORDS = {
    *(
        "COUNT",
        "SUM",
        "MIN",
        "MAX",
        "COALESCE",
        "LOWER",
        "LEFT",
        "RIGHT",
        "REPLACE",
        "CASE",
        "IF",
        "LAG",
        "ROW_NUMBER",
        "AND",
        "OR",
    ),
}
"""Functions that DuckDB, BigQuery and Snowflake have under one name with one meaning, as their manuals say."""


def test_each_consumer_reads_what_its_exposure_lists(asked: list[str]) -> None:
    project = ROOT / "sql/models"
    exposures = {
        exposure["name"]: {
            re.sub(r"ref\('(\w+)'\)", r"\1", reference).removesuffix("_in_force")
            for reference in exposure["depends_on"]
        }
        for exposure in yaml.safe_load((project / "exposures.yml").read_text())["exposures"]
    }
    # `alert_rules` is what the model of the rules in force is called in the warehouse.
    models = {path.stem.removesuffix("_in_force") for path in project.rglob("*.sql")}
    read = {
        "dashboard": {table.name for sql in asked for table, _ in relations(sqlglot.parse_one(sql, read="duckdb"))},
        "bi_grafana": set(
            re.findall(r"dropbox_audit\.(\w+)", (ROOT / "docs/bi/grafana/dropbox-audit.json").read_text())
        ),
        "bi_evidence": {
            name
            for path in (ROOT / "docs/bi/evidence/sources").rglob("*.sql")
            for name in re.findall(r"from dropbox_audit\.(\w+)", path.read_text())
        },
    }
    for consumer, views in read.items():
        assert views & models == exposures[consumer], consumer


def test_the_newest_days_are_read_first(dressed: Target) -> None:
    statements: list[str] = []
    with open_door(dressed) as door:
        found = activity.page(Listener(door, statements), Filter(), TODAY)
    assert len(found.events) == activity.PAGE
    [feed_sql, *_] = statements
    assert "occurred_on >= ?" in feed_sql
    assert date.today() - found.events["occurred_on"].min() < 9 * DAY  # noqa: DTZ011
