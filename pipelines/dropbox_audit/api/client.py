"""The client: tokens, waiting, one HTTP exchange after the other. Safe to use from several threads."""

import codecs
import threading
import time
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NoReturn

import orjson
import requests
import urllib3
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from dropbox_audit.api.answers import (
    TokenExpired,
    TransientTrouble,
    raise_for_answer,
    raise_for_token_answer,
    require_json,
)
from dropbox_audit.api.budget import RequestBudget
from dropbox_audit.clock import Clock
from dropbox_audit.errors import ConfigurationError, RunError, Stopped
from dropbox_audit.settings import Settings, duration, is_encrypted
from dropbox_audit.wording import keep_secret, one_line, without_secrets

PAGE_LIMIT = 1000
"""Events asked for in one page: the most Dropbox gives."""

_LONGEST_DELAY = 600.0
_CONNECT_TIMEOUT = 10.0
_READ_TIMEOUT = 60.0
_BODY_TIMEOUT = 180.0
_FIRST_CONTACT_TIMEOUT = 20.0
"""How long a run that never reached the server keeps trying: a wrong address should not take half an hour to say so."""
_PIECE_BYTES = 1 << 18
"""The most that is taken from a connection at once: large enough that a page of megabytes is a few pieces."""
_REFRESH_AHEAD = timedelta(minutes=5)

Notice = Callable[[str], None]


