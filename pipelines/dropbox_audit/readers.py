"""Threads that fetch and decode: walks to read go in, Dropbox's answers come out, those of each walk in their order.

Fetching runs ahead of the consumer, also while a batch is being loaded, by a number of answers that is bounded in count
and in bytes. Nothing that was fetched counts until the consumer has taken it.
"""

import threading
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime

from dropbox_audit.api import CursorLost, DropboxClient
from dropbox_audit.clock import Clock
from dropbox_audit.cursor import Walk, parse
from dropbox_audit.errors import ConfigurationError
from dropbox_audit.events import MalformedPageError, Page, PageRows, decode_events, decode_page

_AHEAD = 64
"""So many answers may wait for the consumer: about what is read and decoded while a batch is being loaded."""
_AHEAD_BYTES = 12 << 20
_FAR_AHEAD_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of a walk."""

    walk_id: str
    page: Page
    received_at: datetime
    seconds: float
    """From the request to the answer, waits included."""
    rows: PageRows
    """What the page's events are decoded to; they take the place of its events."""
    size: int
    """Bytes of the rows."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Dropbox has lost the cursor of a walk."""

    walk_id: str
    tag: str
    reached: datetime | None


@dataclass(frozen=True, slots=True)
class Failed:
    """A thread cannot go on."""

    error: BaseException


Arrival = Answer | Lost | Failed


class Readers:
    """Reads walks in threads, each walk to its present end.

    Args:
        client: the API; shared by all threads.
        clock: source of time.
        most: threads at most.
    """

    def __init__(self, client: DropboxClient, clock: Clock, most: int) -> None:
        self._client = client
        self._clock = clock
        self._most = most
        self._threads: list[threading.Thread] = []
        self._decoding = threading.Lock()
        self._changed = threading.Condition()
        """Guards all that follows; whoever changes it notifies."""
        self._todo: deque[Walk] = deque()
        self._given_up: set[str] = set()
        self._arrived: deque[Arrival] = deque()
        self._bytes = 0
        self._is_over = False

    def read(self, *walks: Walk) -> None:
        """Have walks read by the next free threads, before those that wait already."""
        with self._changed:
            self._todo.extendleft(reversed(walks))
            self._changed.notify_all()

    def give_up(self, walk_id: str) -> None:
        """Read no further in a walk; what was asked for already may still arrive."""
        with self._changed:
            self._given_up.add(walk_id)

    def start(self, count: int) -> None:
        """See to it that `count` threads are at work, within the limit."""
        while not self._is_over and len(self._threads) < min(self._most, count):
            thread = threading.Thread(target=self._work, name=f"dropbox-log-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def next(self, seconds: float) -> Arrival | None:
        """The oldest arrival that was not taken yet, after waiting for one at most so long; None if there is none."""
        with self._changed:
            if not self._arrived and seconds:
                self._changed.wait_for(lambda: self._arrived, seconds)
            if not self._arrived:
                return None
            arrival = self._arrived.popleft()
            self._bytes -= _size(arrival)
            self._changed.notify_all()
            return arrival

    @property
    def has_arrivals(self) -> bool:
        """Whether something waits to be taken."""
        return bool(self._arrived)

    @property
    def are_far_ahead(self) -> bool:
        """Whether so much waits to be taken that it is not reading which takes the time."""
        return self._bytes >= _FAR_AHEAD_BYTES

    def halt(self) -> None:
        """Ask for nothing more; what has arrived can still be taken."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def close(self) -> None:
        """Let the threads go."""
        self.halt()
        for thread in self._threads:
            thread.join(timeout=1.0)

    # -- in the threads -----------------------------------------------------------------------------------------

    def _work(self) -> None:
        while (walk := self._next_walk()) is not None:
            try:
                self._follow(walk)
            except BaseException as error:
                self._give(Failed(error))
                return

    def _next_walk(self) -> Walk | None:
        with self._changed:
            # A walk that is reset or cut up while this thread rests comes back into the list.
            self._changed.wait_for(lambda: self._todo or self._is_over)
            return None if self._is_over else self._todo.popleft()

    def _follow(self, walk: Walk) -> None:
        cursor = walk.cursor
        while not self._is_over and walk.walk_id not in self._given_up:
            began = self._clock.monotonic()
            try:
                if cursor is None:
                    body = self._client.get_events(parse(walk.start_time), parse(walk.end_time))
                else:
                    body = self._client.continue_events(cursor)
            except CursorLost as lost:
                self._give(Lost(walk.walk_id, lost.tag, lost.reached))
                return
            seconds = self._clock.monotonic() - began
            try:
                page = decode_page(body)
            except MalformedPageError as error:
                raise ConfigurationError(
                    f"The answer is not that of Dropbox's team log ({error}): is api_url Dropbox's address?"
                ) from error
            now = self._clock.now()
            # Only one thread runs Python at a time; taking turns, pages need the memory of one and none is interrupted.
            with self._decoding:
                rows = decode_events(page.events)
                # Let go of the bytes before waiting for room: the rows hold them too.
                del body
                page = replace(page, events=())
                if self.are_far_ahead:
                    # They will wait, while a batch is being loaded mostly; packed, many find room.
                    rows = rows.packed()
            self._give(Answer(walk.walk_id, page, now, seconds, rows, rows.size))
            cursor = page.cursor
            if not page.has_more:
                return

    def _give(self, arrival: Arrival) -> None:
        """Hand something over; waits while too much waits already, drops it when reading is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._has_room(_size(arrival)))
            if not self._is_over:
                self._arrived.append(arrival)
                self._bytes += _size(arrival)
                self._changed.notify_all()

    def _has_room(self, size: int) -> bool:
        if not self._arrived:
            return True
        return len(self._arrived) < _AHEAD and self._bytes + size <= _AHEAD_BYTES


def _size(arrival: Arrival) -> int:
    return arrival.size if isinstance(arrival, Answer) else 0
