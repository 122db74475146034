"""Every question of the MCP server, asked of any warehouse: the answers must be the same everywhere."""

from __future__ import annotations

from datetime import date
from typing import Any

from dropbox_audit.clock import Clock
from dropbox_audit.mcp_server.desk import Desk
from dropbox_audit.mcp_server.tools import access, activity, administration, people, team, watch
from dropbox_audit.warehouse import Target

PERIOD = {"since": "2026-10-05", "until": "2026-10-29"}

QUESTIONS: list[tuple[Any, dict[str, Any]]] = [
    (activity.search_activity, {**PERIOD, "text": "design", "event_types": ["file_edit", "file_delete"]}),
    (activity.list_event_types, {**PERIOD, "text": "link"}),
    (people.rank_people, {**PERIOD, "measure": "deleted_items"}),
    (people.rank_people, {**PERIOD, "measure": "downloads"}),
    (access.list_deletes, {**PERIOD, "only_permanent": True}),
    (access.list_shares, {**PERIOD, "only_external": True}),
    (access.list_shares, {**PERIOD, "shared_with": "@kestrel-legal.example"}),
    (access.external_people, {**PERIOD}),
    (access.external_people, {"only_never_revoked": True, "text": "partners"}),
    (access.external_domains, {"new_since": "2026-10-01"}),
    (access.list_logins, {**PERIOD, "not_country": "IE", "outcome": "failure"}),
    (administration.list_admin_actions, {**PERIOD, "whom": "larkfield"}),
    (administration.list_policy_changes, {**PERIOD, "text": "link"}),
    (administration.list_member_changes, {**PERIOD, "change_kind": "role"}),
    (team.list_members, {"only_admins": True}),
    (team.list_members, {"status": "suspended"}),
    (team.members_on_day, {"day": date(2026, 10, 27), "only_admins": True}),
    (team.seats_and_cost, {}),
    (team.list_idle_members, {"idle_days": 60}),
    (team.list_leavers, {}),
    (team.list_spend, {"scope": "group", "since": date(2026, 9, 1)}),
    (team.list_devices, {"unused_days": 30, "device_type": "desktop"}),
    (team.list_linked_apps, {"only_shadow_apps": True, "text": "pdf"}),
    (watch.log_completeness, {**PERIOD}),
    (watch.run_query, {"sql": "select event_type, count(*) as events from deletes group by 1 order by 2 desc, 1"}),
    (watch.run_query, {"sql": "select name from deletes where name like '%?%' or name like '100%%' order by 1"}),
]


def answers(target: Target, clock: Clock) -> dict[str, Any]:
    """What each question brings, without what two loads never share."""
    desk = Desk(target, clock)
    found = {f"{ask.__name__} {arguments}": ask(desk, **arguments) for ask, arguments in QUESTIONS}
    person = found["rank_people " + str({**PERIOD, "measure": "downloads"})].rows[0].user_email
    found["person_summary"] = people.person_summary(desk, person, **PERIOD)
    if target.destination != "bigquery":
        # The emulator has no INFORMATION_SCHEMA.COLUMN_FIELD_PATHS, where BigQuery keeps the descriptions.
        found["describe_views"] = watch.describe_views(desk)
        found["describe_views deletes"] = watch.describe_views(desk, "deletes")
    found["get_event"] = activity.get_event(desk, found["person_summary"].evidence.event_ids[0])
    return {name: _compared(answer.model_dump(mode="json")) for name, answer in found.items()}


def _compared(answer: dict[str, Any]) -> dict[str, Any]:
    # What a load, a run or a type is called differs by nature; so does how a query is written, and the emulated
    # Snowflake keeps no descriptions of columns.
    for name in ("freshness", "runs", "sql", "lateness_seconds"):
        answer.pop(name, None)
    for row in answer["rows"]:
        row.pop("loaded_at", None)
        row.pop("meaning", None)
        for column in row.get("columns") or []:
            column.pop("type")
            column.pop("meaning")
    (answer.get("seats") or {}).pop("warehouse", None)
    return answer
