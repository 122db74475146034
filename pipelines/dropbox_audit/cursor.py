"""Where the cursor lives, moves and is reset. The only code that touches dlt state.

The contract
------------
*Order.* A walk follows one Dropbox cursor. Its pages are numbered from 0 and taken in the order in which Dropbox gave
them; the position is the cursor and nothing else, never a timestamp, because events are not sorted and arrive up to a
day late. The live walk has no `end_time` and never ends; a window has one and ends when Dropbox says `has_more: false`.

*Commit.* The state of every open walk is part of dlt's state for the resource `events`. It changes while pages are
extracted and is stored by the very load package that holds those pages: either both are in the warehouse or neither.

*Overlap.* A walk that Dropbox forgets (`reset`, `bad_cursor`) is succeeded by a new walk that starts at the earlier of
the time Dropbox names and the newest event this walk has seen, less `lookback`, on a whole second. Both the named time
and our newest event are approximate, hence the earlier of the two and the overlap.

*Reading again is harmless.* Rows are keyed by walk, page and position, and staging counts an event as often as the
walk that saw it most often. What a second walk reads again adds nothing; twins within one walk all count.

*Replays.* A page of 50 or more events equal to the one before it, under a new cursor, is Dropbox replaying a page. An
equal page under the same cursor is the same position read again, whatever its size. Both are kept and flagged, and not
counted. The third answer in a row with the same cursor, the same events and `has_more` is a walk that cannot get on.
"""

import secrets
from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import dlt

from dropbox_audit.errors import RunError
from dropbox_audit.events import Page, PageRows
from dropbox_audit.settings import Settings, instant

REPLAYED_PAGE_EVENTS = 50
"""Fewer equal events than this may well be real: a page with two identical failed sign-ins, twice."""

LATEST_ARRIVAL = timedelta(hours=24)
"""How late an event may reach the log, by Dropbox's own account."""

_STUCK_AFTER = 3
_FUTURE = timedelta(days=1)
"""An event further ahead of our clock than this says nothing about how far the log has come."""

WalkKind = Literal["live", "window"]


class StuckWalkError(RunError):
    """Dropbox gives the same page with the same cursor again and again."""


@dataclass(frozen=True, slots=True)
class Walk:
    """One cursor walk over the log, as it stands after its last page. All times are ISO 8601 in UTC."""

    walk_id: str
    kind: WalkKind
    opened_at: str
    start_time: str | None = None
    end_time: str | None = None
    cursor: str | None = None
    page_no: int = 0
    """Number of the next page, that is pages so far."""
    event_count: int = 0
    page_digest: str = ""
    is_standing: bool = False
    """Whether a new page came with the cursor that was sent for it: the next answer reads its position again."""
    repeats: int = 0
    """How often in a row the same answer was given under the same cursor."""
    first_occurred_at: str | None = None
    last_occurred_at: str | None = None
    answered_at: str | None = None
    caught_up_at: str | None = None
    """When it was last read to its present end."""
    may_hand_over: bool = False
    """Whether it reads all history from its first page, so that parallel readers may take over from it."""
    newest_in_history: str | None = None
    """Of a live walk: the newest event that the windows opened beside it have seen, until they are all read."""

    def as_state(self) -> dict[str, Any]:
        """A JSON object for dlt's state, without what is at its default."""
        return {key: value for key, value in asdict(self).items() if value or key == "walk_id"}


def open_walk(kind: WalkKind, now: datetime, start: datetime | None = None, end: datetime | None = None) -> Walk:
    """A new walk, not yet asked for its first page."""
    return Walk(
        walk_id=f"{now:%Y%m%dT%H%M%SZ}-{kind}-{secrets.token_hex(4)}",
        kind=kind,
        opened_at=_iso(now),
        start_time=_iso(start) if start else None,
        end_time=_iso(end) if end else None,
    )


def first_walks(settings: Settings, now: datetime) -> dict[str, Walk]:
    """The walks that read all history from `start_time` and then go on."""
    start = instant(settings.start_time, "start_time", now) if settings.start_time else None
    walk = replace(open_walk("live", now, start), may_hand_over=True)
    return {walk.walk_id: walk}


def advance(walk: Walk, page: Page, rows: PageRows, received_at: datetime) -> tuple[Walk, bool]:
    """The walk after `page`, and whether that page was a replay of the one before it.

    Raises:
        StuckWalkError: the same answer for the third time.
    """
    has_items = rows.item_count > 0
    is_equal = rows.digest == walk.page_digest
    is_same_cursor = walk.cursor is not None and page.cursor == walk.cursor
    repeats = walk.repeats + 1 if is_equal and is_same_cursor and page.has_more else 0
    if repeats >= _STUCK_AFTER - 1:
        raise StuckWalkError(
            f"Dropbox gave the same page with the same cursor {_STUCK_AFTER} times over (walk {walk.walk_id}, page "
            f"{walk.page_no}). Everything before it is kept; run again later, and tell Dropbox if it stays."
        )
    is_replayed = (
        has_items
        and walk.page_no > 0
        and is_equal
        and (is_same_cursor or walk.is_standing or rows.item_count >= REPLAYED_PAGE_EVENTS)
    )
    horizon = received_at + _FUTURE
    last = rows.last_occurred_at if rows.last_occurred_at and rows.last_occurred_at <= horizon else None
    return (
        replace(
            walk,
            cursor=page.cursor,
            page_no=walk.page_no + 1,
            event_count=walk.event_count + (0 if is_replayed else rows.event_count),
            page_digest=rows.digest,
            # An answer merely repeated says nothing of the next; only a new page under the cursor that was sent does.
            is_standing=is_same_cursor and (walk.is_standing or not is_equal),
            repeats=repeats,
            first_occurred_at=_extreme(min, walk.first_occurred_at, rows.first_occurred_at),
            last_occurred_at=_extreme(max, walk.last_occurred_at, last),
            answered_at=_iso(received_at),
            caught_up_at=walk.caught_up_at if page.has_more else _iso(received_at),
            may_hand_over=walk.may_hand_over and page.has_more,
        ),
        is_replayed,
    )


