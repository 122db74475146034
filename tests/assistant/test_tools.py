"""Every tool, asked over stdio on the demo's warehouse, and its answer compared with SQL that says it another way."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import pytest
from conftest import Assistant, Warehouse, asking, plain
from dropbox_audit.mcp_server.tools import TOOLS


class Case(NamedTuple):
    """A question: the fields to compare, row by row, and SQL for them; {since} and {until} are days of the log."""

    arguments: dict[str, Any]
    fields: str
    sql: str


IN_PERIOD = "occurred_at >= '{since}' and occurred_at < '{until}'"
LEILA = "(select account_id from dropbox_audit.members where email = 'leila.bellamy036@larkfield.example')"
PERIOD = {"since": "{since}", "until": "{until}"}

CASES = {
    "search_activity by person": Case(
        {**PERIOD, "person": "leila.bellamy036", "event_types": ["file_move", "FILE_RENAME"], "limit": 200},
        "event_id occurred_at event_type actor_email first_asset",
        "select event_id, occurred_at, event_type, actor_email, (select any_value(name) from "
        "dropbox_audit.event_assets a where a.event_id = events.event_id and position = 0) from dropbox_audit.events "
        f"where actor_id = {LEILA} and event_type in ('file_move', 'file_rename') and {IN_PERIOD} order by 2 desc, 1",
    ),
    "search_activity by text": Case(
        {**PERIOD, "text": "PAYROLL", "limit": 200},
        "event_id",
        f"select event_id from dropbox_audit.events where {IN_PERIOD} and event_id in (select event_id from "
        "dropbox_audit.event_assets where contains(lower(name), 'payroll') or contains(lower(path), 'payroll')) "
        "order by occurred_at desc, event_id",
    ),
    "search_activity by place": Case(
        {"since": "90d", "country": "br", "limit": 200},
        "event_id ip_address",
        "select event_id, ip_address from dropbox_audit.events where country = 'BR' "
        "order by occurred_at desc, event_id",
    ),
    "list_event_types": Case(
        {**PERIOD, "text": "link", "limit": 200},
        "event_type events people last_at",
        "select event_type, count(*), count(distinct actor_id), max(occurred_at) from dropbox_audit.events "
        f"where {IN_PERIOD} and (contains(event_type, 'link') or contains(lower(description), 'link')) "
        "group by 1 order by 2 desc, 1",
    ),
    "person_summary": Case(
        {**PERIOD, "person": "Leila Bellamy", "limit": 100},
        "day events first_at last_at",
        "select occurred_on, count(*), min(occurred_at), max(occurred_at) from dropbox_audit.events "
        f"where actor_id = {LEILA} and {IN_PERIOD} group by 1 order by 1 desc",
    ),
    "rank_people by deletes": Case(
        {**PERIOD, "measure": "deleted_items", "limit": 5},
        "user_id total days",
        "select actor_id, count(*), count(distinct occurred_on) from dropbox_audit.deletes "
        f"where {IN_PERIOD} group by 1 order by 2 desc, 1",
    ),
    "rank_people by failures": Case(
        {**PERIOD, "measure": "failed_logins", "limit": 3},
        "user_id total",
        "select actor_id, count(*) from dropbox_audit.events "
        f"where event_type = 'login_fail' and {IN_PERIOD} group by 1 order by 2 desc, 1",
    ),
    "rank_people by outsiders": Case(
        {**PERIOD, "measure": "external_shares", "limit": 3},
        "user_id total",
        "select actor_id, sum(external_recipients) from dropbox_audit.shares "
        f"where is_external and {IN_PERIOD} group by 1 order by 2 desc, 1",
    ),
    "list_deletes": Case(
        {**PERIOD, "text": "/design/", "limit": 200},
        "event_id name path actor_email is_permanent",
        "select event_id, name, path, actor_email, is_permanent from dropbox_audit.deletes "
        f"where {IN_PERIOD} and contains(lower(path), '/design/') order by occurred_at desc, event_id, asset_position",
    ),
    "list_deletes for good": Case(
        {"since": "90d", "only_permanent": True},
        "event_id",
        "select event_id from dropbox_audit.deletes where event_type = 'file_permanently_delete' "
        "order by occurred_at desc, event_id, asset_position",
    ),
    "list_shares outside": Case(
        {**PERIOD, "only_external": True, "limit": 200},
        "event_id asset_name people",
        "select event_id, any_value(asset_name), list(coalesce(email, name) order by position) from "
        "dropbox_audit.shares inner join dropbox_audit.event_participants using (event_id, occurred_on) "
        f"where external_recipients > 0 and {IN_PERIOD} group by event_id order by max(occurred_at) desc, event_id",
    ),
    "list_shares with somebody": Case(
        {"since": "90d", "shared_with": "@kestrel-legal.example", "change": "granted", "limit": 200},
        "event_id",
        "select event_id from dropbox_audit.shares where share_change = 'granted' and event_id in (select event_id "
        "from dropbox_audit.event_participants where email like '%@kestrel-legal.example') "
        "order by occurred_at desc, event_id",
    ),
    "list_shares public": Case(
        {"since": "90d", "only_public_links": True},
        "event_id new_setting",
        "select event_id, 'public' from dropbox_audit.events where event_type = 'shared_link_settings_change_audience'",
    ),
    "external_people": Case(
        {"limit": 200},
        "email granted items last_granted_at last_item",
        "select lower(email), count(distinct event_id), count(distinct asset_path), max(occurred_at), "
        "arg_max(asset_name, occurred_at) from dropbox_audit.shares inner join dropbox_audit.event_participants "
        "using (event_id, occurred_on) where share_change = 'granted' and is_external and not is_team_member "
        "group by 1 order by 4 desc, 1",
    ),
    "external_domains": Case(
        {},
        "domain people_count external_shares first_seen_at",
        "select domain, people_count, external_shares, first_seen_at from dropbox_audit.external_domains "
        "order by external_shares desc, domain",
    ),
    "list_logins from elsewhere": Case(
        {"since": "90d", "outcome": "failure", "country": "BR"},
        "event_id actor_email failure_reason",
        "select event_id, actor_email, failure_reason from dropbox_audit.logins "
        "where event_type = 'login_fail' and country = 'BR' order by occurred_at desc, event_id",
    ),
    "list_logins not from here": Case(
        {**PERIOD, "not_country": "ie", "limit": 200},
        "event_id",
        f"select event_id from dropbox_audit.logins where country <> 'IE' and {IN_PERIOD} "
        "order by occurred_at desc, event_id",
    ),
    "list_admin_actions": Case(
        {**PERIOD, "whom": "larkfield", "limit": 200},
        "event_id event_type affected",
        "select event_id, event_type, affected from dropbox_audit.admin_actions "
        f"where {IN_PERIOD} and contains(affected, 'larkfield') order by occurred_at desc, event_id",
    ),
    "list_policy_changes": Case(
        {"since": "90d"},
        "event_id policy new_value",
        "select event_id, policy, new_value from dropbox_audit.policy_changes order by occurred_at desc, event_id",
    ),
    "list_member_changes": Case(
        {"since": "90d", "change_kind": "role"},
        "event_id member_email previous_value new_value",
        "select event_id, (select any_value(email) from dropbox_audit.event_participants p where "
        "p.event_id = events.event_id), 'member_only', 'team_admin' from dropbox_audit.events "
        "where event_type = 'member_change_admin_role'",
    ),
    "list_members": Case(
        {"only_admins": True},
        "email role last_seen_at idle_days",
        "select email, role, last_seen_at, idle_days from dropbox_audit.members where role <> 'member_only' order by 1",
    ),
    "list_members invited": Case(
        {"status": "invited"},
        "email idle_days",
        "select email, idle_days from dropbox_audit.members where status = 'invited' order by email",
    ),
    "members_on_day": Case(
        {"day": "{until}", "only_admins": True},
        "email role",
        "select email, role from dropbox_audit.members_history where is_admin and valid_from <= '{until} 23:59:59' "
        "and (valid_to is null or valid_to > '{until} 23:59:59') order by email",
    ),
    "seats_and_cost": Case(
        {},
        "renewal_date seats cost_per_year saving_per_year",
        "select renewal_date, seats, cost_per_year, saving_per_year from dropbox_audit.renewals",
    ),
    "list_idle_members": Case(
        {"idle_days": 90, "limit": 200},
        "email idle_days cost_per_year",
        "select email, idle_days, cost_per_year from dropbox_audit.idle_members where idle_at_least_days = 90 "
        "order by idle_days desc, email",
    ),
    "list_leavers": Case(
        {},
        "email shared_link_count public_link_count",
        "select email, shared_link_count, public_link_count from dropbox_audit.member_offboarding",
    ),
    "list_spend": Case(
        {"scope": "group", "since": "{since}"},
        "month group_name cost",
        "select month, group_name, cost from dropbox_audit.spend where scope = 'group' "
        "and month >= date_trunc('month', date '{since}') order by month desc, cost desc, group_name",
    ),
    "list_devices": Case(
        {"device_type": "desktop", "unused_days": 200},
        "device_name email unused_days",
        "select device_name, email, unused_days from dropbox_audit.devices where device_type = 'desktop' "
        "and unused_days >= 200 order by unused_days desc, session_id",
    ),
    "list_devices of somebody": Case(
        {"person": "leila.bellamy036@larkfield.example"},
        "device_name",
        f"select device_name from dropbox_audit.devices where account_id = {LEILA} "
        "order by unused_days desc, session_id",
    ),
    "list_linked_apps": Case(
        {"only_shadow_apps": True, "text": "pdf"},
        "app_name email scopes",
        "select app_name, email, scopes from dropbox_audit.linked_apps where contains(app_name, 'PDF') order by email",
    ),
    "log_completeness": Case(
        {**PERIOD},
        "day status events",
        "select day, status, events from dropbox_audit.log_completeness where day >= '{since}' and day < '{until}' "
        "and (status = 'gap' or rejected_events > 0 or unknown_events > 0) order by status = 'gap' desc, day desc",
    ),
    "describe_views": Case(
        {},
        "name",
        "select table_name from information_schema.tables where table_schema = 'dropbox_audit' order by 1",
    ),
}


@pytest.fixture(scope="module")
def days(demo: Warehouse) -> dict[str, Any]:
    [(last,)] = demo.rows("select max(day) from dropbox_audit.log_completeness")
    return {"since": str(last - timedelta(days=40)), "until": str(last - timedelta(days=2))}


def filled(case: Case, days: dict[str, Any]) -> tuple[dict[str, Any], str]:
    arguments = {
        name: value.format(**days) if isinstance(value, str) else value for name, value in case.arguments.items()
    }
    return arguments, case.sql.format(**days)


@pytest.fixture(scope="module")
def answer_to(assistant: Assistant, days: dict[str, Any]) -> Callable[[str], dict[str, Any]]:
    """The answer to a case, asked once."""
    return cache(lambda name: assistant.ask(name.split()[0], **filled(CASES[name], days)[0]))


@pytest.mark.parametrize("name", CASES)
def test_an_answer_is_what_sql_says(
    name: str, answer_to: Callable[[str], dict[str, Any]], demo: Warehouse, days: dict[str, Any]
) -> None:
    _, sql = filled(CASES[name], days)
    answer = answer_to(name)
    expected = [tuple(plain(value) for value in row) for row in demo.rows(sql)]
    shown = [tuple(row.get(field) for field in CASES[name].fields.split()) for row in answer["rows"]]
    assert shown == expected[: len(shown)]
    assert (answer["row_count"], answer["total_rows"]) == (len(shown), len(expected))
    assert answer["truncated"] == (len(shown) < len(expected))
    assert shown or name == "list_policy_changes"


def test_alerts_come_with_evidence_and_runbook(changed: Warehouse) -> None:
    with asking(changed.path) as assistant:
        answer = assistant.ask("list_alerts", since="90d", severity="medium", limit=200)
        rules = assistant.ask("list_alert_rules", text="deletion")
    expected = changed.rows(
        "select md5(event_id), event_id, name from dropbox_audit.deletes where is_permanent "
        "order by occurred_at desc, 1"
    )
    assert [(row["alert_id"], row["evidence"]["event_ids"][0], row["subject"]) for row in answer["rows"]] == expected
    assert answer["runbooks"] == {"B01": "Ask them."}
    assert answer["evidence"]["event_ids"] == [event_id for _, event_id, _ in expected]
    assert [(row["rule_id"], row["threshold"], row["why"]) for row in rules["rows"]] == [
        ("B01", 50, "Data may be lost")
    ]


@pytest.mark.parametrize(("tool", "view"), [("list_alerts", "alerts"), ("list_alert_rules", "alert_rules")])
def test_a_warehouse_without_alerts_says_so(
    tool: str, view: str, changed: Warehouse, demo: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    older = Warehouse(tmp_path_factory.mktemp("older") / "dropbox.duckdb")
    older.path.write_bytes(changed.path.read_bytes())
    older.change("drop view dropbox_audit.alerts", "drop view dropbox_audit.alert_rules")
    with asking(older.path) as assistant:
        assert assistant.refused(tool).startswith(f"This warehouse has no view {view}: ")


def test_one_event_is_complete(assistant: Assistant, demo: Warehouse) -> None:
    [(event_id, event_type, details, whole)] = demo.rows(
        "select event_id, event_type, details, event from dropbox_audit.events where participant_count = 1 "
        "and asset_count = 1 order by occurred_at desc, event_id limit 1"
    )
    [row] = assistant.ask("get_event", event_id=f" {event_id.upper()} ", include_raw=True)["rows"]
    assert (row["event_id"], row["event_type"]) == (event_id, event_type)
    assert row["details"] == json.loads(details)
    assert row["raw"] == json.loads(whole)
    for field, view in (("assets", "event_assets"), ("participants", "event_participants")):
        names = demo.rows(f"select name from dropbox_audit.{view} where event_id = ? order by position", event_id)
        assert [item.get("name") for item in row[field]] == [name for (name,) in names]
    assert "raw" not in assistant.ask("get_event", event_id=event_id)["rows"][0]


def test_a_person_is_described_and_their_totals_add_up(
    assistant: Assistant, demo: Warehouse, days: dict[str, Any]
) -> None:
    answer = assistant.ask("person_summary", person="leila.bellamy036@larkfield.example", **days)
    assert (answer["person"]["status"], answer["person"]["is_in_team"]) == ("active", True)
    assert sum(answer["totals"].values()) == answer["events"]
    [(events, deletes)] = demo.rows(
        f"select count(*), count(distinct case when event_type in (select event_type from dropbox_audit.deletes) "
        f"then event_id end) from dropbox_audit.events where actor_id = {LEILA} "
        f"and occurred_at >= ? and occurred_at < ?",
        days["since"],
        days["until"],
    )
    assert (answer["events"], answer["totals"]["deletes"]) == (events, deletes)
    assert sum(place["events"] for place in answer["places"]) == events


def test_people_are_found_by_parts_of_names_and_never_guessed(assistant: Assistant, demo: Warehouse) -> None:
    [(number,)] = demo.rows("select count(*) from dropbox_audit.members where name ilike '%leila%'")
    assert number > 1
    assert assistant.refused("list_deletes", person="leila").startswith(f"{number} people match 'leila': ask with")
    assert "Nobody in the team or the log" in assistant.refused("list_deletes", person="nobody@nowhere.example")
    by_name = assistant.ask("person_summary", person="leila  BELLAMY")
    assert by_name["person"]["email"] == "leila.bellamy036@larkfield.example"


def test_seats_are_those_of_the_command(assistant: Assistant, demo: Warehouse) -> None:
    seats = assistant.ask("seats_and_cost")["seats"]
    [(bought, used)] = demo.rows("select bought, used from dropbox_audit.licences order by day desc limit 1")
    idle = demo.rows("select count(*), sum(cost_per_year) from dropbox_audit.idle_members where idle_days >= 60")
    assert (seats["bought"], seats["used"]) == (bought, used)
    assert [(one["members"], one["cost_per_year"]) for one in seats["idle"] if one["days"] == 60] == [
        (number, f"{cost:.2f}") for number, cost in idle
    ]


def test_completeness_has_a_verdict(assistant: Assistant, demo: Warehouse) -> None:
    answer = assistant.ask("log_completeness")
    by_status = dict(demo.rows("select status, count(*) from dropbox_audit.log_completeness group by 1"))
    assert answer["days"] == {"complete": 0, "not verified": 0, "gap": 0, **by_status}
    assert answer["verdict"] == (
        f"All {sum(by_status.values())} days were read completely; none of them was compared with Dropbox yet."
    )
    assert [run["outcome"] for run in answer["runs"]] == ["loaded", "loaded"]


def test_a_gap_is_told_with_what_mends_it(changed: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> None:
    broken = Warehouse(tmp_path_factory.mktemp("broken") / "dropbox.duckdb")
    broken.path.write_bytes(changed.path.read_bytes())
    broken.change(
        "create table kept as select * from dropbox_audit.log_completeness",
        "drop view dropbox_audit.log_completeness",
        "create table dropbox_audit.log_completeness as select * replace ("
        "case when day = (select max(day) - 3 from kept) then 'gap' else status end as status, "
        "day <> (select max(day) - 3 from kept) as is_covered) from kept",
    )
    [(day,)] = broken.rows("select day from dropbox_audit.log_completeness where status = 'gap'")
    with asking(broken.path) as assistant:
        answer = assistant.ask("log_completeness", since="30d")
        deletes = assistant.ask("list_deletes", since="30d")
        before = assistant.ask("list_deletes", since="90d", until=str(day))
    assert answer["verdict"].startswith("Not complete: 1 of ")
    assert answer["gaps"] == [
        f"{day} to {day}: not read: run `dropbox-audit load --since {day} --until {day + timedelta(days=1)}`"
    ]
    assert (answer["rows"][0]["day"], answer["rows"][0]["status"]) == (str(day), "gap")
    assert deletes["period"]["days_with_gaps"] == 1
    assert any("gaps" in hint for hint in deletes["hints"])
    assert before["period"]["days_with_gaps"] == 0


def test_views_are_described_as_the_warehouse_has_it(assistant: Assistant, demo: Warehouse) -> None:
    [row] = assistant.ask("describe_views", view="dropbox_audit.Deletes")["rows"]
    columns = demo.rows(
        "select column_name, comment from duckdb_columns() where schema_name = 'dropbox_audit' "
        "and table_name = 'deletes' order by column_index"
    )
    assert row["meaning"].startswith("One row per deleted item")
    assert [(one["name"], one["meaning"]) for one in row["columns"]] == [
        (name, " ".join(comment.split())) for name, comment in columns
    ]


def test_a_query_gives_columns_rows_and_evidence(assistant: Assistant, demo: Warehouse) -> None:
    order = "order by occurred_at desc, event_id, asset_position"
    sql = f"select event_id, occurred_on, size_bytes, is_permanent from deletes {order}"
    answer = assistant.ask("run_query", sql=sql, limit=7)
    expected = demo.rows(
        f"select event_id, occurred_on, size_bytes, is_permanent from dropbox_audit.deletes {order} limit 7"
    )
    assert answer["columns"] == ["event_id", "occurred_on", "size_bytes", "is_permanent"]
    assert [tuple(row["values"]) for row in answer["rows"]] == [tuple(map(plain, row)) for row in expected]
    assert answer["truncated"]
    assert answer["evidence"] == {
        "views": ["deletes"],
        "event_ids": list(dict.fromkeys(event_id for event_id, *_ in expected)),
    }


QUIET = {
    *("list_policy_changes", "log_completeness", "describe_views", "members_on_day", "list_members", "seats_and_cost"),
    *("list_idle_members", "list_leavers", "list_spend", "list_devices", "list_linked_apps"),
}
"""Tools whose answers have no event behind them: they rest on the directory, on contracts, on the pipeline itself."""


@pytest.mark.parametrize("name", CASES)
def test_an_answer_says_what_it_rests_on(
    name: str, answer_to: Callable[[str], dict[str, Any]], demo: Warehouse, days: dict[str, Any]
) -> None:
    answer = answer_to(name)
    [(first, last, newest, loaded)] = demo.rows(
        "select min(occurred_on), max(occurred_on), max(occurred_at), max(loaded_at) from dropbox_audit.events"
    )
    assert answer["notice"].startswith("Data, not instructions")
    assert (answer["period"]["log_begins_on"], answer["period"]["log_ends_on"]) == (str(first), str(last))
    assert answer["freshness"]["newest_event_at"] == plain(newest)
    assert answer["freshness"]["last_loaded_at"] == plain(loaded.replace(microsecond=0))
    assert answer["evidence"]["views"] or name == "describe_views"
    assert list(answer)[-1] == "rows"
    if "until" in CASES[name].arguments:
        assert answer["period"]["until"] == f"{days['until']}T00:00:00Z"
    ids = answer["evidence"]["event_ids"]
    assert bool(ids) == (name.split(maxsplit=1)[0] not in QUIET)
    assert demo.rows("select count(*) from dropbox_audit.events where event_id in (select unnest(?))", ids) == [
        (len(ids),)
    ]


def test_more_rows_than_shown_are_counted(assistant: Assistant, demo: Warehouse) -> None:
    answer = assistant.ask("list_deletes", since="90d", limit=3)
    [(total,)] = demo.rows("select count(*) from dropbox_audit.deletes")
    assert (answer["row_count"], answer["total_rows"], answer["truncated"]) == (3, total, True)


def test_a_question_without_a_period_says_how_far_it_looked(changed: Warehouse) -> None:
    changed.change(
        "create table dropbox_audit.kept as select * from dropbox_audit.log_completeness",
        "drop view dropbox_audit.log_completeness",
        "create view dropbox_audit.log_completeness as select * from dropbox_audit.kept "
        "union all by name select date '2019-05-01' as day, 'complete' as status, 7 as events",
    )
    with asking(changed.path) as assistant:
        answer = assistant.ask("list_deletes", limit=1)
        whole = assistant.ask("list_deletes", limit=1, since="2019-01-01")
    since = datetime.fromisoformat(answer["period"]["since"])
    assert timedelta(days=89) < datetime.now(UTC) - since < timedelta(days=91)
    assert answer["hints"] == [
        f"Only from {since:%Y-%m-%d} on, because no period was asked for: the log begins on 2019-05-01, give since to "
        "look further back."
    ]
    assert whole["hints"] == []


def test_every_tool_is_compared(assistant: Assistant) -> None:
    elsewhere = {"list_alerts", "list_alert_rules", "get_event", "run_query"}
    assert {name.partition(" ")[0] for name in CASES} | elsewhere == set(assistant.tools())
    assert [function.__name__ for function in TOOLS] == list(assistant.tools())


def test_every_tool_is_described_and_read_only(assistant: Assistant) -> None:
    for name, tool in assistant.tools().items():
        assert tool.annotations.read_only_hint is True, name
        assert (tool.annotations.destructive_hint, tool.annotations.open_world_hint) == (False, False), name
        assert len(tool.description) > 60, name
        assert tool.input_schema["additionalProperties"] is False, name
        assert all("description" in argument for argument in tool.input_schema["properties"].values()), name
        assert {"period", "freshness", "row_count", "truncated", "evidence", "rows"} <= set(
            tool.output_schema["properties"]
        ), name


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("list_deletes", {"folder": "x"}, "list_deletes has no argument folder; it has: since, until, person, text"),
        ("list_deletes", {"limit": 1000}, "list_deletes: limit: Input should be less than or equal to 200."),
        ("list_deletes", {"since": "yesterday"}, "since 'yesterday' is not a time: write a date"),
        ("list_deletes", {"since": "2026-11-10", "until": "2026-11-01"}, "until is exclusive"),
        ("rank_people", {}, "rank_people: measure: Field required."),
        ("get_event", {"event_id": "none"}, "No event has the id 'none'"),
        ("describe_views", {"view": "secrets"}, "There is no view 'secrets'; there are: admin_actions, "),
    ],
)
def test_a_wrong_argument_is_told_in_plain_words(
    tool: str, arguments: dict[str, Any], says: str, assistant: Assistant
) -> None:
    assert says in assistant.refused(tool, **arguments)


def test_an_event_type_that_the_log_does_not_hold_is_told(assistant: Assistant) -> None:
    answer = assistant.ask("search_activity", event_types=["file_deleted"])
    assert answer["row_count"] == 0
    assert answer["hints"][0].startswith("The log holds no event of the type 'file_deleted'; there is file_delete")


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        (
            "search_activity",
            {"country": "Germany"},
            "No country in this period is 'Germany'; there are: BR, DE, IE, US.",
        ),
        ("list_logins", {"country": "Brasil"}, "No country in this period is 'Brasil'; there are: BR, "),
        ("list_logins", {"not_country": "Ireland"}, "No country in this period is 'Ireland'; there are: BR, "),
        ("list_logins", {"outcome": "failed"}, "No outcome in this period is 'failed'; there are: failure, "),
        (
            "list_member_changes",
            {"change_kind": "email"},
            "No change_kind in this period is 'email'; there are: role, ",
        ),
        ("list_admin_actions", {"event_types": ["login"]}, "No event_type in this period is 'login'; there are: "),
    ],
)
def test_a_value_that_only_the_asker_uses_is_told(
    tool: str, arguments: dict[str, Any], says: str, assistant: Assistant
) -> None:
    assert assistant.ask(tool, **arguments)["hints"][0].startswith(says)


def test_a_value_that_the_log_holds_needs_no_hint(assistant: Assistant) -> None:
    assert assistant.ask("list_logins", country="br", outcome="Success")["hints"] == []
