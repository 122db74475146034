"""The simulated Dropbox as an ASGI application: authorisation, routes, faults, and a journal of what was asked."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route as Path
from starlette.types import Receive, Scope, Send

from dropbox_audit.demo import wire
from dropbox_audit.demo.answers import TEXT, Answer, AnswerError, bad_request, dotted, error, plain, random_from
from dropbox_audit.demo.arguments import parse
from dropbox_audit.demo.clock import Clock
from dropbox_audit.demo.directory import Directory, small_directory
from dropbox_audit.demo.faults import Fault, Faults
from dropbox_audit.demo.log import Mode, SimulatedLog
from dropbox_audit.demo.oauth import ALL_SCOPES, Token, Tokens
from dropbox_audit.demo.routes import ROUTES, Call, Route

_CONTENT_TYPES = ("application/json", "application/json; charset=utf-8", "text/plain; charset=dropbox-cors-hack")


@dataclass(slots=True)
class SimulatedRequest:
    """One request in the journal.

    Attributes:
        route: as in the documentation, e.g. ``team_log/get_events``; ``oauth2/token`` for tokens; for what is neither,
            the path.
        ordinal: the how-many-eth request to this route, from 1.
        arrived: when, by the simulator's clock.
        headers: as received, names in lower case.
        body: as received.
        status: of the answer; None while there is none, and where the connection broke before one.
        fault: what was done to it on purpose.
    """

    route: str
    ordinal: int
    arrived: datetime
    headers: dict[str, str]
    body: bytes
    status: int | None = None
    fault: Fault | None = None

    @property
    def argument(self) -> Any:
        """The body as JSON; None if it is not."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace")))


