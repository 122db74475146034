"""The simulated team: people, files, two months of everyday work and some stories, all decided by a seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dropbox_audit.demo import oddities as odd
from dropbox_audit.demo.answers import random_from
from dropbox_audit.demo.background import World, everyday
from dropbox_audit.demo.directory import Directory
from dropbox_audit.demo.library import make_library
from dropbox_audit.demo.log import LoggedEvent, SimulatedLog
from dropbox_audit.demo.people import Outsider, Person, make_outsiders, make_people
from dropbox_audit.demo.records import make_directory
from dropbox_audit.demo.stories import STORIES, Story

BEFORE = timedelta(days=10)


@dataclass(slots=True)
class Team:
    """A simulated team.

    Attributes:
        people: members, the leaver included.
        outsiders: people who are not in the team.
        events: the log in order of arrival.
        stories: what happened on purpose, by name; see ``stories.py``.
        directory: the rest of what the API tells about the team.
        directory_before: the same ten days earlier: somebody has left since, somebody else was promoted.
        until: the end of the simulated time.
        seed: what decided all of it.
    """

    people: list[Person]
    outsiders: list[Outsider]
    events: list[LoggedEvent]
    stories: dict[str, Story]
    directory: Directory
    directory_before: Directory
    until: datetime
    seed: int

    def log(self, **options: Any) -> SimulatedLog:
        """The log, for a server; ``options`` as of ``SimulatedLog``.

        It shows what has arrived by the server's clock: with an ``until`` of your own, give the server a ``Clock`` of
        its own too, e.g. ``Clock(team.until + timedelta(days=1))`` to see everything.
        """
        return SimulatedLog(self.events, **{"seed": self.seed, **options})


def simulate_team(
    seed: int = 7,
    people: int = 120,
    days: int = 60,
    until: datetime | None = None,
    *,
    oddities: bool = False,
    every_type: bool = False,
) -> Team:
    """Invent a team and what it did. The same arguments give the same team, to the byte.

    Args:
        seed: decides everything.
        people: seats in use, at least 40; a third of them is idle.
        days: how long the log reaches back, at least 30.
        until: when it ends; the present minute when left out. Some of the last day's events arrive after it.
        oddities: add events that break the specification, which the official client rejects.
        every_type: add an event of each known type.
    """
    if people < 40 or days < 30:
        raise ValueError("The stories need at least 40 people and 30 days.")
    end = (datetime.now(UTC) if until is None else until.astimezone(UTC)).replace(second=0, microsecond=0)
    start = end - timedelta(days=days)
    rng = random_from(seed)
    members, outsiders = make_people(rng, people + 1, start), make_outsiders(rng)
    world = World(rng, members, outsiders, make_library(rng), int(start.timestamp()), days)
    events: list[Any] = [*everyday(world), *odd.strange(world)]
    stories = {story.name: story for story in (tell(world) for tell in STORIES)}
    events = _without_the_removed(events, members)
    for story in stories.values():
        events += story.events
    if every_type:
        events += odd.every_type(world)
    if oddities:
        events += odd.invalid(world)
    logged = _arriving(rng, events, int(start.timestamp()), int(end.timestamp()))
    directory = make_directory(world, rng, end)
    before = _directory_before(world, random_from(seed), stories, end - BEFORE)
    return Team(members, outsiders, logged, stories, directory, before, end, seed)


def _directory_before(world: World, rng: random.Random, stories: Mapping[str, Story], then: datetime) -> Directory:
    leaver, promoted = (
        next(person for person in world.people if person.email == email)
        for email in (
            stories["leaver_downloads_a_departments_folder"].actor,
            stories["admin_role_is_granted"].target,
        )
    )
    status, role = leaver.status, promoted.role
    leaver.status, promoted.role = "active", "member_only"
    before = make_directory(world, rng, then)
    leaver.status, promoted.role = status, role
    return before


def _without_the_removed(events: Iterable[Any], people: Iterable[Person]) -> list[Any]:
    """Whoever was removed does nothing afterwards."""
    gone = {p.account_id: p.removed_on.strftime("%Y-%m-%dT%H:%M:%SZ") for p in people if p.removed_on is not None}
    kept: list[Any] = []
    for event in events:
        account = event.get("actor", {}).get("user", {}).get("account_id")
        if account not in gone or event["timestamp"] < gone[account]:
            kept.append(event)
    return kept


def _arriving(rng: random.Random, events: list[Any], start: int, end: int) -> list[LoggedEvent]:
    """Events in the order in which the log shows them: mostly minutes after they happened, at most a day."""
    logged: list[tuple[float, int, Any]] = []
    for number, event in enumerate(events):
        text = event.get("timestamp") if isinstance(event, dict) else None
        try:
            happened = datetime.fromisoformat(text or "").timestamp()
        except ValueError:
            happened = (start + end) / 2
        if start <= happened < end:
            logged.append((happened + _lag(rng), number, event))
    logged.sort(key=lambda item: item[:2])
    return [LoggedEvent(datetime.fromtimestamp(at, UTC), event) for at, _, event in logged]


def _lag(rng: random.Random) -> float:
    chance = rng.random()
    if chance < 0.86:
        return rng.uniform(45, 1200)
    if chance < 0.97:
        return rng.uniform(1200, 4 * 3600)
    return rng.uniform(4 * 3600, 86_000)
