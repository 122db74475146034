"""Follow the walks: threads fetch pages, one consumer takes them in order and decides what is read next.

Fetching runs ahead of the consumer. Nothing that was fetched counts until the consumer has taken it and the load
package with its cursor is committed; what is dropped on the way is simply fetched again.
"""

import threading
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from dropbox_audit.api import DropboxClient, Notice
from dropbox_audit.clock import Clock
from dropbox_audit.cursor import Walk, advance, after_history, covers_until, note_history, parse, successor
from dropbox_audit.errors import RunError, Stopped
from dropbox_audit.events import TIMESTAMP, Tables
from dropbox_audit.history import Pace, cut_longest, hand_over
from dropbox_audit.readers import Answer, Arrival, Failed, Lost, Readers

PAGES_PER_TABLE = 10
"""Pages joined into one Arrow table: fewer, larger tables are cheaper for dlt to write."""

_MOST_RESETS = 10
_TICK = 0.2
"""Seconds after which the consumer, while it waits, looks whether it is to stop."""

WALKS = pa.schema(
    [
        ("walk_id", pa.string()),
        ("kind", pa.string()),
        ("start_time", TIMESTAMP),
        ("end_time", TIMESTAMP),
        ("opened_at", TIMESTAMP),
        ("pages", pa.int64()),
        ("events", pa.int64()),
        ("first_occurred_at", TIMESTAMP),
        ("last_occurred_at", TIMESTAMP),
        ("caught_up_at", TIMESTAMP),
        ("covers_until", TIMESTAMP),
        ("state", pa.string()),
        ("recorded_at", TIMESTAMP),
    ]
)
"""One row per walk and batch: what the walk had covered by then. The newest `recorded_at` of a walk counts.

`state` is open, done (a window read to its end), reset (Dropbox lost its cursor) or split (others read its stretch).
`caught_up_at` is when it was last read to its present end; null if it never was. `covers_until` is the end of the time,
from `start_time` on, that it has read completely; null where it claims none."""


@dataclass
class Tally:
    """What a reader has taken so far."""

    pages: int = 0
    events: int = 0
    rejected_events: int = 0
    replayed_pages: int = 0
    resets: int = 0
    notes: list[str] = field(default_factory=list)


