"""The demo's warehouse, made once for all tests of the MCP server, and the SDK's own client to ask with."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from dropbox_audit.mcp_server.desk import LIMITS, Desk
from dropbox_audit.mcp_server.server import make_server
from dropbox_audit.warehouse import Limits, duckdb_target
from mcp import Client, StdioServerParameters
from support import DemoRun, clean_environment

SqlRows = list[tuple[Any, ...]]


@dataclass
class Warehouse:
    """A DuckDB file, and what its views hold."""

    path: Path

    def rows(self, sql: str, *parameters: Any) -> SqlRows:
        """Ask it directly, past the product."""
        with duckdb.connect(str(self.path), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            return connection.execute(sql, list(parameters)).fetchall()

    def change(self, *statements: str) -> None:
        """Write to it, as only a test does."""
        with duckdb.connect(str(self.path)) as connection:
            for statement in statements:
                connection.execute(statement)


@dataclass
class Assistant:
    """A connected client, for tests that are not asynchronous."""

    client: Client
    portal: BlockingPortal

    def do(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Call a method of the client."""
        return self.portal.call(call, *arguments)

    def tools(self) -> dict[str, Any]:
        """The tools by their names."""
        return {tool.name: tool for tool in self.do(self.client.list_tools).tools}

    def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """A tool's answer; fails on an error."""
        result = self.do(self.client.call_tool, tool, arguments)
        assert not result.is_error, result.content[0].text
        answer: dict[str, Any] = result.structured_content
        return answer

    def refused(self, tool: str, **arguments: Any) -> str:
        """The text of a tool's error; fails when there is none."""
        result = self.do(self.client.call_tool, tool, arguments)
        assert result.is_error, result.content[0].text
        text: str = result.content[0].text
        return text


@contextmanager
def connected(server: Any, **options: Any) -> Iterator[Assistant]:
    """A client of a server: an object, the parameters of a subprocess, or a transport."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Client(server, **options)) as client,
    ):
        yield Assistant(client, portal)


@contextmanager
def asking(path: Path, limits: Limits = LIMITS) -> Iterator[Assistant]:
    """A client of a server in this very process, over a file of the test's own."""
    with connected(make_server(Desk(duckdb_target(path), limits=limits))) as assistant:
        yield assistant


def stdio_parameters(warehouse: Path, folder: Path) -> StdioServerParameters:
    """How a client starts the server as a subprocess; `folder` is where it works."""
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "dropbox_audit.cli", "mcp"],
        env={**clean_environment(folder), "DESTINATION__DUCKDB__CREDENTIALS": str(warehouse)},
        cwd=folder,
    )


@pytest.fixture(scope="session")
def demo(demo_run: DemoRun) -> Warehouse:
    """The demo's warehouse."""
    return Warehouse(demo_run.path)


@pytest.fixture(scope="session")
def assistant(demo: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """A client of the real command over stdio, on the demo's warehouse."""
    with connected(stdio_parameters(demo.path, tmp_path_factory.mktemp("server"))) as started:
        yield started


ALERTS = (
    """
    create view dropbox_audit.alerts as
    select
        md5(event_id) as alert_id, 'B01' as rule_id, 'Mass deletion' as rule_name,
        case when is_permanent then 'high' else 'low' end as severity, 'Somebody deleted a file' as title,
        occurred_at, occurred_on, occurred_at as first_at, occurred_at as last_at, actor_id as user_id,
        actor_email as user_email, name as subject, cast(1 as bigint) as event_count, cast(1 as bigint) as item_count,
        json_object('event_ids', [event_id], 'event_count', 1, 'asset', name) as evidence,
        'Ask them.' as runbook, occurred_at as raised_at
    from dropbox_audit.deletes
    """,
    """
    create view dropbox_audit.alert_rules as
    select
        'B01' as rule_id, 'Mass deletion' as name, 'count' as kind, 'high' as severity,
        cast(null as varchar) as escalated_severity, cast(null as varchar) as escalated_if,
        'file_delete' as event_types, cast(null as varchar) as condition, cast(null as varchar) as condition_values,
        'assets per actor' as counted, cast(50 as bigint) as threshold, cast(60 as bigint) as window_minutes,
        cast(null as bigint) as baseline_days, '{actor} deleted {count} items' as title, 'Data may be lost' as why,
        'Ask them.' as runbook, 'T1485' as mitre, cast(null as varchar) as peers, true as is_enabled
    """,
)
"""The two relations of the alerts in their agreed shape, over the demo's deletes."""


@pytest.fixture(scope="module")
def changed(demo: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A copy of the demo that a module may write to, with alerts of its own."""
    copy = Warehouse(tmp_path_factory.mktemp("copy") / "dropbox.duckdb")
    copy.path.write_bytes(demo.path.read_bytes())
    kinds = dict(
        copy.rows(
            "select table_name, table_type from information_schema.tables where table_schema = 'dropbox_audit' "
            "and table_name in ('alerts', 'alert_rules')"
        )
    )
    drops = [f"drop {'view' if kind == 'VIEW' else 'table'} dropbox_audit.{name}" for name, kind in kinds.items()]
    copy.change(*drops, *ALERTS)
    return copy


def plain(value: Any) -> Any:
    """A value of the warehouse as an answer has it."""
    if hasattr(value, "isoformat"):
        return re.sub(r"\+00:00$", "Z", value.isoformat())
    return str(value) if type(value).__name__ == "Decimal" else value
