"""Seats, money, apps and devices."""

import pandas as pd

from dropbox_audit.dashboard.queries.tables import MOST_ROWS, grouped, table
from dropbox_audit.warehouse import VIEWS_DATASET, Door


def licences(door: Door) -> pd.DataFrame:
    """Seats day by day."""
    columns = ("day", "bought", "provisioned", "used")
    return table(door, {name: name for name in columns}, f"from {VIEWS_DATASET}.licences order by day")


def spend(door: Door) -> pd.DataFrame:
    """What each month cost the team."""
    columns = ("month", "cost", "currency")
    return table(
        door, {name: name for name in columns}, f"from {VIEWS_DATASET}.spend where scope = 'team' order by month"
    )


def renewals(door: Door) -> pd.DataFrame:
    """Contracts that hold now or are still to come."""
    columns = (
        *("renewal_date", "days_left", "notice_deadline", "days_to_notice", "seats", "cost_per_year", "seats_needed"),
        *("seats_to_drop", "saving_per_year", "currency", "is_current"),
    )
    return table(door, {name: name for name in columns}, f"from {VIEWS_DATASET}.renewals order by valid_from")


def idle(door: Door) -> pd.DataFrame:
    """Members who hold a seat and do not use it."""
    columns = ("account_id", "name", "email", "status", "idle_days", "last_seen_at", "cost_per_year", "currency")
    return table(
        door,
        {name: name for name in columns},
        f"from {VIEWS_DATASET}.idle_members order by idle_days desc, email limit {MOST_ROWS}",
    )


def leavers(door: Door) -> pd.DataFrame:
    """Who has left and still owns something."""
    columns = (
        *("account_id", "name", "email", "status", "left_on", "shared_link_count", "public_link_count"),
        *("device_count", "linked_app_count", "shared_folder_count"),
    )
    return table(
        door,
        {name: name for name in columns},
        f"from {VIEWS_DATASET}.member_offboarding order by left_on desc, email limit {MOST_ROWS}",
    )


def apps(door: Door) -> pd.DataFrame:
    """Linked apps, one row each."""
    return grouped(
        door,
        {
            "app_id": "app_id",
            "app_name": "max(app_name)",
            "publisher": "max(publisher)",
            "scopes": "max(scopes)",
            "is_shadow_app": "max(case when is_shadow_app then 1 else 0 end) = 1",
            "member_count": "max(member_count)",
            "first_seen_in_team_at": "min(first_seen_in_team_at)",
            "last_used_at": "max(last_used_at)",
        },
        f"from {VIEWS_DATASET}.linked_apps",
        (),
        by="app_id",
        rest=f"order by member_count desc, app_id limit {MOST_ROWS}",
    )


def app_members(door: Door, app_id: str) -> pd.DataFrame:
    """Who has linked an app."""
    columns = ("account_id", "name", "email", "member_status", "linked_at")
    return table(
        door,
        {name: name for name in columns},
        f"from {VIEWS_DATASET}.linked_apps where app_id = ? and account_id is not null order by email",
        [app_id],
    )


def devices(door: Door) -> pd.DataFrame:
    """Devices and web sessions, the longest unused first."""
    columns = (
        *("account_id", "name", "email", "device_type", "device_name", "platform", "client_version", "country"),
        *("ip_address", "last_used_at", "unused_days", "member_status"),
    )
    return table(
        door,
        {name: name for name in columns},
        f"from {VIEWS_DATASET}.devices order by unused_days desc, session_id limit 2000",
    )