def successor(walk: Walk, reached: datetime | None, lookback: timedelta, now: datetime) -> Walk:
    """The walk that follows one whose cursor Dropbox has lost; `reached` is the time that a `reset` names."""
    known = [moment for moment in (reached, parse(walk.last_occurred_at)) if moment is not None]
    start, own_start = None, parse(walk.start_time)
    if walk.last_occurred_at is not None:
        try:
            start = (min(known) - lookback).replace(microsecond=0)
        except OverflowError:
            # A reset to the beginning of the calendar.
            start = None
        if own_start is not None:
            start = max(start or own_start, own_start)
    else:
        # It has seen nothing yet, so there is nothing to build upon: begin where it began.
        start = own_start
    after = open_walk(walk.kind, now, start, parse(walk.end_time))
    return replace(after, newest_in_history=walk.newest_in_history)


def covers_until(walk: Walk, after: Walk | None = None) -> datetime | None:
    """The end of the time, from the walk's start on, that it has read completely; None where it claims none.

    A live walk has read everything up to when it last caught up, and goes on to deliver what arrives late. A window
    that was read to its end has seen what had arrived by then, and events arrive up to a day late. A walk whose cursor
    was lost has read what its successor does not read again.

    Args:
        walk: as it stands after its last page.
        after: the walk that succeeds it, if its cursor was lost.
    """
    read = []
    if (caught_up := parse(walk.caught_up_at)) is not None:
        end = parse(walk.end_time)
        read.append(caught_up if end is None else min(end, caught_up - LATEST_ARRIVAL))
    if after is not None and walk.last_occurred_at is not None and (begun := parse(after.start_time)) is not None:
        read.append(begun)
    return max(read, default=None)


def note_history(live: Walk, window: Walk) -> Walk:
    """The live walk, knowing how far a window beside it has come."""
    if live.newest_in_history is None:
        return live
    newest = _extreme(max, live.newest_in_history, parse(window.last_occurred_at))
    return replace(live, newest_in_history=newest)


def after_history(live: Walk, lookback: timedelta, now: datetime) -> Walk:
    """The live walk once all windows beside it are read.

    It began at `lookback` before our clock's now. Where the newest event of all history is older than that, either the
    team is quiet or our clock is ahead, and events that arrive late could fall before it: then it is replaced by one
    that begins at `lookback` before the newest event.
    """
    newest, start = parse(live.newest_in_history), parse(live.start_time)
    if newest is None or start is None or newest >= start:
        return replace(live, newest_in_history=None)
    return open_walk("live", now, (newest - lookback).replace(microsecond=0))


def parse(text: str | None) -> datetime | None:
    """An instant of a walk as a datetime in UTC."""
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


# -- dlt state --------------------------------------------------------------------------------------------------


def walks_in(state: Mapping[str, Any]) -> dict[str, Walk]:
    """The open walks of a resource state, by walk id."""
    known = {item.name for item in fields(Walk)}
    return {
        walk_id: Walk(**{key: value for key, value in kept.items() if key in known})
        for walk_id, kept in state.get("walks", {}).items()
    }


def stored_walks(pipeline: dlt.Pipeline) -> dict[str, Walk]:
    """The open walks as the pipeline's last extraction left them."""
    return walks_in(_resource_state(pipeline))


def current_state() -> MutableMapping[str, Any]:
    """The state of the resource being extracted."""
    return dlt.current.resource_state("events")


def store(state: MutableMapping[str, Any], walks: Mapping[str, Walk]) -> None:
    """Put the open walks into a resource state; it is committed with the load package being extracted."""
    state["walks"] = {walk_id: walk.as_state() for walk_id, walk in walks.items()}


def note_rescan(state: MutableMapping[str, Any], moment: datetime) -> None:
    """Put into a resource state that the last days were read again at `moment`."""
    state["rescanned_at"] = _iso(moment)


def rescanned_at(pipeline: dlt.Pipeline) -> datetime | None:
    """When the last days were last read again; None if never."""
    return parse(_resource_state(pipeline).get("rescanned_at"))


def note_directory(state: MutableMapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Put into a resource state what `directory/snapshot.py` must know of the last snapshot, on any machine."""
    state["directory"] = dict(facts)


def directory_facts(pipeline: dlt.Pipeline) -> dict[str, Any]:
    """What was noted of the last snapshot of the directory; empty if there never was one."""
    return dict(_resource_state(pipeline).get("directory") or {})


def note_alerts(state: MutableMapping[str, Any], marks: Mapping[str, Mapping[str, str]]) -> None:
    """Put into a resource state until when the alerts were looked through for each route."""
    state["alerts"] = {name: dict(times) for name, times in marks.items()}


def alert_marks(pipeline: dlt.Pipeline) -> dict[str, dict[str, str]]:
    """What was noted of the alerts for each route; empty if there never was any."""
    return dict(_resource_state(pipeline).get("alerts") or {})


def _resource_state(pipeline: dlt.Pipeline) -> Mapping[str, Any]:
    sources = pipeline.state.get("sources", {})
    state: Mapping[str, Any] = sources.get("dropbox_audit", {}).get("resources", {}).get("events", {})
    return state


def _extreme(choose: Any, kept: str | None, seen: datetime | None) -> str | None:
    moments = [moment for moment in (parse(kept), seen) if moment is not None]
    return _iso(choose(moments)) if moments else None


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
