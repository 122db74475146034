"""How a client reaches the server: the printed configuration, stdio, HTTP, and who is kept out."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from conftest import Warehouse, asking, connected, stdio_parameters
from dropbox_audit.errors import RunError
from dropbox_audit.mcp_server.configuration import described, http_block, stdio_block
from dropbox_audit.mcp_server.desk import Desk
from dropbox_audit.mcp_server.transport import serve_http
from dropbox_audit.warehouse import Target, duckdb_target
from mcp import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from support import Workspace, clean_environment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOKEN = "a-token-of-my-own-choice"


# -- configuration ---------------------------------------------------------------------------------------------------


def printed_block(workspace: Workspace, *options: str) -> tuple[dict[str, Any], str]:
    run = workspace.run("mcp", "--print-config", *options)
    assert run.returncode == 0, run.stderr
    whole = re.search(r"^\{\n.*?^\}$", run.stdout, re.DOTALL | re.MULTILINE)
    assert whole is not None
    return json.loads(whole[0])["mcpServers"]["dropbox-audit"], run.stdout


def test_the_printed_block_starts_a_server_from_anywhere(
    outside: Workspace, demo: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (outside.folder / ".dlt").mkdir()
    (outside.folder / ".dlt/secrets.toml").write_text(f'[destination.duckdb]\ncredentials = "{demo.path}"\n')
    (outside.folder / ".dlt/secrets.toml").chmod(0o600)
    block, text = printed_block(outside)
    assert block["env"] == {
        "DLT_PROJECT_DIR": str(outside.folder),
        "DESTINATION__DUCKDB__CREDENTIALS": str(demo.path),
    }
    line = next(line for line in text.splitlines() if line.startswith("claude mcp add-json"))
    assert json.loads(shlex.split(line)[-1]) == block
    # The README shows the same, for a home of its own.
    shown = re.search(r"```json\n(\{\n  \"mcpServers\".*?)\n```", README, re.DOTALL)
    assert shown is not None
    there = json.loads(shown[1])["mcpServers"]["dropbox-audit"]
    assert Path(there["command"]).name == Path(block["command"]).name == "dropbox-audit"
    assert (there["args"], there["env"].keys()) == (block["args"], block["env"].keys())
    assert there["env"]["DESTINATION__DUCKDB__CREDENTIALS"] == f"{there['env']['DLT_PROJECT_DIR']}/dropbox.duckdb"
    parameters = StdioServerParameters(
        command=block["command"],
        args=block["args"],
        env={**clean_environment(outside.home), **block["env"]},
        cwd=tmp_path_factory.mktemp("elsewhere"),
    )
    with connected(parameters, mode="legacy") as assistant:
        assert assistant.ask("list_leavers")["row_count"] == 1


def test_the_block_for_http_holds_no_token() -> None:
    block = http_block("http://127.0.0.1:9000/mcp")
    assert block == {
        "type": "http",
        "url": "http://127.0.0.1:9000/mcp",
        "headers": {"Authorization": "Bearer ${SOURCES__DROPBOX_AUDIT__MCP_TOKEN}"},
    }
    assert json.dumps(block, indent=2).replace("\n", "\n    ") in described(block, is_http=True)


def test_a_warehouse_without_a_file_is_named_in_the_arguments() -> None:
    block = stdio_block(Target("snowflake", database="acme-eu1/AUDIT"))
    assert block["args"] == ["mcp", "--destination", "snowflake"]
    assert block["env"] == {"DLT_PROJECT_DIR": str(Path.cwd())}


# -- stdio -----------------------------------------------------------------------------------------------------------


def test_stdout_belongs_to_the_protocol(demo: Warehouse, tmp_path: Path) -> None:
    parameters = stdio_parameters(demo.path, tmp_path)
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/secrets.toml").write_text("")
    (tmp_path / ".dlt/secrets.toml").chmod(0o644)
    asked = [
        {"id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {},
                                                     "clientInfo": {"name": "test", "version": "1"}}},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "list_leavers", "arguments": {}}},
        {"id": 3, "method": "tools/call", "params": {"name": "run_query", "arguments": {"sql": "call x()"}}},
    ]  # fmt: skip
    server = subprocess.Popen(
        [parameters.command, *parameters.args],
        cwd=tmp_path,
        env=parameters.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stderr is not None
    answers = []
    for message in asked:
        server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        server.stdin.flush()
        if "id" in message:
            answers.append(json.loads(server.stdout.readline()))
    server.stdin.close()
    assert server.stdout.read() == ""
    said = server.stderr.read()
    assert server.wait(timeout=10) == 0
    assert [answer["id"] for answer in answers] == [1, 2, 3]
    assert "instruct" in answers[0]["result"]["instructions"]
    assert answers[2]["result"]["isError"]
    assert "chmod 600" in said
    assert "Traceback" not in said


def test_a_signal_ends_it_at_once(demo: Warehouse, tmp_path: Path) -> None:
    parameters = stdio_parameters(demo.path, tmp_path)
    server = subprocess.Popen(
        [parameters.command, *parameters.args], cwd=tmp_path, env=parameters.env, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write('{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
    server.stdin.flush()
    server.stdout.readline()
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=10) == -signal.SIGTERM


def test_the_file_is_free_between_two_questions(demo: Warehouse, tmp_path: Path) -> None:
    copy = Warehouse(tmp_path / "dropbox.duckdb")
    copy.path.write_bytes(demo.path.read_bytes())
    with asking(copy.path) as assistant:
        before = assistant.ask("run_query", sql="select count(*) from events")["rows"]
        copy.change("delete from dropbox_audit.events where event_type = 'file_edit'")
        after = assistant.ask("run_query", sql="select count(*) from events")["rows"]
    assert after[0]["values"][0] < before[0]["values"][0]


def test_a_warehouse_that_is_not_there_is_told(tmp_path: Path) -> None:
    with asking(tmp_path / "none.duckdb") as assistant:
        assert "does not exist yet: run `dropbox-audit run` first." in assistant.refused("list_deletes")


# -- HTTP ------------------------------------------------------------------------------------------------------------


@contextmanager
def serving(
    warehouse: Path, folder: Path, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[str], list[str]]]:
    """The command with `--http`: its address, its process, and the lines it has said until it was ready."""
    server = subprocess.Popen(
        [sys.executable, "-m", "dropbox_audit.cli", "mcp", "--http", "--port", "0"],
        cwd=folder,
        env={
            **clean_environment(folder), "DESTINATION__DUCKDB__CREDENTIALS": str(warehouse), **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert server.stderr is not None
        lines = [server.stderr.readline()]
        if not environment:
            lines += [server.stderr.readline() for _ in range(3)]
        found = re.search(r"http://127\.0\.0\.1:\d+/mcp", lines[0])
        assert found is not None, lines
        yield found[0], server, lines
    finally:
        server.kill()
        server.communicate()


@pytest.fixture(scope="module")
def http(demo: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server whose token is `TOKEN`."""
    folder = tmp_path_factory.mktemp("http")
    with serving(demo.path, folder, SOURCES__DROPBOX_AUDIT__MCP_TOKEN=TOKEN) as (address, _, lines):
        assert TOKEN not in "".join(lines)
        yield address