class SimulatedDropbox:
    """A Dropbox API server for one team. ``running(server)`` puts it on a port.

    Args:
        log: the audit log; an empty one when left out.
        directory: the rest of the team; a team of one when left out.
        clock: the time it lives in; the real one when left out.
        faults: what goes wrong; nothing when left out. More can be added while it runs: ``server.faults``.
        scopes: what the demo's tokens were granted.
        app_scopes: what the app's console allows.
        has_team_file_events: whether the team's plan shows file operations; without, they are silently absent.
        latency: seconds that every answer takes longer.
        quota: requests per minute to ``/2/…`` before 429; None: as many as you like.
        seed: decides the number of dots in error summaries; the log has its own.
    """

    def __init__(
        self,
        log: SimulatedLog | None = None,
        *,
        directory: Directory | None = None,
        clock: Clock | None = None,
        faults: Faults | None = None,
        scopes: Iterable[str] = ALL_SCOPES,
        app_scopes: Iterable[str] = ALL_SCOPES,
        has_team_file_events: bool = True,
        latency: float = 0.0,
        quota: int | None = None,
        seed: int = 7,
    ) -> None:
        self.log = SimulatedLog() if log is None else log
        self.directory = small_directory() if directory is None else directory
        self.clock = Clock() if clock is None else clock
        self.faults = Faults() if faults is None else faults
        self.tokens = Tokens(self.clock, app_scopes, scopes, self.directory.info["team_id"])
        self.has_team_file_events = has_team_file_events
        self.latency = latency
        self.quota = quota
        self._rng = random_from(seed)
        self.requests: list[SimulatedRequest] = []
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        endpoint = _Endpoint(self)
        self.app = Starlette(routes=[Path("/{path:path}", endpoint)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await self.app(scope, receive, send)

    def count(self, route: str) -> int:
        """How many requests a route has had."""
        return self._counts[route]

    def record(self, route: str, headers: Mapping[str, str], body: bytes) -> SimulatedRequest:
        """Write a request into the journal."""
        with self._lock:
            self._counts[route] += 1
            request = SimulatedRequest(route, self._counts[route], self.clock.now(), dict(headers), body)
            self.requests.append(request)
        return request

    def answer(self, request: SimulatedRequest, method: str, query: Mapping[str, str], mode: Mode) -> Answer:
        """The true answer to a request."""
        try:
            if request.route == "oauth2/token":
                return self._token(request, method)
            if request.route == "oauth2/authorize":
                return self.tokens.authorize_page(query)
            return self._call(request, method, mode)
        except AnswerError as problem:
            return dotted(problem.answer, self._rng.randrange(4)) if problem.answer.reason else problem.answer

    def _token(self, request: SimulatedRequest, method: str) -> Answer:
        if method != "POST":
            raise plain(405, "Method Not Allowed")
        return self.tokens.grant(request.form, request.headers.get("authorization"))

    def _call(self, request: SimulatedRequest, method: str, mode: Mode) -> Answer:
        name = request.route
        route = ROUTES.get(name)
        if route is None:
            raise plain(404, f'Unknown API function: "{name}"')
        if method != "POST":
            sentence = f'Your request\'s HTTP request method is "{method}".'
            raise bad_request(name, f'{sentence} This function only accepts the HTTP request method "POST".')
        token = self.tokens.authorise(request.headers.get("authorization"), name)
        self._check_scopes(name, route, token)
        self._check_quota(request)
        member = self._member(name, request.headers) if route.is_for_user else ""
        content_type = request.headers.get("content-type", "")
        if content_type.lower() not in _CONTENT_TYPES and (content_type or request.body):
            shown = ", ".join(f'"{kind}"' for kind in _CONTENT_TYPES)
            raise bad_request(name, f'Bad HTTP "Content-Type" header: "{content_type}". Expecting one of {shown}.')
        argument = parse(name, request.body, route.argument)
        return route.answer(Call(self, name, argument, token, member, mode))

    def _check_scopes(self, name: str, route: Route, token: Token) -> None:
        needed = [route.scope] if route.scope else []
        needed += ["team_data.member"] if route.is_for_user else []
        for scope in needed:
            if scope not in self.tokens.app_scopes:
                sentence = (
                    "Your app is not permitted to access this endpoint because it does not have the required scope "
                    f"'{scope}'. The owner of the app can enable the scope for the app using the Permissions tab on "
                    "the App Console."
                )
                raise bad_request(name, sentence)
            if scope not in token.scopes:
                raise error(401, "missing_scope", required_scope=scope)

    def _check_quota(self, request: SimulatedRequest) -> None:
        if self.quota is None:
            return
        now = request.arrived.timestamp()
        recent = [
            r for r in self.requests if now - r.arrived.timestamp() < 60 and r.route in ROUTES and r.status != 429
        ]
        if len(recent) > self.quota:
            wait = max(1, round(60 - (now - recent[0].arrived.timestamp())))
            body = {"error_summary": "too_many_requests/..", "error": {"reason": {".tag": "too_many_requests"}}}
            raise AnswerError(Answer(429, orjson.dumps(body), headers={"retry-after": str(wait)}))

    def _member(self, name: str, headers: Mapping[str, str]) -> str:
        """Whom a user route is called for: a team's token must say."""
        selected = headers.get("dropbox-api-select-user")
        is_admin = selected is None and "dropbox-api-select-admin" in headers
        if is_admin:
            selected = headers["dropbox-api-select-admin"]
        if selected is None:
            sentence = (
                "This API function operates on a single Dropbox account, but the OAuth 2 access token you provided is "
                "for an entire Dropbox Business team. Since your API app key has team member file access permissions, "
                'you can operate on a team member\'s Dropbox by providing the "Dropbox-API-Select-User" HTTP header '
                'or "select_user" URL parameter to specify the exact user.'
            )
            raise bad_request(name, sentence)
        member = self.directory.member(selected)
        status = "removed" if member is None else member["profile"]["status"][".tag"]
        if status == "suspended":
            raise error(401, "user_suspended")
        if status != "active":
            raise error(401, "invalid_select_admin" if is_admin else "invalid_select_user")
        return selected


class _Endpoint:
    """Every path leads here: journal, delay, fault, answer."""

    def __init__(self, server: SimulatedDropbox) -> None:
        self.server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            is_whole = await self._serve(scope, receive, send)
        except asyncio.CancelledError:  # the server is going down
            wire.reset(scope)
            is_whole = False
        while not is_whole and (await receive())["type"] != "http.disconnect":
            pass

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer one request; whether the whole answer went out."""
        server = self.server
        http = Request(scope, receive)
        path: str = scope["path"]
        route = path[3:] if path.startswith("/2/") else path[1:] if path.startswith("/oauth2/") else path
        request = server.record(route, http.headers, await http.body())
        request.fault = server.faults.find(request)
        fault = request.fault or _NO_FAULT
        if server.latency or fault.behaviour == "stall":
            await asyncio.sleep(server.latency + (fault.seconds if fault.behaviour == "stall" else 0.0))
        if fault.behaviour == "answer":
            answer = _from(fault)
        else:
            answer = server.answer(request, http.method, http.query_params, _MODES.get(fault.behaviour, "normal"))
        if fault.behaviour == "refuse":
            wire.reset(scope)
            return False
        request.status = answer.status
        await _start(answer, send)
        if fault.behaviour in ("truncate", "reset"):
            await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
            await asyncio.sleep(0.02)  # lets the client see the first half before a reset takes the rest
            (wire.close if fault.behaviour == "truncate" else wire.reset)(scope)
            return False
        if fault.behaviour == "drip":
            await _drip(answer.body, fault.seconds, send)
        else:
            await send({"type": "http.response.body", "body": answer.body})
        return True


_NO_FAULT = Fault("none")
_MODES: dict[str, Mode] = {"replay": "replay", "stuck": "stuck"}


async def _start(answer: Answer, send: Send) -> None:
    headers = {"x-dropbox-request-id": uuid4().hex, "content-length": str(len(answer.body))} | answer.headers
    if answer.content_type:
        headers.setdefault("content-type", answer.content_type)
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    if answer.reason:
        encoded.append((wire.REASON_HEADER, answer.reason.encode("latin-1")))
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})


async def _drip(body: bytes, seconds: float, send: Send) -> None:
    pieces = 10
    size = len(body) // pieces + 1
    for start in range(0, len(body), size):
        await asyncio.sleep(seconds / pieces)
        piece = body[start : start + size]
        await send({"type": "http.response.body", "body": piece, "more_body": start + size < len(body)})


def _from(fault: Fault) -> Answer:
    reason = ""
    if fault.status >= 400 and fault.body.startswith(b'{"error_summary"'):
        reason = orjson.loads(fault.body)["error_summary"]
    headers = dict(fault.headers)
    return Answer(fault.status, fault.body, headers.pop("content-type", TEXT), headers, reason)
