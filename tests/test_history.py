"""A long history read by several readers: the same events, sooner; late ones and broken backfills included."""

from __future__ import annotations

import bisect
import heapq
import itertools
import json
import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from dropbox_audit import history
from dropbox_audit.cursor import Walk, open_walk, parse
from dropbox_audit.demo import FAULTS, SimulatedDropbox, SimulatedLog
from dropbox_audit.errors import ConfigurationError, RunError
from dropbox_audit.history import Pace
from dropbox_audit.load import Window
from dropbox_audit.readers import Arrival, Readers
from dropbox_audit.walks import LogReader
from hypothesis import event, given
from hypothesis import strategies as st
from support import CONTINUE, GET_EVENTS, NOON, VirtualClock, Workspace, make_event, multiset, stamp

LOOKBACK = timedelta(hours=48)
WEEK = timedelta(days=7)

Serve = Callable[..., tuple[SimulatedDropbox, str]]


def walk_that_read(pages: int, first: datetime, last: datetime, **more: Any) -> Walk:
    opened = open_walk(more.pop("kind", "live"), NOON, more.pop("start", None), more.pop("end", None))
    return Walk(
        **{**opened.as_state(), "page_no": pages, "first_occurred_at": stamp(first), "last_occurred_at": stamp(last)}
    )


def pace_of(walk: Walk, *, seconds: float = 0.15) -> Pace:
    """The pace of a walk of which nothing but where it stands is known."""
    pace = Pace()
    pace.note(walk, seconds, parse(walk.end_time) or NOON)
    return pace


def window_that_read(pages: int, days: float, **more: Any) -> tuple[Walk, Pace]:
    """A window of 30 days that has come so far."""
    begin = NOON - timedelta(days=30)
    walk = walk_that_read(pages, begin, begin + timedelta(days=days), kind="window", start=begin, end=NOON)
    return walk, pace_of(walk, **more)


# -- cutting ----------------------------------------------------------------------------------------------------


def test_windows_and_the_live_walk_cover_all_time_without_a_gap() -> None:
    walk = walk_that_read(4, NOON - timedelta(days=900), NOON - timedelta(days=899))
    parts = history.hand_over(walk, pace_of(walk), 4, LOOKBACK, NOON)
    assert parts is not None
    starts = [parse(window.start_time) for window in parts.windows]
    ends = [parse(window.end_time) for window in parts.windows]
    assert starts[0] is None, "the log may hold something older than its first page"
    assert starts[1:] == ends[:-1]
    assert ends[-1] == NOON
    assert parse(parts.live.start_time) == NOON - LOOKBACK
    assert parts.live.end_time is None
    assert len(parts.windows) == 4 * history.WINDOWS_PER_READER


@pytest.mark.parametrize(
    ("pages", "read", "readers", "start"),
    [
        (4, timedelta(minutes=5), 1, None),
        (3, timedelta(minutes=5), 4, None),
        (4, timedelta(days=200), 4, None),
        (4, timedelta(minutes=5), 4, NOON - timedelta(hours=40)),
    ],
    ids=["one reader", "too early to tell", "soon at its end", "begun within the lookback"],
)
def test_a_walk_goes_on_by_itself_where_readers_would_not_help(
    pages: int, read: timedelta, readers: int, start: datetime | None
) -> None:
    first = start or NOON - timedelta(days=900)
    walk = walk_that_read(pages, first, first + read, start=start)
    assert history.hand_over(walk, pace_of(walk), readers, LOOKBACK, NOON) is None


def test_a_log_that_grows_is_found_to_be_long_by_its_latest_pages() -> None:
    first = NOON - timedelta(days=1000)
    pace = Pace()
    for page, day in enumerate([400, 600, 650, 700], start=1):
        walk = walk_that_read(page, first, first + timedelta(days=day))
        pace.note(walk, 0.15, NOON)
    assert pace.pages_left == pytest.approx(6)


@given(data=st.data())
def test_the_parts_of_a_window_cover_it_exactly(data: st.DataObject) -> None:
    seconds = data.draw(st.integers(1, 10**8))
    begin = NOON - timedelta(seconds=seconds)
    start = data.draw(st.sampled_from([None, begin]))
    reached = sorted(data.draw(st.lists(st.integers(0, seconds), min_size=2, max_size=9)))
    pace = Pace()
    for page, moment in enumerate(reached[1:], start=1):
        window = walk_that_read(
            page,
            begin + timedelta(seconds=reached[0]),
            begin + timedelta(seconds=moment),
            kind="window",
            start=start,
            end=NOON,
        )
        pace.note(window, 0.15, NOON)
    cut = history.cut_longest([(window, pace)], 5, NOON)
    event("cut" if cut else "left alone")
    if cut is not None:
        starts, ends = [part.start_time for part in cut.parts], [part.end_time for part in cut.parts]
        assert (starts[0], ends[-1]) == (window.start_time, window.end_time)
        assert starts[1:] == ends[:-1]
        assert all(before < after for before, after in itertools.pairwise(map(parse, ends)))
        assert 2 <= len(cut.parts) <= 64
        assert set(cut.paces) == {part.walk_id for part in cut.parts}


