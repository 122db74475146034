"""Serve a log on disk as Dropbox does, from a process of its own: `python -m benchmarks.log_server LOG_FILE`.

A page is a slice of the file, so that serving costs little; nothing is decoded or encoded. Requests may bound the time;
what is appended to the log is served from then on. A cursor says all there is to know and changes with every answer, as
Dropbox's does. The first line on stdout is the address. `GET /requests` tells how many requests for pages came since it
was last asked.
"""

import argparse
import itertools
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.log import Log

MOST_EVENTS = 1000
"""On a page, as with Dropbox."""
_SLOW = 2.0
_OPEN = -1
"""The end of a walk that goes on."""


class _Pages:
    """What is answered."""

    def __init__(self, path: Path, most_events: int, latency: float, slow: tuple[float, float]) -> None:
        self._log = Log(path)
        self._most_events = most_events
        self._latency = latency
        count = len(self._log)
        self._slow = range(int(count * slow[0]), int(count * slow[1]))
        self._lock = threading.Lock()
        self._serials = itertools.count()
        self._requests = 0

    def answer(self, route: str, argument: dict[str, Any]) -> bytes:
        with self._lock:
            self._requests += 1
            count = len(self._log)
            if route.endswith("/continue"):
                start, stop, limit, _ = map(int, argument["cursor"].split(":"))
            else:
                bounds = argument.get("time") or {}
                start = self._log.place(bounds["start_time"]) if bounds.get("start_time") else 0
                stop = max(start, self._log.place(bounds["end_time"])) if bounds.get("end_time") else _OPEN
                limit = min(argument.get("limit") or self._most_events, self._most_events)
            end = count if stop == _OPEN else stop
            until = min(end, start + limit)
            items = self._log.items(start, until)
        if delay := _SLOW if start in self._slow else self._latency:
            time.sleep(delay)
        cursor = f"{until}:{stop}:{limit}:{next(self._serials)}"
        has_more = "true" if until < end else "false"
        return b'{"events":[%b],"cursor":"%b","has_more":%b}' % (items, cursor.encode(), has_more.encode())

    def requests(self) -> int:
        with self._lock:
            so_far, self._requests = self._requests, 0
            return so_far


def _handler(pages: _Pages) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            argument = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._send(pages.answer(self.path, argument), "application/json")

        def do_GET(self) -> None:
            self._send(str(pages.requests()).encode(), "text/plain")

        def _send(self, body: bytes, kind: str) -> None:
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
            self.wfile.write(head.encode() + body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class Served:
    """A log server that runs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def requests(self) -> int:
        """Requests for pages since this was last asked."""
        with urllib.request.urlopen(f"{self.url}/requests") as response:
            return int(response.read())


@contextmanager
def serving(
    log: Path, *, most_events: int = MOST_EVENTS, latency: float = 0.0, slow: tuple[float, float] = (0.0, 0.0)
) -> Iterator[Served]:
    """Serve a log from a process of its own.

    Args:
        log: the file of JSON lines.
        most_events: on a page.
        latency: seconds that each answer takes.
        slow: from which part of the log to which part answers take two seconds.
    """
    command = [sys.executable, "-m", "benchmarks.log_server", str(log), "--most-events", str(most_events)]
    command += ["--latency", str(latency), "--slow", *map(str, slow)]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            yield Served(process.stdout.readline().strip())
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("log", type=Path)
    parser.add_argument("--most-events", type=int, default=MOST_EVENTS)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--slow", type=float, nargs=2, default=(0.0, 0.0))
    arguments = parser.parse_args()
    pages = _Pages(arguments.log, arguments.most_events, arguments.latency, tuple(arguments.slow))
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(pages)) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
