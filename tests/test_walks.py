"""Following walks: whatever the log does and wherever reading breaks off, each event arrives exactly once."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dropbox_audit.api import CursorLost
from dropbox_audit.cursor import Walk, open_walk, parse
from dropbox_audit.errors import ConfigurationError, RunError, Stopped
from dropbox_audit.walks import PAGES_PER_TABLE, LogReader
from hypothesis import given, settings
from hypothesis import strategies as st
from support import NOON, Sighting, VirtualClock, kept_events, make_event, stamp

LOOKBACK = timedelta(hours=48)
BEGAN = datetime(2026, 10, 1, tzinfo=UTC)

# -- a Dropbox in memory ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Logged:
    happened: datetime
    arrived: datetime
    fact: int
    """What really happened: equal for twins."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a cursor means."""

    start: datetime | None
    end: datetime | None
    position: int = 0
    page: tuple[int, ...] = ()
    """Places of the page that led here."""
    newest: datetime | None = None
    wording: int = 0
    """Events read again in another walk come in other words; within a walk, names change too seldom to matter."""


@dataclass
class FakeDropbox:
    """The two routes of the log, as DESIGN says they behave; misbehaves by seeded chance until `calm` is set."""

    log: list[Logged]
    seed: int
    largest_page: int
    visible: int
    is_rewording: bool = False
    losses_left: int = 4
    calm: bool = False
    cursors: dict[str, Place] = field(default_factory=dict)
    opened: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get_events(self, start: datetime | None, end: datetime | None) -> bytes:
        with self.lock:
            self.opened += 1
            return self._answer(Place(start, end, wording=self.opened), random.Random(f"{self.seed} {start} {end}"))

    def close(self) -> None:
        """Nothing is held."""

    def continue_events(self, cursor: str) -> bytes:
        with self.lock:
            self.asked[cursor] += 1
            place = self.cursors[cursor]
            chance = random.Random(f"{self.seed} {cursor} {self.asked[cursor]}")
            if self.calm:
                return self._answer(place, chance)
            if self.losses_left and chance.random() < 0.08:
                self.losses_left -= 1
                if chance.random() < 0.5 or place.newest is None:
                    raise CursorLost("bad_cursor", None)
                fuzz = timedelta(minutes=chance.randint(-15, 15))
                raise CursorLost("reset", (place.newest + fuzz).replace(microsecond=0))
            if place.page and chance.random() < 0.1:
                if len(place.page) >= 50:
                    return self._page(place, place.page)
                return self._render(place, place.page, cursor, has_more=True)
            return self._answer(place, chance)

    def _answer(self, place: Place, chance: random.Random) -> bytes:
        if not self.calm and chance.random() < 0.5:
            self.visible = min(len(self.log), self.visible + chance.randint(0, 9))
        matching = [
            index
            for index in range(place.position, self.visible)
            if (place.start is None or self.log[index].happened >= place.start)
            and (place.end is None or self.log[index].happened < place.end)
        ]
        if not self.calm and chance.random() < 0.15:
            return self._page(Place(place.start, place.end, place.position, (), place.newest, place.wording), ())
        size = chance.randint(1, self.largest_page)
        page = tuple(matching[:size])
        rest = matching[size:]
        position = rest[0] if rest else self.visible
        newest = max((self.log[index].happened for index in page), default=None)
        newest = max(filter(None, (place.newest, newest)), default=None)
        after = Place(place.start, place.end, position, page, newest, place.wording)
        return self._page(after, page, has_more=bool(rest))

    def _page(self, place: Place, page: tuple[int, ...], *, has_more: bool = True) -> bytes:
        cursor = f"cursor-{len(self.cursors)}"
        self.cursors[cursor] = place
        return self._render(place, page, cursor, has_more=has_more)

    def _render(self, place: Place, page: tuple[int, ...], cursor: str, *, has_more: bool) -> bytes:
        wording = f"wording {place.wording}" if self.is_rewording else "Added a file"
        events = [self._event(self.log[index], wording) for index in page]
        return json.dumps({"events": events, "cursor": cursor, "has_more": has_more}).encode()

    def _event(self, logged: Logged, wording: str) -> dict[str, Any]:
        return {
            "timestamp": stamp(logged.happened),
            "event_type": {".tag": "file_add", "description": wording},
            "details": {".tag": "file_add_details", "fact": logged.fact},
        }


