"""How history is cut into windows for parallel readers; no threads, no requests, no state of dlt.

A cursor walk is serial and a page costs a round trip. So a long history is not followed by the one open-ended walk
that would reach it all: after its first pages that walk hands over to a live walk, opened at now less `lookback` so
that late events reach it, and to windows that end at now. Windows are cut by how much they hold, as far as the pages
read so far tell, and a window that would keep its reader busy long after the others are done is cut again, early,
while little of it has been read.

A walk that is cut up is given up: what it had read stays in raw as evidence, but the windows that take its place read
their stretches from the start, because nothing says in which order Dropbox delivers a stretch. Identity absorbs it.
The estimates do suppose some order; where there is none, reading is slower and nothing else.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from statistics import median

from dropbox_audit.cursor import Walk, open_walk, parse

FIRST_PAGES = 4
"""So many pages tell how much there may be."""

SHORT_HISTORY_PAGES = 24
"""A log that seems to end within so many pages, and does, is not worth more than one walk."""

WINDOWS_PER_READER = 4
"""A few for each, so that unequal ones even out."""

_PAGES_PER_WINDOW = 3
_FEWEST_PAGES = 2
"""A log is not cut into windows, nor a window into parts, that seem to hold fewer pages: the last page of each is a
short one, and costs as much as a full one."""

_MOST_WINDOWS = 300
"""Open windows are part of the state, which is stored with every batch."""

_GAIN = 0.3
"""A window is cut if that ends the reading sooner by this part of what the window still takes, and by `_GAIN_PAGES`."""
_GAIN_PAGES = 3

_BURST = timedelta(minutes=10)
_TRUST_IN_BURST = 4
"""Bulk changes fill pages within minutes, and end. Such a pace is trusted to go on for so many times the pages that
were read."""

_MARKS = 64
"""Pages of a walk that are remembered; older ones say nothing of what follows."""


@dataclass(slots=True)
class Pace:
    """How fast a walk gets on, as far as this run has seen: through time, and in seconds for a page."""

    seconds: float = 0.0
    """For a page, lately."""
    pages: int = 0
    pages_left: float | None = None
    """By the pages so far; None before they tell."""
    since: datetime | None = None
    """Where the later half of what was read began."""
    for_a_page: timedelta = timedelta(0)
    """Of the log, in that half."""
    is_steady: bool = False
    """Whether `pages_left` is all that such a pace makes of the rest, and not just what is trusted of it."""
    _marks: list[tuple[int, datetime]] = field(default_factory=list)
    """After each page: how many there were by then, and the newest event."""

    @property
    def seconds_left(self) -> float:
        return (self.pages_left or 0.0) * self.seconds

    def note(self, walk: Walk, seconds: float, end: datetime) -> None:
        """Account for a page: `walk` as it stands after it, the `seconds` it took, where its stretch ends."""
        seconds = max(seconds, 0.001)
        self.seconds = (self.seconds + seconds) / 2 if self.pages else seconds
        self.pages += 1
        first, last = parse(walk.first_occurred_at), parse(walk.last_occurred_at)
        if first is None or last is None:
            return
        if len(self._marks) == _MARKS:
            del self._marks[: _MARKS // 2]
        self._marks.append((walk.page_no, last))
        # The later half tells more of what follows than the whole: most logs grow, and some have a crowded week.
        before, self.since = next((mark for mark in self._marks if 2 * mark[0] >= walk.page_no), self._marks[0])
        if before == walk.page_no:
            before, self.since = 0, first
        self.for_a_page = max(last - self.since, timedelta(seconds=1)) / (walk.page_no - before)
        left = max(end - last, timedelta(0)) / self.for_a_page
        trusted = _TRUST_IN_BURST * walk.page_no if self.for_a_page < _BURST else math.inf
        self.is_steady = left <= trusted
        self.pages_left = min(left, trusted)


@dataclass(frozen=True, slots=True)
class HandOver:
    """What takes the place of an open-ended walk over a long history."""

    live: Walk
    windows: list[Walk]


@dataclass(frozen=True, slots=True)
class Cut:
    """A window and those that take its place."""

    walk: Walk
    parts: list[Walk]
    paces: dict[str, Pace]
    """What is expected of each part."""


def hand_over(walk: Walk, pace: Pace, readers: int, lookback: timedelta, now: datetime) -> HandOver | None:
    """Cut the history that an open-ended walk has begun to read, or None to let it go on by itself.

    Args:
        walk: the live walk, which has just answered.
        pace: its pace, with `now` as the end.
        readers: parallel readers.
        lookback: how far before now the new live walk begins.
        now: where the windows end.
    """
    first = parse(walk.first_occurred_at)
    now = now.replace(microsecond=0)
    begin = parse(walk.start_time)
    live_start = now - lookback
    pages = walk.page_no + (pace.pages_left or 0.0)
    if walk.page_no < FIRST_PAGES or pages < SHORT_HISTORY_PAGES:
        return None
    if readers < 2 or first is None or first >= live_start or (begin is not None and begin >= live_start):
        return None
    pieces = min(readers * WINDOWS_PER_READER, max(readers, math.ceil(pages / _PAGES_PER_WINDOW)))
    live = replace(open_walk("live", now, live_start), newest_in_history=walk.last_occurred_at)
    return HandOver(live, _windows(begin, _cut(first, now, pieces), now, now))


def cut_longest(windows: Iterable[tuple[Walk, Pace]], readers: int, now: datetime) -> Cut | None:
    """Cut the window that would take longest, if that makes the reading of all end clearly sooner.

    However well the others are shared, reading lasts as long as its longest window; cut up, it lasts as long as all
    of them divided by the readers.

    Args:
        windows: all that are being read or wait to be read.
        readers: how many read them.
        now: for the new windows' ids.
    """
    windows = list(windows)
    known = [(walk, pace) for walk, pace in windows if pace.pages_left is not None]
    if not known or len(windows) > _MOST_WINDOWS or readers < 2:
        return None
    walk, pace = max(known, key=lambda item: item[1].seconds_left)
    if not pace.pages:
        return None
    # A window that nobody has looked into is taken for an ordinary one.
    ordinary = median(pace.seconds * (walk.page_no + (pace.pages_left or 0.0)) for walk, pace in known)
    total = sum(pace.seconds_left for _, pace in known) + (len(windows) - len(known)) * ordinary
    longest, share = pace.seconds_left, total / readers
    gain = longest - share - walk.page_no * pace.seconds / readers
    if walk.page_no > (pace.pages_left or 0.0) or gain < _GAIN * longest or gain < _GAIN_PAGES * pace.seconds:
        return None
    pages = max(_FEWEST_PAGES, share / WINDOWS_PER_READER / pace.seconds)
    boundaries = _cut_by_pace(walk, pace, pages)
    end = parse(walk.end_time)
    if not boundaries or end is None:
        return None
    parts = _windows(parse(walk.start_time), boundaries, end, now)
    return Cut(walk, parts, {part.walk_id: Pace(seconds=pace.seconds, pages_left=pages) for part in parts})


def _cut_by_pace(walk: Walk, pace: Pace, pages: float) -> list[datetime]:
    """Boundaries between pieces of about so many pages."""
    first, end, since = parse(walk.first_occurred_at), parse(walk.end_time), pace.since
    if first is None or end is None or since is None:
        return []
    boundaries = _cut(first, since, math.ceil(walk.page_no / 2 / pages)) if since > first else []
    boundaries += [since] if since > first else []
    # Where such a pace is not trusted to go on, pieces grow from one to the next: few of them reach from a burst of
    # minutes to the end of a year.
    growth = 1.0 if pace.is_steady else 2.0
    step, boundary = pace.for_a_page * pages, since
    while end - boundary > 1.5 * step:
        boundary += step
        boundaries.append(boundary)
        step *= growth
    whole = {boundary.replace(microsecond=0) for boundary in boundaries}
    return sorted(boundary for boundary in whole if first < boundary < end)


def _cut(start: datetime, end: datetime, pieces: int) -> list[datetime]:
    """Boundaries between equal pieces, on whole seconds."""
    step = (end - start) / pieces
    inner = {(start + step * number).replace(microsecond=0) for number in range(1, pieces)}
    return sorted(moment for moment in inner if start < moment < end)


def _windows(begin: datetime | None, boundaries: list[datetime], end: datetime, now: datetime) -> list[Walk]:
    starts, ends = [begin, *boundaries], [*boundaries, end]
    return [open_walk("window", now, start, stop) for start, stop in zip(starts, ends, strict=True)]
