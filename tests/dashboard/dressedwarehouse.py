"""The dressed warehouse: the demo's, with alerts and with somebody whose name is an attack."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
from dropbox_audit.warehouse import Target

HOSTILE = (
    "![](http://evil.example/x.png) :material/warning: $x^2$ [a](javascript:alert(1)) <img src=x onerror=alert(1)>"
)
"""What a stranger may call themselves."""
RUNBOOK = f"1. Ask them.\n2. {HOSTILE}"

_SEVERITIES = ("critical", "high", "medium", "low")


def rows(target: Target, sql: str, *parameters: object) -> list[tuple[object, ...]]:
    """What the warehouse itself answers."""
    with duckdb.connect(str(target.path), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(sql, list(parameters)).fetchall()


def build(demo: Path, folder: Path) -> None:
    shutil.copy(demo, folder / "undressing.duckdb")
    with duckdb.connect(str(folder / "undressing.duckdb")) as connection:
        for name in ("alerts", "alert_rules"):
            for (kind,) in connection.execute(
                "select table_type from information_schema.tables "
                "where table_schema = 'dropbox_audit' and table_name = ?",
                [name],
            ).fetchall():
                connection.execute(f"drop {'view' if kind == 'VIEW' else 'table'} dropbox_audit.{name}")
    (folder / "undressing.duckdb").rename(folder / "plain.duckdb")
    shutil.copy(folder / "plain.duckdb", folder / "dressing.duckdb")
    with duckdb.connect(str(folder / "dressing.duckdb")) as connection:
        connection.execute("set timezone = 'UTC'")
        _dress(connection)
    (folder / "dressing.duckdb").rename(folder / "dressed.duckdb")


def _dress(connection: duckdb.DuckDBPyConnection) -> None:
    newest = connection.execute(
        "select event_id, occurred_at, actor_id from dropbox_audit.events "
        "where actor_id is not null order by occurred_at desc, event_id desc limit 8"
    ).fetchall()
    actor = newest[0][2]
    for relation in ("events", "deletes", "shares", "logins"):
        kind = connection.execute(
            "select table_type from information_schema.tables where table_schema = 'dropbox_audit' and table_name = ?",
            [relation],
        ).fetchone()
        if kind == ("BASE TABLE",):
            connection.execute(
                f"update dropbox_audit.{relation} set actor_name = ? where actor_id = ?", [HOSTILE, actor]
            )
    connection.execute(
        """
        create table dropbox_audit.alerts (
            alert_id text, rule_id text, rule_name text, severity text, title text, occurred_at timestamptz,
            occurred_on date, first_at timestamptz, last_at timestamptz, user_id text, user_email text, subject text,
            event_count bigint, item_count bigint, evidence text, runbook text, raised_at timestamptz
        )
        """
    )
    for number, (event_id, occurred_at, user_id) in enumerate(newest):
        evidence = {"event_ids": [event_id], "event_count": 1, "counted": "events per actor", "asset": HOSTILE}
        connection.execute(
            f"insert into dropbox_audit.alerts values ({', '.join('?' * 17)})",
            [
                *(f"{number:032x}", f"E{number:02}", f"Rule {number}", _SEVERITIES[number % 4]),
                *(f"{HOSTILE} deleted {number} files", occurred_at, occurred_at.astimezone(UTC).date()),
                *(occurred_at - timedelta(minutes=5), occurred_at, user_id, "ann@example.com", HOSTILE, 1, 1),
                *(json.dumps(evidence), RUNBOOK, datetime.now(UTC)),
            ],
        )
    connection.execute(
        "create table dropbox_audit.alert_rules as select 'E01' as rule_id, 'Rule 1' as name, 'high' as severity, "
        "true as is_enabled, 'Because.' as why, 3 as threshold, 10 as window_minutes"
    )
