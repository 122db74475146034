"""A long history read by several readers: the same events, sooner; late ones and broken backfills included."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from dropbox_audit import history
from dropbox_audit.cursor import Walk, open_walk, parse
from dropbox_audit.demo import FAULTS, SimulatedDropbox, SimulatedLog
from dropbox_audit.errors import ConfigurationError, RunError
from dropbox_audit.history import Pace
from dropbox_audit.load import Window
from hypothesis import event, given
from hypothesis import strategies as st
from support import CONTINUE, GET_EVENTS, NOON, Workspace, make_event, multiset, stamp

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
