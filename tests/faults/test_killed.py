"""A load that is killed at any instruction: the next run ends with exactly the right rows.

Two ways to choose the instruction. Every point where a file is moved or something is committed, one after the other,
before it is done: after it is before the next. And calls of Python functions drawn at random, with a seed, from all
that a run makes in any of its threads.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from doomed import Team
from dropbox_audit.demo import SimulatedLog
from dropbox_audit.demo.faults import stall
from support import CONTINUE, GET_EVENTS, make_event

PARTS = 8
"""Each set of points is cut into so many tests, for as many workers as there are."""

SMALL = {"max_pages_per_batch": "2", "backfill_workers": "1"}
"""Three pages of a log are two batches."""

PARALLEL = {"max_pages_per_batch": "15", "backfill_workers": "4"}
"""More than thirty pages are several."""


def small_log() -> SimulatedLog:
    events = [make_event(number) for number in range(6)]
    events[3] = events[2]
    return SimulatedLog.of(events, page_limit=2)


# -- every point ------------------------------------------------------------------------------------------------------


def kill_at(team: Team, number: int) -> bool:
    """Whether the run lived long enough to be killed."""
    done = team.run("load", plan={"kill": "points", "at": number})
    # What earlier runs have left, and which thread was faster, make a run some points longer or shorter.
    assert done.code == -9 or (done.code == 0 and len(done.points) < number), (number, done)
    return done.code == -9


def part_of(points: list[str], part: int) -> list[tuple[int, str]]:
    numbered = list(enumerate(points, 1))
    assert len(numbered) > PARTS
    return numbered[part::PARTS]


@pytest.mark.parametrize("part", range(PARTS))
def test_a_first_load_killed_at_a_file_move_or_commit(part: int, make_team: Any) -> None:
    seen = make_team(small_log(), **SMALL).run("load", plan={"watch": "points"}).points
    kills = 0
    for number, point in part_of(seen, part):
        team = make_team(small_log(), **SMALL)
        kills += kill_at(team, number)
        team.let_arrive()
        team.check(f"killed before {point} ({number})")
    assert kills > len(seen) // PARTS // 2


@pytest.mark.parametrize("part", range(PARTS))
def test_a_poll_killed_at_a_file_move_or_commit(part: int, make_team: Any) -> None:
    team: Team = make_team(small_log(), **SMALL)
    assert team.run("load").code == 0
    team.let_arrive()
    seen = team.run("load", plan={"watch": "points"}).points
    kills = 0
    for number, point in part_of(seen, part):
        team.let_arrive(2)
        kills += kill_at(team, number)
        team.let_arrive()
        team.check(f"killed before {point} ({number})")
    assert kills > len(seen) // PARTS // 2


def test_a_killed_load_is_taken_up_where_it_was(make_team: Any) -> None:
    team: Team = make_team(small_log(), max_pages_per_batch="1", backfill_workers="1")
    team.server.faults.at(CONTINUE, 2, stall(60))
    process = team.workspace.start("load", **team.environment)
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        if line.startswith("4 events"):
            break
    process.kill()
    process.communicate()
    assert process.returncode == -9, told
    asked = len(team.server.requests)
    team.check("killed while waiting for an answer")
    assert GET_EVENTS not in [request.route for request in team.server.requests[asked:]]


# -- points at random -------------------------------------------------------------------------------------------------


def history_log() -> SimulatedLog:
    """Long enough to be handed over to parallel readers."""
    begin = datetime.now(UTC) - timedelta(days=60)
    events = [make_event(number, at=begin + timedelta(hours=23 * number)) for number in range(60)]
    events[31] = events[30]
    return SimulatedLog.of(events, page_limit=2)


class Scene:
    """A load that will be killed, and what is so before it."""

    settings = SMALL
    log = staticmethod(small_log)
    is_first = True
    """Whether each kill needs a warehouse of its own."""

    def prepare(self, team: Team) -> None:
        """Bring the team to where the load begins."""


class FirstLoad(Scene):
    """Nothing was ever loaded."""


class History(Scene):
    """Nothing was ever loaded, and four readers share a long log."""

    settings = PARALLEL
    log = staticmethod(history_log)


class Poll(Scene):
    """There is something new."""

    is_first = False

    def prepare(self, team: Team) -> None:
        if not team.successes:
            assert team.run("load").code == 0
        team.let_arrive(3)


class Pending(Scene):
    """An earlier run was killed when its package was half loaded, and there is something new."""

    is_first = False

    def prepare(self, team: Team) -> None:
        if not team.successes:
            assert team.run("load").code == 0
        team.let_arrive()
        points = team.run("load", plan={"watch": "points"}).points
        half_way = [number for number, point in enumerate(points, 1) if "started_jobs" in point][3]
        team.let_arrive()
        team.killed("load", plan={"kill": "points", "at": half_way})
        team.let_arrive(2)


KILLS = [(FirstLoad, 3, 4), (History, 4, 3), (Poll, 2, 8), (Pending, 2, 6)]
"""Scene, tests, and kills in each of them: 52 in all."""


@pytest.mark.parametrize(
    ("scene", "seed", "kills"),
    [
        pytest.param(scene(), seed, kills, id=f"{scene.__name__}-{seed}")
        for scene, tests, kills in KILLS
        for seed in range(tests)
    ],
)
def test_a_load_killed_anywhere(scene: Scene, seed: int, kills: int, make_team: Any) -> None:
    rng = random.Random(f"{type(scene).__name__} {seed}")
    team: Team = make_team(scene.log(), **scene.settings)
    scene.prepare(team)
    calls = team.run("load", plan={"watch": "calls"}).calls
    assert calls > 10_000
    for _ in range(kills):
        while True:
            if scene.is_first:
                team = make_team(scene.log(), **scene.settings)
            scene.prepare(team)
            deaths = [rng.randrange(1, calls)]
            done = team.run("load", plan={"kill": "calls", "at": deaths[0]})
            if done.code == -9:
                break
            # Threads make the number of calls differ from run to run, and this one ended before its death.
            assert done.code == 0, (deaths, done)
            assert done.calls <= deaths[0], (deaths, done)
            calls = done.calls
        while rng.random() < 0.4:
            team.let_arrive(rng.randrange(3))
            deaths.append(rng.randrange(1, calls))
            recovery = team.run("load", plan={"kill": "calls", "at": deaths[-1]})
            assert recovery.code in {0, -9}, (deaths, recovery)
        team.let_arrive(rng.randrange(1, 3))
        team.check(f"killed before call {deaths}")
