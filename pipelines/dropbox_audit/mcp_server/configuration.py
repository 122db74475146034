"""The block that tells Claude Desktop or Claude Code how to start the server, filled in for this machine."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

from dropbox_audit.warehouse import Target

NAME = "dropbox-audit"


def stdio_block(target: Target) -> dict[str, Any]:
    """The entry for `mcpServers`: a client starts it anywhere, so every path is absolute. Holds no secret."""
    command = Path(sys.argv[0])
    found = command if command.name.startswith(NAME) and command.exists() else Path(sys.executable).with_name(NAME)
    arguments = ["mcp"]
    # dlt finds .dlt/ there, with the credentials of the warehouse.
    environment = {"DLT_PROJECT_DIR": str(Path.cwd())}
    if target.path is not None:
        environment["DESTINATION__DUCKDB__CREDENTIALS"] = str(target.path)
    else:
        arguments += ["--destination", target.destination]
    return {"command": str(found.absolute()), "args": arguments, "env": environment}


def http_block(address: str) -> dict[str, Any]:
    """The entry for a server that runs with `--http`; the client takes the token from the environment."""
    token = "${SOURCES__DROPBOX_AUDIT__MCP_TOKEN}"  # noqa: S105
    return {"type": "http", "url": address, "headers": {"Authorization": f"Bearer {token}"}}


def described(block: dict[str, Any], *, is_http: bool) -> str:
    """The block as it is pasted, and where."""
    whole = json.dumps({"mcpServers": {NAME: block}}, indent=2)
    one = json.dumps(block)
    lines = [
        *(
            ["Claude Code: .mcp.json in a project's folder"]
            if is_http
            else [
                "Claude Desktop: Settings > Developer > Edit Config (claude_desktop_config.json), then restart it.",
                "Claude Code: the same block as .mcp.json in a project's folder.",
            ]
        ),
        "",
        whole,
        "",
        "Claude Code, for all your projects:",
        "",
        f"claude mcp add-json --scope user {NAME} {shlex.quote(one)}",
    ]
    return "\n".join(lines)
