"""Put a simulated Dropbox on a loopback port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import uvicorn

from dropbox_audit.demo.wire import Protocol

if TYPE_CHECKING:
    from dropbox_audit.demo.server import SimulatedDropbox

HOST = "127.0.0.1"


@contextlib.contextmanager
def running(server: SimulatedDropbox, port: int = 0) -> Iterator[str]:
    """Serve in a thread of its own for as long as the ``with`` block lasts.

    Args:
        server: what to serve.
        port: 0 takes any free one.

    Yields:
        The address to use instead of ``https://api.dropboxapi.com``, e.g. ``http://127.0.0.1:40123``.

    Raises:
        OSError: the port is taken.
    """
    listener = _listen(port)
    http = _Server(server)
    thread = threading.Thread(target=http.run, kwargs={"sockets": [listener]}, name="simulated-dropbox", daemon=True)
    thread.start()
    try:
        http.is_ready.wait(timeout=10)
        yield _address(listener)
    finally:
        http.stop()
        thread.join(timeout=10)


def serve_forever(server: SimulatedDropbox, port: int = 8765) -> None:
    """Serve until interrupted: SIGINT and SIGTERM end it in good order.

    Raises:
        OSError: the port is taken.
    """
    listener = _listen(port)
    http = _Server(server)
    with contextlib.suppress(KeyboardInterrupt):
        http.run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn that stops at once, open connections or not."""

    def __init__(self, server: SimulatedDropbox) -> None:
        config = uvicorn.Config(
            server, http=Protocol, ws="none", lifespan="off", loop="asyncio", log_config=None, log_level="error"
        )
        super().__init__(config)
        self.is_ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None

    def stop(self) -> None:
        """End the server from another thread."""
        self.should_exit = True
        if self._loop is not None and self._wake is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._wake.set)

    async def main_loop(self) -> None:
        self._loop, self._wake = asyncio.get_running_loop(), asyncio.Event()
        while not await self.on_tick(0):
            self.is_ready.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout=0.2)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


def _listen(port: int) -> socket.socket:
    return socket.create_server((HOST, port), backlog=128)


def _address(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"
