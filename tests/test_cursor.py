"""Where the cursor moves: given a saved walk / when Dropbox answers / then the walk stands there."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from dropbox_audit.cursor import (
    REPLAYED_PAGE_EVENTS,
    StuckWalkError,
    Walk,
    advance,
    first_walks,
    open_walk,
    parse,
    store,
    successor,
    walks_in,
)
from dropbox_audit.errors import RunError
from dropbox_audit.events import Page, decode_events
from dropbox_audit.settings import Settings
from hypothesis import given
from hypothesis import strategies as st
from support import NOON, make_event

LOOKBACK = timedelta(hours=48)


def page(events: list[Any], cursor: str, *, has_more: bool = True) -> Page:
    return Page([json.dumps(event).encode() for event in events], cursor, has_more)


def step(walk: Walk, answer: Page, at: datetime = NOON) -> tuple[Walk, bool]:
    return advance(walk, answer, decode_events(answer.events), at)


def some(count: int, first: int = 0) -> list[Any]:
    return [make_event(first + number) for number in range(count)]


def walk_after(*answers: Page) -> Walk:
    walk = open_walk("live", NOON)
    for answer in answers:
        walk, _ = step(walk, answer)
    return walk


# -- a page that is due -------------------------------------------------------------------------------------------


def test_a_new_walk_has_no_cursor_and_a_name_of_its_own() -> None:
    one, other = open_walk("live", NOON), open_walk("live", NOON)
    assert (one.cursor, one.page_no, one.event_count) == (None, 0, 0)
    assert one.walk_id != other.walk_id


def test_given_a_walk_when_a_page_comes_then_it_stands_behind_it() -> None:
    before = walk_after(page(some(2), "c1"))
    after, is_replayed = step(before, page(some(3, 10), "c2"), NOON + timedelta(minutes=5))
    assert not is_replayed
    assert (after.walk_id, after.cursor, after.page_no, after.event_count) == (before.walk_id, "c2", 2, 5)
    assert parse(after.answered_at) == NOON + timedelta(minutes=5)
    assert parse(after.first_occurred_at) == datetime.fromisoformat(make_event(0)["timestamp"])
    assert parse(after.last_occurred_at) == datetime.fromisoformat(make_event(12)["timestamp"])


def test_given_a_watermark_when_only_older_events_come_then_it_stays() -> None:
    before = walk_after(page([make_event(50)], "c1"))
    after, _ = step(before, page(some(2), "c2"))
    assert after.last_occurred_at == before.last_occurred_at
    assert after.first_occurred_at != before.first_occurred_at


def test_given_a_walk_when_an_empty_page_comes_then_only_its_cursor_moves() -> None:
    before = walk_after(page(some(2), "c1"))
    after, is_replayed = step(before, page([], "c2"))
    assert (after.cursor, after.page_no, after.event_count, is_replayed) == ("c2", 2, 2, False)
    assert (after.first_occurred_at, after.last_occurred_at) == (before.first_occurred_at, before.last_occurred_at)


def test_rejected_items_are_no_events_of_the_walk() -> None:
    assert walk_after(page([make_event(1), None, {"timestamp": 7}], "c1")).event_count == 1


def test_an_event_from_the_far_future_does_not_become_the_watermark() -> None:
    future = make_event(at=NOON + timedelta(days=400))
    walk = walk_after(page([future], "c1"), page(some(1), "c2"), page([future], "c3"))
    assert parse(walk.last_occurred_at) == datetime.fromisoformat(make_event(0)["timestamp"])


def test_an_event_a_little_ahead_of_our_clock_does_become_the_watermark() -> None:
    ahead = make_event(at=NOON + timedelta(hours=3))
    assert parse(walk_after(page([ahead], "c1")).last_occurred_at) == NOON + timedelta(hours=3)


# -- replays --------------------------------------------------------------------------------------------------------

LARGE, SMALL = REPLAYED_PAGE_EVENTS, REPLAYED_PAGE_EVENTS - 1


@pytest.mark.parametrize(
    ("size", "cursor", "is_replay"),
    [
        (LARGE, "c2", True),
        (LARGE + 300, "c2", True),
        (SMALL, "c2", False),
        (1, "c2", False),
        (LARGE, "c1", True),
        (SMALL, "c1", True),
        (1, "c1", True),
        (0, "c1", False),
        (0, "c2", False),
    ],
)
def test_given_a_page_when_an_equal_one_follows_then_size_and_cursor_decide(
    size: int, cursor: str, is_replay: bool
) -> None:
    before = walk_after(page(some(3, 500), "c0"), page(some(size), "c1"))
    after, is_replayed = step(before, page(some(size), cursor))
    assert is_replayed is is_replay
    assert after.event_count == before.event_count + (0 if is_replay else size)
    assert (after.cursor, after.page_no) == (cursor, before.page_no + 1)


def test_only_the_page_directly_before_can_be_replayed() -> None:
    walk = walk_after(page(some(LARGE), "c1"), page(some(1, 900), "c2"))
    assert step(walk, page(some(LARGE), "c3"))[1] is False


def test_a_page_that_differs_in_one_event_is_no_replay() -> None:
    walk = walk_after(page(some(LARGE), "c1"))
    assert step(walk, page([*some(SMALL), make_event(999)], "c2"))[1] is False
    assert step(walk, page([*some(LARGE), make_event(999)], "c2"))[1] is False


def test_a_replay_may_be_replayed_again_under_ever_new_cursors() -> None:
    walk = walk_after(page(some(LARGE), "c1"))
    for number in range(2, 8):
        walk, is_replayed = step(walk, page(some(LARGE), f"c{number}"))
        assert is_replayed
    assert walk.event_count == LARGE


def test_a_walk_read_back_from_state_still_recognises_a_replay() -> None:
    walk = walk_after(page(some(LARGE), "c1"))
    state: dict[str, Any] = {}
    store(state, {walk.walk_id: walk})
    [kept] = walks_in(json.loads(json.dumps(state))).values()
    assert step(kept, page(some(LARGE), "c2"))[1] is True


# -- a walk that cannot get on --------------------------------------------------------------------------------------


@pytest.mark.parametrize("events", [some(3), some(LARGE), []], ids=["few", "many", "none"])
def test_the_same_answer_three_times_over_stops_the_walk(events: list[Any]) -> None:
    walk = walk_after(page(some(1, 900), "c0"), page(events, "c1"))
    walk, _ = step(walk, page(events, "c1"))
    with pytest.raises(StuckWalkError, match="3 times over") as caught:
        step(walk, page(events, "c1"))
    assert isinstance(caught.value, RunError)
    assert walk.walk_id in str(caught.value)


def test_three_equal_answers_under_new_cursors_are_not_stuck() -> None:
    walk = walk_after(page([], "c1"))
    for number in range(2, 9):
        walk, _ = step(walk, page([], f"c{number}"))
    assert walk.page_no == 8


def test_polling_an_unchanging_cursor_without_more_is_not_stuck() -> None:
    walk = walk_after(page(some(1), "c1", has_more=False))
    for _ in range(5):
        walk, _ = step(walk, page([], "c1", has_more=False))
    assert walk.event_count == 1


def test_something_new_in_between_starts_the_count_afresh() -> None:
    walk = walk_after(page(some(2), "c1"))
    for number in range(6):
        walk, _ = step(walk, page(some(2, 10 + 10 * (number // 2)), "c1"))
    assert walk.page_no == 7


# -- a cursor that Dropbox has lost -----------------------------------------------------------------------------------


def lost(last: datetime | None = NOON, start: datetime | None = None, end: datetime | None = None) -> Walk:
    walk = open_walk("window" if end else "live", NOON, start, end)
    return replace(walk, cursor="c9", page_no=9, last_occurred_at=last.isoformat() if last else None)


@pytest.mark.parametrize(
    ("reached", "expected"),
    [
        (None, NOON - LOOKBACK),
        (NOON + timedelta(minutes=15), NOON - LOOKBACK),
        (NOON - timedelta(minutes=15), NOON - timedelta(minutes=15) - LOOKBACK),
        (NOON - timedelta(days=90), NOON - timedelta(days=90) - LOOKBACK),
    ],
    ids=["bad_cursor", "reset is later", "reset is earlier", "reset is months earlier"],
)
def test_given_a_watermark_when_the_cursor_is_lost_then_the_earlier_time_less_lookback_counts(
    reached: datetime | None, expected: datetime
) -> None:
    before = lost()
    after = successor(before, reached, LOOKBACK, NOON)
    assert parse(after.start_time) == expected
    assert (after.kind, after.cursor, after.page_no, after.event_count) == ("live", None, 0, 0)
    assert after.walk_id != before.walk_id


def test_the_new_walk_begins_on_a_whole_second() -> None:
    after = successor(lost(NOON + timedelta(microseconds=999_999)), None, LOOKBACK, NOON)
    assert parse(after.start_time) == NOON - LOOKBACK


def test_given_its_own_start_when_the_overlap_reaches_before_it_then_its_start_counts() -> None:
    start = NOON - timedelta(hours=5)
    assert parse(successor(lost(start=start), None, LOOKBACK, NOON).start_time) == start


@pytest.mark.parametrize("start", [None, NOON - timedelta(days=9)])
@pytest.mark.parametrize("reached", [None, NOON])
def test_given_nothing_seen_when_the_cursor_is_lost_then_it_begins_where_it_began(
    start: datetime | None, reached: datetime | None
) -> None:
    after = successor(lost(None, start), reached, LOOKBACK, NOON)
    assert parse(after.start_time) == start


def test_a_window_keeps_its_end() -> None:
    end = NOON - timedelta(days=1)
    after = successor(lost(NOON - timedelta(days=2), NOON - timedelta(days=30), end), None, LOOKBACK, NOON)
    assert (after.kind, parse(after.end_time)) == ("window", end)
    assert parse(after.start_time) == NOON - timedelta(days=2) - LOOKBACK


# -- the first walks, and the state -----------------------------------------------------------------------------------


def test_without_a_start_time_the_first_walk_is_unbounded() -> None:
    [walk] = first_walks(Settings(), NOON).values()
    assert (walk.kind, walk.start_time, walk.end_time) == ("live", None, None)


def test_the_live_walk_never_has_an_end() -> None:
    walks = first_walks(Settings(start_time="30d"), NOON).values()
    assert [walk.end_time for walk in walks if walk.kind == "live"] == [None]
    assert min(parse(walk.start_time) for walk in walks) <= NOON - timedelta(days=30)


_TEXTS = st.none() | st.text(max_size=20)
_MOMENTS = st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(lambda m: m.isoformat() + "Z")  # noqa: DTZ001
_WALKS = st.builds(
    Walk,
    walk_id=st.text(min_size=1, max_size=20),
    kind=st.sampled_from(["live", "window"]),
    opened_at=st.just("2026-11-01T12:00:00Z"),
    start_time=_MOMENTS,
    end_time=_MOMENTS,
    cursor=_TEXTS.filter(lambda text: text != ""),
    page_no=st.integers(0, 2**40),
    event_count=st.integers(0, 2**40),
    page_digest=st.text("0123456789abcdef", max_size=32),
    repeats=st.integers(0, 2),
    first_occurred_at=_MOMENTS,
    last_occurred_at=_MOMENTS,
    answered_at=_MOMENTS,
)


@given(st.lists(_WALKS, max_size=4, unique_by=lambda walk: walk.walk_id))
def test_walks_come_back_from_the_state_as_they_were(walks: list[Walk]) -> None:
    state: dict[str, Any] = {"walks": {"gone": {"walk_id": "gone"}}, "other": 1}
    by_id = {walk.walk_id: walk for walk in walks}
    store(state, by_id)
    assert walks_in(json.loads(json.dumps(state))) == by_id
    assert state["other"] == 1


def test_a_state_written_by_a_newer_version_can_be_read() -> None:
    walk = open_walk("live", NOON)
    state = {"walks": {walk.walk_id: {**walk.as_state(), "something_new": 7}}}
    assert walks_in(state) == {walk.walk_id: walk}


def test_no_state_means_no_walks() -> None:
    assert walks_in({}) == {}


def test_a_reset_to_the_beginning_of_the_calendar_is_survived() -> None:
    first_day = parse("0001-01-01T00:00:00Z")
    start = parse(successor(lost(), first_day, LOOKBACK, NOON).start_time)
    assert start is None or start == first_day


def test_the_same_position_read_again_is_a_replay_also_when_the_second_answer_has_a_new_cursor() -> None:
    # c1 was sent; Dropbox answers with the page that is due but leaves the cursor at c1 (simulator fault `stuck`).
    # c1 is sent again: the same position. The answer is the same page, now with the cursor that follows.
    walk = walk_after(page(some(1, 900), "c1"), page(some(3), "c1"))
    after, is_replayed = step(walk, page(some(3), "c2"))
    assert is_replayed
    assert after.event_count == walk.event_count