class LogClock(VirtualClock):
    """The time by the log: the moment at which its newest visible event arrived."""

    def __init__(self, client: FakeDropbox) -> None:
        super().__init__()
        self._client = client

    def now(self) -> datetime:
        client = self._client
        return client.log[client.visible - 1].arrived + timedelta(seconds=1) if client.visible else BEGAN


def random_log(seed: int, count: int) -> list[Logged]:
    """Events in order of arrival, up to a day late, with twins and with near-twins in the same second."""
    chance = random.Random(seed)
    events: list[Logged] = []
    for fact in range(count):
        happened = BEGAN + timedelta(seconds=chance.randrange(12 * 86400))
        if events and chance.random() < 0.2:
            happened = chance.choice(events).happened
        late = timedelta(seconds=chance.choice((1, 60, 3600, 86400)) * chance.random())
        events.append(Logged(happened, happened + late, fact))
        for _ in range(chance.choice((0, 0, 0, 0, 1, 2))):
            late = timedelta(seconds=chance.choice((1, 86400)) * chance.random())
            events.append(Logged(happened, happened + late, fact))
    return sorted(events, key=lambda logged: logged.arrived)


# -- a warehouse in memory --------------------------------------------------------------------------------------------


@dataclass
class Warehouse:
    """What was committed: rows and walks together, batch by batch."""

    walks: dict[str, Walk]
    batches: list[list[Mapping[str, Any]]] = field(default_factory=list)
    history: list[dict[str, Walk]] = field(default_factory=list)

    def commit(self, rows: list[Mapping[str, Any]], walks: Mapping[str, Walk]) -> None:
        self.history.append(self.walks)
        self.batches.append(rows)
        self.walks = dict(walks)

    def restore(self, batches: int) -> None:
        """Put a backup back: rows and walks as they were after so many batches."""
        self.walks = self.history[batches]
        del self.batches[batches:], self.history[batches:]

    def facts(self) -> Counter[int]:
        sightings = [
            Sighting(row["walk_id"], row["identity"], row["exact_hash"], json.loads(row["event"]))
            for batch in self.batches
            for row in sorted(batch, key=lambda row: (row["page_no"], row["position"], row["walk_id"]))
            if not row["is_replayed"]
        ]
        return Counter(event["details"]["fact"] for event in kept_events(sightings))

    def keys(self) -> list[tuple[Any, ...]]:
        return [(row["walk_id"], row["page_no"], row["position"]) for batch in self.batches for row in batch]


def reader_of(client: Any, walks: Mapping[str, Walk], **options: Any) -> LogReader:
    return LogReader(client, walks, **{"lookback": LOOKBACK, "clock": VirtualClock(), **options})


def read_batch(reader: LogReader, max_pages: int | None = None) -> list[Mapping[str, Any]]:
    return [row for tables in reader.tables(max_pages) if "events" in tables for row in tables["events"].to_pylist()]


def read_on(client: FakeDropbox, warehouse: Warehouse, chance: random.Random) -> None:
    """One run: batches of random size until the present end, or until it crashes."""
    reader = reader_of(client, warehouse.walks, clock=LogClock(client), workers=chance.choice((1, 2, 4, 8)))
    try:
        while not reader.is_finished:
            if chance.random() < 0.5 and not reader.has_news():
                break
            rows = read_batch(reader, chance.choice((1, 2, 5, None)))
            if chance.random() < 0.1 and not client.calm:
                return  # the package is lost, and its cursors with it
            warehouse.commit(rows, reader.walks)
            if chance.random() < 0.2 and not client.calm:
                return
        if reader.error is None and chance.random() < 0.5:
            warehouse.walks = dict(reader.walks)
        elif reader.error is not None and not isinstance(reader.error, RunError):
            raise reader.error
    finally:
        reader.close()


