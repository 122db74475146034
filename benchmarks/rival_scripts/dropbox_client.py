"""The official client in a loop, its typed events into DuckDB row by row. Usage: API_URL DUCKDB_FILE.

A few scalar columns are all that is kept: the client decodes every event whatever is done with it.
"""

import sys
from typing import Any
from urllib.parse import urlsplit

import dropbox
import duckdb
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

_COLUMNS = (
    "occurred_at timestamp, category text, type text, description text, actor text, email text, ip text, assets int"
)


class Loopback(HTTPAdapter):
    """Sends what is meant for Dropbox to a server on loopback."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        request.url = self._url + urlsplit(request.url or "").path
        return super().send(request, *args, **options)


def row(event: Any) -> tuple[object, ...]:
    actor = event.actor.get_user() if event.actor.is_user() else event.actor.get_admin()
    kind = event.event_type
    return (
        event.timestamp,
        event.event_category._tag,
        kind._tag,
        getattr(kind, f"get_{kind._tag}")().description,
        event.actor._tag,
        actor.email,
        event.origin.geo_location.ip_address,
        len(event.assets or []),
    )


def main() -> None:
    url, path = sys.argv[1:]
    session = dropbox.create_session()
    session.mount("https://", Loopback(url))
    client = dropbox.DropboxTeam("benchmark", session=session)
    with duckdb.connect(path) as connection:
        connection.execute(f"create table events ({_COLUMNS})")
        answer = client.team_log_get_events(limit=1000)
        while True:
            connection.executemany(
                "insert into events values (?, ?, ?, ?, ?, ?, ?, ?)", [row(e) for e in answer.events]
            )
            if not answer.has_more:
                return
            answer = client.team_log_get_events_continue(answer.cursor)


if __name__ == "__main__":
    main()