def with_token(address: str, token: str) -> Any:
    return streamable_http_client(
        address, http_client=httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    )


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_who_has_the_token_is_answered_over_http(mode: str, http: str, demo: Warehouse) -> None:
    with connected(with_token(http, TOKEN), mode=mode) as assistant:
        [(total,)] = demo.rows("select count(*) from dropbox_audit.deletes")
        assert assistant.ask("list_deletes", since="90d", limit=1)["total_rows"] == total
        assert "Only views of dropbox_audit" in assistant.refused("run_query", sql="from dropbox_raw.events")
        assert len(assistant.tools()) > 20


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": b"Bearer \xfc"}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": f"Bearer {TOKEN[:-1]}"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": f"Bearer {TOKEN}", "Host": "attacker.example"}, 421),
        ({"Authorization": f"Bearer {TOKEN}", "Host": "attacker.example:8766"}, 421),
        ({"Authorization": f"Bearer {TOKEN}", "Host": "127.0.0.1"}, 421),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "https://attacker.example"}, 403),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "http://127.0.0.1.attacker.example:1"}, 403),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "null"}, 403),
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
    ],
)
def test_everybody_else_is_kept_out(headers: dict[str, str | bytes], status: int, http: str) -> None:
    message = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
    }  # fmt: skip
    answer = httpx2.post(
        http, json=message, headers={"Accept": "application/json, text/event-stream", **headers}, trust_env=False
    )
    assert answer.status_code == status
    assert ("serverInfo" in answer.text) == (status == 200)
    assert TOKEN not in answer.text


def test_a_request_cannot_be_endless(http: str) -> None:
    answer = httpx2.post(http, content=b"x" * 300_000, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False)
    assert answer.status_code == 413


def test_it_listens_on_this_machine_alone(http: str) -> None:
    port = int(http.split(":")[2].split("/", maxsplit=1)[0])
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        address, state = line.split()[1], line.split()[3]
        if state == "0A" and int(address.split(":")[1], 16) == port:
            assert socket.inet_ntoa(bytes.fromhex(address.split(":")[0])[::-1]) == "127.0.0.1"
            return
    pytest.fail("nothing listens on the port")


def test_without_a_setting_a_token_is_made_and_shown_once(demo: Warehouse, tmp_path: Path) -> None:
    with serving(demo.path, tmp_path) as (address, server, lines):
        [token] = re.findall(r"The token of this run: (\S+)", "".join(lines))
        added = next(line for line in lines if "claude mcp add" in line)
        assert shlex.split(added)[-3:] == [address, "--header", f"Authorization: Bearer {token}"]
        assert len(token) >= 43
        with connected(with_token(address, token)) as assistant:
            assert assistant.ask("list_leavers")["row_count"] == 1
        server.send_signal(signal.SIGTERM)
        stdout, stderr = server.communicate(timeout=20)
        assert (server.returncode, stdout, stderr) == (0, "", "Stopped.\n")


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RunError) as told:
            serve_http(Desk(duckdb_target(tmp_path / "x.duckdb")), port, TOKEN, pytest.fail)
    assert str(told.value) == (
        f"Port {port} cannot be opened (Address already in use): choose another one with --port."
    )


# -- the extra -------------------------------------------------------------------------------------------------------


def test_without_the_package_one_line_says_what_to_install(outside: Workspace) -> None:
    program = "import sys; sys.modules['mcp'] = None; from dropbox_audit.cli import command; command()"
    run = subprocess.run(
        [sys.executable, "-c", program, "mcp"], cwd=outside.folder, env=outside.environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == (
        "Error: The MCP server needs a package that is not installed: pip install 'dropbox-audit[mcp]'.\n"
    )


def test_no_other_command_pays_for_it(outside: Workspace) -> None:
    program = (
        "import sys, dropbox_audit.cli, dropbox_audit.run, dropbox_audit.transform, dropbox_audit.verify, "
        "dropbox_audit.export, dropbox_audit.seats, dropbox_audit.status, dropbox_audit.check; "
        "print(sorted({'mcp', 'dropbox_audit.mcp_server'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], env={**outside.environment, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout == "[]\n"
