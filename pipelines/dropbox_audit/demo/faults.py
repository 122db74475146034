"""What goes wrong between a client and Dropbox, each as one answer, and the plan of which request gets which.

    faults = Faults()
    faults.at("team_log/get_events/continue", 3, rate_limited(seconds=2))
    faults.always("team/get_info", html_error(503))

``FAULTS`` lists every fault by name with plain settings, for tests that go through all of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import orjson

if TYPE_CHECKING:
    from dropbox_audit.demo.server import SimulatedRequest

Behaviour = Literal["none", "answer", "truncate", "reset", "refuse", "drip", "stall", "replay", "stuck"]

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        behaviour: ``none``: the true answer. ``answer``: this answer instead. The others spoil the true one:
            ``truncate`` ends the connection half-way through the body, ``reset`` breaks it there, ``refuse`` breaks it
            before the first byte, ``drip`` sends in slow small pieces, ``stall`` waits before it answers, ``replay``
            serves the page before under a new cursor, ``stuck`` leaves the cursor as it was and says ``has_more``.
        status: HTTP status of an ``answer``.
        body: of an ``answer``.
        headers: of an ``answer``.
        seconds: how long a ``drip`` takes in all, how long a ``stall`` waits.
    """

    behaviour: Behaviour = "answer"
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0


def json_error(
    status: int, error: dict[str, Any], *, retry_after: str | None = None, content_type: str = JSON
) -> Fault:
    """An error in Dropbox's envelope; its summary is the tag path."""
    inner = error.get("reason", error)
    headers = (("content-type", content_type),) + ((("retry-after", retry_after),) if retry_after is not None else ())
    body = orjson.dumps({"error_summary": f"{inner['.tag']}/.", "error": error})
    return Fault(status=status, body=body, headers=headers)


def text_error(status: int, text: str, *, retry_after: str | None = None) -> Fault:
    """An error as plain text, as Dropbox answers what it could not parse, and sometimes 429."""
    headers = (("content-type", TEXT),) + ((("retry-after", retry_after),) if retry_after is not None else ())
    return Fault(status=status, body=text.encode(), headers=headers)


def html_error(status: int, *, retry_after: str | None = None) -> Fault:
    """An error page, as a proxy or load balancer in front of the API answers."""
    page = f"<!DOCTYPE html>\n<html><head><title>Dropbox - {status}</title></head><body><h1>Error</h1></body></html>\n"
    headers = (("content-type", HTML),) + ((("retry-after", retry_after),) if retry_after is not None else ())
    return Fault(status=status, body=page.encode(), headers=headers)


def expired_token(*, content_type: str = JSON) -> Fault:
    """401: the access token is more than four hours old."""
    return json_error(401, {".tag": "expired_access_token"}, content_type=content_type)


def missing_scope(scope: str) -> Fault:
    """401: the token was granted without this scope."""
    return json_error(401, {".tag": "missing_scope", "required_scope": scope})


def auth_error(tag: str) -> Fault:
    """401 with any tag: ``invalid_access_token``, ``user_suspended``, ``invalid_select_user``, ``other`` and so on."""
    return json_error(401, {".tag": tag})


def access_error(tag: str, **fields: Any) -> Fault:
    """403: ``invalid_account_type``, ``paper_access_denied``, ``team_access_denied``, ``no_permission``."""
    return json_error(403, {".tag": tag, **fields})


def route_error(tag: str, **fields: Any) -> Fault:
    """409 with any tag: an error that the route itself defines, or one that nobody knows yet."""
    return json_error(409, {".tag": tag, **fields})


def rate_limited(seconds: float | None = 1, *, tag: str = "too_many_requests", in_body: bool = False) -> Fault:
    """429 as JSON.

    Args:
        seconds: how long to wait; None leaves it out altogether, as production has done. A float is sent as one.
        tag: ``too_many_requests`` or ``too_many_write_operations``.
        in_body: say it in the body instead of the ``Retry-After`` header.
    """
    error: dict[str, Any] = {"reason": {".tag": tag}}
    if seconds is not None and in_body:
        error["retry_after"] = seconds
    return json_error(429, error, retry_after=None if in_body or seconds is None else str(seconds))


def rate_limited_text(seconds: float | None = 1) -> Fault:
    """429 as plain text."""
    return text_error(429, "too_many_requests", retry_after=None if seconds is None else str(seconds))


def truncated() -> Fault:
    """The connection ends half-way through the body, without an error of its own."""
    return Fault("truncate")


def connection_reset() -> Fault:
    """The connection breaks half-way through the body."""
    return Fault("reset")


def connection_refused() -> Fault:
    """The connection breaks before the answer begins."""
    return Fault("refuse")


def slow_drip(seconds: float = 1.0) -> Fault:
    """The body arrives in small pieces over so many seconds."""
    return Fault("drip", seconds=seconds)


def stall(seconds: float = 60.0) -> Fault:
    """Nothing happens for so many seconds; then the true answer."""
    return Fault("stall", seconds=seconds)


def replayed_page() -> Fault:
    """The page before once more, under a new cursor; the walk goes on from there as if nothing had happened."""
    return Fault("replay")


def stuck_cursor() -> Fault:
    """The page that is due, but under the cursor that came, and with ``has_more``."""
    return Fault("stuck")