class _Bearer(AuthBase):
    """As an `AuthBase`, so that an entry in ~/.netrc cannot replace the header."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


@dataclass
class Traffic:
    """What a client has done so far; read by run records."""

    requests: int = 0
    retries: int = 0
    waited_seconds: float = 0.0


@dataclass
class _Token:
    value: str
    expires_at: datetime | None = None


@dataclass
class Tokens:
    """The access token that the clients of one process share, one after the other or at the same time."""

    token: _Token | None = None
    scopes: list[str] | None = None
    refusal: str | None = None
    """Why there will be no further token: one worker hears it, the others need not ask."""
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class _Pause:
    """Until when no worker may ask again."""

    until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class DropboxClient:
    """Calls Dropbox's RPC routes. Safe to use from several threads.

    Args:
        settings: credentials, `api_url`, `give_up_after`.
        budget: shared token bucket, or None for no limit (the probes of `check`).
        clock: source of time; a virtual one in tests.
        stop: set it and every wait ends with `Stopped`.
        notice: called with one sentence whenever the client has to wait.
        tokens: what earlier clients with these settings have fetched; a token lasts hours.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        budget: RequestBudget | None = None,
        clock: Clock | None = None,
        stop: threading.Event | None = None,
        notice: Notice = lambda _: None,
        tokens: Tokens | None = None,
    ) -> None:
        if not settings.has_credentials():
            raise ConfigurationError(
                "No Dropbox credentials: run `dropbox-audit auth`, or set app_key and refresh_token "
                "(or access_token) in section sources.dropbox_audit."
            )
        for secret in (settings.access_token, settings.refresh_token, settings.app_secret):
            keep_secret(secret)
        self.traffic = Traffic()
        self._settings = settings
        self._url = settings.api_url
        self._give_up_after = duration(settings.give_up_after, "give_up_after").total_seconds()
        self._budget = budget
        self._clock = clock or Clock()
        self._stop = stop or threading.Event()
        self._is_closed = False
        self._notice = notice
        self._local = threading.local()
        self._traffic_lock = threading.Lock()
        self._tokens = tokens or Tokens()
        if self._tokens.token is None and settings.access_token:
            self._tokens.token = _Token(settings.access_token)
        self._pause = _Pause()
        self._was_reached = False

    def close(self) -> None:
        """Ask nothing any more: whoever still waits for a turn, in any thread, ends with `Stopped`."""
        self._is_closed = True

    # -- the log ------------------------------------------------------------------------------------------------

    def get_events(self, start_time: datetime | None = None, end_time: datetime | None = None) -> bytes:
        """First page of a walk: `start_time` inclusive, `end_time` exclusive. Returns the answer's JSON."""
        bounds = {
            key: moment.strftime("%Y-%m-%dT%H:%M:%SZ")
            for key, moment in (("start_time", start_time), ("end_time", end_time))
            if moment is not None
        }
        return self.call("team_log/get_events", {"limit": PAGE_LIMIT} | ({"time": bounds} if bounds else {}))

    def continue_events(self, cursor: str) -> bytes:
        """The page after `cursor`, as JSON; raises `CursorLost` when Dropbox no longer knows it."""
        return self.call("team_log/get_events/continue", {"cursor": cursor})

    def granted_scopes(self) -> list[str] | None:
        """The token's scopes, as the token endpoint tells them now or told `auth`; None where it never did."""
        self._current_token()
        kept = self._settings.granted_scopes
        return self._tokens.scopes or (kept.split() if kept and not self._settings.access_token else None)

    # -- any route ----------------------------------------------------------------------------------------------

    def call(
        self,
        route: str,
        argument: Mapping[str, Any] | None,
        *,
        headers: Mapping[str, str] | None = None,
        facts: Collection[str] = (),
        is_list: bool = False,
    ) -> bytes:
        """POST `argument` to `/2/<route>` until it is answered; returns the body, which is valid JSON.

        Args:
            route: as in Dropbox's documentation.
            argument: the route's, likewise.
            headers: further ones, such as the member that a user's route is called for.
            facts: refusals of this route that the caller handles as it does a lost cursor.
            is_list: the route answers with a list; all others answer with an object.

        Raises:
            CursorLost: 409 `reset`, `bad_cursor`, `invalid_cursor` or one of `facts`.
            ConfigurationError: Dropbox refuses for good: token, scope, argument, address.
            RunError: trouble that lasted longer than `give_up_after`.
            Stopped: the stop event was set while waiting.
        """
        body = orjson.dumps(argument)
        refreshed = 0

        def attempt() -> bytes:
            nonlocal refreshed
            while True:
                self._wait_for_turn()
                token = self._current_token()
                self._count(requests=1)
                try:
                    return self._post(route, body, token, headers or {}, facts, is_list)
                except TokenExpired:
                    refreshed += 1
                    if refreshed > 2 or not self._settings.refresh_token:
                        self._fail_expired()
                    self._refresh(token)

        return self._until_answered(attempt)

    def _post(
        self, route: str, body: bytes, token: str, headers: Mapping[str, str], facts: Collection[str], is_list: bool
    ) -> bytes:
        response, content = self._send(
            f"{self._url}/2/{route}",
            data=body,
            headers={"Content-Type": "application/json", **headers},
            auth=_Bearer(token),
        )
        if response.status_code == 200:
            require_json(b'{"list":%s}' % content if is_list else content)
            return content
        raise_for_answer(route, response, content, facts)
        return None

    # -- one HTTP exchange --------------------------------------------------------------------------------------

    def _send(self, url: str, **request: Any) -> tuple[requests.Response, bytes]:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.headers["User-Agent"] = "dropbox-audit"
            # Only a loopback address may be plain http://, and through a proxy of the environment the token would
            # leave this machine in the clear.
            session.trust_env = is_encrypted(self._url)
        try:
            with session.post(
                url, timeout=(_CONNECT_TIMEOUT, _READ_TIMEOUT), stream=True, allow_redirects=False, **request
            ) as response:
                body = self._read(response).removeprefix(codecs.BOM_UTF8)
                # A page of HTML may come from any server that a wrong address leads to.
                self._was_reached = self._was_reached or not body.lstrip().startswith(b"<")
                return response, body
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader):
            # Not chained: the cause would say the header, that is the token.
            raise ConfigurationError(
                "api_url or a token holds characters that no request can carry: check both."
            ) from None
        except (ValueError, UnicodeError) as error:
            if isinstance(error, requests.RequestException):
                raise TransientTrouble(f"an answer that cannot be read ({type(error).__name__})") from None
            raise ConfigurationError("api_url or a token holds characters that no request can carry.") from None
        except urllib3.exceptions.DecodeError as error:
            raise TransientTrouble(f"an answer that cannot be read ({_cause(error)})", contact=False) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            # The text of these errors names host, port and cause, never headers or bodies.
            raise TransientTrouble(f"a broken connection ({_cause(error)})", contact=False) from error

    def _read(self, response: requests.Response) -> bytes:
        """The whole body, taken as it arrives, so that neither a stop nor the deadline waits for a slow one."""
        # The machine's own time, as the connection's timeouts are: this is no wait of ours.
        deadline = time.monotonic() + _BODY_TIMEOUT
        pieces = []
        # `iter_content` would block until a piece is full.
        while piece := response.raw.read1(_PIECE_BYTES, decode_content=True):
            pieces.append(piece)
            if self._stop.is_set():
                raise Stopped("stopped while reading an answer")
            if time.monotonic() > deadline:
                raise TransientTrouble("an answer that took too long")
        return b"".join(pieces)

    # -- waiting ------------------------------------------------------------------------------------------------

    def _until_answered(self, attempt: Callable[[], bytes]) -> bytes:
        trouble_since: float | None = None

        def patience(error: TransientTrouble) -> float:
            return self._give_up_after if error.contact or self._was_reached else _FIRST_CONTACT_TIMEOUT

        def delay(state: RetryCallState) -> float:
            asked = _error_of(state).asked or 0.0
            return max(asked, min(_LONGEST_DELAY, 2.0 ** (min(state.attempt_number, 20) - 1)))

        def out_of_patience(state: RetryCallState) -> bool:
            nonlocal trouble_since
            now = self._trouble_clock()
            trouble_since = now if trouble_since is None else trouble_since
            return now - trouble_since + delay(state) > min(patience(_error_of(state)), self._give_up_after)

        def give_up(state: RetryCallState) -> NoReturn:
            error = _error_of(state)
            host = self._url.partition("://")[2]
            if not (error.contact or self._was_reached):
                raise RunError(f"No answer from {host}: {error}. Check the network and the setting api_url.") from error
            asked = f" and asks for {error.asked:.0f} s more" if error.asked else ""
            lasted = self._trouble_clock() - (trouble_since or 0.0)
            raise RunError(
                f"Dropbox ({host}) has been failing for {lasted:.0f} s{asked}: {error}. "
                "Everything before it is kept; the next run goes on from there."
            ) from error

        def wait(seconds: float) -> None:
            with self._pause.lock:
                self._pause.until = max(self._pause.until, self._clock.monotonic() + seconds)
            self._wait_for_turn(is_taking=False)

        def tell(state: RetryCallState) -> None:
            self._count(retries=1)
            error = _error_of(state)
            what = "Dropbox answered with" if error.contact else "Dropbox could not be read:"
            self._notice(f"{what} {error}: trying again in {delay(state):.0f} s")

        retrying = Retrying(
            retry=retry_if_exception_type(TransientTrouble),
            stop=out_of_patience,
            wait=delay,
            sleep=wait,
            before_sleep=tell,
            retry_error_callback=give_up,
        )
        try:
            return retrying(attempt)
        except (ConfigurationError, RunError) as error:
            # A server may say back what it was sent, and a traceback shows the causes too.
            shown = "".join(traceback.format_exception(error))
            if without_secrets(shown) == shown:
                raise
            raise type(error)(without_secrets(str(error))) from None

    def _wait_for_turn(self, *, is_taking: bool = True) -> None:
        if is_taking and self._budget is not None:
            seconds = self._budget.take()
            if seconds > 0:
                self._notice(
                    f"The budget of {self._budget.per_hour} requests an hour is used up: waiting {seconds:.0f} s "
                    "(setting requests_per_hour)"
                )
                began = self._clock.monotonic()
                self._sleep(seconds)
                self._local.budget_seconds = self._budget_seconds() + self._clock.monotonic() - began
        # Another worker may be told to wait longer meanwhile, hence the loop.
        while (seconds := self._pause.until - self._clock.monotonic()) > 0:
            self._sleep(seconds)
        if self._stop.is_set() or self._is_closed:
            raise Stopped("stopped before the next request")

    def _budget_seconds(self) -> float:
        """How long this thread has waited for the request budget so far."""
        seconds: float = getattr(self._local, "budget_seconds", 0.0)
        return seconds

    def _trouble_clock(self) -> float:
        """A monotonic clock that stands still while this thread waits for the budget: that is no trouble of Dropbox."""
        return self._clock.monotonic() - self._budget_seconds()

    def _sleep(self, seconds: float) -> None:
        started = self._clock.monotonic()
        stopped = self._clock.wait(self._stop, seconds)
        self._count(waited_seconds=self._clock.monotonic() - started)
        if stopped:
            raise Stopped("stopped while waiting")

    def _count(self, **more: float) -> None:
        with self._traffic_lock:
            for name, amount in more.items():
                setattr(self.traffic, name, getattr(self.traffic, name) + amount)

    # -- tokens -------------------------------------------------------------------------------------------------

    def _current_token(self) -> str:
        with self._tokens.lock:
            token = self._tokens.token
            if token is None or (token.expires_at is not None and self._clock.now() >= token.expires_at):
                token = self._tokens.token = self._fetch_token()
            return token.value

    def _refresh(self, expired: str) -> None:
        with self._tokens.lock:
            # Another worker may have been faster.
            if self._tokens.token is None or self._tokens.token.value == expired:
                self._tokens.token = self._fetch_token()

    def _fetch_token(self) -> _Token:
        settings = self._settings
        if not (settings.app_key and settings.refresh_token):
            self._fail_expired()
        if self._tokens.refusal is not None:
            raise ConfigurationError(self._tokens.refusal)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": settings.refresh_token,
            "client_id": settings.app_key,
        }
        if settings.app_secret:
            form["client_secret"] = settings.app_secret

        def attempt() -> bytes:  # noqa: RET503 - the last line never returns
            # An AuthBase that does nothing keeps ~/.netrc out.
            response, content = self._send(f"{self._url}/oauth2/token", data=form, auth=lambda request: request)
            if response.status_code == 200:
                require_json(content)
                return content
            raise_for_token_answer(response, content)

        try:
            answer = orjson.loads(self._until_answered(attempt))
        except ConfigurationError as error:
            self._tokens.refusal = str(error)
            raise
        try:
            scopes = answer.get("scope")
            self._tokens.scopes = scopes.split() if isinstance(scopes, str) else None
            lifetime = timedelta(seconds=float(answer.get("expires_in", 14400)))
            keep_secret(str(answer["access_token"]))
            return _Token(str(answer["access_token"]), self._clock.now() + lifetime - min(_REFRESH_AHEAD, lifetime / 2))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ConfigurationError(
                f"{self._url} does not answer as Dropbox's token endpoint does: check the setting api_url."
            ) from None

    def _fail_expired(self) -> NoReturn:
        raise ConfigurationError(
            "The access token has expired (they last four hours): run `dropbox-audit auth` once for lasting access."
        )


def _cause(error: BaseException) -> str:
    while error.__context__ is not None or error.__cause__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    said = (error.strerror or str(error)) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
    # Some of these errors hold what the server sent.
    return one_line(said)[:200]


def _error_of(state: RetryCallState) -> TransientTrouble:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, TransientTrouble):
        raise TypeError("only transient trouble is retried")
    return error