def crowded_log(seed: int, count: int) -> list[Logged]:
    """A log of which half happened within an hour."""
    chance = random.Random(seed)
    log = random_log(seed, count // 2)
    for fact in range(count // 2):
        happened = BEGAN + timedelta(days=5, seconds=chance.randrange(3600))
        log.append(Logged(happened, happened + timedelta(seconds=chance.randrange(86400)), 10**6 + fact // 2))
    return sorted(log, key=lambda logged: logged.arrived)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(0, 240),
    largest_page=st.sampled_from((1, 3, 10, 70)),
    has_windows=st.booleans(),
    is_rewording=st.booleans(),
    is_crowded=st.booleans(),
)
def test_every_event_arrives_exactly_once(
    seed: int, count: int, largest_page: int, has_windows: bool, is_rewording: bool, is_crowded: bool
) -> None:
    """Whatever is handed over, cut, reset, given again or lost on the way, and by however many readers."""
    chance = random.Random(seed)
    log = crowded_log(seed, count) if is_crowded else random_log(seed, count)
    client = FakeDropbox(log, seed, largest_page, chance.randint(0, len(log)), is_rewording)
    walks = [replace(open_walk("live", NOON), may_hand_over=True)]
    if has_windows and client.visible:
        # The live walk is opened first, two days back; windows reach up to that moment.
        opened = log[client.visible - 1].arrived.replace(microsecond=0) + timedelta(seconds=1)
        middle = opened - timedelta(days=chance.randint(2, 9))
        walks = [
            open_walk("live", NOON, opened - LOOKBACK),
            open_walk("window", NOON, None, middle),
            open_walk("window", NOON, middle, opened),
        ]
    warehouse = Warehouse({walk.walk_id: walk for walk in walks})
    for _ in range(chance.randint(1, 6)):
        read_on(client, warehouse, chance)
        if len(warehouse.batches) > 2 and chance.random() < 0.2:
            warehouse.restore(chance.randrange(len(warehouse.batches)))
    client.calm, client.visible = True, len(log)
    while True:
        before = len(warehouse.batches)
        read_on(client, warehouse, chance)
        if len(warehouse.batches) == before:
            break
        if not any(warehouse.batches[before:]) and all(walk.kind == "live" for walk in warehouse.walks.values()):
            break
    assert len(set(warehouse.keys())) == len(warehouse.keys())
    assert warehouse.facts() == Counter(logged.fact for logged in log)


def test_the_fake_itself_serves_replays_losses_empties_and_twins() -> None:
    """Guards the test above against a fake that has become too kind."""
    reader_notes: list[str] = []
    tallies: Counter[str] = Counter()
    for seed in range(12):
        log = random_log(seed, 120)
        assert len({logged.fact for logged in log}) < len(log)
        client = FakeDropbox(log, seed, 70, 60)
        reader = reader_of(client, live_walk(), notice=reader_notes.append)
        read_batch(reader)
        reader.close()
        tallies["replays"] += reader.tally.replayed_pages
        tallies["resets"] += reader.tally.resets
    assert tallies["replays"] > 0
    assert tallies["resets"] > 0
    assert len(reader_notes) == tallies["resets"]


def test_such_logs_are_handed_over_and_cut() -> None:
    """Guards the test above against logs that one walk reads, and windows that nobody cuts."""
    kinds: Counter[str] = Counter()
    # How many of each, the threads decide: those of a busy machine read less side by side, so there are many logs.
    for seed in range(24):
        log = crowded_log(seed, 240)
        client = FakeDropbox(log, seed, 3, len(log))
        walk = replace(open_walk("live", NOON), may_hand_over=True)
        reader = reader_of(client, {walk.walk_id: walk}, clock=LogClock(client), workers=4)
        kinds.update(row["kind"] for row in walk_rows(reader) if row["state"] == "split")
        reader.close()
    assert kinds["live"] > 3
    assert kinds["window"] > 3


# -- one thing at a time ----------------------------------------------------------------------------------------------


class Scripted:
    """A client that gives these answers: a page as (events, cursor, has_more), or an error to raise."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[Any] = []
        self.lock = threading.Lock()

    def get_events(self, start: datetime | None, end: datetime | None) -> bytes:
        return self._next((start, end))

    def close(self) -> None:
        """Nothing is held."""

    def continue_events(self, cursor: str) -> bytes:
        return self._next(cursor)

    def _next(self, call: Any) -> bytes:
        with self.lock:
            self.calls.append(call)
            answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, bytes):
            return answer
        events, cursor, has_more = answer
        return json.dumps({"events": events, "cursor": cursor, "has_more": has_more}).encode()


def live_walk() -> dict[str, Walk]:
    walk = open_walk("live", NOON)
    return {walk.walk_id: walk}


def only(walks: Mapping[str, Walk]) -> Walk:
    [walk] = walks.values()
    return walk


def pages(count: int) -> list[Any]:
    return [([make_event(number)], f"c{number + 1}", number + 1 < count) for number in range(count)]


def test_pages_come_in_order_with_their_numbers_and_the_last_cursor_is_kept() -> None:
    client = Scripted(*pages(3))
    reader = reader_of(client, live_walk())
    rows = read_batch(reader)
    assert [(row["page_no"], row["position"]) for row in rows] == [(0, 0), (1, 0), (2, 0)]
    assert client.calls == [(None, None), "c1", "c2"]
    assert (only(reader.walks).cursor, reader.is_finished, reader.error) == ("c3", True, None)


def test_an_empty_page_in_the_middle_does_not_end_a_walk() -> None:
    reader = reader_of(Scripted(([], "c1", True), ([make_event()], "c2", True), ([], "c3", False)), live_walk())
    assert len(read_batch(reader)) == 1
    assert only(reader.walks).cursor == "c3"


def test_a_batch_ends_after_so_many_pages_and_the_next_goes_on() -> None:
    reader = reader_of(Scripted(*pages(5)), live_walk())
    sizes, cursors = [], []
    while not reader.is_finished:
        sizes.append(len(read_batch(reader, 2)))
        cursors.append(only(reader.walks).cursor)
    assert (sizes, cursors) == ([2, 2, 1], ["c2", "c4", "c5"])


def test_tables_are_handed_over_long_before_the_walk_ends() -> None:
    reader = reader_of(Scripted(*pages(3 * PAGES_PER_TABLE)), live_walk())
    sizes = [tables["events"].num_rows for tables in reader.tables() if "events" in tables]
    assert sizes[:3] == [PAGES_PER_TABLE] * 3


@pytest.mark.parametrize(
    ("size", "count", "most"), [(10, 160, 70), (3 << 20, 40, 20)], ids=["small pages", "pages of three megabytes"]
)
def test_fetching_runs_ahead_by_a_few_pages_only(size: int, count: int, most: int) -> None:
    chance = random.Random(7)
    script = [
        ([make_event(number, padding=chance.randbytes(size // 2).hex())], f"c{number + 1}", True)
        for number in range(count)
    ]
    client = Scripted(*script)
    reader = reader_of(client, live_walk())
    assert len(read_batch(reader, 1)) == 1
    deadline = time.monotonic() + 5
    asked = -1
    while asked != len(client.calls) and time.monotonic() < deadline:
        asked = len(client.calls)
        time.sleep(0.2)
    reader.close()
    assert 3 < asked < most


@pytest.mark.parametrize("error", [RunError("the network is down"), ConfigurationError("revoked"), ValueError("bug")])
def test_an_error_ends_reading_and_what_came_before_it_stands(error: Exception) -> None:
    script = [*pages(4)[:3], error]
    reader = reader_of(Scripted(*script), live_walk())
    assert len(read_batch(reader)) == 3
    assert (reader.error, reader.is_finished, only(reader.walks).cursor) == (error, True, "c3")


def test_an_answer_that_is_no_page_is_a_wrong_address() -> None:
    reader = reader_of(Scripted(b'{"message":"welcome"}'), live_walk())
    assert read_batch(reader) == []
    assert isinstance(reader.error, ConfigurationError)
    assert "api_url" in str(reader.error)


def test_a_stuck_walk_ends_reading_and_keeps_what_came_before() -> None:
    answer = ([make_event(1)], "c1", True)
    reader = reader_of(Scripted(([make_event(0)], "c0", True), answer, answer, answer), live_walk())
    rows = read_batch(reader)
    assert isinstance(reader.error, RunError)
    assert [row["is_replayed"] for row in rows] == [False, False, True]


def test_stop_ends_reading_without_waiting_for_an_answer() -> None:
    stop, asked, release = threading.Event(), threading.Event(), threading.Event()

    class Silent(Scripted):
        def close(self) -> None:
            """Nothing is held."""

        def continue_events(self, cursor: str) -> bytes:
            asked.set()
            release.wait(30)
            return super().continue_events(cursor)

    reader = reader_of(Silent(([make_event()], "c1", True)), live_walk(), stop=stop)
    assert len(read_batch(reader, 1)) == 1
    threading.Thread(target=lambda: (asked.wait(10), stop.set()), daemon=True).start()
    assert read_batch(reader) == []
    assert not release.is_set()
    release.set()
    reader.close()
    assert isinstance(reader.error, Stopped)
    assert only(reader.walks).cursor == "c1"


def test_what_was_received_before_a_stop_is_given_although_it_was_not_taken_yet() -> None:
    stop, asked, release = threading.Event(), threading.Event(), threading.Event()

    class Silent(Scripted):
        def close(self) -> None:
            """Nothing is held."""

        def continue_events(self, cursor: str) -> bytes:
            if cursor == "c3":
                asked.set()
                release.wait(30)
            return super().continue_events(cursor)

    reader = reader_of(Silent(*pages(5)), live_walk(), stop=stop)
    assert reader.has_news()
    # The fourth request is on its way, so the answers to the three before it have been handed over.
    assert asked.wait(10)
    stop.set()
    rows = read_batch(reader)
    release.set()
    reader.close()
    assert len(rows) == 3
    assert only(reader.walks).cursor == "c3"


def test_what_was_fetched_but_not_taken_is_fetched_again() -> None:
    walks = live_walk()
    first = reader_of(Scripted(*pages(5)), walks)
    read_batch(first, 2)
    first.close()
    second = Scripted(*pages(5)[2:])
    rows = read_batch(reader_of(second, first.walks))
    assert second.calls[0] == "c2"
    assert [row["page_no"] for row in rows] == [2, 3, 4]


# -- quiet polls ------------------------------------------------------------------------------------------------------


def polled(*answers: Any) -> LogReader:
    reader = reader_of(Scripted(([make_event()], "c0", False), *answers), live_walk())
    read_batch(reader)
    again = reader_of(reader.client, reader.walks)
    again.client = reader.client
    return again


def test_a_quiet_poll_has_no_news_but_a_newer_cursor() -> None:
    reader = polled(([], "c1", True), ([], "c2", False))
    assert not reader.has_news()
    assert reader.is_finished
    assert (only(reader.walks).cursor, reader.tally.events, reader.tally.pages) == ("c2", 0, 2)


def test_news_that_was_looked_at_is_not_lost() -> None:
    reader = polled(([], "c1", True), ([make_event(5)], "c2", False))
    assert reader.has_news()
    assert reader.has_news()
    [row] = read_batch(reader)
    assert json.loads(row["event"]) == make_event(5)
    assert reader.is_finished
    assert not reader.has_news()


def test_a_rejected_item_is_news() -> None:
    reader = polled(([None], "c1", False))
    assert reader.has_news()
    tables = [table for table in reader.tables() if table.get("rejected_events") is not None]
    assert sum(table["rejected_events"].num_rows for table in tables) == 1


def test_a_lost_cursor_is_news() -> None:
    reader = polled(CursorLost("bad_cursor", None), ([], "d0", False))
    assert reader.has_news()


# -- walks as rows ----------------------------------------------------------------------------------------------------


def walk_rows(reader: LogReader, max_pages: int | None = None) -> list[dict[str, Any]]:
    return [row for tables in reader.tables(max_pages) if "walks" in tables for row in tables["walks"].to_pylist()]


def test_a_lost_cursor_is_recorded_and_reading_goes_on_in_a_walk_of_its_own() -> None:
    notes: list[str] = []
    client = Scripted(
        ([make_event(0), make_event(1)], "c1", True),
        CursorLost("reset", NOON - timedelta(days=2)),
        ([make_event(1), make_event(2)], "d1", False),
    )
    walks = live_walk()
    reader = reader_of(client, walks, notice=notes.append)
    rows = walk_rows(reader)
    assert [(row["state"], row["pages"], row["events"]) for row in rows] == [("reset", 1, 2), ("open", 1, 2)]
    assert client.calls[-1] == (NOON - timedelta(days=2) - LOOKBACK, None)
    assert reader.tally.resets == 1
    assert set(reader.walks).isdisjoint(walks)
    assert len(notes) == 1
    assert "reset" in notes[0]


def test_a_cursor_lost_again_and_again_ends_the_run() -> None:
    first = ([make_event(0)], "c1", True)
    script = [item for _ in range(20) for item in (first, CursorLost("bad_cursor", None))]
    reader = reader_of(Scripted(*script), live_walk())
    read_batch(reader)
    assert isinstance(reader.error, RunError)
    assert 5 <= reader.tally.resets <= 20


def test_after_a_long_pause_the_cursors_of_all_windows_may_be_lost_at_once() -> None:
    class Forgetful(Scripted):
        def close(self) -> None:
            """Nothing is held."""

        def continue_events(self, cursor: str) -> bytes:
            raise CursorLost("bad_cursor", None)

    opened = [replace(only(window()), cursor=f"c{number}", page_no=1) for number in range(30)]
    client = Forgetful(*(([make_event(number)], f"d{number}", False) for number in range(30)))
    reader = reader_of(client, {walk.walk_id: walk for walk in opened})
    assert len(read_batch(reader)) == 30
    assert reader.error is None
    assert reader.tally.resets == 30


def window() -> dict[str, Walk]:
    walk = open_walk("window", NOON, NOON - timedelta(days=9), NOON - timedelta(days=2))
    return {walk.walk_id: walk}


@pytest.mark.parametrize("events", [[make_event()], []], ids=["with events", "empty"])
def test_a_window_that_is_read_to_its_end_is_recorded_as_done_and_gone(events: list[Any]) -> None:
    client = Scripted((events, "c1", False))
    reader = reader_of(client, window())
    assert reader.has_news()
    [row] = walk_rows(reader)
    assert (row["state"], row["kind"], row["events"]) == ("done", "window", len(events))
    assert (row["start_time"], row["end_time"]) == (NOON - timedelta(days=9), NOON - timedelta(days=2))
    assert reader.walks == {}
    assert client.calls == [(NOON - timedelta(days=9), NOON - timedelta(days=2))]


def test_walks_that_are_not_followed_stay_as_they_are() -> None:
    live, closed = live_walk(), window()
    reader = reader_of(Scripted(([make_event()], "c1", False)), {**live, **closed}, follow=list(closed))
    read_batch(reader)
    assert reader.walks == live


def test_several_walks_are_read_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=10)

    class Meeting(Scripted):
        def get_events(self, start: datetime | None, end: datetime | None) -> bytes:
            together.wait()
            return super().get_events(start, end)

    answers = [([make_event(number)], f"c{number}", False) for number in range(3)]
    walks = {**live_walk(), **window(), **window()}
    reader = reader_of(Meeting(*answers), walks, workers=3)
    rows = read_batch(reader)
    assert reader.error is None
    assert {row["walk_id"] for row in rows} == set(walks)


def test_the_newest_record_of_a_walk_says_how_far_it_came() -> None:
    reader = reader_of(Scripted(*pages(5)), live_walk())
    rows = [row for _ in range(3) for row in walk_rows(reader, 2)]
    assert [(row["pages"], row["events"], row["state"]) for row in rows] == [
        (2, 2, "open"),
        (4, 4, "open"),
        (5, 5, "open"),
    ]
    assert rows[-1]["last_occurred_at"] == parse(only(reader.walks).last_occurred_at)
