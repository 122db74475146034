"""The log's order, pages and cursors, as a client sees them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import pytest
from dropbox_audit.demo import Clock, LoggedEvent, SimulatedDropbox, SimulatedLog
from dropbox_audit.demo.cursors import Selection
from hypothesis import given, settings
from hypothesis import strategies as st

from .support import UNTIL, made

FILE_EVENTS = {".tag": "file_operations"}
LOGINS = {".tag": "logins"}


def numbers(pages):
    return [event["n"] for page in pages for event in page["events"]]


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def reset_time(answer):
    return answer.json()["error"]["reset"]


def test_a_walk_returns_every_event_once_in_order_of_arrival(serve, make):
    events = [make(number * 37 % 101) for number in range(101)]
    client = serve(SimulatedDropbox(SimulatedLog.of(events)))
    pages = client.walk(limit=10)
    assert numbers(pages) == [event["n"] for event in events]
    assert [len(page["events"]) for page in pages] == [10] * 10 + [1]
    assert [page["has_more"] for page in pages] == [True] * 10 + [False]


def test_events_are_served_byte_for_byte(serve, make):
    strange = make(1, name="é\n\u2028😀", big=2**70, tiny=1e-320, one=1.0, half="\ud83d", nothing=None)
    client = serve(SimulatedDropbox(SimulatedLog.of([make(0), strange, None, "text", {}])))
    text = client.call("team_log/get_events", {}).text
    assert json.loads(text)["events"] == [make(0), strange, None, "text", {}]


def test_arrival_decides_the_order_and_timestamps_do_not(serve, make):
    lags = (30, 3, 20, 1)
    log = SimulatedLog.of(LoggedEvent(UNTIL + timedelta(minutes=m), make(-m)) for m in sorted(lags))
    client = serve(SimulatedDropbox(log, clock=Clock(UNTIL + timedelta(hours=1))))
    assert numbers(client.walk()) == [-1, -3, -20, -30]


def test_late_events_appear_when_the_clock_reaches_them(serve, make):
    clock = Clock(UNTIL)
    log = SimulatedLog.of(LoggedEvent(UNTIL + timedelta(hours=h), make(-h)) for h in (-1, 2, 23))
    client = serve(SimulatedDropbox(log, clock=clock))
    page = client.walk()[-1]
    assert numbers([page]) == [1]
    seen = []
    for _ in range(3):
        page = client.go_on(page["cursor"]).json()
        seen.append(numbers([page]))
        clock.advance(12 * 3600)
    assert seen == [[], [-2], [-23]]


def test_more_events_can_arrive_at_any_time(serve, make):
    server = SimulatedDropbox(SimulatedLog.of([make(5)]))
    client = serve(server)
    cursor = client.walk(category="file_operations")[-1]["cursor"]
    server.log.append([make(1), make(2, event_category=LOGINS), make(3)])
    assert numbers([client.go_on(cursor).json()]) == [1, 3]
    assert len(server.log) == 4


def test_short_and_empty_pages_lose_nothing(serve, make):
    log = SimulatedLog.of(map(make, range(500)), short_pages=0.5, empty_pages=0.4)
    client = serve(SimulatedDropbox(log))
    pages = client.walk(limit=20)
    sizes = Counter(len(page["events"]) for page in pages)
    assert numbers(pages) == list(range(500))
    assert sizes[0] > 3
    assert sum(count for size, count in sizes.items() if 0 < size < 20) > 3
    assert all(page["has_more"] for page in pages[:-1])


def test_page_shapes_depend_on_the_seed_only(serve, make):
    def sizes(seed):
        log = SimulatedLog.of(map(make, range(300)), short_pages=0.5, empty_pages=0.3, seed=seed)
        return [len(page["events"]) for page in serve(SimulatedDropbox(log)).walk(limit=20)]

    assert sizes(1) == sizes(1) != sizes(2)


def test_the_server_can_cap_the_page(serve, make):
    client = serve(SimulatedDropbox(SimulatedLog.of(map(make, range(25)), page_limit=10)))
    assert [len(page["events"]) for page in client.walk()] == [10, 10, 5]


def test_the_cursor_changes_on_every_answer(serve, make):
    client = serve(SimulatedDropbox(SimulatedLog.of([make(0)])))
    cursors = [client.call("team_log/get_events", {}).json()["cursor"] for _ in range(2)]
    for _ in range(3):
        cursors.append(client.go_on(cursors[-1]).json()["cursor"])
    assert len(set(cursors)) == 5
    assert {len(cursor) for cursor in cursors} == {340}
    assert all(cursor.startswith("AAG8") for cursor in cursors)


def test_the_same_cursor_gives_the_same_page_again(serve, make):
    client = serve(SimulatedDropbox(SimulatedLog.of(map(make, range(9)))))
    cursor = client.call("team_log/get_events", {"limit": 3}).json()["cursor"]
    assert numbers([client.go_on(cursor).json()]) == numbers([client.go_on(cursor).json()]) == [3, 4, 5]


@pytest.mark.parametrize("cursor", ["", "x", "AAG8", "é", "A" * 340, "../../etc/passwd", "0"])
def test_garbage_is_a_bad_cursor(serve, cursor):
    answer = serve(SimulatedDropbox()).go_on(cursor)
    assert answer.status_code == 409
    assert answer.json()["error"] == {".tag": "bad_cursor"}


def test_a_cursor_of_another_log_is_a_bad_cursor(serve, make):
    one, other = (serve(SimulatedDropbox(SimulatedLog.of([make(0)], seed=seed))) for seed in (1, 2))
    assert other.go_on(one.walk()[-1]["cursor"]).json()["error"] == {".tag": "bad_cursor"}


def test_a_restarted_server_knows_its_cursors(serve, make):
    first = serve(SimulatedDropbox(SimulatedLog.of(map(make, range(4)))))
    cursor = first.call("team_log/get_events", {"limit": 2}).json()["cursor"]
    second = serve(SimulatedDropbox(SimulatedLog.of(map(make, range(4)))))
    assert numbers([second.go_on(cursor).json()]) == [2, 3]


def test_a_cursor_expires_into_a_reset_with_an_approximate_time(serve, make):
    clock = Clock(UNTIL + timedelta(days=1))
    client = serve(SimulatedDropbox(SimulatedLog.of([make(900), make(0)], cursor_ttl=3600, reset_fuzz=60), clock=clock))
    cursor = client.walk()[-1]["cursor"]
    clock.advance(3600)
    fresh = client.go_on(cursor).json()["cursor"]
    clock.advance(1)
    answer = client.go_on(cursor)
    assert answer.status_code == 409
    newest = UNTIL + timedelta(seconds=900)
    assert stamp(newest - timedelta(seconds=60)) <= reset_time(answer) <= stamp(newest + timedelta(seconds=60))
    assert reset_time(answer) != stamp(newest)
    assert client.go_on(fresh).status_code == 200


def test_a_superseded_cursor_may_expire_sooner(serve, make):
    clock = Clock(UNTIL)
    client = serve(SimulatedDropbox(SimulatedLog.of(map(make, range(4)), superseded_ttl=60), clock=clock))
    old = client.call("team_log/get_events", {"limit": 1}).json()["cursor"]
    new = client.go_on(old).json()["cursor"]
    clock.advance(61)
    assert client.go_on(old).json()["error"][".tag"] == "reset"
    assert client.go_on(new).status_code == 200


def test_all_cursors_can_be_reset_or_forgotten(serve, make):
    server = SimulatedDropbox(SimulatedLog.of([make(0)]))
    client = serve(server)
    cursor = client.walk()[-1]["cursor"]
    server.log.reset_cursors()
    assert client.go_on(cursor).json()["error"][".tag"] == "reset"
    cursor = client.walk()[-1]["cursor"]
    assert client.go_on(cursor).status_code == 200
    server.log.forget_cursors()
    assert client.go_on(cursor).json()["error"] == {".tag": "bad_cursor"}
    assert client.go_on(client.walk()[-1]["cursor"]).status_code == 200


def test_start_is_inclusive_and_end_exclusive(serve, make):
    client = serve(SimulatedDropbox(SimulatedLog.of(map(make, (5, 1, 3, 2, 4)))))
    start, end = (stamp(UNTIL + timedelta(seconds=s)) for s in (2, 4))
    assert numbers(client.walk(time={"start_time": start})) == [5, 3, 2, 4]
    assert numbers(client.walk(time={"end_time": end})) == [1, 3, 2]
    assert numbers(client.walk(time={"start_time": start, "end_time": end}, limit=1)) == [3, 2]


@pytest.mark.parametrize(("ended", "expected"), [("empty", []), ("late", [0])])
def test_a_walk_with_an_end_ends(serve, make, ended, expected):
    server = SimulatedDropbox(SimulatedLog.of([make(1)], ended_cursor=ended))
    client = serve(server)
    last = client.walk(time={"end_time": stamp(UNTIL + timedelta(seconds=9))})[-1]
    server.log.append([make(0), make(10)])
    again = client.go_on(last["cursor"]).json()
    assert numbers([again]) == expected
    assert again["has_more"] is False


def test_an_ended_walk_may_be_a_bad_cursor(serve, make):
    client = serve(SimulatedDropbox(SimulatedLog.of([make(1)], ended_cursor="bad_cursor")))
    last = client.walk(time={"end_time": stamp(UNTIL)})[-1]
    assert client.go_on(last["cursor"]).json()["error"] == {".tag": "bad_cursor"}


def test_filters_are_carried_by_the_cursor(serve, make):
    kinds = ("file_edit", "file_add", "login_fail")
    events = [make(n, kinds[n % 3], event_category=LOGINS if n % 3 == 2 else FILE_EVENTS) for n in range(30)]
    client = serve(SimulatedDropbox(SimulatedLog.of(events)))
    assert numbers(client.walk(category="logins", limit=3)) == list(range(2, 30, 3))
    assert numbers(client.walk(category={".tag": "logins"})) == list(range(2, 30, 3))
    assert numbers(client.walk(event_type={".tag": "file_add"}, limit=4)) == list(range(1, 30, 3))


def test_an_account_is_found_as_actor_context_or_participant(serve, make):
    one, two = (f"dbid:{letter * 35}" for letter in "AB")

    def user(account):
        return {".tag": "user", "user": {".tag": "team_member", "account_id": account}}

    events = [
        make(0, actor=user(one)),
        make(1, actor=user(two), context={".tag": "team_member", "account_id": one}),
        make(2, participants=[user(two), user(one)]),
        make(3, actor=user(two)),
        make(4, details={".tag": "x", "owner": {"account_id": one}}),
    ]
    client = serve(SimulatedDropbox(SimulatedLog.of(events)))
    assert numbers(client.walk(account_id=one, limit=1)) == [0, 1, 2]
    missing = client.call("team_log/get_events", {"account_id": f"dbid:{'C' * 35}"})
    assert (missing.status_code, missing.json()["error"][".tag"]) == (409, "account_id_not_found")


def test_a_plan_without_file_events_leaves_them_out_silently(serve, make):
    events = [make(0), make(1, "login_fail", event_category=LOGINS)]
    client = serve(SimulatedDropbox(SimulatedLog.of(events), has_team_file_events=False))
    assert numbers(client.walk()) == [1]
    assert numbers(client.walk(category="file_operations")) == []
    values = client.call("team/features/get_values", {"features": ["has_team_file_events"]}).json()["values"]
    assert values[0]["has_team_file_events"] == {".tag": "enabled", "enabled": False}


def test_byte_identical_twins_stay_two(serve, make):
    client = serve(SimulatedDropbox(SimulatedLog.of([make(1), make(1), make(1)])))
    assert numbers(client.walk()) == [1, 1, 1]


def test_rewording_changes_presentation_and_nothing_else(serve, make):
    actor = {
        ".tag": "user",
        "user": {".tag": "team_member", "account_id": "dbid:1", "display_name": "Ann", "email": "a@x.example"},
    }
    guest = {".tag": "user", "user": {".tag": "non_team_member", "display_name": "Bob", "email": "b@y.example"}}
    origin = {"geo_location": {"ip_address": "192.0.2.1", "city": "Cork", "country": "IE"}}
    event = make(0, actor=actor, participants=[guest], origin=origin, event_category={".tag": "data_governance"})
    client = serve(SimulatedDropbox(SimulatedLog.of([event], rewording=True)))
    first, second, third = (client.walk()[0]["events"][0] for _ in range(3))
    assert first == event
    assert len({json.dumps(e) for e in (first, second, third)}) == 3
    for changed in (second, third):
        assert changed["event_category"] == {".tag": "legal_holds"}
        assert changed["event_type"]["description"] != event["event_type"]["description"]
        assert changed["actor"]["user"]["account_id"] == "dbid:1"
        assert changed["actor"]["user"]["display_name"] != "Ann"
        assert changed["actor"]["user"]["email"] != "a@x.example"
        assert changed["origin"]["geo_location"]["ip_address"] == "192.0.2.1"
        assert changed["origin"]["geo_location"]["city"] != "Cork"
        assert changed["participants"] == [guest]  # nothing but its presentation identifies him
        for key in ("timestamp", "details", "n"):
            assert changed[key] == event[key]


def test_details_may_be_missing_first_and_complete_later(serve, make):
    client = serve(SimulatedDropbox(SimulatedLog.of(map(make, range(200)), late_details=0.2)))
    first, second = (client.walk()[0]["events"] for _ in range(2))
    missing = [event for event in first if event["details"] == {".tag": "missing_details"}]
    assert 20 < len(missing) < 60
    assert second == [make(n) for n in range(200)]


@given(data=st.data())
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_any_walk_finds_exactly_what_matches_in_order_of_arrival(data):
    """Whatever the filters, page sizes and shapes, and whatever arrives meanwhile."""
    kinds = ("file_edit", "file_add", "login_fail")
    event = st.builds(
        lambda n, kind, tag: made(n, kind, event_category={".tag": tag}),
        st.integers(0, 40),
        st.sampled_from(kinds),
        st.sampled_from(("logins", "file_operations")),
    )
    batches = data.draw(st.lists(st.lists(event, max_size=15), min_size=1, max_size=4))
    low, high = data.draw(st.none() | st.integers(0, 40)), data.draw(st.none() | st.integers(0, 40))
    base = int(UNTIL.timestamp())
    selection = Selection(
        None if low is None else base + low,
        None if high is None else base + high,
        data.draw(st.sampled_from((None, "logins"))),
        data.draw(st.sampled_from((None, "file_add"))),
        None,
        data.draw(st.booleans()),
    )
    log = SimulatedLog.of(
        batches[0],
        seed=data.draw(st.integers(0, 99)),
        short_pages=data.draw(st.sampled_from((0, 0.5))),
        empty_pages=data.draw(st.sampled_from((0, 0.5))),
        ended_cursor="late",
    )
    page = log.first_page(selection, data.draw(st.integers(1, 20)), 0)
    found = json.loads(page.body)["events"]
    for later in [*batches[1:], []]:
        while page.has_more:
            page = log.next_page(page.cursor, 0)
            assert page.count == len(json.loads(page.body)["events"])
            found += json.loads(page.body)["events"]
        log.append(later)
        page = log.next_page(page.cursor, 0)
        found += json.loads(page.body)["events"]
    while page.has_more:
        page = log.next_page(page.cursor, 0)
        found += json.loads(page.body)["events"]
    assert found == [
        e
        for batch in batches
        for e in batch
        if (low is None or e["n"] >= low)
        and (high is None or e["n"] < high)
        and selection.category in (None, e["event_category"][".tag"])
        and selection.event_type in (None, e["event_type"][".tag"])
        and not (selection.without_file_events and e["event_category"][".tag"] == "file_operations")
    ]
