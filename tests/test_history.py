"""A long history read by several readers: the same events, sooner; late ones and broken backfills included."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from dropbox_audit import history
from dropbox_audit.cursor import Walk, open_walk, parse
from dropbox_audit.demo import FAULTS, SimulatedDropbox, SimulatedLog
from dropbox_audit.errors import ConfigurationError, RunError
from dropbox_audit.load import Window
from support import CONTINUE, GET_EVENTS, NOON, Workspace, make_event, multiset, stamp

LOOKBACK = timedelta(hours=48)

Serve = Callable[..., tuple[SimulatedDropbox, str]]


def walk_that_read(pages: int, first: datetime, last: datetime, **more: Any) -> Walk:
    opened = open_walk(more.pop("kind", "live"), NOON, more.pop("start", None), more.pop("end", None))
    return Walk(
        **{**opened.as_state(), "page_no": pages, "first_occurred_at": stamp(first), "last_occurred_at": stamp(last)}
    )


# -- cutting ----------------------------------------------------------------------------------------------------


def test_windows_and_the_live_walk_cover_all_time_without_a_gap() -> None:
    walk = walk_that_read(4, NOON - timedelta(days=900), NOON - timedelta(days=899))
    parts = history.hand_over(walk, 4, LOOKBACK, NOON)
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
    ("first", "readers", "start"),
    [
        (NOON - timedelta(days=900), 1, None),
        (NOON - timedelta(hours=47), 4, None),
        (NOON - timedelta(hours=30), 4, NOON - timedelta(hours=40)),
    ],
    ids=["one reader", "all within the lookback", "begun within the lookback"],
)
def test_a_walk_goes_on_by_itself_where_readers_would_not_help(
    first: datetime, readers: int, start: datetime | None
) -> None:
    walk = walk_that_read(4, first, first + timedelta(minutes=5), start=start)
    assert history.hand_over(walk, readers, LOOKBACK, NOON) is None


def test_a_split_covers_the_window_exactly() -> None:
    begin, end = NOON - timedelta(days=30), NOON
    window = walk_that_read(2, begin, begin + timedelta(hours=1), kind="window", start=begin, end=end)
    parts = history.split(window, 3, NOON)
    starts, ends = [part.start_time for part in parts], [part.end_time for part in parts]
    assert (starts[0], ends[-1]) == (window.start_time, window.end_time)
    assert starts[1:] == ends[:-1]


@pytest.mark.parametrize(
    ("pages", "read", "idle"),
    [(2, timedelta(days=29), 3), (200, timedelta(days=10), 1), (2, timedelta(hours=1), 0)],
    ids=["hardly anything is left", "too much would be read again", "nobody is idle"],
)
def test_a_window_is_left_alone_where_a_split_would_not_end_it_sooner(pages: int, read: timedelta, idle: int) -> None:
    begin = NOON - timedelta(days=30)
    assert not history.split(walk_that_read(pages, begin, begin + read, kind="window", end=NOON), idle, NOON)


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