@pytest.mark.parametrize(
    ("pages", "days", "readers"),
    [(2, 29, 4), (200, 10, 2), (2, 0.1, 1), (1, 7, 5)],
    ids=["hardly anything is left", "too much would be read again", "nobody would help", "a few pages are left"],
)
def test_a_window_is_left_alone_where_a_cut_would_not_end_it_sooner(pages: int, days: float, readers: int) -> None:
    assert history.cut_longest([window_that_read(pages, days)], readers, NOON) is None


def test_a_window_is_cut_only_if_it_outlasts_the_others() -> None:
    """Twenty pages beside four windows of twenty keep five readers busy; beside four short ones they do not."""
    window = window_that_read(1, 1.5)
    assert history.cut_longest([window, *(window_that_read(1, 1.5) for _ in range(4))], 5, NOON) is None
    cut = history.cut_longest([window, *(window_that_read(1, 15) for _ in range(4))], 5, NOON)
    assert cut is not None
    assert cut.walk == window[0]


def test_a_window_that_answers_slowly_outlasts_others_with_more_pages() -> None:
    slow = window_that_read(1, 2, seconds=2.0)
    cut = history.cut_longest([slow, *(window_that_read(1, 1) for _ in range(4))], 5, NOON)
    assert cut is not None
    assert cut.walk == slow[0]


def test_what_nobody_has_looked_into_is_taken_for_ordinary() -> None:
    window = window_that_read(1, 1.5)
    unread = [(open_walk("window", NOON, NOON - WEEK, NOON), Pace()) for _ in range(20)]
    assert history.cut_longest([window, *unread], 5, NOON) is None


def test_a_burst_is_cut_out_with_few_parts() -> None:
    """Ten pages within five minutes of a month: parts that double reach from minutes to weeks."""
    cut = history.cut_longest([window_that_read(10, 5 / 1440)], 5, NOON)
    assert cut is not None
    assert len(cut.parts) < 30
    lengths = [parse(part.end_time) - parse(part.start_time) for part in cut.parts]
    assert lengths[0] < timedelta(minutes=5)


# -- reading, in a simulated time -------------------------------------------------------------------------------------

LATENCY, SLOWLY = 0.15, 2.0
PAGES, PAGE = 300, 10
YEARS = timedelta(days=5 * 365)


class WatchedReaders(Readers):
    """Knows whether anything is left to do before time moves on."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._todo = Watched(self._begin)
        self._arrived = Watched(self._take)
        self._busy = 0
        """Threads that were given a walk and have not come back for another."""
        self._consumer_is_busy = True

    def is_settled(self, waiting: int) -> bool:
        """Whether everyone but `waiting` threads, which wait for Dropbox, has nothing to do."""
        with self._changed:
            has_hands = self._busy < len(self._threads)
            return self._busy == waiting and not (self._consumer_is_busy or self._arrived or (self._todo and has_hands))

    def next(self, seconds: float) -> Arrival | None:
        with self._changed:
            self._consumer_is_busy = False
        arrival = super().next(seconds)
        self._consumer_is_busy = self._consumer_is_busy or not seconds
        return arrival

    def _begin(self) -> None:
        self._busy += 1

    def _take(self) -> None:
        self._consumer_is_busy = True

    def _follow(self, walk: Walk) -> None:
        super()._follow(walk)
        with self._changed:
            self._busy -= 1


class Watched(deque[Any]):
    """Tells when something is taken."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def popleft(self) -> Any:
        self._tell()
        return super().popleft()


