"""The command that an assistant starts."""

import secrets
import shlex
import signal
import sys
from typing import Annotated

import typer

from dropbox_audit.cli.common import Destination, app, say, tell, warn_of_open_secrets
from dropbox_audit.errors import ConfigurationError


@app.command()
def mcp(
    destination: Destination = "duckdb",
    http: Annotated[bool, typer.Option("--http", help="Serve HTTP on a loopback port instead of stdio.")] = False,
    port: Annotated[int, typer.Option("--port", help="That port.", min=0, max=65535)] = 8766,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the block for Claude Desktop and Claude Code, filled in.")
    ] = False,
) -> None:
    """Let an assistant ask the warehouse: an MCP server, read-only, over stdio or on a loopback port."""
    from dropbox_audit.clock import Clock
    from dropbox_audit.settings import read_settings
    from dropbox_audit.warehouse import find_target

    try:
        import mcp as _sdk  # noqa: F401
    except ImportError:
        raise ConfigurationError(
            "The MCP server needs a package that is not installed: pip install 'dropbox-audit[mcp]'."
        ) from None
    from dropbox_audit.mcp_server import configuration, transport
    from dropbox_audit.mcp_server.desk import Desk
    from dropbox_audit.wording import keep_secret

    warn_of_open_secrets()
    clock = Clock()
    settings = read_settings(clock.now())
    target = find_target(destination)
    if print_config:
        block = (
            configuration.http_block(f"http://{transport.HOST}:{port}{transport.PATH}")
            if http
            else configuration.stdio_block(target)
        )
        say(configuration.described(block, is_http=http))
        return
    desk = Desk(target, clock)
    if not http:
        # Nothing to put in order: a client that wants it gone may have it gone, even in the middle of an answer.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        if sys.stdin.isatty():
            tell("Waiting for an MCP client on stdin; `dropbox-audit mcp --print-config` says how one starts this.")
        transport.serve_stdio(desk)
        return
    token = settings.mcp_token or secrets.token_urlsafe(32)

    def ready(address: str) -> None:
        tell(f"MCP server on {address}, for programs of this machine that have the token. Ctrl-C ends it.")
        if settings.mcp_token is None:
            header = shlex.quote(f"Authorization: Bearer {token}")
            tell(f"The token of this run: {token}")
            tell(f"Claude Code: claude mcp add --transport http {configuration.NAME} {address} --header {header}")
            tell("For one that stays, set mcp_token in .dlt/secrets.toml; then --http --print-config has the block.")
        keep_secret(token)

    transport.serve_http(desk, port, token, ready)
    tell("Stopped.")
