"""What people ask of each view, on ten million events, against a full scan of `events`.

Each view answers the questions that fit its columns: what one user did in a month, the top ten of a quarter, counts per
day of a year; views without users or days, what they are there for. Each is asked several times of one open connection
and its best counts, as does the scan's: the largest value of every column of every event, which is the least that has
to touch all of them. Made-up events compress well, which makes the scan a quick one and the comparison a hard one. The
ratio is of the slowest of a view's questions.
"""

import time
from datetime import date, timedelta

import duckdb

from benchmarks.scale import Bench
from benchmarks.table import Row
from benchmarks.warehouse import SIZES, standing

_TIMES = 3
_PART_OF_SCAN = 0.1
_SECONDS = 1.0
_SIZE = list(SIZES)[-1]

_SCAN = "select max(columns(*)) from dropbox_audit.events"
_USER = (
    "select actor_id from events where occurred_on between {month} "
    "group by actor_id order by count(distinct event_type) desc, actor_id limit 1"
)
_GUEST = "select min(participant_id) from event_participants where occurred_on between {month}"
_NEWEST = "select max(occurred_on) from events"


def _of_events(view: str, counted: str = "count(*)") -> dict[str, str]:
    """Of a view with one row per event, or per something in an event."""
    return {
        "user's month": f"select * from {view} where actor_id = {{user}} and occurred_on between {{month}} "
        "order by occurred_at",
        "quarter's top ten": f"select actor_id, {counted} as number from {view} where occurred_on between {{quarter}} "
        "group by actor_id order by number desc limit 10",
        "year by day": f"select occurred_on, {counted} as number from {view} where occurred_on between {{year}} "
        "group by occurred_on order by occurred_on",
    }


def _per_user(view: str, counted: str) -> dict[str, str]:
    """Of a view with one row per user and day."""
    return {
        "user's month": f"select * from {view} where user_id = {{user}} and day between {{month}} order by day",
        "quarter's top ten": f"select user_id, user_email, sum({counted}) as number from {view} "
        "where day between {quarter} group by all order by number desc limit 10",
        "year by day": f"select day, sum({counted}) as number from {view} where day between {{year}} "
        "group by day order by day",
    }


QUESTIONS: dict[str, dict[str, str]] = {
    "events": _of_events("events"),
    "event_assets": {
        "user's month": "select event_assets.* from event_assets inner join events using (event_id, occurred_on) "
        "where events.actor_id = {user} and events.occurred_on between {month}",
        "quarter's top ten": "select path, count(*) as number from event_assets where occurred_on between {quarter} "
        "group by path order by number desc limit 10",
        "year by day": "select occurred_on, count(*) as number from event_assets where occurred_on between {year} "
        "group by occurred_on order by occurred_on",
    },
    "event_participants": {
        "user's month": "select * from event_participants where participant_id = {guest} "
        "and occurred_on between {month}",
        "quarter's top ten": "select email, count(*) as number from event_participants "
        "where occurred_on between {quarter} group by email order by number desc limit 10",
        "year by day": "select occurred_on, count(*) as number from event_participants "
        "where occurred_on between {year} group by occurred_on order by occurred_on",
    },
    "deletes": _of_events("deletes"),
    "deletes_per_user": _per_user("deletes_per_user", "deleted_items"),
    "shares": _of_events("shares", "sum(external_recipients)"),
    "shares_per_user": _per_user("shares_per_user", "external_shares"),
    "logins": _of_events("logins"),
    "logins_per_user": _per_user("logins_per_user", "failed_logins"),
    "alerts": {
        "user's month": "select * from alerts where user_id = {user} and occurred_on between {month} "
        "order by occurred_at",
        "quarter's top ten": "select rule_id, count(*) as number from alerts where occurred_on between {quarter} "
        "group by rule_id order by number desc limit 10",
        "year by day": "select occurred_on, count(*) as number from alerts where occurred_on between {year} "
        "group by occurred_on order by occurred_on",
    },
    "alert_rules": {"rules that are on": "select * from alert_rules where is_enabled order by rule_id"},
    "user_activity": _per_user("user_activity", "events"),
    "admin_actions": _of_events("admin_actions"),
    "policy_changes": _of_events("policy_changes"),
    "member_changes": _of_events("member_changes"),
    "external_domains": {
        "top ten": "select * from external_domains order by external_shares desc limit 10",
    },
    "log_completeness": {
        "year by day": "select * from log_completeness where day between {year} order by day",
        "days that lack something": "select * from log_completeness where status = 'gap'",
    },
    # The views of the team cost as much as the team is large, whatever its log holds; here it is empty.
    "members": {"longest unseen": "select * from members order by idle_days desc limit 10"},
    "members_history": {"a day's admins": "select * from members_history where is_admin and valid_to is null"},
    "member_offboarding": {"who still owns something": "select * from member_offboarding"},
    "licences": {"year by day": "select * from licences where day between {year} order by day"},
    "idle_members": {"dearest": "select * from idle_members order by cost_per_year desc limit 10"},
    "linked_apps": {"shadow apps": "select * from linked_apps where is_shadow_app"},
    "devices": {"longest unused": "select * from devices order by unused_days desc limit 10"},
    "spend": {"by month": "select month, sum(cost) as cost, currency from spend group by all order by month"},
    "renewals": {"next": "select * from renewals order by renewal_date limit 1"},
    "pipeline_runs": {
        "last ten": "select * from pipeline_runs order by started_at desc limit 10",
    },
}
"""By view of `dropbox_audit`; tests see to it that none is left out."""


def questions(bench: Bench) -> list[Row]:
    """How long each view takes to answer."""
    with standing(bench, _SIZE) as warehouse:
        connection = duckdb.connect(str(warehouse.installation.warehouse), read_only=True)
    with connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("use dropbox_audit")
        times = bench.times(_TIMES)
        [(stored,)] = connection.execute("select count(*) from events").fetchall()
        scan = _seconds(connection, _SCAN, times)
        known = _parameters(connection)
        rows = []
        for view, asked in QUESTIONS.items():
            seconds = {what: _seconds(connection, sql.format(**known), times) for what, sql in asked.items()}
            what = max(seconds, key=lambda name: seconds[name])
            slowest = seconds[what]
            rows.append(
                Row(
                    f"`{view}` of {stored:,} events",
                    ", ".join(f"{name} {took:.3f} s" for name, took in seconds.items()),
                    f"a full scan of `events`: {scan:.2f} s",
                    slowest / scan,
                    f"under {_SECONDS:g} s or ≤ {_PART_OF_SCAN:g}",
                    slowest < _SECONDS or slowest / scan <= _PART_OF_SCAN,
                )
            )
    return rows


def _parameters(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Whom and which days the questions are about, as SQL; the user is the one who did most kinds of things."""
    [(newest,)] = connection.execute(_NEWEST).fetchall()
    spans = {name: _span(newest, days) for name, days in _SPANS.items()}
    [(user,)] = connection.execute(_USER.format(**spans)).fetchall()
    [(guest,)] = connection.execute(_GUEST.format(**spans)).fetchall()
    return {"user": f"'{user}'", "guest": f"'{guest}'", **spans}


_SPANS = {"month": 30, "quarter": 91, "year": 365}


def _span(newest: date, days: int) -> str:
    # Not the newest days: the polls of another part have added to them.
    last = newest - timedelta(days=30)
    return f"date '{last - timedelta(days=days - 1)}' and date '{last}'"


def _seconds(connection: duckdb.DuckDBPyConnection, sql: str, times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        connection.execute(sql).fetchall()
        taken.append(time.perf_counter() - began)
    return min(taken)
