"""Dropbox over HTTP: what is tried again and how patiently, what is refused, tokens, the request budget."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from dropbox_audit.api import CursorLost, DropboxClient, RequestBudget
from dropbox_audit.clock import Clock
from dropbox_audit.demo import ACCESS_TOKEN, APP_KEY, APP_SECRET, FAULTS, REFRESH_TOKEN, SimulatedDropbox, running
from dropbox_audit.demo.faults import (
    Fault,
    html_error,
    json_error,
    rate_limited,
    slow_drip,
    stall,
    text_error,
    with_headers,
)
from dropbox_audit.errors import ConfigurationError, DropboxAuditError, RunError, Stopped
from dropbox_audit.local import request_budget
from dropbox_audit.settings import Settings
from support import CONTINUE, GET_EVENTS, NOON, VirtualClock, make_event

INFO = "team/get_info"
TOKEN = "oauth2/token"


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def connect(clock: VirtualClock, notices: list[str]) -> Callable[..., DropboxClient]:
    """A client with virtual time; keywords are settings, except `clock`, `stop`, `budget`, `notice`."""

    def make(url: str, **changes: Any) -> DropboxClient:
        own = {key: changes.pop(key) for key in ("clock", "stop", "budget", "notice") if key in changes}
        given = {"access_token": ACCESS_TOKEN, "api_url": url, **changes}
        return DropboxClient(Settings(**given), **{"clock": clock, "notice": notices.append, **own})

    return make


LASTING = {"access_token": None, "app_key": APP_KEY, "refresh_token": REFRESH_TOKEN}


@contextmanager
def talking(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """A server of one's own: what it answers to each request, byte by byte, before it hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                received = connection.recv(65536)
                # The body may come in a packet of its own.
                while b"\r\n\r\n" not in received or received.endswith(b"\r\n\r\n"):
                    received += connection.recv(65536)
                connection.sendall(answer(received))

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def no_secrets(text: str) -> bool:
    return not any(secret in text for secret in (ACCESS_TOKEN, REFRESH_TOKEN, APP_SECRET, "sl.u."))


def is_plain(error: DropboxAuditError) -> bool:
    text = str(error)
    return bool(text) and len(text.splitlines()) <= 2 and len(text) < 700 and text.isprintable() and no_secrets(text)


# -- what is tried again ----------------------------------------------------------------------------------------------

TRANSIENT = [
    *("400_html", "500_html", "500_json", "502_html", "503_html", "503_html_header", "503_text"),
    *("truncated", "reset", "refused"),
    *(name for name in FAULTS if name.startswith("429_")),
]


@pytest.mark.parametrize("name", TRANSIENT)
def test_transient_trouble_is_tried_again_and_told(name: str, serve: Any, connect: Any, notices: list[str]) -> None:
    server, url = serve()
    server.faults.next(INFO, FAULTS[name], times=2)
    client = connect(url)
    assert orjson.loads(client.call(INFO, None))["name"] == "Acme"
    assert server.count(INFO) == 3
    assert (client.traffic.requests, client.traffic.retries) == (3, 2)
    assert client.traffic.waited_seconds == 3
    assert len(notices) == 2
    assert all(no_secrets(notice) for notice in notices)


@pytest.mark.parametrize("name", ["drip", "stall"])
def test_a_slow_answer_is_an_answer(name: str, serve: Any, connect: Any) -> None:
    server, url = serve([make_event()])
    server.faults.next(GET_EVENTS, FAULTS[name])
    assert len(orjson.loads(connect(url).get_events())["events"]) == 1
    assert server.count(GET_EVENTS) == 1