class LatentDropbox:
    """A log whose answers take simulated time: requests on their way together cost as much as one.

    Time moves on to the next answer when all readers wait for one, or have nothing to read, and what was answered
    before has been taken: however busy the machine is, it comes to the same.
    """

    def __init__(self, times: list[datetime], latency: Callable[[int], float]) -> None:
        self.times = times
        self.now = 0.0
        self.opened: list[tuple[datetime | None, datetime | None]] = []
        self.served: list[tuple[float, int, int, str]] = []
        """When an answer came, which events it held, from and up to, and which reader it was for."""
        self._latency = latency
        self._waiting: list[tuple[float, int]] = []
        self._changed = threading.Condition()
        self._is_closed = False
        self.is_settled: Callable[[int], bool] = lambda _: True

    def get_events(self, start: datetime | None, end: datetime | None) -> bytes:
        self.opened.append((start, end))
        first = bisect.bisect_left(self.times, start) if start else 0
        return self._answer(first, max(first, bisect.bisect_left(self.times, end) if end else len(self.times)))

    def close(self) -> None:
        """Nobody waits any longer."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def continue_events(self, cursor: str) -> bytes:
        position, stop = cursor.split(":")
        return self._answer(int(position), int(stop))

    def _answer(self, position: int, stop: int) -> bytes:
        until = min(stop, position + PAGE)
        with self._changed:
            me = (self.now + self._latency(position), len(self.served) + len(self._waiting))
            heapq.heappush(self._waiting, me)
            self._changed.notify_all()
            while me in self._waiting and not self._is_closed:
                if self.is_settled(len(self._waiting)):
                    self.now = heapq.heappop(self._waiting)[0]
                    self._changed.notify_all()
                else:
                    self._changed.wait(0.001)
            self.served.append((self.now, position, until, threading.current_thread().name))
        events = [make_event(number, at=self.times[number], assets=[]) for number in range(position, until)]
        return json.dumps({"events": events, "cursor": f"{until}:{stop}", "has_more": until < stop}).encode()


class LatentClock(VirtualClock):
    def __init__(self, client: LatentDropbox) -> None:
        super().__init__()
        self._client = client

    def monotonic(self) -> float:
        return self._client.now


def even(part: float) -> float:
    return part


def growing(part: float) -> float:
    """Twice as many events each year."""
    return math.log2(1 + 31 * part) / 5


def crowded(part: float) -> float:
    """A week in the middle has a hundred times the events of any other."""
    week = part * 360
    return (week if week < 130 else 130 + (week - 130) / 100 if week < 230 else week - 99) / 261


def ended_long_ago(part: float) -> float:
    return part / 10


def times_of(shape: Callable[[float], float]) -> list[datetime]:
    """A log of 300 pages of that shape, which ends a minute ago."""
    count = PAGES * PAGE
    begin = NOON - timedelta(minutes=1) - YEARS
    return sorted((begin + YEARS * shape(number / count)).replace(microsecond=0) for number in range(count))


def history_of(start: datetime | None = None) -> dict[str, Walk]:
    walk = replace(open_walk("live", NOON, start), may_hand_over=True)
    return {walk.walk_id: walk}


def reader_of(client: LatentDropbox, walks: dict[str, Walk], workers: int) -> LogReader:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("dropbox_audit.walks.Readers", WatchedReaders)
        reader = LogReader(
            client,  # type: ignore[arg-type]
            walks,
            lookback=LOOKBACK,
            clock=LatentClock(client),
            workers=workers,
        )
    client.is_settled = reader._readers.is_settled  # type: ignore[attr-defined]
    return reader


def read_all(
    shape: Callable[[float], float],
    workers: int,
    *,
    slow: range = range(0),
    slowly: float = SLOWLY,
    start: datetime | None = None,
) -> LatentDropbox:
    """Read a log of that shape; each event must arrive."""
    client = LatentDropbox(times_of(shape), lambda position: slowly if position in slow else LATENCY)
    reader = reader_of(client, history_of(start), workers)
    seen = {found for tables in reader.tables() for found in hashes(tables)}
    reader.close()
    assert reader.error is None
    assert len(seen) == PAGES * PAGE
    return client


def hashes(tables: Mapping[str, pa.Table]) -> list[str]:
    return tables["events"]["exact_hash"].to_pylist() if "events" in tables else []


def test_one_worker_reads_one_page_after_the_other() -> None:
    client = read_all(even, 1)
    assert len(client.served) == PAGES
    assert client.now == pytest.approx(PAGES * LATENCY)


@pytest.mark.parametrize("shape", [even, growing, crowded, ended_long_ago])
def test_four_workers_are_three_and_a_half_times_as_fast_as_one(shape: Callable[[float], float]) -> None:
    client = read_all(shape, 4)
    assert client.now <= PAGES * LATENCY / 3.5
    assert len(client.served) <= 1.3 * PAGES


def test_a_start_long_before_the_first_event_costs_nothing() -> None:
    client = read_all(even, 4, start=NOON - 3 * YEARS)
    assert client.now <= PAGES * LATENCY / 3.5
    assert len(client.served) <= 1.1 * PAGES


def test_eight_workers_are_clearly_faster_than_four() -> None:
    assert read_all(growing, 8).now < 0.75 * read_all(growing, 4).now


def test_the_neighbours_readers_take_part_in_a_crowded_week() -> None:
    client = read_all(crowded, 4)
    week = range(1100, 1900)
    pages = Counter(reader for _, start, until, reader in client.served if start in week and until in week)
    assert len(pages) == 5
    assert max(pages.values()) < 0.5 * sum(pages.values())
    assert min(pages.values()) >= 4


def test_a_stretch_that_answers_slowly_is_shared_and_does_not_hold_up_the_rest() -> None:
    slow = range(1500, 1560)
    client = read_all(even, 4, slow=slow)
    pages = len(slow) // PAGE
    assert client.now <= ((PAGES - pages) * LATENCY + pages * SLOWLY) / 3.5
    assert len({reader for _, start, _, reader in client.served if start in slow}) > 1


def test_a_window_that_hangs_does_not_hold_up_the_rest() -> None:
    hung = range(1500, 1510)
    client = read_all(even, 4, slow=hung, slowly=300.0)
    late = {number for now, start, until, _ in client.served if now > 30 for number in range(start, until)}
    early = {number for now, start, until, _ in client.served if now <= 30 for number in range(start, until)}
    assert client.now >= 300
    assert len(late - early) <= PAGES * PAGE / 20, "only what lies behind it in its own window"


def test_a_broken_backfill_reads_only_what_was_left_of_it() -> None:
    times = times_of(even)
    first = LatentDropbox(times, lambda _: LATENCY)
    reader = reader_of(first, history_of(), 4)
    seen, records = set(), {}
    for tables in reader.tables(200):
        seen.update(hashes(tables))
        if "walks" in tables:
            records = {row["walk_id"]: row for row in tables["walks"].to_pylist()}
    reader.close()
    done = [(row["start_time"], row["end_time"]) for row in records.values() if row["state"] == "done"]
    begun = {(parse(walk.start_time), parse(walk.end_time)) for walk in reader.walks.values() if walk.cursor}
    assert len(done) > 5
    assert len(begun) > 1

    second = LatentDropbox(times, lambda _: LATENCY)
    again = reader_of(second, dict(reader.walks), 4)
    seen.update(found for tables in again.tables() for found in hashes(tables))
    again.close()
    assert len(seen) == PAGES * PAGE
    assert begun.isdisjoint(second.opened), "they are continued"
    for start, end in second.opened:
        assert not any((start or times[0]) >= (before or times[0]) and end and end <= after for before, after in done)
    assert len(first.served) + len(second.served) <= 1.2 * PAGES


# -- reading, through real HTTP ---------------------------------------------------------------------------------


def a_log(count: int, newest: datetime, *, days: int = 200, crowded: int = 0) -> list[dict[str, Any]]:
    """`count` events over `days`, with twins; `crowded` more of them within one hour."""
    oldest = newest - timedelta(days=days)
    spread = [
        make_event(number // 2, at=oldest + timedelta(days=days) * (number // 2) / (count / 2))
        for number in range(count)
    ]
    busy = [
        make_event(10**6 + number, at=oldest + timedelta(days=days / 3, seconds=number)) for number in range(crowded)
    ]
    return sorted(spread + busy, key=lambda event: event["timestamp"])


def paged(events: list[dict[str, Any]], size: int = 50) -> SimulatedLog:
    return SimulatedLog.of(events, page_limit=size, seed=3)


@pytest.mark.parametrize("crowded", [0, 2000], ids=["even", "one crowded hour"])
def test_four_readers_bring_what_was_sent(workspace: Workspace, serve: Serve, crowded: int) -> None:
    events = a_log(2000, NOON, crowded=crowded)
    server, url = serve(log=paged(events))
    result = workspace.load(url, backfill_workers=4)
    assert multiset(workspace.events()) == multiset(events)
    assert server.count(GET_EVENTS) > 4, "history was read as windows"
    assert result.requests < 2.5 * len(events) / 50


def test_a_short_log_is_one_walk(workspace: Workspace, serve: Serve) -> None:
    events = a_log(history.SHORT_HISTORY_PAGES * 50 - 100, NOON)
    server, url = serve(log=paged(events))
    assert workspace.load(url).requests == len(events) / 50
    assert server.count(GET_EVENTS) == 1


def test_late_events_reach_a_quiet_team_and_a_fast_clock(workspace: Workspace, serve: Serve) -> None:
    """The newest event is months before our clock's now: the live walk is moved to where the log is."""
    newest = NOON - timedelta(days=150)
    events = a_log(1000, newest)
    server, url = serve(log=paged(events))
    workspace.load(url)
    late = [
        make_event(7001, at=newest - timedelta(hours=23)),
        make_event(7002, at=newest + timedelta(hours=1)),
        events[-1],
    ]
    server.log.append(late)
    assert workspace.load(url).requests == 1
    assert multiset(workspace.events()) == multiset([*events, *late])


