"""How history is cut into windows for parallel readers; pure functions.

A cursor walk is serial and a page costs a round trip. So a long history is not followed by the one open-ended walk
that would reach it all: after its first pages that walk hands over to a live walk, opened at now less `lookback` so
that late events reach it, and to windows that end at now. Windows are cut by how much they hold, as far as their first
pages tell, and a long one is cut again while readers are idle.

A walk that is cut up is given up: what it had read stays in raw as evidence, but the windows that take its place read
their stretches from the start, because nothing says in which order Dropbox delivers a stretch. Identity absorbs it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dropbox_audit.cursor import Walk, open_walk, parse

FIRST_PAGES = 4
"""So many pages tell how much there may be."""

SHORT_HISTORY_PAGES = 24
"""A log that seems to end within so many pages, and does, is not worth more than one walk."""

WINDOWS_PER_READER = 4
"""A few for each, so that unequal ones even out."""

_FEWEST_PAGES = 8
_WORTH = 0.6
"""A window is cut again if that would end the reading in this part of the time or less."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """What takes the place of an open-ended walk over a long history."""

    live: Walk
    windows: list[Walk]


def hand_over(walk: Walk, readers: int, lookback: timedelta, now: datetime) -> HandOver | None:
    """Cut the history that an open-ended walk has begun to read, or None to let it go on by itself.

    Args:
        walk: the live walk, which has just answered.
        readers: parallel readers.
        lookback: how far before now the new live walk begins.
        now: where the windows end.
    """
    first = parse(walk.first_occurred_at)
    now = now.replace(microsecond=0)
    begin = parse(walk.start_time)
    live_start = now - lookback
    if walk.page_no < FIRST_PAGES or max(walk.page_no, _pages_left(walk, now)) < SHORT_HISTORY_PAGES:
        return None
    if readers < 2 or first is None or first >= live_start or (begin is not None and begin >= live_start):
        return None
    boundaries = _cut(first, now, readers * WINDOWS_PER_READER)
    live = replace(open_walk("live", now, live_start), newest_in_history=walk.last_occurred_at)
    return HandOver(live, _windows(begin, boundaries, now, now))


def split(walk: Walk, idle: int, now: datetime) -> list[Walk]:
    """Cut a window that is being read, if that makes the reading end clearly sooner; else an empty list.

    Args:
        walk: the window as far as it has been read.
        idle: readers without work.
        now: for the new windows' ids.
    """
    first, last, end = parse(walk.first_occurred_at), parse(walk.last_occurred_at), parse(walk.end_time)
    rest = _pages_left(walk, end)
    if idle < 1 or first is None or last is None or end is None or rest < _FEWEST_PAGES:
        return []
    if (walk.page_no + rest) / (idle + 1) > _WORTH * rest:
        return []
    boundaries = _cut(first, end, (idle + 1) * WINDOWS_PER_READER)
    return _windows(parse(walk.start_time), boundaries, end, now) if boundaries else []


def longest(walks: Iterable[Walk]) -> Walk | None:
    """The window that has most left to read, by what it has shown so far."""
    windows = (walk for walk in walks if walk.kind == "window" and walk.page_no)
    return max(windows, key=lambda walk: _pages_left(walk, parse(walk.end_time)), default=None)


def _pages_left(walk: Walk, end: datetime | None) -> float:
    first, last = parse(walk.first_occurred_at), parse(walk.last_occurred_at)
    if first is None or last is None or end is None or last >= end:
        return 0.0
    read = max((last - first).total_seconds(), 1.0)
    return walk.page_no * (end - last).total_seconds() / read


def _cut(start: datetime, end: datetime, pieces: int) -> list[datetime]:
    """Boundaries between equal pieces, on whole seconds."""
    step = (end - start) / pieces
    inner = {(start + step * number).replace(microsecond=0) for number in range(1, pieces)}
    return sorted(moment for moment in inner if start < moment < end)


def _windows(begin: datetime | None, boundaries: list[datetime], end: datetime, now: datetime) -> list[Walk]:
    starts, ends = [begin, *boundaries], [*boundaries, end]
    return [open_walk("window", now, start, stop) for start, stop in zip(starts, ends, strict=True)]
