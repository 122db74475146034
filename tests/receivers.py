"""Targets of alerts on this machine: a mail server and a web server that keep what they are given."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Web:
    """What a web server was given, as (path, body); `answer` says for each request with which status it ends."""

    url: str = ""
    received: list[tuple[str, Any]] = field(default_factory=list)
    answer: Callable[[str, Any], int] = lambda _path, _body: 200
    asked: threading.Event = field(default_factory=threading.Event)
    """Set with the first request."""

    def titles(self, path: str) -> list[str]:
        """The titles of what it took at this path, and of what it refused."""
        return [body["title"] for where, body in self.received if where == path]


@contextmanager
def web_server() -> Iterator[Web]:
    """Takes JSON at any path."""
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            web.received.append((self.path, body))
            web.asked.set()
            self.send_response(web.answer(self.path, body))
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            pass

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        web.url = f"127.0.0.1:{port}"
        yield web


@dataclass
class Mailbox:
    """The mails that a server has taken; `refuses` those that it is offered."""

    address: str = ""
    mails: list[Any] = field(default_factory=list)
    refuses: bool = False

    def texts(self) -> list[str]:
        """The plain text of each mail."""
        return [mail.get_body(("plain", "html")).get_content() for mail in self.mails]


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """As much of SMTP as a client without login and encryption speaks."""
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 mail.example")
            while line := self.rfile.readline():
                verb = line.decode().split()[0].upper()
                if verb == "DATA":
                    self.say("354 go on")
                    self.take()
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("550 no such user" if box.refuses and verb == "RCPT" else "250 fine")

        def take(self) -> None:
            lines = []
            while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            box.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
            self.say("250 taken")

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with _serving(Server(("127.0.0.1", 0), Handler)) as port:
        box.address = f"127.0.0.1:{port}"
        yield box


@contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
