"""The simulated audit log: events in the order in which they arrived, read page by page through cursors.

Nothing here knows HTTP. What the real log does and most readers forget, this one does on request: pages shorter than
asked, empty pages with more to come, a new cursor on every answer, events out of order and up to a day late, cursors
that expire, and events that read differently the second time.
"""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec.structs import replace

from dropbox_audit.demo.cursors import EVERYTHING, BadCursorError, CursorCodec, Position, Selection
from dropbox_audit.demo.jsontext import dumps, loads
from dropbox_audit.demo.rewording import reworded, without_details

PLAN_CATEGORIES = frozenset({"file_operations"})
"""Categories that plans without ``has_team_file_events`` never show, and never say so."""

Mode = Literal["normal", "replay", "stuck"]


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One event and the moment from which the log can show it.

    Attributes:
        arrived_at: when it reached the log, with a time zone; from a minute to a day after ``event["timestamp"]``.
        event: the event as Dropbox serves it, ready for JSON.
    """

    arrived_at: datetime
    event: Any


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of ``get_events`` or ``get_events/continue``."""

    body: bytes
    cursor: str
    has_more: bool
    count: int


class CursorResetError(Exception):
    """The cursor expired: Dropbox's ``reset``.

    Attributes:
        timestamp: about when the newest event that it returned happened, e.g. ``2026-11-01T09:00:00Z``.
    """

    def __init__(self, timestamp: str) -> None:
        super().__init__(timestamp)
        self.timestamp = timestamp


