"""Everything that can go wrong, as a client that sees every byte meets it."""

from __future__ import annotations

import time

import pytest
import requests
from dropbox_audit.demo import FAULTS, Fault, Faults, SimulatedDropbox, SimulatedLog
from dropbox_audit.demo import faults as wrong

FIRST, NEXT = "team_log/get_events", "team_log/get_events/continue"

ANSWERS = {name: fault for name, fault in FAULTS.items() if fault.behaviour == "answer"}


@pytest.fixture
def client(serve, make):
    return serve(SimulatedDropbox(SimulatedLog.of(map(make, range(3000)))))


def numbers(answer):
    return [event["n"] for event in answer.json()["events"]]


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_arrives_as_planned_and_then_all_is_well(client, name):
    fault = FAULTS[name]
    client.server.faults.next(FIRST, fault)
    answer = client.call(FIRST, {})
    assert answer.status_code == fault.status == int(name[:3])
    assert answer.content == fault.body
    for header, value in fault.headers:
        assert answer.headers[header] == value
    assert ("retry-after" in answer.headers) == any(header == "retry-after" for header, _ in fault.headers)
    assert "x-dropbox-request-id" in answer.headers
    assert client.call(FIRST, {}).status_code == 200
    assert client.server.faults.is_spent
    assert [request.status for request in client.server.requests] == [fault.status, 200]
    assert client.server.requests[0].fault is fault


def test_the_shapes_of_429_differ(client):
    seen = []
    for name in [name for name in FAULTS if name.startswith("429")]:
        client.server.faults.next(FIRST, FAULTS[name])
        answer = client.call(FIRST, {})
        body = answer.json()["error"] if answer.headers["content-type"] == "application/json" else answer.text
        seen.append((answer.headers.get("retry-after"), body))
    many = {".tag": "too_many_requests"}
    assert seen == [
        ("1", {"reason": many}),
        (None, {"reason": many, "retry_after": 1}),
        (None, {"reason": many}),
        ("0.5", {"reason": many}),
        ("1", {"reason": {".tag": "too_many_write_operations"}}),
        ("1", "too_many_requests"),
        (None, "too_many_requests"),
    ]


def test_the_reason_phrase_is_the_error_summary(client):
    client.server.faults.next(FIRST, wrong.rate_limited(1, tag="too_many_write_operations"))
    assert client.call(FIRST, {}).reason == "too_many_write_operations/."
    assert client.go_on("x").reason.startswith("bad_cursor/")


def test_a_truncated_body_ends_without_an_error(client):
    client.server.faults.next(FIRST, wrong.truncated())
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        client.call(FIRST, {})
    assert len(numbers(client.call(FIRST, {}))) == 1000


def test_a_truncated_body_has_a_true_length_and_half_of_it(client):
    client.server.faults.next(FIRST, wrong.truncated())
    headers = {"Authorization": "Bearer demo-access-token"}
    answer = requests.post(f"{client.url}/2/{FIRST}", json={}, headers=headers, stream=True, timeout=30)
    length = int(answer.headers["content-length"])
    received = b""
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        for piece in answer.iter_content(100):
            received += piece
    assert answer.status_code == 200
    assert received.startswith(b'{"events":[')
    assert len(received) <= length // 2


def test_a_reset_breaks_the_body(client):
    client.server.faults.next(FIRST, wrong.connection_reset())
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="reset by peer"):
        client.call(FIRST, {})
    assert len(numbers(client.call(FIRST, {}))) == 1000


def test_a_refused_request_gets_no_answer(client):
    client.server.faults.next(FIRST, wrong.connection_refused())
    with pytest.raises(requests.exceptions.ConnectionError, match="reset by peer"):
        client.call(FIRST, {})
    assert client.server.requests[-1].status is None


def test_a_slow_body_arrives_whole(client):
    client.server.faults.next(FIRST, wrong.slow_drip(0.3))
    began = time.monotonic()
    assert len(numbers(client.call(FIRST, {}))) == 1000
    assert time.monotonic() - began > 0.25


def test_a_stall_outlasts_an_impatient_client(client):
    client.server.faults.next(FIRST, wrong.stall(30))
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.call(FIRST, {}, timeout=0.2)
    assert len(numbers(client.call(FIRST, {}))) == 1000


def test_a_server_stops_while_a_client_waits(make):
    from dropbox_audit.demo import running

    server = SimulatedDropbox(faults=Faults().always("*", wrong.stall(60)))
    began = time.monotonic()
    with running(server) as url, pytest.raises(requests.exceptions.ReadTimeout):
        requests.post(f"{url}/2/team/get_info", timeout=0.2)
    assert time.monotonic() - began < 20


def test_a_replayed_page_comes_under_a_new_cursor_and_the_walk_goes_on(client):
    first = client.call(FIRST, {})
    client.server.faults.next(NEXT, wrong.replayed_page())
    again = client.go_on(first.json()["cursor"])
    assert numbers(again) == numbers(first)
    assert again.json()["cursor"] != first.json()["cursor"]
    assert again.json()["has_more"] is True
    assert numbers(client.go_on(again.json()["cursor"])) == list(range(1000, 2000))


def test_a_stuck_cursor_comes_back_unchanged(client):
    cursor = client.call(FIRST, {}).json()["cursor"]
    client.server.faults.always(NEXT, wrong.stuck_cursor())
    for _ in range(3):
        stuck = client.go_on(cursor)
        assert stuck.json()["cursor"] == cursor
        assert stuck.json()["has_more"] is True
        assert numbers(stuck) == list(range(1000, 2000))
    client.server.faults.clear()
    assert client.go_on(cursor).json()["cursor"] != cursor


def test_faults_hit_the_request_they_are_meant_for(client):
    faults = client.server.faults
    faults.at(NEXT, 2, wrong.html_error(502)).at("team/get_info", 1, wrong.html_error(503), times=2)
    faults.when(lambda r: r.argument == {"limit": 7}, wrong.text_error(500, "seven"), times=1)
    cursor = client.call(FIRST, {}).json()["cursor"]
    assert [client.go_on(cursor).status_code for _ in range(3)] == [200, 502, 200]
    assert [client.call("team/get_info").status_code for _ in range(3)] == [503, 503, 200]
    assert [client.call(FIRST, {"limit": n}).status_code for n in (6, 7, 7)] == [200, 500, 200]
    assert faults.is_spent


def test_the_token_endpoint_fails_too(client):
    client.server.faults.next("oauth2/token", FAULTS["429_text_header"]).next("oauth2/token", FAULTS["500_html"])
    assert [client.form(grant_type="x").status_code for _ in range(3)] == [429, 500, 400]


def test_a_fault_of_ones_own(client):
    client.server.faults.next(FIRST, Fault("answer", 418, b"\xff\xfe", (("content-type", "image/png"),)))
    answer = client.call(FIRST, {})
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (418, b"\xff\xfe", "image/png")
