"""How HashiCorp Grove's connector for Dropbox team events walks the log, into JSON lines. Usage: API_URL FILE.

Written anew after its public code. The same as there: a thousand events a page, asked for by `start_time` and then by
cursor until `has_more` is false; each request on a connection of its own; the standard library's JSON both ways, each
event with a note of where it came from, lines joined and written page by page. Left out, all in its favour: its hash of
each event against repetitions, gzip, its cache of the newest timestamp, its token request and its retries.
"""

import json
import sys
from pathlib import Path

import requests

_NOTE = {"connector": "dropbox_team_events", "identity": "benchmark", "operation": "all"}
_BEGINNING = "2000-01-01T00:00:00Z"


def main() -> None:
    url, path = sys.argv[1:]
    headers = {"Authorization": "Bearer benchmark"}
    first = {"category": None, "limit": 1000, "time": {"start_time": _BEGINNING}}
    route, argument = "/2/team_log/get_events", first
    with Path(path).open("w") as file:
        while True:
            response = requests.post(url + route, json=argument, headers=headers)
            response.raise_for_status()
            answer = response.json()
            lines = [json.dumps({**event, "_grove": _NOTE}, separators=(",", ":")) for event in answer["events"]]
            file.write("\r\n".join(lines) + "\r\n")
            if not answer["has_more"]:
                return
            route, argument = "/2/team_log/get_events/continue", {"cursor": answer["cursor"]}


if __name__ == "__main__":
    main()