def test_a_broken_backfill_goes_on_where_it_was(workspace: Workspace, serve: Serve) -> None:
    events = a_log(3000, NOON)
    server, url = serve(log=paged(events))
    server.faults.at(CONTINUE, 40, FAULTS["401_missing_scope"], times=1000)
    with pytest.raises(ConfigurationError, match="scope"):
        workspace.load(url, max_pages_per_batch=5)
    opened = server.count(GET_EVENTS)
    server.faults.clear()
    workspace.load(url, max_pages_per_batch=5)
    assert multiset(workspace.events()) == multiset(events)
    assert server.count(GET_EVENTS) - opened <= 12 * history.WINDOWS_PER_READER
    assert workspace.load(url).requests == 1


def test_a_stuck_walk_is_not_handed_over(workspace: Workspace, serve: Serve) -> None:
    server, url = serve(log=paged(a_log(3000, NOON)))
    server.faults.at(CONTINUE, history.FIRST_PAGES - 1, FAULTS["stuck"], times=5)
    with pytest.raises(RunError, match="same page with the same cursor"):
        workspace.load(url)


def test_a_closed_window_is_shared_among_readers_and_leaves_the_live_cursor(workspace: Workspace, serve: Serve) -> None:
    newest = NOON
    events = a_log(3000, newest)
    server, url = serve(log=paged(events))
    workspace.load(url, start_time="1d")
    walks = workspace.loader(url).walks()
    workspace.load(url, window=Window(None, newest - timedelta(hours=12)))
    assert workspace.loader(url).walks() == walks
    assert multiset(workspace.events()) == multiset(events)
    assert server.count(GET_EVENTS) > 4


