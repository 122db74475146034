"""Below ASGI: what a healthy server never does to a connection, and Dropbox's own reason phrases.

ASGI has no way to break an answer off or to reset a connection, so the server's HTTP protocol class remembers each
connection's transport under the client's address, where the application finds it. The class is uvicorn's own otherwise.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import Scope

REASON_HEADER = b"x-simulated-reason"
"""A response header that becomes the reason phrase instead of being sent."""

TRANSPORTS = "transports"


class Protocol(H11Protocol):
    """uvicorn's HTTP/1.1 with two additions: transports by client address, and reason phrases."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn = _Connection(h11.SERVER)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # asyncio does so itself only for sockets that name their protocol, which ours does not: 40 ms per answer.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state.setdefault(TRANSPORTS, {})[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.app_state.get(TRANSPORTS, {}).pop(self.client, None)
        super().connection_lost(exc)


class _Connection(h11.Connection):
    def send(self, event: Any) -> Any:
        if isinstance(event, h11.Response):
            headers = list(event.headers)
            reason = next((value for name, value in headers if name == REASON_HEADER), None)
            if reason is not None:
                kept = [(name, value) for name, value in headers if name != REASON_HEADER]
                event = h11.Response(status_code=event.status_code, headers=kept, reason=reason)
        return super().send(event)


def close(scope: Scope) -> None:
    """Close the connection of a request in the orderly way, whatever is left to send."""
    _transport(scope).close()


def reset(scope: Scope) -> None:
    """Break the connection of a request: the client gets a TCP reset."""
    transport = _transport(scope)
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _transport(scope: Scope) -> asyncio.Transport:
    transports: dict[Any, asyncio.Transport] = scope["state"][TRANSPORTS]
    return transports[scope["client"]]
