"""A virtual month of `run --every 5m` in one process: 8,640 polls of a team that works, and whatever can befall them.

Run as a script in an empty folder; prints one JSON object: what happened, and the process's memory day by day.
"""

from __future__ import annotations

import gc
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from dropbox_audit.demo import APP_KEY, REFRESH_TOKEN, Clock, LoggedEvent, SimulatedDropbox, SimulatedLog, running
from dropbox_audit.demo.faults import connection_reset, html_error, rate_limited, truncated
from dropbox_audit.load import Window
from dropbox_audit.run import keep_running, load_once, run_once
from dropbox_audit.verify import verify
from support import NOON, VirtualClock, Workspace, make_event

DAYS = 30
POLLS_A_DAY = 24 * 12
ARRIVALS_A_DAY = 6
"""Events come in so many bursts a day, so that most polls find nothing, as in life."""


class SharedClock(VirtualClock):
    """Time of the client and of the server; only the client's wall clock can be set wrong."""

    def __init__(self, start: datetime, server: Clock) -> None:
        super().__init__(start)
        self._server = server

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self._server.advance(seconds)


def a_month_of_work(chance: random.Random) -> list[LoggedEvent]:
    """Events with their arrival: late by up to a day, with twins in one second."""
    arrivals = []
    for day in range(DAYS):
        for burst in range(ARRIVALS_A_DAY):
            arrived = NOON + timedelta(days=day, hours=24 / ARRIVALS_A_DAY * burst, minutes=chance.randrange(200))
            for _ in range(chance.randrange(1, 30)):
                late = timedelta(seconds=chance.choice((60, 3600, 86_000)) * chance.random())
                event = make_event(chance.randrange(10**6), at=(arrived - late).replace(microsecond=0))
                arrivals += [LoggedEvent(arrived, event)] * chance.choice((1, 1, 1, 1, 2, 3))
    return arrivals


def facts(events: Iterable[Any]) -> Counter[Any]:
    """What tells events of this log apart: an answer that broke off on its way was a reading, so words may differ."""
    return Counter((event["timestamp"], event["details"]["number"]) for event in events)


def resident_mebibytes() -> float:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def live(folder: Path) -> dict[str, Any]:
    chance = random.Random(20261101)
    workspace = Workspace(folder, Path(os.environ["DLT_DATA_DIR"]))
    arrivals = a_month_of_work(chance)
    log = SimulatedLog(
        arrivals, short_pages=0.3, empty_pages=0.1, page_limit=200, rewording=True, superseded_ttl=30 * 3600.0
    )
    server = SimulatedDropbox(log, clock=Clock(NOON))
    clock = SharedClock(NOON, server.clock)
    told: Counter[str] = Counter()
    memory: list[float] = []
    polls = 0

    def befall(day: int, poll: int) -> None:
        """What goes wrong at this poll of this day."""
        if poll == 10 and day % 7 == 3:
            log.reset_cursors()
            told["reset"] += 1
        if poll == 20 and day % 11 == 5:
            log.forget_cursors()
            told["forgotten"] += 1
        if poll == 30 and day in {8, 19}:
            clock.set_wall_clock(clock.now() + timedelta(hours=7 if day == 8 else -26))
            told["jump"] += 1
        if poll == 60 and day in {8, 19}:
            clock.set_wall_clock(server.clock.now())
            told["jump"] += 1
        if chance.random() < 0.02:
            fault = chance.choice(
                (html_error(503), rate_limited(40), truncated(), connection_reset(), rate_limited(None))
            )
            server.faults.next("*", fault, times=chance.choice((1, 1, 2, 9)))
            told["fault"] += 1

    with running(server) as url:
        settings = {"access_token": None, "app_key": APP_KEY, "refresh_token": REFRESH_TOKEN, "give_up_after": "2m"}
        while polls < DAYS * POLLS_A_DAY:
            # A process lives for four days; the one of the 13th begins on a machine that knows nothing.
            told["start"] += 1
            if told["start"] == 4:
                workspace.forget_home()
            loader = workspace.loader(url, clock=clock, requests_per_hour=1000, rescan="2d", **settings)

            def once(loader: Any = loader) -> None:
                nonlocal polls
                day, poll = divmod(polls, POLLS_A_DAY)
                polls += 1
                befall(day, poll)
                # The views every five days: dbt is a process of its own, and not what this is about.
                (run_once if poll == 100 and day % 5 == 0 else load_once)(loader)
                told["token"] = server.count("oauth2/token")
                if poll == 150:
                    sys.stderr.write(f"day {day}: {time.process_time():.0f} s of processor time\n")
                    memory.append(round(resident_mebibytes(), 1))
                    server.requests.clear()
                    log._superseded.clear()
                if polls % (4 * POLLS_A_DAY) == 0 or polls == DAYS * POLLS_A_DAY:
                    loader.stop.set()

            with loader.alone():
                keep_running(loader, 300, once, failed=lambda _: told.update(["failed"]))
        server.faults.clear()
        loader = workspace.loader(url, clock=clock, **settings)
        with loader.alone():
            run_once(loader)
            proof = verify(loader, Window(None, clock.now().replace(microsecond=0)))
    shown = workspace.rows("select event_id, event from dropbox_audit.events")
    [(recorded,)] = workspace.rows("select count(distinct run_id) from dropbox_raw.runs")
    return {
        "polls": polls,
        "told": told,
        "memory": memory,
        "events": len(arrivals),
        "shown": len(shown),
        "is_exact": facts(json.loads(event) for _, event in shown) == facts(log.events()),
        "is_unique": len({event_id for event_id, _ in shown}) == len(shown),
        "recorded_runs": recorded,
        "verified": proof.result,
        "requests": server.count("team_log/get_events/continue") + server.count("team_log/get_events"),
    }


if __name__ == "__main__":
    json.dump(live(Path.cwd()), sys.stdout)