class LogReader:
    """Reads the given walks to their present end.

    Args:
        client: the API; shared by all threads.
        walks: the open walks by id, as committed.
        follow: ids of the walks to read; all of them unless given. The others are kept as they are.
        lookback: overlap when a cursor is lost.
        clock, stop: source of time; the event that ends reading.
        workers: parallel readers of history, beside the live walk, whose reader helps them once it has caught up.
        notice: called with one sentence when something worth telling happens.
    """

    def __init__(
        self,
        client: DropboxClient,
        walks: Mapping[str, Walk],
        *,
        follow: Collection[str] | None = None,
        lookback: timedelta,
        clock: Clock | None = None,
        stop: threading.Event | None = None,
        workers: int = 4,
        notice: Notice = lambda _: None,
    ) -> None:
        self.client = client
        self.walks: dict[str, Walk] = dict(walks)
        self.tally = Tally()
        self.error: BaseException | None = None
        """Why reading ended early; what was taken before it stands."""
        self._lookback = lookback
        self._clock = clock or Clock()
        self._stop = stop or threading.Event()
        self._notice = notice
        self._workers = max(1, workers)
        self._readers = Readers(client, self._clock, self._workers + 1)
        self._ahead: deque[Arrival] = deque()
        """Arrivals that were looked at, but not taken yet."""
        self._active: set[str] = set()
        """Ids of the walks that are being read or wait for a thread."""
        self._given_up: dict[str, Walk] = {}
        """Walks that others have taken the place of, as far as they were read."""
        self._successors: set[str] = set()
        """Ids of the walks that took over from one whose cursor was lost."""
        self._lost_again = 0
        self._paces: dict[str, Pace] = {}
        self._changed: dict[str, dict[str, Any]] = {}
        self._read(*(walk for walk in walks.values() if follow is None or walk.walk_id in follow))

    # -- what the consumer asks ---------------------------------------------------------------------------------

    @property
    def is_finished(self) -> bool:
        """Whether every walk has been read to its present end, or reading cannot go on."""
        return self.error is not None or not (self._active or self._ahead)

    def has_news(self) -> bool:
        """Read on until there is something to store or nothing left to read; whether there is something.

        Answers without events are not worth a load package: their newer cursors are left in `walks`.
        """
        while not self.is_finished:
            answer = self._next()
            if isinstance(answer, Failed):
                self._fail(answer.error)
            elif isinstance(answer, Answer) and not self._is_worth_a_batch(answer):
                self._take(answer, Tables())
            elif answer is not None:
                self._ahead.appendleft(answer)
                return True
        return self._readers.has_arrivals

    def tables(self, max_pages: int | None = None) -> Iterator[dict[str, pa.Table]]:
        """Take pages, at most `max_pages`, as Arrow tables by table name.

        Ends early, without raising, when reading fails (see `error`) or is stopped. When it ends, `walks` is what
        must be stored with the tables it gave.
        """
        tables, pages = Tables(), 0
        while not self.is_finished and (max_pages is None or pages < max_pages):
            answer = self._next()
            if answer is None:
                break
            pages += self._take(answer, tables)
            if pages and pages % PAGES_PER_TABLE == 0 and tables.event_count:
                yield tables.take()
        if self.error is not None:
            # What other threads had received by then is as good as what came before.
            while rest := self._received():
                self._take(rest, tables)
        live = self._live()
        if live is not None and live.caught_up_at is not None and live.walk_id not in self._changed:
            # Nothing new is news too: that it has been read up to now.
            self._record(live, "open", covers_until(live))
        walks, self._changed = self._walk_rows(), {}
        yield {**tables.take(), "walks": walks}

    def close(self) -> None:
        """Let the threads go; what they had fetched ahead is dropped."""
        # First, so that a thread in a long wait asks nothing when that is over.
        self.client.close()
        self._readers.close()

    # -- taking answers, in the consumer's thread ---------------------------------------------------------------

    def _next(self) -> Arrival | None:
        """The next answer; None when stopped."""
        if self._ahead:
            return self._ahead.popleft()
        self._readers.start(len(self._active))
        while True:
            if self._stop.is_set():
                self._fail(Stopped("stopped by a signal"))
                return None
            if (answer := self._readers.next(_TICK)) is not None:
                return answer

    def _received(self) -> Arrival | None:
        """An answer that is here already, or None."""
        if self._ahead:
            return self._ahead.popleft()
        return self._readers.next(0)

    def _take(self, answer: Arrival, tables: Tables) -> int:
        """Account for one answer; returns the pages it was (0 or 1)."""
        if isinstance(answer, Failed):
            self._fail(answer.error)
            return 0
        is_given_up = answer.walk_id in self._given_up
        walk = (self._given_up if is_given_up else self.walks)[answer.walk_id]
        if isinstance(answer, Lost):
            if not is_given_up:
                self._succeed(walk, answer)
            return 0
        rows = answer.rows
        try:
            after, is_replayed = advance(walk, answer.page, rows, answer.received_at)
        except RunError as error:
            self._fail(error)
            return 0
        tables.add(
            rows, walk_id=walk.walk_id, page_no=walk.page_no, is_replayed=is_replayed, received_at=answer.received_at
        )
        self.tally.pages += 1
        self.tally.events += 0 if is_replayed else rows.event_count
        self.tally.rejected_events += rows.rejected_count
        self.tally.replayed_pages += is_replayed
        if is_given_up:
            # Received before its reader heard of it: kept as evidence, though others read this stretch.
            self._given_up[walk.walk_id] = after
            self._record(after, "split")
            return 1
        self.walks[walk.walk_id] = after
        if answer.rows.item_count or self._ends_window(answer):
            self._record(after, "done" if self._ends_window(answer) else "open", covers_until(after))
        if after.kind == "window":
            self._note_history(after)
        pace = self._pace(walk)
        pace.note(after, answer.seconds, parse(after.end_time) or self._clock.now())
        if not answer.page.has_more:
            self._end(after)
        elif after.may_hand_over and after.cursor != walk.cursor:
            self._hand_over(after, pace)
        self._cut_longest()
        return 1

    def _is_worth_a_batch(self, answer: Answer) -> bool:
        return answer.rows.item_count > 0 or self._ends_window(answer)

    def _ends_window(self, answer: Answer) -> bool:
        walk = self.walks.get(answer.walk_id)
        return walk is not None and walk.kind == "window" and not answer.page.has_more

    # -- which walks are read -----------------------------------------------------------------------------------

    def _read(self, *walks: Walk) -> None:
        """Have walks read by the next free threads."""
        for walk in walks:
            self.walks[walk.walk_id] = walk
            self._active.add(walk.walk_id)
        self._readers.read(*walks)

    def _replace(self, walk: Walk, others: Sequence[Walk], state: str, covered: datetime | None = None) -> None:
        """Let others take the place of a walk, which ends in `state` and has covered the time up to `covered`."""
        self._record(walk, state, covered)
        del self.walks[walk.walk_id]
        self._active.discard(walk.walk_id)
        self._given_up[walk.walk_id] = walk
        self._readers.give_up(walk.walk_id)
        self._read(*others)
        for other in others:
            self._record(other, "open")
        self._readers.start(len(self._active))

    def _end(self, walk: Walk) -> None:
        """A walk has been read to its present end."""
        self._active.discard(walk.walk_id)
        if walk.kind == "live":
            return
        del self.walks[walk.walk_id]
        live = self._live()
        if live is not None and live.newest_in_history is not None and not self._windows():
            after = after_history(live, self._lookback, self._clock.now())
            if after.walk_id == live.walk_id:
                self.walks[live.walk_id] = after
            else:
                self._replace(live, [after], "split")

    def _succeed(self, walk: Walk, lost: Lost) -> None:
        self.tally.resets += 1
        # After a long pause the cursors of all walks are lost at once; those of their successors should not be.
        self._lost_again += walk.walk_id in self._successors
        if self._lost_again >= _MOST_RESETS:
            self._fail(RunError(f"Dropbox has reset cursors {self.tally.resets} times in this run: run again later."))
            return
        after = successor(walk, lost.reached, self._lookback, self._clock.now())
        self._notice(
            f"Dropbox no longer knows the cursor ({lost.tag}): reading again from "
            f"{after.start_time or 'the beginning of the log'}; events already stored are recognised"
        )
        self._successors.add(after.walk_id)
        self._replace(walk, [after], "reset", covers_until(walk, after))

    def _hand_over(self, walk: Walk, pace: Pace) -> None:
        """Leave a long history to parallel readers."""
        if self._workers < 2 or self._readers.are_far_ahead:
            return
        parts = hand_over(walk, pace, self._workers + 1, self._lookback, self._clock.now())
        if parts is not None:
            # Most logs grow: the newest windows take longest, so they are begun first.
            self._replace(walk, [parts.live, *reversed(parts.windows)], "split")

    def _cut_longest(self) -> None:
        """Cut a window that would keep its reader busy when the others have nothing left to do."""
        active = [self.walks[walk_id] for walk_id in self._active]
        windows = [(walk, self._pace(walk)) for walk in active if walk.kind == "window"]
        if self._workers < 2 or not windows or self._readers.are_far_ahead:
            return
        readers = self._workers + (len(windows) == len(active))
        cut = cut_longest(windows, readers, self._clock.now())
        if cut is not None:
            self._paces |= cut.paces
            self._replace(cut.walk, cut.parts, "split")

    def _pace(self, walk: Walk) -> Pace:
        return self._paces.setdefault(walk.walk_id, Pace())

    def _live(self) -> Walk | None:
        return next((walk for walk in self.walks.values() if walk.kind == "live"), None)

    def _windows(self) -> set[str]:
        return {walk_id for walk_id, walk in self.walks.items() if walk.kind == "window"}

    def _note_history(self, window: Walk) -> None:
        live = self._live()
        if live is not None:
            self.walks[live.walk_id] = note_history(live, window)

    def _fail(self, error: BaseException) -> None:
        self.error = self.error or error
        self._readers.halt()

    def _record(self, walk: Walk, state: str, covered: datetime | None = None) -> None:
        self._changed[walk.walk_id] = {
            "walk_id": walk.walk_id,
            "kind": walk.kind,
            "start_time": parse(walk.start_time),
            "end_time": parse(walk.end_time),
            "opened_at": parse(walk.opened_at),
            "pages": walk.page_no,
            "events": walk.event_count,
            "first_occurred_at": parse(walk.first_occurred_at),
            "last_occurred_at": parse(walk.last_occurred_at),
            "caught_up_at": parse(walk.caught_up_at),
            "covers_until": covered,
            "state": state,
        }

    def _walk_rows(self) -> pa.Table:
        now = self._clock.now()
        return pa.Table.from_pylist([{**row, "recorded_at": now} for row in self._changed.values()], WALKS)
