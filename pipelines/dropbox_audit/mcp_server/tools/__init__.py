"""The tools: named questions. A tool's docstring and its arguments' descriptions are what a model chooses by."""

from collections.abc import Callable
from typing import Any

from dropbox_audit.mcp_server.tools import access, activity, administration, people, team, watch

TOOLS: dict[Callable[..., Any], str] = {
    watch.list_alerts: "Alerts, with evidence and runbook",
    watch.list_alert_rules: "Alert rules",
    activity.search_activity: "Search the audit log",
    activity.get_event: "One event in full",
    activity.list_event_types: "Kinds of events",
    people.person_summary: "A person's activity",
    people.rank_people: "Who did the most",
    access.list_deletes: "Deletes",
    access.list_shares: "Sharing changes",
    access.external_people: "People outside with access",
    access.external_domains: "Outside organisations",
    access.list_logins: "Sign-ins and failures",
    administration.list_admin_actions: "Administrators' actions",
    administration.list_policy_changes: "Policy changes",
    administration.list_member_changes: "Changes to members",
    team.list_members: "Members now",
    team.members_on_day: "Members on a past day",
    team.seats_and_cost: "Seats, cost and renewal",
    team.list_idle_members: "Idle members",
    team.list_leavers: "What leavers still own",
    team.list_spend: "Spend by month",
    team.list_devices: "Devices and sessions",
    team.list_linked_apps: "Linked apps",
    watch.log_completeness: "Is the log complete?",
    watch.describe_views: "Views and their columns",
    watch.run_query: "Read-only query (last resort)",
}
"""Each tool and its title, in the order in which a client lists them."""
