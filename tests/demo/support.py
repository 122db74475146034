"""What the tests of the simulator share: a client that sees every byte, and small events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from dropbox_audit.demo import ACCESS_TOKEN, SimulatedDropbox

UNTIL = datetime(2026, 11, 1, 15, 30, tzinfo=UTC)


@dataclass
class Client:
    """Calls routes and returns what came, untouched."""

    url: str
    server: SimulatedDropbox
    session: requests.Session
    token: str = ACCESS_TOKEN

    def call(self, route: str, argument: Any = None, timeout: float = 30, **headers: str) -> requests.Response:
        sent = {"Authorization": f"Bearer {self.token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        body = "null" if argument is None else None
        sent |= {"Content-Type": "application/json"} if argument is None else {}
        return self.session.post(f"{self.url}/2/{route}", json=argument, data=body, headers=sent, timeout=timeout)

    def form(self, **fields: str) -> requests.Response:
        return self.session.post(f"{self.url}/oauth2/token", data=fields, timeout=30)

    def walk(self, **argument: Any) -> list[dict[str, Any]]:
        """Pages until ``has_more`` is false, as decoded JSON."""
        pages = [self.call("team_log/get_events", argument).json()]
        while pages[-1]["has_more"]:
            pages.append(self.go_on(pages[-1]["cursor"]).json())
        return pages

    def go_on(self, cursor: str) -> requests.Response:
        return self.call("team_log/get_events/continue", {"cursor": cursor})


class LoopbackAdapter(requests.adapters.HTTPAdapter):
    """Sends what is meant for https://api.dropboxapi.com to the simulator."""

    def __init__(self, url: str) -> None:
        self.netloc = urlsplit(url).netloc
        super().__init__()

    def send(self, request: Any, **options: Any) -> Any:
        request.url = urlsplit(request.url)._replace(scheme="http", netloc=self.netloc).geturl()
        return super().send(request, **options)


def made(number: int, event_type: str = "file_edit", at: datetime = UNTIL, **changes: Any) -> dict[str, Any]:
    """A minimal event, ``number`` seconds after ``at``."""
    return {
        "timestamp": (at + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "event_category": {".tag": "file_operations"},
        "event_type": {".tag": event_type, "description": "Edited files"},
        "details": {".tag": f"{event_type}_details"},
        "n": number,
    } | changes