_CALL = 'Error in call to API function "team_log/get_events": '
_MALFORMED = _CALL + "The given OAuth 2 access token is malformed."
_APP_LACKS_SCOPE = _CALL + (
    "Your app is not permitted to access this endpoint because it does not have the required scope 'events.read'. The "
    "owner of the app can enable the scope for the app using the Permissions tab on the App Console."
)
_USER_TOKEN = _CALL + (
    "This is a DfB team management function. The OAuth 2 access token you provided is for a specific Dropbox user "
    "account and does not work with this function."
)

FAULTS: dict[str, Fault] = {
    "400_text": text_error(400, _MALFORMED),
    "400_app_lacks_scope": text_error(400, _APP_LACKS_SCOPE),
    "400_user_token": text_error(400, _USER_TOKEN),
    "400_html": html_error(400),
    "401_expired": expired_token(),
    "401_expired_charset": expired_token(content_type="application/json; charset=utf-8"),
    "401_missing_scope": missing_scope("events.read"),
    "401_invalid": auth_error("invalid_access_token"),
    "401_suspended": auth_error("user_suspended"),
    "401_select_user": auth_error("invalid_select_user"),
    "401_other": auth_error("other"),
    "401_text": text_error(401, "Unauthorized"),
    "403_account_type": access_error("invalid_account_type", invalid_account_type={".tag": "endpoint"}),
    "403_team_access": access_error("team_access_denied"),
    "403_no_permission": access_error("no_permission"),
    "409_bad_cursor": route_error("bad_cursor"),
    "409_reset": route_error("reset", reset="2026-11-01T00:00:00Z"),
    "409_account_id_not_found": route_error("account_id_not_found"),
    "409_invalid_time_range": route_error("invalid_time_range"),
    "409_invalid_filters": route_error("invalid_filters"),
    "409_other": route_error("other"),
    "409_unknown_tag": route_error("cursor_too_heavy"),
    "422_path_root": json_error(422, {".tag": "invalid_root"}),
    "429_json_header": rate_limited(1),
    "429_json_body": rate_limited(1, in_body=True),
    "429_json_bare": rate_limited(None),
    "429_json_float": rate_limited(0.5),
    "429_write_operations": rate_limited(1, tag="too_many_write_operations"),
    "429_text_header": rate_limited_text(1),
    "429_text_bare": rate_limited_text(None),
    "500_html": html_error(500),
    "500_json": json_error(500, {".tag": "internal_error"}),
    "502_html": html_error(502),
    "503_html": html_error(503),
    "503_html_header": html_error(503, retry_after="1"),
    "503_text": text_error(503, "Service Unavailable"),
    "truncated": truncated(),
    "reset": connection_reset(),
    "refused": connection_refused(),
    "drip": slow_drip(0.2),
    "stall": stall(0.2),
    "replay": replayed_page(),
    "stuck": stuck_cursor(),
}
"""Every fault with plain settings, by name."""

Condition = Callable[["SimulatedRequest"], bool]


@dataclass(slots=True)
class _Rule:
    condition: Condition
    fault: Fault
    left: int | None
    hits: int = field(default=0)


class Faults:
    """Which request gets which fault. The first rule that fits a request decides.

    Routes are named as in the documentation, e.g. ``team_log/get_events/continue``; the token endpoint is
    ``oauth2/token``; ``*`` stands for every route. Rules can be added while the server runs.
    """

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    def at(self, route: str, ordinal: int, fault: Fault, *, times: int = 1) -> Faults:
        """Let the ``ordinal``-th request to ``route`` fail (from 1, since the server began), and ``times`` in all."""
        wanted = range(ordinal, ordinal + times)
        return self._add(_Rule(lambda r: _fits(route, r) and r.ordinal in wanted, fault, times))

    def next(self, route: str, fault: Fault, *, times: int = 1) -> Faults:
        """Let the next ``times`` requests to ``route`` fail."""
        return self._add(_Rule(lambda r: _fits(route, r), fault, times))

    def always(self, route: str, fault: Fault) -> Faults:
        """Let every request to ``route`` fail, until ``clear``."""
        return self._add(_Rule(lambda r: _fits(route, r), fault, None))

    def when(self, condition: Condition, fault: Fault, *, times: int | None = None) -> Faults:
        """Let requests fail for which ``condition`` is true."""
        return self._add(_Rule(condition, fault, times))

    def clear(self) -> None:
        """Let everything succeed again."""
        with self._lock:
            self._rules.clear()

    @property
    def is_spent(self) -> bool:
        """Whether every fault that was planned a number of times has happened as often."""
        return all(rule.left in (None, 0) for rule in self._rules)

    def find(self, request: SimulatedRequest) -> Fault | None:
        """The fault for this request, which counts as used."""
        with self._lock:
            for rule in self._rules:
                if rule.left != 0 and rule.condition(request):
                    rule.left = None if rule.left is None else rule.left - 1
                    rule.hits += 1
                    return rule.fault
        return None

    def _add(self, rule: _Rule) -> Faults:
        with self._lock:
            self._rules.append(rule)
        return self


def with_headers(fault: Fault, **headers: str) -> Fault:
    """The same fault with more headers (underscores become hyphens)."""
    more = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return replace(fault, headers=fault.headers + more)


def _fits(route: str, request: SimulatedRequest) -> bool:
    return route in ("*", request.route)
