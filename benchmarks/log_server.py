"""Serve pre-serialised pages of the team log from a process of its own.

    python -m benchmarks.log_server EVENTS [--latency SECONDS] [--write FILE]

The first line on stdout is the address. `--write` also puts the same events into a file of JSON lines, for the
comparison with what a database reads from disk.
"""

import argparse
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PAGE = 1000
_TYPES = [
    ("file_operations", "file_edit", "Edited files"),
    ("file_operations", "file_add", "Added files and/or folders"),
    ("file_operations", "file_download", "Downloaded files and/or folders"),
    ("file_operations", "file_delete", "Deleted files and/or folders"),
    ("logins", "login_success", "Signed in"),
    ("sharing", "shared_content_add_member", "Added users and/or groups to shared file/folder"),
]


def event(number: int, chance: random.Random) -> dict[str, object]:
    """An event of about 1.2 KB, shaped like Dropbox's."""
    person = chance.randrange(400)
    category, tag, description = _TYPES[chance.randrange(len(_TYPES))]
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number * 13)
    user = {
        ".tag": "team_member",
        "account_id": f"dbid:AAH{person:032d}",
        "display_name": f"Person Number {person}",
        "email": f"person.{person}@example.com",
        "team_member_id": f"dbmid:AAH{person:032d}",
    }
    path = f"/Departments/Department {person % 12}/Projects/Project {number % 997}/Working papers/report-{number}.docx"
    asset = {
        ".tag": "file",
        "path": {
            "contextual": path,
            "namespace_relative": {"ns_id": f"{person}", "relative_path": path, "is_shared_namespace": False},
        },
        "display_name": f"report-{number}.docx",
        "file_id": f"id:{number:022d}",
        "file_size": number,
    }
    return {
        "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "event_category": {".tag": category},
        "actor": {".tag": "user", "user": user},
        "origin": {
            "geo_location": {
                "city": "San Francisco",
                "region": "California",
                "country": "US",
                "ip_address": f"198.51.100.{person % 250}",
            },
            "access_method": {
                ".tag": "end_user",
                "end_user": {".tag": "web", "session_id": f"dbwsid:{person:039d}"},
            },
        },
        "involve_non_team_member": False,
        "context": user,
        "participants": [{".tag": "user", "user": user}] if category == "sharing" else [],
        "assets": [asset] if category != "logins" else [],
        "event_type": {".tag": tag, "description": description},
        "details": {".tag": f"{tag}_details", "login_method": {".tag": "password"}, "is_emm_managed": False},
    }


def pages(events: int) -> list[bytes]:
    """The log as answers of get_events, a thousand events each; the cursor is the number of the next page."""
    chance = random.Random(7)
    count = -(-events // PAGE)
    answers = []
    for page in range(count):
        numbers = range(page * PAGE, min(events, (page + 1) * PAGE))
        answer = {"events": [event(n, chance) for n in numbers], "cursor": f"c{page + 1}", "has_more": page + 1 < count}
        answers.append(orjson.dumps(answer))
    return answers


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("events", type=int)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    answers = pages(arguments.events)
    if arguments.write:
        with arguments.write.open("wb") as file:
            for answer in answers:
                for item in orjson.loads(answer)["events"]:
                    file.write(orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE))

    async def first(_: Request) -> Response:
        return answer(0)

    async def following(request: Request) -> Response:
        return answer(int(orjson.loads(await request.body())["cursor"][1:]))

    def answer(page: int) -> Response:
        time.sleep(arguments.latency)
        empty = orjson.dumps({"events": [], "cursor": f"c{page}", "has_more": False})
        return Response(answers[page] if page < len(answers) else empty, media_type="application/json")

    app = Starlette(
        routes=[
            Route("/2/team_log/get_events", first, methods=["POST"]),
            Route("/2/team_log/get_events/continue", following, methods=["POST"]),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    socket = server.config.bind_socket()
    print(f"http://127.0.0.1:{socket.getsockname()[1]}", flush=True)
    server.run(sockets=[socket])


if __name__ == "__main__":
    sys.exit(main())
