"""What Dropbox's answers mean: transient, permanent, or a fact that the walk handles."""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import orjson
import requests

from dropbox_audit import rawjson
from dropbox_audit.errors import ConfigurationError, MissingScopeError
from dropbox_audit.wording import one_line

_SCOPE = re.compile(r"required scope '([\w.]+)'")


class CursorLost(Exception):
    """Dropbox no longer knows the cursor: `reset` (with the approximate time it had reached), `bad_cursor` or such."""

    def __init__(self, tag: str, reached: datetime | None) -> None:
        super().__init__(tag)
        self.tag = tag
        self.reached = reached


class TransientTrouble(Exception):
    def __init__(self, what: str, asked: float | None = None, *, contact: bool = True) -> None:
        super().__init__(what)
        self.asked = asked
        """Seconds the server asked to wait, if it did."""
        self.contact = contact
        """Whether anything answered at all."""


class TokenExpired(Exception):
    pass


def raise_for_answer(route: str, response: requests.Response, content: bytes, facts: Collection[str] = ()) -> NoReturn:
    """Raise what an answer other than 200 to an API call means; `facts` are refusals that the caller handles."""
    status = response.status_code
    text = _plain(content)
    error = _error_union(content)
    tag = error.get(".tag")
    if status == 429:
        raise TransientTrouble("429, too many requests", _seconds_asked(response, content))
    if status >= 500 or status == 408:
        raise TransientTrouble(f"status {status}", _seconds_asked(response, content))
    if status == 401 and tag == "expired_access_token":
        raise TokenExpired
    if (status == 409 and tag in {"reset", "bad_cursor", "invalid_cursor"}) or tag in facts:
        raise CursorLost(str(tag), _timestamp(error.get("reset")))
    if status == 400 and content.lstrip()[:1] == b"<":
        raise TransientTrouble("an HTML page instead of JSON (status 400)", _seconds_asked(response, content))
    if tag == "missing_scope":
        raise MissingScopeError(
            f"The token lacks the scope {error.get('required_scope', '?')}: tick it under Permissions in the Dropbox "
            "App Console, then run `dropbox-audit auth` again (existing tokens are not upgraded).",
            str(error.get("required_scope") or ""),
        )
    if status == 400 and "required scope" in text:
        named = _SCOPE.search(text)
        raise MissingScopeError(
            f"{text} Afterwards run `dropbox-audit auth` again: existing tokens are not upgraded.",
            named[1] if named else "",
        )
    if status == 401:
        raise ConfigurationError(
            f"Dropbox refuses the token ({tag or text or 'status 401'}): run `dropbox-audit auth` again."
        )
    if status in {301, 302, 303, 307, 308, 404, 405}:
        raise ConfigurationError(
            f"The server at api_url does not know /2/{route} (status {status}): is api_url Dropbox's address?"
        )
    reason = (tag or text or "no reason given").rstrip(".")
    if status == 403 or (status == 400 and ("access token" in text or "Authorization" in text)):
        raise ConfigurationError(
            f"Dropbox refuses {route} with this token (status {status}): {reason}. Run `dropbox-audit auth` again, "
            "signed in as an admin of the team."
        )
    raise ConfigurationError(
        f"Dropbox refuses {route} (status {status}): {reason}. `dropbox-audit check` tells whether access is in order."
    )


def raise_for_token_answer(response: requests.Response, content: bytes) -> NoReturn:
    """Raise what an answer other than 200 of the token endpoint means."""
    status = response.status_code
    if status in {408, 429} or status >= 500:
        raise TransientTrouble(f"status {status} to a token request", _seconds_asked(response, content))
    if status == 400 and content.lstrip()[:1] == b"<":
        raise TransientTrouble("an HTML page instead of a token (status 400)", _seconds_asked(response, content))
    try:
        answer = orjson.loads(content)
        reason = one_line(str(answer.get("error") or ""))[:200]
    except (orjson.JSONDecodeError, AttributeError):
        reason = ""
    if reason.startswith("invalid_grant"):
        raise ConfigurationError("The refresh token is revoked or malformed: run `dropbox-audit auth` again.")
    if reason.startswith("invalid_client"):
        raise ConfigurationError("Dropbox does not know this app_key and app_secret: check both in the App Console.")
    if status in {301, 302, 303, 307, 308, 404, 405}:
        raise ConfigurationError(
            f"The server at api_url has no token endpoint (status {status}): is api_url Dropbox's address?"
        )
    raise ConfigurationError(
        f"Dropbox gives no token (status {status}): {reason or 'no reason given'}. Run `dropbox-audit auth` again."
    )


def require_json(content: bytes) -> None:
    """Raise `TransientTrouble` unless a body is one complete JSON object."""
    if not rawjson.is_whole_object(content):
        raise TransientTrouble("a truncated or non-JSON body", contact=not content.lstrip().startswith(b"<"))


def _error_union(content: bytes) -> dict[str, Any]:
    try:
        error = orjson.loads(content).get("error")
    except (orjson.JSONDecodeError, AttributeError):
        return {}
    if not isinstance(error, dict):
        error = {".tag": error} if isinstance(error, str) else {}
    # Tags are said back, so they must be text of one line whatever the server sends.
    said = {key: one_line(str(error[key]))[:200] for key in (".tag", "required_scope") if error.get(key) is not None}
    return error | said


def _seconds_asked(response: requests.Response, content: bytes) -> float | None:
    """The longest wait that header or body ask for: `300`, `60.0` and an HTTP date are all seen in the wild."""
    header = response.headers.get("Retry-After", "")
    asked = [_number(header), _number(_error_union(content).get("retry_after"))]
    until = _http_date(header)
    if until is not None:
        # By the server's own clock where it tells it: ours may be ahead.
        sent = _http_date(response.headers.get("Date", "")) or datetime.now(UTC)
        asked.append((until - sent).total_seconds())
    usable = [seconds for seconds in asked if 0 < seconds < float("inf")]
    return max(usable) if usable else None


def _number(value: object) -> float:
    """A number of seconds, also as text; 0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _timestamp(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _plain(content: bytes) -> str:
    """A body as one short line without secrets and control characters."""
    return one_line(content[:100_000].decode("utf-8", "replace"))[:400]