class SimulatedLog:
    """Events in order of arrival, and the cursors over them.

    Args:
        events: plain event dicts (or any JSON value: a broken log can be simulated too), which are there at once and in
            this order, or ``LoggedEvent``s, which appear when the clock reaches their ``arrived_at``.
        seed: decides every chance below, and which other logs' cursors are understood.
        short_pages: how likely a page holds fewer events than asked for.
        empty_pages: how likely a page is empty although more follow (or a last page says that more follow, in vain).
        page_limit: no page is longer than this, whatever the request says.
        cursor_ttl: seconds until a cursor answers ``reset``.
        superseded_ttl: seconds until a cursor answers ``reset`` after its successor was handed out; None: never.
        reset_fuzz: by how many seconds, at most, the time in a ``reset`` is off.
        ended_cursor: what a walk with an ``end_time`` does when asked on after ``has_more: false`` (undocumented):
            ``empty`` nothing new, ever; ``late`` late arrivals of the window; ``bad_cursor`` that error.
        rewording: an event read again comes with other descriptions, names, e-mails and places.
        late_details: the share of events that read ``missing_details`` the first time and are complete afterwards.
    """

    def __init__(
        self,
        events: Iterable[Any] = (),
        *,
        seed: int = 7,
        short_pages: float = 0.0,
        empty_pages: float = 0.0,
        page_limit: int = 1000,
        cursor_ttl: float = 5 * 86400,
        superseded_ttl: float | None = None,
        reset_fuzz: int = 900,
        ended_cursor: Literal["empty", "late", "bad_cursor"] = "empty",
        rewording: bool = False,
        late_details: float = 0.0,
    ) -> None:
        self.seed = seed
        self.short_pages = short_pages
        self.empty_pages = empty_pages
        self.page_limit = page_limit
        self.cursor_ttl = cursor_ttl
        self.superseded_ttl = superseded_ttl
        self.reset_fuzz = reset_fuzz
        self.ended_cursor = ended_cursor
        self.rewording = rewording
        self.late_details = late_details
        self._codec = CursorCodec(seed)
        self._generation = 0
        self._forgotten = 0
        self._superseded: dict[str, float] = {}
        self._lock = threading.RLock()
        self._raw: list[bytes] = []
        self._seconds: list[int] = []
        self._arrived: list[float] = []
        self._tags: list[tuple[str, str]] = []
        self._reads = bytearray()
        self._selected: dict[Selection, tuple[list[int], int]] = {}
        self._by_time: list[tuple[int, int]] = []
        self.append(events)

    @classmethod
    def of(cls, events: Iterable[Any], **options: Any) -> SimulatedLog:
        """A log of these events; see the class for ``options``."""
        return cls(events, **options)

    def __len__(self) -> int:
        return len(self._raw)

    def append(self, events: Iterable[Any]) -> None:
        """Let more events arrive, after all that are there.

        A plain event is visible at once. Order is that of arrival: an ``arrived_at`` earlier than the last one's counts
        as that.
        """
        with self._lock:
            last = self._arrived[-1] if self._arrived else 0.0
            for item in events:
                event, arrived = item, last
                if isinstance(item, LoggedEvent):
                    event, arrived = item.event, max(last, item.arrived_at.timestamp())
                self._raw.append(dumps(event))
                self._seconds.append(_seconds(event))
                self._tags.append(_tags(event))
                self._arrived.append(arrived)
                last = arrived
            self._reads.extend(bytes(len(self._raw) - len(self._reads)))

    def events(self) -> list[Any]:
        """Every event as it was put in, decoded anew, in order of arrival."""
        return [loads(raw) for raw in self._raw]

    def mentions(self, account_id: str) -> bool:
        """Whether any event names this account at all."""
        needle = account_id.encode()
        return any(needle in raw for raw in self._raw)

    def position(self, cursor: str) -> Position:
        """Where a walk stands that has been given this cursor; raises ``BadCursorError`` for anything else."""
        return self._codec.decode(cursor)

    def first_page(self, selection: Selection, limit: int, now: float) -> Page:
        """Open a walk. ``now``: seconds since 1970."""
        return self._page(Position(selection, limit), now)

    def next_page(self, cursor: str, now: float, mode: Mode = "normal") -> Page:
        """Go on with a walk.

        Args:
            cursor: from the page before.
            now: seconds since 1970.
            mode: ``replay`` serves the page before once more under a new cursor; ``stuck`` serves the page that is due
                under the cursor that came, with ``has_more``.

        Raises:
            BadCursorError: it is no cursor of this log.
            CursorResetError: it expired.
        """
        position = self.position(cursor)
        age = now - position.issued
        superseded = self._superseded.get(cursor)
        if (
            position.generation < self._generation
            or age > self.cursor_ttl
            or (self.superseded_ttl is not None and superseded is not None and now - superseded > self.superseded_ttl)
        ):
            raise CursorResetError(self._reset_time(position, now))
        if position.is_ended and self.ended_cursor != "late":
            if self.ended_cursor == "bad_cursor":
                raise BadCursorError(cursor)
            return self._answer([], position, has_more=False, now=now)
        if self.superseded_ttl is not None:
            self._superseded.setdefault(cursor, now)
        if mode == "stuck":
            page = self._page(position, now)
            body = page.body[: page.body.rindex(b',"cursor":')]
            return Page(body + b',"cursor":"%s","has_more":true}' % cursor.encode(), cursor, True, page.count)
        if mode == "replay":
            return self._replay(position, now)
        return self._page(position, now)

    def reset_cursors(self) -> None:
        """From now on, every cursor handed out so far answers ``reset``."""
        self._generation += 1

    def forget_cursors(self) -> None:
        """From now on, every cursor handed out so far answers ``bad_cursor``."""
        self._forgotten += 1
        self._codec = CursorCodec(self.seed + 1_000_003 * self._forgotten)

    def _page(self, position: Position, now: float) -> Page:
        with self._lock:
            visible = bisect_right(self._arrived, now)
            start = min(position.next, visible)
            chance = self._chance("empty", position)
            if chance < self.empty_pages and position.empties < 5:
                is_tail = not self._rest(position.selection, start, visible, 1)[0]
                if not is_tail or position.empties == 0:
                    return self._answer([], replace(position, empties=position.empties + 1), has_more=True, now=now)
            limit = min(position.limit, self.page_limit)
            if self._chance("short", position) < self.short_pages:
                limit = max(1, int(limit * self._chance("size", position)))
            places, has_more = self._rest(position.selection, start, visible, limit)
            if not places:
                moved = replace(position, next=visible, previous=visible, empties=0)
                return self._answer([], moved, has_more=False, now=now)
            after = places[-1] + 1 if has_more else visible
            newest = max(position.newest, *(self._seconds[place] for place in places))
            moved = replace(position, next=after, previous=start, newest=newest, empties=0)
            return self._answer(self._render(places), moved, has_more=has_more, now=now)

    def _replay(self, position: Position, now: float) -> Page:
        with self._lock:
            places, _ = self._rest(position.selection, position.previous, position.next, self.page_limit)
            return self._answer(self._render(places), position, has_more=True, now=now)

    def _rest(self, selection: Selection, start: int, stop: int, limit: int) -> tuple[Sequence[int], bool]:
        """The next ``limit`` places of a selection in ``start … stop``, and whether there are more."""
        if selection == EVERYTHING:
            end = min(start + limit, stop)
            return range(start, end), end < stop
        places = self._places(selection)
        low, high = bisect_left(places, start), bisect_left(places, stop)
        return places[low : min(low + limit, high)], low + limit < high

    def _places(self, selection: Selection) -> list[int]:
        """Every place that matches, ascending; the first answer is kept and extended as events arrive."""
        known = self._selected.pop(selection, None)
        if known is None:
            places, seen = self._windowed(selection), len(self._raw)
        else:
            places, seen = known
            places += [place for place in range(seen, len(self._raw)) if self._matches(place, selection)]
            seen = len(self._raw)
        self._selected[selection] = (places, seen)
        if len(self._selected) > 512:
            del self._selected[next(iter(self._selected))]
        return places

    def _windowed(self, selection: Selection) -> list[int]:
        if len(self._by_time) != len(self._raw):
            self._by_time = sorted(zip(self._seconds, range(len(self._raw)), strict=True))
        low = 0 if selection.start is None else bisect_left(self._by_time, (selection.start, -1))
        high = len(self._raw) if selection.end is None else bisect_left(self._by_time, (selection.end, -1))
        return sorted(place for _, place in self._by_time[low:high] if self._matches(place, selection))

    def _matches(self, place: int, selection: Selection) -> bool:
        category, event_type = self._tags[place]
        return (
            (selection.start is None or self._seconds[place] >= selection.start)
            and (selection.end is None or self._seconds[place] < selection.end)
            and (selection.category is None or category == selection.category)
            and (selection.event_type is None or event_type == selection.event_type)
            and not (selection.without_file_events and category in PLAN_CATEGORIES)
            and (selection.account_id is None or _names(self._raw[place], selection.account_id))
        )

    def _render(self, places: Sequence[int]) -> list[bytes]:
        if self.rewording or self.late_details:
            return [self._reading(place) for place in places]
        if isinstance(places, range):
            return self._raw[places.start : places.stop]
        return [self._raw[place] for place in places]

    def _reading(self, place: int) -> bytes:
        reads, raw = self._reads[place], self._raw[place]
        self._reads[place] = min(reads + 1, 255)
        if reads == 0:
            is_late = self._chance("late details", place) < self.late_details
            return without_details(raw) if is_late else raw
        return reworded(raw, reads) if self.rewording else raw

    def _answer(self, events: list[bytes], position: Position, *, has_more: bool, now: float) -> Page:
        is_ended = position.selection.end is not None and not has_more
        sealed = replace(position, issued=now, generation=self._generation, is_ended=is_ended)
        cursor = self._codec.encode(sealed)
        tail = b'],"cursor":"%s","has_more":%s}' % (cursor.encode(), b"true" if has_more else b"false")
        pieces = events or [b""]
        pieces[0] = b'{"events":[' + pieces[0]
        pieces[-1] += tail
        return Page(b",".join(pieces), cursor, has_more, len(events))  # one copy: pages are megabytes

    def _reset_time(self, position: Position, now: float) -> str:
        about = position.newest or position.selection.start or int(now)
        off = round((self._chance("reset", position) * 2 - 1) * self.reset_fuzz)
        return timestamp(about + off)

    def _chance(self, *key: object) -> float:
        """A number in 0 … 1 that depends on the seed and ``key`` only, not on which walk asks first."""
        key = tuple((k.selection, k.next, k.empties) if isinstance(k, Position) else k for k in key)
        digest = hashlib.blake2b(repr((self.seed, *key)).encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as Dropbox writes a time: whole seconds, ``Z``."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(event: Any) -> int:
    """When it happened; 0 for an event without a usable time, which only walks without a start therefore show."""
    try:
        moment = datetime.fromisoformat(event["timestamp"])
    except (TypeError, KeyError, ValueError):
        return 0
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _tags(event: Any) -> tuple[str, str]:
    def tag(key: str) -> str:
        value = event.get(key) if isinstance(event, dict) else None
        found = value.get(".tag") if isinstance(value, dict) else None
        return found if isinstance(found, str) else ""

    return tag("event_category"), tag("event_type")


def _names(raw: bytes, account_id: str) -> bool:
    """Whether the account is actor, context or participant."""
    if account_id.encode() not in raw:
        return False
    event = loads(raw)
    return any(_holds(event.get(key), account_id) for key in ("actor", "context", "participants"))


def _holds(value: Any, account_id: str) -> bool:
    if isinstance(value, dict):
        return value.get("account_id") == account_id or any(_holds(item, account_id) for item in value.values())
    return isinstance(value, list) and any(_holds(item, account_id) for item in value)