def test_delays_double_and_end_at_ten_minutes(serve: Any, connect: Any, clock: VirtualClock) -> None:
    server, url = serve()
    server.faults.always(INFO, html_error(503))
    with pytest.raises(RunError):
        connect(url, give_up_after="2h").call(INFO, None)
    assert clock.waits[:12] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (rate_limited(45), 45),
        (rate_limited(45, in_body=True), 45),
        (rate_limited(12.5), 12.5),
        (json_error(429, {"reason": {".tag": "x"}, "retry_after": 50}, retry_after="45"), 50),
        (json_error(429, {"reason": {".tag": "x"}, "retry_after": 40}, retry_after="45"), 45),
        (text_error(429, "too_many_requests", retry_after="60.0"), 60),
        (html_error(503, retry_after="700"), 700),
        (rate_limited(0.5), 1),
        (rate_limited(None), 1),
        (text_error(429, "", retry_after="soon"), 1),
        (text_error(429, "", retry_after="-5"), 1),
        (text_error(429, "", retry_after="nan"), 1),
        (text_error(429, "", retry_after="inf"), 1),
        (text_error(429, "", retry_after=""), 1),
        (text_error(429, "", retry_after="1e9999"), 1),
        (text_error(429, "", retry_after="Wed, 21 Oct 2015 07:28:00 GMT"), 1),
        (text_error(429, "", retry_after="Wed, 31 Feb 2026 07:28:00 GMT"), 1),
        (text_error(429, "", retry_after="Mon, 01 Jan 99999 00:00:00 GMT"), 1),
        (text_error(429, "", retry_after="Sat, 21 Nov 2026 07:28:00 +99999999"), 1),
        (html_error(400, retry_after="9"), 9),
        (json_error(429, {"reason": {".tag": "x"}, "retry_after": "7"}), 7),
        (json_error(429, {"reason": {".tag": "x"}, "retry_after": -7}), 1),
        (json_error(429, {"reason": {".tag": "x"}, "retry_after": True}), 1),
        (json_error(429, {"reason": {".tag": "x"}, "retry_after": [60]}, retry_after="4"), 4),
        (Fault(status=429, body=b'{"error":{"retry_after":1e999}}', headers=(("retry-after", "5"),)), 5),
        (Fault(status=429, body=b'{"error":[{"retry_after":9}]}'), 1),
        (Fault(status=429, body=b"\xff\xfe{"), 1),
    ],
)
def test_a_delay_is_never_shorter_than_the_server_asked(
    fault: Fault, seconds: float, serve: Any, connect: Any, clock: VirtualClock
) -> None:
    server, url = serve()
    server.faults.next(INFO, fault)
    connect(url).call(INFO, None)
    assert clock.waits == [seconds]


def test_the_server_may_ask_with_a_date(serve: Any, connect: Any, clock: VirtualClock) -> None:
    server, url = serve()
    moment = datetime.now(UTC) + timedelta(seconds=300)
    server.faults.next(INFO, text_error(429, "", retry_after=format_datetime(moment, usegmt=True)))
    connect(url).call(INFO, None)
    [waited] = clock.waits
    assert 200 < waited <= 302