def test_history_is_extended_backwards_without_a_gap_and_without_doubling(workspace: Workspace, serve: Serve) -> None:
    """Windows that touch what is there, that overlap it, and that lie within it."""
    oldest = NOON - timedelta(days=200)
    events = a_log(3000, NOON)
    server, url = serve(log=paged(events))
    since = {days: NOON - timedelta(days=days) for days in (150, 100, 50)}
    workspace.load(url, start_time=f"{since[50]:%Y-%m-%dT%H:%M:%SZ}")

    def expected(start: datetime) -> Counter[str]:
        return multiset(event for event in events if event["timestamp"] >= stamp(start))

    assert multiset(workspace.events()) == expected(since[50])
    workspace.load(url, window=Window(since[100], since[50]))
    assert multiset(workspace.events()) == expected(since[100])
    workspace.load(url, window=Window(since[150], since[50] + timedelta(days=20)))
    assert multiset(workspace.events()) == expected(since[150])
    workspace.load(url, window=Window(None, since[150]))
    assert multiset(workspace.events()) == multiset(events)
    workspace.load(url, window=Window(oldest, NOON))
    assert multiset(workspace.events()) == multiset(events)
    late = [make_event(9001, at=NOON - timedelta(hours=3))]
    server.log.append(late)
    assert workspace.load(url).requests == 1, "the live cursor is where it was"
    assert multiset(workspace.events()) == multiset([*events, *late])


class OverlappingClock(VirtualClock):
    """A virtual time in which threads that wait at the same time wait together; the simulator lives in it too."""

    def seconds(self) -> float:
        return self.now().timestamp()

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        with self._lock:
            due = self._monotonic + seconds
        if stop.is_set():
            return True
        with self._lock:
            passed = max(0.0, due - self._monotonic)
            self._monotonic += passed
            self._now += timedelta(seconds=passed)
        return stop.is_set()


def test_all_readers_together_keep_within_the_request_budget(workspace: Workspace, serve: Serve) -> None:
    clock = OverlappingClock()
    events = a_log(3000, NOON)
    server, url = serve(log=paged(events), clock=clock)
    per_hour = 40
    result = workspace.load(url, clock=clock, requests_per_hour=per_hour)
    assert multiset(workspace.events()) == multiset(events)
    asked = sorted((request.arrived - NOON).total_seconds() for request in server.requests)
    assert len(asked) == result.requests
    assert server.count(GET_EVENTS) > 4, "history was read as windows"
    for number, moment in enumerate(asked, start=1):
        assert number <= per_hour * (1 + moment / 3600) + 1e-6
    assert asked[-1] <= 1.1 * 3600 * (len(asked) - per_hour) / per_hour, "and nobody waits longer than that"
