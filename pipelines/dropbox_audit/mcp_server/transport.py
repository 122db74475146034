"""How a client reaches the server: over stdin and stdout, or over HTTP on this machine alone."""

import contextlib
import hmac
import os
import socket
from collections.abc import Callable

import uvicorn
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl

from dropbox_audit.errors import RunError
from dropbox_audit.mcp_server.desk import Desk
from dropbox_audit.mcp_server.server import make_server

HOST = "127.0.0.1"
PATH = "/mcp"
_LARGEST_REQUEST = 256 * 1024
_PATIENCE = 3
"""Seconds that an answer on its way may still take when the server is told to end."""


def serve_stdio(desk: Desk) -> None:
    """Serve the one client at the other end of stdin and stdout, until it closes them."""
    make_server(desk).run("stdio")


def serve_http(desk: Desk, port: int, token: str, ready: Callable[[str], None]) -> None:
    """Serve streamable HTTP on a loopback port until SIGINT or SIGTERM.

    Args:
        desk: what to ask.
        port: 0 takes any free one.
        token: what a client must send as `Authorization: Bearer …`.
        ready: told the address once it is open.

    Raises:
        RunError: the port is taken.
    """
    try:
        listener = socket.create_server((HOST, port))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise RunError(f"Port {port} cannot be opened ({reason}): choose another one with --port.") from error
    port = listener.getsockname()[1]
    hosts = [f"{HOST}:{port}", f"localhost:{port}"]
    address = AnyHttpUrl(f"http://{HOST}:{port}")
    server = make_server(
        desk,
        # Not an OAuth server: the SDK wants an issuer's name, and no metadata are served.
        auth=AuthSettings(issuer_url=address, resource_server_url=None),
        token_verifier=_OneToken(token),
    )
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=_LARGEST_REQUEST,
        # A page that a browser has open may reach this port under a name of its own: DNS rebinding.
        transport_security=TransportSecuritySettings(
            allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts]
        ),
        host=HOST,
    )
    config = uvicorn.Config(
        app, log_config=None, log_level="error", server_header=False, timeout_graceful_shutdown=_PATIENCE, ws="none"
    )
    ready(f"http://{HOST}:{port}{PATH}")
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


class _OneToken:
    """Lets in who has the token."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def verify_token(self, token: str) -> AccessToken | None:
        if not hmac.compare_digest(token.encode(errors="replace"), self._token):
            return None
        return AccessToken(token=token, client_id="dropbox-audit", scopes=[])