def test_a_date_is_read_by_the_servers_clock_where_it_tells_it(connect: Any, clock: VirtualClock) -> None:
    answers = [
        b"HTTP/1.1 429 x\r\nDate: Tue, 21 Oct 2036 07:00:00 GMT\r\nRetry-After: Tue, 21 Oct 2036 07:02:00 GMT\r\n"
        b"Connection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    ]
    with talking(lambda _: answers.pop(0)) as url:
        connect(url).call(INFO, None)
    assert clock.waits == [120]


@pytest.mark.parametrize("seconds", ["99999999999999999999", "1e300"])
def test_nobody_waits_for_the_end_of_the_world(seconds: str, serve: Any, connect: Any, clock: VirtualClock) -> None:
    server, url = serve()
    server.faults.always(INFO, text_error(429, "", retry_after=seconds))
    with pytest.raises(RunError) as caught:
        connect(url).call(INFO, None)
    assert is_plain(caught.value)
    assert clock.waits == []


def test_the_delay_that_doubles_goes_on_when_the_server_asks_for_little(
    serve: Any, connect: Any, clock: VirtualClock
) -> None:
    server, url = serve()
    server.faults.next(INFO, rate_limited(3), times=5)
    connect(url).call(INFO, None)
    assert clock.waits == [3, 3, 4, 8, 16]


def test_one_worker_told_to_wait_holds_the_others_back(serve: Any, connect: Any, clock: VirtualClock) -> None:
    server, url = serve()
    client = connect(url)
    server.faults.next(INFO, rate_limited(90))
    asked: list[float] = []
    # While the first worker waits, a second one asks for something else; time must have passed when it gets through.
    clock.on_wait = lambda number: number == 1 and asked.append(clock.monotonic())
    first = threading.Thread(target=client.call, args=(INFO, None))
    first.start()
    first.join()
    began = asked[0]
    client.call("team/groups/list", {"limit": 1})
    assert clock.monotonic() >= began + 90


# -- answers that are slow, or come in another form --------------------------------------------------------------------


def test_a_body_that_drips_is_given_up_at_its_deadline(
    serve: Any, connect: Any, notices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dropbox_audit.api.client._BODY_TIMEOUT", 0.1)
    server, url = serve()
    server.faults.next(INFO, slow_drip(4))
    began = time.monotonic()
    connect(url).call(INFO, None)
    assert time.monotonic() - began < 3, "the deadline was not looked at before the body was complete"
    assert server.count(INFO) == 2
    assert "took too long" in notices[0]


def test_stop_ends_reading_with_the_next_piece_of_a_body(serve: Any, connect: Any) -> None:
    server, url = serve()
    server.faults.next(INFO, slow_drip(4))
    stop = threading.Event()
    timer = threading.Timer(0.1, stop.set)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        connect(url, stop=stop).call(INFO, None)
    assert time.monotonic() - began < 3, "the body was read to its end first"
    timer.join()


@pytest.mark.parametrize("fault", [stall(30), slow_drip(300)], ids=["before the answer", "within the body"])
@pytest.mark.parametrize("route", [INFO, TOKEN])
def test_a_connection_that_stalls_is_given_up_and_asked_again(
    route: str, fault: Fault, serve: Any, connect: Any, notices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dropbox_audit.api.client._READ_TIMEOUT", 0.1)
    server, url = serve()
    server.faults.next(route, fault)
    connect(url, **LASTING).call(INFO, None)
    assert server.count(route) == 2
    assert [notice for notice in notices if "timed out" in notice] == notices != []


def test_a_server_that_stalls_for_ever_ends_the_run(
    serve: Any, connect: Any, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dropbox_audit.api.client._READ_TIMEOUT", 0.05)
    server, url = serve()
    client = connect(url, give_up_after="2m")
    client.call(INFO, None)
    server.faults.always(INFO, stall(30))
    with pytest.raises(RunError, match="timed out") as caught:
        client.call(INFO, None)
    assert is_plain(caught.value)
    assert 40 < sum(clock.waits) <= 120


def test_a_server_that_accepts_no_connection_is_not_waited_for(
    connect: Any, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dropbox_audit.api.client._CONNECT_TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        # Nobody accepts; once its queue is full the system leaves further connections unanswered.
        queue = [socket.socket() for _ in range(4)]
        for waiting in queue:
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        with pytest.raises(RunError, match="api_url"):
            connect(f"http://127.0.0.1:{listener.getsockname()[1]}").call(INFO, None)
        for waiting in queue:
            waiting.close()
    assert clock.waits == [1, 2, 4, 8]


BODY = orjson.dumps({"name": "Acmé " * 5000})
JSON = ("content-type", "application/json")
FORMS = {
    "charset": Fault(status=200, body=BODY, headers=(("content-type", "application/json; charset=utf-8"),)),
    "no content type": Fault(status=200, body=BODY, headers=(("content-type", ""),)),
    "byte order mark": Fault(status=200, body=b"\xef\xbb\xbf" + BODY, headers=(JSON,)),
    "gzip": Fault(status=200, body=gzip.compress(BODY), headers=(JSON, ("content-encoding", "gzip"))),
    "deflate": Fault(status=200, body=zlib.compress(BODY), headers=(JSON, ("content-encoding", "deflate"))),
    "chunked": Fault(status=200, body=BODY, headers=(JSON, ("transfer-encoding", "chunked"))),
}
FORMS["gzip and chunked"] = with_headers(FORMS["gzip"], transfer_encoding="chunked")


@pytest.mark.parametrize("form", FORMS)
def test_an_answer_may_come_in_any_form_of_http(form: str, serve: Any, connect: Any) -> None:
    server, url = serve()
    server.faults.next(INFO, FORMS[form])
    assert connect(url).call(INFO, None) == BODY
    assert server.count(INFO) == 1


def test_an_error_with_a_byte_order_mark_is_understood(serve: Any, connect: Any) -> None:
    server, url = serve()
    fault = FAULTS["409_bad_cursor"]
    server.faults.next(CONTINUE, Fault(status=409, body=b"\xef\xbb\xbf" + fault.body, headers=fault.headers))
    with pytest.raises(CursorLost):
        connect(url).continue_events("x")


@pytest.mark.parametrize(
    "body", [gzip.compress(BODY)[:60], b"not gzip at all", b"\x1f\x8b" + b"\0" * 40], ids=["cut", "plain", "broken"]
)
def test_an_answer_that_cannot_be_unpacked_is_asked_for_again(body: bytes, serve: Any, connect: Any) -> None:
    server, url = serve()
    server.faults.next(INFO, Fault(status=200, body=body, headers=(JSON, ("content-encoding", "gzip"))))
    assert orjson.loads(connect(url).call(INFO, None))["name"] == "Acme"
    assert server.count(INFO) == 2


def test_a_page_of_megabytes_arrives_whole(serve: Any, connect: Any) -> None:
    events = [make_event(number, filler="x" * 2000) for number in range(1000)]
    _, url = serve(events)
    assert orjson.loads(connect(url).get_events())["events"] == events


# -- how long ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("give_up_after", ["30m", "2m", "1h"])
def test_trouble_that_lasts_too_long_ends_the_run(
    give_up_after: str, serve: Any, connect: Any, clock: VirtualClock
) -> None:
    server, url = serve()
    server.faults.always(INFO, html_error(502))
    with pytest.raises(RunError) as caught:
        connect(url, give_up_after=give_up_after).call(INFO, None)
    seconds = {"30m": 1800, "2m": 120, "1h": 3600}[give_up_after]
    assert is_plain(caught.value)
    assert caught.value.exit_code == 1
    assert seconds / 3 < sum(clock.waits) <= seconds


def test_a_server_that_asks_for_more_than_we_give_is_not_waited_for(
    serve: Any, connect: Any, clock: VirtualClock
) -> None:
    server, url = serve()
    server.faults.always(INFO, rate_limited(7200))
    with pytest.raises(RunError, match="7200"):
        connect(url).call(INFO, None)
    assert clock.waits == []


def test_trouble_that_ended_is_forgotten(serve: Any, connect: Any, clock: VirtualClock) -> None:
    server, url = serve()
    client = connect(url, give_up_after="10m")
    for _ in range(3):
        server.faults.next(INFO, html_error(503), times=8)
        client.call(INFO, None)
    assert sum(clock.waits) > 700


def test_waiting_for_the_budget_is_no_trouble_of_dropbox(serve: Any, connect: Any, clock: VirtualClock) -> None:
    server, url = serve()
    server.faults.next(INFO, html_error(503), times=4)
    connect(url, budget=RequestBudget(None, 1, clock), give_up_after="30m").call(INFO, None)
    assert server.count(INFO) == 5
    assert sum(clock.waits) > 3 * 3600


def test_trouble_still_ends_the_run_when_the_budget_makes_each_attempt_wait(
    serve: Any, connect: Any, clock: VirtualClock
) -> None:
    server, url = serve()
    server.faults.always(INFO, html_error(503))
    with pytest.raises(RunError) as caught:
        connect(url, budget=RequestBudget(None, 1, clock), give_up_after="2m").call(INFO, None)
    assert server.count(INFO) == 7
    assert "failing for 63 s" in str(caught.value)


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_an_address_where_nobody_answers_is_told_within_twenty_seconds(connect: Any, clock: VirtualClock) -> None:
    with pytest.raises(RunError, match="api_url") as caught:
        connect(closed_port(), give_up_after="24h").call(INFO, None)
    assert is_plain(caught.value)
    assert sum(clock.waits) <= 20


def test_a_server_that_once_answered_is_waited_for_longer(connect: Any, clock: VirtualClock) -> None:
    with running(SimulatedDropbox()) as url:
        client = connect(url, give_up_after="30m")
        client.call(INFO, None)
    with pytest.raises(RunError):
        client.call(INFO, None)
    assert sum(clock.waits) > 600


def test_a_short_patience_also_holds_for_the_first_contact(connect: Any, clock: VirtualClock) -> None:
    with pytest.raises(RunError):
        connect(closed_port(), give_up_after="2s").call(INFO, None)
    assert sum(clock.waits) <= 2


# -- what is refused --------------------------------------------------------------------------------------------------

REFUSED = [
    *("400_text", "401_missing_scope", "401_invalid", "401_suspended", "401_select_user", "401_other", "401_text"),
    *("403_account_type", "403_team_access", "403_no_permission", "422_path_root"),
    *("409_account_id_not_found", "409_invalid_time_range", "409_invalid_filters", "409_other", "409_unknown_tag"),
]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_permanent_fails_at_once_with_a_sentence(
    name: str, serve: Any, connect: Any, clock: VirtualClock
) -> None:
    server, url = serve()
    server.faults.always(GET_EVENTS, FAULTS[name])
    with pytest.raises(ConfigurationError) as caught:
        connect(url).get_events()
    assert is_plain(caught.value)
    assert "`dropbox-audit " in str(caught.value), "no remedy"
    assert caught.value.exit_code == 2
    assert (server.count(GET_EVENTS), clock.waits) == (1, [])


@pytest.mark.parametrize("status", [301, 302, 307, 308, 404, 405])
def test_a_server_that_is_not_dropbox_is_a_wrong_address(status: int, serve: Any, connect: Any) -> None:
    other, elsewhere = serve()
    server, url = serve()
    server.faults.always("*", Fault(status=status, body=b"Moved", headers=(("location", f"{elsewhere}/2/{INFO}"),)))
    for settings in ({}, LASTING):
        with pytest.raises(ConfigurationError, match="api_url") as caught:
            connect(url, **settings).call(INFO, None)
        assert is_plain(caught.value)
    assert other.requests == [], "the token was sent to another server"


@pytest.mark.parametrize("shape", ["scopes", "app_scopes"])
def test_a_missing_scope_is_named_in_both_shapes(shape: str, serve: Any, connect: Any) -> None:
    _, url = serve(**{shape: {"team_info.read"}})
    with pytest.raises(ConfigurationError, match=r"events\.read") as caught:
        connect(url).get_events()
    assert "dropbox-audit auth" in str(caught.value)
    assert is_plain(caught.value)


def test_text_from_the_server_becomes_one_line_without_control_characters(serve: Any, connect: Any) -> None:
    server, url = serve()
    server.faults.always(INFO, text_error(400, "Bad\x1b[31m thing\r\n\r\nsecond line\x07 " + "x" * 5000))
    with pytest.raises(ConfigurationError, match="second line") as caught:
        connect(url).call(INFO, None)
    assert is_plain(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_request_that_the_server_found_too_slow_is_made_again(serve: Any, connect: Any) -> None:
    server, url = serve()
    server.faults.next(INFO, text_error(408, "Request Timeout")).next(TOKEN, text_error(408, "Request Timeout"))
    connect(url, **LASTING).call(INFO, None)
    assert (server.count(INFO), server.count(TOKEN)) == (2, 2)


@pytest.mark.parametrize(
    "error",
    [{".tag": ["reset"]}, {".tag": {"a": 1}}, {".tag": 7}, [1], 5, None, {}, {".tag": "a\nb\x1b[0m" * 300}],
    ids=str,
)
@pytest.mark.parametrize("status", [400, 401, 403, 409, 422])
def test_an_error_of_any_shape_is_told_in_a_sentence(status: int, error: Any, serve: Any, connect: Any) -> None:
    server, url = serve()
    server.faults.always("*", Fault(status=status, body=orjson.dumps({"error": error})))
    for settings in ({}, LASTING):
        with pytest.raises(ConfigurationError) as caught:
            connect(url, **settings).call(INFO, None)
        assert is_plain(caught.value)


# -- secrets ----------------------------------------------------------------------------------------------------------


def everything_told(error: BaseException, notices: list[str]) -> str:
    """What a user can get to see: the error with all its causes, as --debug prints it, and the notices."""
    return "".join(traceback.format_exception(error)) + "\n".join(notices)


@pytest.mark.parametrize("place", ["status line", "header", "reason"])
@pytest.mark.parametrize("settings", [{}, {**LASTING, "app_secret": APP_SECRET}], ids=["access", "lasting"])
def test_a_server_that_says_everything_back_makes_no_secret_known(
    place: str, settings: dict[str, Any], connect: Any, notices: list[str]
) -> None:
    def back(request: bytes) -> bytes:
        said = request.replace(b"\r\n", b" ")
        return {
            "status line": said + b"\r\n\r\n",
            "header": b"HTTP/1.1 200 OK\r\nContent-Length: " + said + b"\r\nTransfer-Encoding: " + said + b"\r\n\r\n",
            "reason": b"HTTP/1.1 500 " + said + b"\r\nContent-Length: 1\r\n\r\n!",
        }[place]

    with talking(back) as url, pytest.raises(DropboxAuditError) as caught:
        connect(url, give_up_after="5s", **settings).call(INFO, None)
    assert notices
    assert no_secrets(everything_told(caught.value, notices))


@pytest.mark.parametrize("token", ["se\ncret-token-1", "sécret-token-2", "secret-token-3\0"], ids=repr)
def test_a_token_that_no_header_can_carry_is_not_said_in_a_traceback(token: str, serve: Any, connect: Any) -> None:
    _, url = serve()
    with pytest.raises(DropboxAuditError) as caught:
        connect(url, access_token=token, give_up_after="5s").call(INFO, None)
    assert "cret-token" not in everything_told(caught.value, [])


def test_a_refused_connection_tells_no_secret_in_a_traceback(connect: Any, notices: list[str]) -> None:
    with pytest.raises(RunError) as caught:
        connect(closed_port(), **LASTING).call(INFO, None)
    assert caught.value.__cause__ is not None
    assert no_secrets(everything_told(caught.value, notices))


@pytest.mark.parametrize(
    ("reset", "reached"),
    [
        ("2026-11-01T00:00:00Z", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T00:00:00", datetime(2026, 11, 1, tzinfo=UTC)),
        ("nonsense", None),
        (None, None),
    ],
)
def test_a_reset_says_how_far_the_cursor_had_come(reset: Any, reached: Any, serve: Any, connect: Any) -> None:
    server, url = serve()
    server.faults.next(CONTINUE, json_error(409, {".tag": "reset", "reset": reset}))
    with pytest.raises(CursorLost) as caught:
        connect(url).continue_events("x")
    assert (caught.value.tag, caught.value.reached) == ("reset", reached)


def test_a_cursor_of_another_log_is_a_bad_cursor(serve: Any, connect: Any) -> None:
    _, url = serve()
    with pytest.raises(CursorLost) as caught:
        connect(url).continue_events("AAAA")
    assert (caught.value.tag, caught.value.reached) == ("bad_cursor", None)


def test_without_any_credentials_no_client_is_made() -> None:
    for settings in (Settings(), Settings(app_key="x"), Settings(refresh_token="x")):
        with pytest.raises(ConfigurationError, match="dropbox-audit auth"):
            DropboxClient(settings)


# -- the two routes of the log ----------------------------------------------------------------------------------------


def test_the_first_page_is_asked_for_in_dropbox_words(serve: Any, connect: Any) -> None:
    server, url = serve()
    client = connect(url)
    client.get_events()
    client.get_events(NOON, NOON + timedelta(days=1, microseconds=7))
    client.get_events(None, NOON)
    arguments = [request.argument for request in server.requests]
    assert arguments == [
        {"limit": 1000},
        {"limit": 1000, "time": {"start_time": "2026-11-01T12:00:00Z", "end_time": "2026-11-02T12:00:00Z"}},
        {"limit": 1000, "time": {"end_time": "2026-11-01T12:00:00Z"}},
    ]


def test_a_walk_can_be_followed_to_its_end(serve: Any, connect: Any) -> None:
    events = [make_event(number) for number in range(5)]
    server, url = serve(events)
    server.log.page_limit = 2
    client = connect(url)
    answer = orjson.loads(client.get_events())
    seen = answer["events"]
    while answer["has_more"]:
        answer = orjson.loads(client.continue_events(answer["cursor"]))
        seen += answer["events"]
    assert seen == events
    assert server.requests[1].argument.keys() == {"cursor"}


# -- tokens -----------------------------------------------------------------------------------------------------------


def test_a_refresh_token_is_exchanged_once_and_the_token_used_for_all_calls(serve: Any, connect: Any) -> None:
    server, url = serve()
    client = connect(url, **LASTING)
    for _ in range(3):
        client.call(INFO, None)
    assert [request.route for request in server.requests] == [TOKEN, INFO, INFO, INFO]
    assert server.requests[0].form == {
        "grant_type": "refresh_token",
        "refresh_token": REFRESH_TOKEN,
        "client_id": APP_KEY,
    }
    assert client.traffic.requests == 3


def test_an_app_secret_is_sent_where_there_is_one(serve: Any, connect: Any) -> None:
    server, url = serve()
    connect(url, **LASTING, app_secret=APP_SECRET).call(INFO, None)
    assert server.requests[0].form["client_secret"] == APP_SECRET


def test_a_token_is_refreshed_before_it_expires(serve: Any, connect: Any, clock: VirtualClock) -> None:
    server, url = serve()
    client = connect(url, **LASTING)
    client.call(INFO, None)
    clock.advance(3 * 3600)
    client.call(INFO, None)
    assert server.count(TOKEN) == 1
    clock.advance(3600 - 60)
    client.call(INFO, None)
    assert server.count(TOKEN) == 2
    assert {request.status for request in server.requests} == {200}


def test_an_expired_token_is_refreshed_once_for_all_workers(serve: Any, connect: Any) -> None:
    server, url = serve(latency=0.05)
    client = connect(url, **LASTING)
    client.call(INFO, None)
    server.tokens.expire()
    together = threading.Barrier(8)

    def ask(_: int) -> bytes:
        together.wait()
        return client.call(INFO, None)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert server.count(TOKEN) == 2


def test_the_first_token_is_fetched_once_for_all_workers(serve: Any, connect: Any) -> None:
    server, url = serve(latency=0.05)
    client = connect(url, **LASTING)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.call(INFO, None), range(8)))
    assert server.count(TOKEN) == 1


@pytest.mark.parametrize("name", ["401_expired", "401_expired_charset"])
def test_an_access_token_that_expired_is_replaced_where_there_is_a_refresh_token(
    name: str, serve: Any, connect: Any
) -> None:
    server, url = serve()
    server.faults.next(INFO, FAULTS[name])
    connect(url, **{**LASTING, "access_token": ACCESS_TOKEN}).call(INFO, None)
    assert [request.route for request in server.requests] == [INFO, TOKEN, INFO]


def test_an_access_token_alone_that_expired_names_the_way_to_lasting_access(serve: Any, connect: Any) -> None:
    server, url = serve()
    server.faults.always(INFO, FAULTS["401_expired"])
    with pytest.raises(ConfigurationError, match="dropbox-audit auth") as caught:
        connect(url).call(INFO, None)
    assert is_plain(caught.value)
    assert server.count(INFO) == 1


def test_a_server_that_calls_every_token_expired_is_not_asked_for_ever(serve: Any, connect: Any) -> None:
    server, url = serve()
    server.faults.always(INFO, FAULTS["401_expired"])
    with pytest.raises(ConfigurationError):
        connect(url, **LASTING).call(INFO, None)
    assert server.count(INFO) <= 3


def test_a_revoked_refresh_token_is_told_at_once(serve: Any, connect: Any, clock: VirtualClock) -> None:
    server, url = serve()
    server.tokens.revoke()
    with pytest.raises(ConfigurationError, match="dropbox-audit auth") as caught:
        connect(url, **LASTING).call(INFO, None)
    assert is_plain(caught.value)
    assert (server.count(TOKEN), server.count(INFO), clock.waits) == (1, 0, [])


def test_a_refused_refresh_is_heard_by_one_worker_and_believed_by_all(serve: Any, connect: Any) -> None:
    server, url = serve(latency=0.02)
    client = connect(url, **LASTING)
    client.call(INFO, None)
    server.tokens.expire()
    server.faults.always(TOKEN, Fault(status=400, body=b'{"error":"invalid_grant"}'))
    together = threading.Barrier(5)

    def ask(_: int) -> str:
        together.wait()
        with pytest.raises(ConfigurationError) as caught:
            client.call(INFO, None)
        return str(caught.value)

    with ThreadPoolExecutor(5) as pool:
        [said] = set(pool.map(ask, range(5)))
    assert "dropbox-audit auth" in said
    assert server.count(TOKEN) == 2


def test_a_wrong_app_key_or_secret_is_told(serve: Any, connect: Any) -> None:
    _, url = serve()
    for wrong in ({"app_key": "other"}, {"app_secret": "wrong-secret"}):  # pragma: allowlist secret
        with pytest.raises(ConfigurationError, match="app_key") as caught:
            connect(url, **{**LASTING, **wrong}).call(INFO, None)
        assert "wrong-secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["429_json_header", "500_html", "503_text", "400_html", "truncated", "refused"])
def test_transient_trouble_of_the_token_endpoint_is_tried_again(name: str, serve: Any, connect: Any) -> None:
    server, url = serve()
    server.faults.next(TOKEN, FAULTS[name])
    connect(url, **LASTING).call(INFO, None)
    assert (server.count(TOKEN), server.count(INFO)) == (2, 1)


@pytest.mark.parametrize(
    "answer",
    [{"ok": True}, {"access_token": "x", "expires_in": "soon"}, {"access_token": "x", "expires_in": None}, {}],
    ids=str,
)
def test_a_token_endpoint_that_answers_something_else_is_a_wrong_address(answer: Any, serve: Any, connect: Any) -> None:
    server, url = serve()
    server.faults.always(TOKEN, Fault(status=200, body=orjson.dumps(answer)))
    with pytest.raises(ConfigurationError, match="api_url"):
        connect(url, **LASTING).call(INFO, None)


def test_an_entry_in_netrc_replaces_no_header(
    serve: Any, connect: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\ndefault login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server, url = serve()
    connect(url).call(INFO, None)
    connect(url, **LASTING).call(INFO, None)
    sent = [request.headers.get("authorization") for request in server.requests]
    assert sent[0] == f"Bearer {ACCESS_TOKEN}"
    assert sent[1] is None, "the token endpoint takes client_id from the form"
    assert sent[2] is not None
    assert sent[2].startswith("Bearer sl.u.")


def test_granted_scopes_are_those_that_the_token_endpoint_or_auth_told(serve: Any, connect: Any) -> None:
    server, url = serve()
    assert connect(url).granted_scopes() is None
    assert connect(url, **LASTING).granted_scopes() is None
    assert connect(url, **LASTING, granted_scopes="a.read b.read").granted_scopes() == ["a.read", "b.read"]
    answer = {"access_token": ACCESS_TOKEN, "expires_in": 14400, "scope": "c.read"}
    server.faults.always(TOKEN, Fault(status=200, body=orjson.dumps(answer)))
    assert connect(url, **LASTING, granted_scopes="a.read").granted_scopes() == ["c.read"]


# -- stopping ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", [INFO, TOKEN])
def test_stop_ends_a_wait_at_once(route: str, serve: Any, connect: Any, clock: VirtualClock) -> None:
    server, url = serve()
    server.faults.always(route, rate_limited(60))
    stop = threading.Event()
    clock.on_wait = lambda number: stop.set() if number == 2 else None
    with pytest.raises(Stopped):
        connect(url, stop=stop, **LASTING).call(INFO, None)
    assert (server.count(route), clock.waits) == (2, [60, 60])


def test_stop_ends_a_wait_of_the_real_clock_too(serve: Any, connect: Any) -> None:
    server, url = serve()
    server.faults.next(INFO, rate_limited(20))
    stop = threading.Event()
    client = connect(url, stop=stop, clock=Clock(), notice=lambda _: threading.Timer(0.05, stop.set).start())
    # Were the wait not ended, the second request would be answered.
    with pytest.raises(Stopped):
        client.call(INFO, None)


def test_stop_ends_the_wait_for_the_budget(serve: Any, connect: Any, clock: VirtualClock) -> None:
    server, url = serve()
    stop = threading.Event()
    clock.on_wait = lambda _: stop.set()
    client = connect(url, stop=stop, budget=RequestBudget(None, 1, clock))
    client.call(INFO, None)
    with pytest.raises(Stopped):
        client.call(INFO, None)
    assert server.count(INFO) == 1


def test_once_stopped_nothing_is_asked_any_more(serve: Any, connect: Any) -> None:
    server, url = serve()
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        connect(url, stop=stop).call(INFO, None)
    assert server.requests == []


# -- the request budget -----------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "budget.json"


def test_a_burst_up_to_the_budget_is_free_and_then_each_request_waits_its_turn(file: Path, clock: VirtualClock) -> None:
    budget = RequestBudget(file, 10, clock)
    assert [budget.take() for _ in range(10)] == [0] * 10
    assert [budget.take() for _ in range(2)] == [pytest.approx(360), pytest.approx(720)]
    clock.advance(720)
    assert budget.take() == pytest.approx(360)


def test_an_hour_without_requests_fills_the_budget_and_not_more(file: Path, clock: VirtualClock) -> None:
    budget = RequestBudget(file, 10, clock)
    for _ in range(10):
        budget.take()
    clock.advance(3600)
    assert budget.level() == pytest.approx(10)
    clock.advance(36000)
    assert budget.level() == pytest.approx(10)


def test_runs_that_share_the_file_share_the_budget(file: Path, clock: VirtualClock) -> None:
    for _ in range(10):
        assert RequestBudget(file, 10, clock).take() == 0
    assert RequestBudget(file, 10, clock).take() == pytest.approx(360)
    assert RequestBudget(file.with_name("other.json"), 10, clock).take() == 0


def test_threads_take_each_request_once(file: Path, clock: VirtualClock) -> None:
    budgets = [RequestBudget(file, 50, clock) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        waits = list(pool.map(lambda number: budgets[number % 4].take(), range(60)))
    assert sum(wait == 0 for wait in waits) == 50


def test_no_budget_means_no_limit_and_no_file(file: Path, clock: VirtualClock) -> None:
    budget = RequestBudget(file, 0, clock)
    assert {budget.take() for _ in range(2000)} == {0}
    assert not file.exists()


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(hours=-1), timedelta(days=400)], ids=str)
def test_a_clock_that_is_set_neither_freezes_nor_overfills_the_budget(
    jump: timedelta, file: Path, clock: VirtualClock
) -> None:
    for _ in range(8):
        RequestBudget(file, 10, clock).take()
    clock.set_wall_clock(NOON + jump)
    level = RequestBudget(file, 10, clock).level()
    assert (1 if jump < timedelta() else 9) < level <= 10
    assert RequestBudget(file, 10, clock).take() == 0
    clock.advance(3600)
    assert RequestBudget(file, 10, clock).level() == pytest.approx(10)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"level":"x","at":1}', '{"at":1}'])
def test_a_damaged_file_is_a_full_budget(text: str, file: Path, clock: VirtualClock) -> None:
    file.parent.mkdir()
    file.write_text(text)
    budget = RequestBudget(file, 5, clock)
    assert [budget.take() for _ in range(6)] == [0, 0, 0, 0, 0, pytest.approx(720)]


def test_a_smaller_budget_holds_from_the_next_run_on(file: Path, clock: VirtualClock) -> None:
    RequestBudget(file, 1000, clock).take()
    assert RequestBudget(file, 5, clock).level() == pytest.approx(5)


def test_the_client_counts_each_attempt_but_not_the_tokens_and_says_that_it_waits(
    serve: Any, connect: Any, clock: VirtualClock, notices: list[str]
) -> None:
    server, url = serve()
    server.faults.at(INFO, 2, html_error(503))
    client = connect(url, budget=RequestBudget(None, 3, clock), **LASTING)
    client.call(INFO, None)
    client.call(INFO, None)
    assert clock.waits == [1]
    client.call(INFO, None)
    assert sum(clock.waits[1:]) == pytest.approx(1200, rel=0.01)
    assert (client.traffic.requests, server.count(INFO), server.count(TOKEN)) == (4, 4, 1)
    assert client.traffic.waited_seconds == pytest.approx(1201, rel=0.01)
    assert "requests_per_hour" in notices[-1]
    assert "3 requests" in notices[-1]


@pytest.mark.usefixtures("workspace")
def test_an_app_has_one_budget_whatever_its_tokens_and_the_file_tells_no_secret(clock: VirtualClock) -> None:
    url = "https://api.dropboxapi.com"
    one = request_budget(Settings(api_url=url, app_key="key", refresh_token="secret-1"), clock)
    two = request_budget(Settings(api_url=url, app_key="key", refresh_token="secret-2"), clock)
    other = request_budget(Settings(api_url=url, access_token="secret-3"), clock)
    assert one.path is not None
    assert one.path == two.path != other.path
    for budget in (one, other):
        budget.take()
        assert budget.path is not None
        assert "secret" not in str(budget.path) + budget.path.read_text()
    assert json.loads(one.path.read_text())["level"] == pytest.approx(999)


def test_a_closed_client_asks_nothing_when_a_wait_is_over(serve: Any, connect: Any, clock: VirtualClock) -> None:
    server, url = serve()
    server.faults.always(INFO, FAULTS["503_html"])
    client = connect(url)
    clock.on_wait = lambda number: client.close() if number == 2 else None
    with pytest.raises(Stopped):
        client.call(INFO, None)
    assert server.count(INFO) == 2
