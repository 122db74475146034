"""Follow the walks: threads fetch pages into a bounded queue, one consumer takes them in order.

Fetching runs ahead of the consumer by a few pages, also while a batch is being loaded. Nothing that was fetched counts
until the consumer has taken it and the load package with its cursor is committed; what is dropped on the way is simply
fetched again.
"""

import queue
import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from dropbox_audit.api import CursorLost, DropboxClient, Notice
from dropbox_audit.clock import Clock
from dropbox_audit.cursor import Walk, advance, after_history, covers_until, note_history, parse, successor
from dropbox_audit.errors import ConfigurationError, RunError, Stopped
from dropbox_audit.events import TIMESTAMP, MalformedPageError, Page, Tables, decode_events, decode_page
from dropbox_audit.history import hand_over, longest, split

PAGES_PER_TABLE = 10
"""Pages joined into one Arrow table: fewer, larger tables are cheaper for dlt to write."""

_MOST_RESETS = 10
_QUEUE_PAGES = 6
_TICK = 0.2

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


@dataclass(frozen=True, slots=True)
class _Answer:
    walk_id: str
    page: Page
    received_at: datetime


@dataclass(frozen=True, slots=True)
class _Lost:
    walk_id: str
    tag: str
    reached: datetime | None


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


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
        workers: parallel readers of history, beside the live walk.
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
        self._halt = threading.Event()
        self._notice = notice
        self._workers = max(1, workers)
        self._answers: queue.Queue[_Answer | _Lost | _Failed] = queue.Queue(_QUEUE_PAGES)
        self._ahead: deque[_Answer | _Lost | _Failed] = deque()
        self._todo: queue.Queue[Walk] = queue.Queue()
        self._active: set[str] = set()
        """Ids of the walks that are being read or wait for a thread."""
        self._given_up: dict[str, Walk] = {}
        """Walks that others have taken the place of, as far as they were read."""
        self._threads: list[threading.Thread] = []
        self._changed: dict[str, dict[str, Any]] = {}
        for walk in walks.values():
            if follow is None or walk.walk_id in follow:
                self._read(walk)

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
            if isinstance(answer, _Failed):
                self._fail(answer.error)
            elif isinstance(answer, _Answer) and not self._is_worth_a_batch(answer):
                self._take(answer, Tables())
            elif answer is not None:
                self._ahead.appendleft(answer)
                return True
        return not self._answers.empty()

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
        self._halt.set()
        for thread in self._threads:
            thread.join(timeout=1.0)

    # -- taking answers, in the consumer's thread ---------------------------------------------------------------

    def _next(self) -> _Answer | _Lost | _Failed | None:
        """The next answer; None when stopped."""
        if self._ahead:
            return self._ahead.popleft()
        self._start_threads()
        while True:
            if self._stop.is_set():
                self._fail(Stopped("stopped by a signal"))
                return None
            try:
                return self._answers.get(timeout=_TICK)
            except queue.Empty:
                continue

    def _received(self) -> _Answer | _Lost | _Failed | None:
        """An answer that is here already, or None."""
        if self._ahead:
            return self._ahead.popleft()
        try:
            return self._answers.get_nowait()
        except queue.Empty:
            return None

    def _take(self, answer: _Answer | _Lost | _Failed, tables: Tables) -> int:
        """Account for one answer; returns the pages it was (0 or 1)."""
        if isinstance(answer, _Failed):
            self._fail(answer.error)
            return 0
        is_given_up = answer.walk_id in self._given_up
        walk = (self._given_up if is_given_up else self.walks)[answer.walk_id]
        if isinstance(answer, _Lost):
            if not is_given_up:
                self._succeed(walk, answer)
            return 0
        rows = decode_events(answer.page.events)
        try:
            after, is_replayed = advance(walk, answer.page, rows, answer.received_at)
        except RunError as error:
            self._fail(error)
            return 0
        tables.add(
            rows, walk_id=walk.walk_id, page_no=walk.page_no, is_replayed=is_replayed, received_at=answer.received_at
        )
        self.tally.pages += 1
        self.tally.events += 0 if is_replayed else len(rows.events)
        self.tally.rejected_events += len(rows.rejected)
        self.tally.replayed_pages += is_replayed
        if is_given_up:
            # Received before its reader heard of it: kept as evidence, though others read this stretch.
            self._given_up[walk.walk_id] = after
            self._record(after, "split")
            return 1
        self.walks[walk.walk_id] = after
        if answer.page.events or self._ends_window(answer):
            self._record(after, "done" if self._ends_window(answer) else "open", covers_until(after))
        if after.kind == "window":
            self._note_history(after)
        if not answer.page.has_more:
            self._end(after)
        elif after.may_hand_over and after.cursor != walk.cursor:
            self._hand_over(after)
        else:
            self._split_longest()
        return 1

    def _is_worth_a_batch(self, answer: _Answer) -> bool:
        return bool(answer.page.events) or self._ends_window(answer)

    def _ends_window(self, answer: _Answer) -> bool:
        walk = self.walks.get(answer.walk_id)
        return walk is not None and walk.kind == "window" and not answer.page.has_more

    # -- which walks are read -----------------------------------------------------------------------------------

    def _read(self, walk: Walk) -> None:
        """Have a walk read by the next free thread."""
        self.walks[walk.walk_id] = walk
        self._active.add(walk.walk_id)
        self._todo.put(walk)

    def _replace(self, walk: Walk, others: Iterable[Walk], state: str, covered: datetime | None = None) -> None:
        """Let others take the place of a walk, which ends in `state` and has covered the time up to `covered`."""
        self._record(walk, state, covered)
        del self.walks[walk.walk_id]
        self._active.discard(walk.walk_id)
        self._given_up[walk.walk_id] = walk
        for other in others:
            self._read(other)
            self._record(other, "open")
        self._start_threads()

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
        self._split_longest()

    def _succeed(self, walk: Walk, lost: _Lost) -> None:
        self.tally.resets += 1
        if self.tally.resets > _MOST_RESETS:
            self._fail(RunError(f"Dropbox has reset the cursor {_MOST_RESETS} times in this run: run again later."))
            return
        after = successor(walk, lost.reached, self._lookback, self._clock.now())
        self._notice(
            f"Dropbox no longer knows the cursor ({lost.tag}): reading again from "
            f"{after.start_time or 'the beginning of the log'}; events already stored are recognised"
        )
        self._replace(walk, [after], "reset", covers_until(walk, after))

    def _hand_over(self, walk: Walk) -> None:
        """Leave a long history to parallel readers."""
        parts = hand_over(walk, self._workers, self._lookback, self._clock.now())
        if parts is not None:
            self._replace(walk, [parts.live, *parts.windows], "split")

    def _split_longest(self) -> None:
        """Cut the longest window again while readers are idle."""
        idle = self._workers - len(self._windows() & self._active)
        if idle < 1 or not self._todo.empty():
            return
        window = longest(walk for walk_id, walk in self.walks.items() if walk_id in self._active)
        if window is not None and (parts := split(window, idle, self._clock.now())):
            self._replace(window, parts, "split")

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
        self._halt.set()

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

    # -- fetching, in the threads -------------------------------------------------------------------------------

    def _start_threads(self) -> None:
        """As many threads as there are walks to read, at most one for each reader of history and one for the rest."""
        while not self._halt.is_set() and len(self._threads) < min(self._workers + 1, len(self._active)):
            thread = threading.Thread(target=self._work, name=f"dropbox-log-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while not self._halt.is_set():
            try:
                walk = self._todo.get(timeout=_TICK)
            except queue.Empty:
                # A walk that is reset or cut up while this thread rests comes back into the list.
                continue
            try:
                self._follow(walk)
            except BaseException as error:
                self._give(_Failed(error))
                return

    def _follow(self, walk: Walk) -> None:
        cursor = walk.cursor
        while not self._halt.is_set() and walk.walk_id not in self._given_up:
            try:
                if cursor is None:
                    body = self.client.get_events(parse(walk.start_time), parse(walk.end_time))
                else:
                    body = self.client.continue_events(cursor)
            except CursorLost as lost:
                self._give(_Lost(walk.walk_id, lost.tag, lost.reached))
                return
            try:
                page = decode_page(body)
            except MalformedPageError as error:
                raise ConfigurationError(
                    f"The answer is not that of Dropbox's team log ({error}): is api_url Dropbox's address?"
                ) from error
            self._give(_Answer(walk.walk_id, page, self._clock.now()))
            cursor = page.cursor
            if not page.has_more:
                return

    def _give(self, answer: _Answer | _Lost | _Failed) -> None:
        while not self._halt.is_set():
            try:
                return self._answers.put(answer, timeout=_TICK)
            except queue.Full:
                continue
        return None
