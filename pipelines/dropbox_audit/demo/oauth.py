"""Tokens: what ``/oauth2/authorize`` and ``/oauth2/token`` grant, and for how long."""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from dropbox_audit.demo.answers import HTML, Answer, AnswerError, error, oauth_error, plain, success
from dropbox_audit.demo.clock import Clock

APP_KEY = "demo-app-key"
APP_SECRET = "demo-app-secret"  # noqa: S105  # pragma: allowlist secret
REFRESH_TOKEN = "demo-refresh-token"  # noqa: S105
ACCESS_TOKEN = "demo-access-token"  # noqa: S105

ALL_SCOPES = frozenset(
    {
        "account_info.read",
        "events.read",
        "groups.read",
        "members.read",
        "sessions.list",
        "sharing.read",
        "team_data.content.read",
        "team_data.member",
        "team_info.read",
    }
)
"""Every scope that a simulated route asks for."""

TOKEN_SECONDS = 14400
CODE_SECONDS = 600


@dataclass(slots=True)
class Token:
    """An access token: what it may do, until when, and the refresh token it came from."""

    scopes: frozenset[str]
    expires_at: float | None
    refresh_token: str


@dataclass(slots=True)
class _Code:
    client_id: str
    challenge: str
    method: str
    redirect_uri: str
    scopes: frozenset[str]
    is_offline: bool
    expires_at: float


@dataclass(slots=True)
class _Grant:
    scopes: frozenset[str]
    is_pkce: bool


class Tokens:
    """The token endpoint and its memory.

    Args:
        clock: decides when a token is four hours old.
        app_scopes: scopes ticked in the app's console.
        scopes: scopes that ``REFRESH_TOKEN`` and ``ACCESS_TOKEN`` were granted.
        team_id: comes with every authorisation.
    """

    def __init__(self, clock: Clock, app_scopes: Iterable[str], scopes: Iterable[str], team_id: str) -> None:
        self._clock = clock
        self.app_scopes = frozenset(app_scopes)
        self.team_id = team_id
        granted = frozenset(scopes)
        self._codes: dict[str, _Code] = {}
        self._grants: dict[str, _Grant] = {REFRESH_TOKEN: _Grant(granted, is_pkce=True)}
        self._tokens: dict[str, Token] = {ACCESS_TOKEN: Token(granted, None, "")}

    def authorise(self, authorization: str | None, route: str) -> Token:
        """The token of an ``Authorization`` header.

        Raises:
            AnswerError: 400 if there is none or it is malformed, 401 if it is unknown, revoked or expired.
        """
        prefix = f'Error in call to API function "{route}": '
        if authorization is None:
            text = 'Must provide HTTP header "Authorization" or URL parameter "authorization".'
            raise plain(400, prefix + text)
        scheme, _, text = authorization.partition(" ")
        if scheme.lower() != "bearer" or not text:
            shown = f'Invalid authorization value in HTTP header "Authorization": "{scheme} …".'
            raise plain(400, f'{prefix}{shown} Expecting "Bearer <oauth2-access-token>".')
        if not re.fullmatch(r"[\w.~+/=-]+", text, re.ASCII):
            raise plain(400, f"{prefix}The given OAuth 2 access token is malformed.")
        token = self._tokens.get(text)
        if token is None:
            raise error(401, "invalid_access_token")
        if token.expires_at is not None and self._clock.seconds() >= token.expires_at:
            raise error(401, "expired_access_token")
        return token

    def grant(self, form: Mapping[str, str], authorization: str | None) -> Answer:
        """Answer ``POST /oauth2/token``.

        Raises:
            AnswerError: 400 with ``invalid_grant``, ``invalid_client``, ``unsupported_grant_type`` …
        """
        client_id, secret = _client(form, authorization)
        if client_id != APP_KEY or (secret is not None and secret != APP_SECRET):
            raise oauth_error("invalid_client: Invalid client_id or client_secret")
        match form.get("grant_type"):
            case "refresh_token":
                return self._refresh(form, has_secret=secret is not None)
            case "authorization_code":
                return self._exchange(form, client_id, has_secret=secret is not None)
            case None:
                raise oauth_error("invalid_request", 'missing required field "grant_type"')
            case _:
                raise oauth_error("unsupported_grant_type", "grant_type is not supported")

    def authorize_page(self, query: Mapping[str, str]) -> Answer:
        """Answer ``GET /oauth2/authorize``: a page that shows a code, with a link back where one was asked for.

        Raises:
            AnswerError: 400 if the request is not one that Dropbox would show a page for.
        """
        if query.get("client_id") != APP_KEY:
            raise plain(400, f'Invalid client_id: "{query.get("client_id", "")}". The simulated app is "{APP_KEY}".')
        if query.get("response_type") != "code":
            raise plain(400, 'Invalid response_type: only "code" is supported.')
        method = query.get("code_challenge_method", "plain") if query.get("code_challenge") else ""
        if method not in ("", "plain", "S256"):
            raise plain(400, 'Invalid code_challenge_method: "S256" or "plain".')
        redirect = query.get("redirect_uri", "")
        parts = urlsplit(redirect)
        is_loopback = parts.scheme in ("http", "https") and parts.hostname in ("localhost", "127.0.0.1", "::1")
        if redirect and not is_loopback:
            raise plain(400, "Invalid redirect_uri: the simulated app knows loopback addresses only.")
        scopes = frozenset(query["scope"].split()) if query.get("scope") else self.app_scopes
        if not scopes <= self.app_scopes:
            raise plain(400, f"Invalid scope: {' '.join(sorted(scopes - self.app_scopes))}")
        code = self.new_code(
            challenge=query.get("code_challenge", ""),
            method=method,
            redirect_uri=redirect,
            scopes=scopes,
            is_offline=query.get("token_access_type") == "offline",
        )
        back = ""
        if redirect:
            answer = {"code": code} | ({"state": query["state"]} if "state" in query else {})
            target = f"{redirect}{'&' if '?' in redirect else '?'}{urlencode(answer)}"
            back = f'<p><a href="{html.escape(target, quote=True)}">Back to the app</a></p>'
        page = (
            "<!DOCTYPE html><html><head><title>Simulated Dropbox</title></head><body><h1>Access code</h1>"
            f"<p>Enter this code into your app to finish the process.</p><pre id=code>{html.escape(code)}</pre>"
            f"{back}</body></html>\n"
        )
        return Answer(200, page.encode(), HTML)

    def new_code(
        self,
        *,
        challenge: str = "",
        method: str = "",
        redirect_uri: str = "",
        scopes: Iterable[str] | None = None,
        is_offline: bool = True,
    ) -> str:
        """An authorisation code, as if an admin had clicked "Allow"."""
        code = secrets.token_urlsafe(32)
        granted = self.app_scopes if scopes is None else frozenset(scopes)
        expires_at = self._clock.seconds() + CODE_SECONDS
        self._codes[code] = _Code(APP_KEY, challenge, method, redirect_uri, granted, is_offline, expires_at)
        return code

    def expire(self) -> None:
        """Let every short-lived access token be four hours old."""
        for token in self._tokens.values():
            if token.expires_at is not None:
                token.expires_at = self._clock.seconds()

    def revoke(self, refresh_token: str = REFRESH_TOKEN) -> None:
        """Take a refresh token back, and every access token that came from it; ``""``: the long-lived ones."""
        self._grants.pop(refresh_token, None)
        for text in [text for text, token in self._tokens.items() if token.refresh_token == refresh_token]:
            del self._tokens[text]

    def _refresh(self, form: Mapping[str, str], *, has_secret: bool) -> Answer:
        text = form.get("refresh_token", "")
        if not text:
            raise oauth_error("invalid_request", 'missing required field "refresh_token"')
        if not re.fullmatch(r"[\w-]+", text, re.ASCII):
            raise oauth_error("invalid_grant", "refresh token is malformed")
        grant = self._grants.get(text)
        if grant is None:
            raise oauth_error("invalid_grant", "refresh token is invalid or revoked")
        if not (has_secret or grant.is_pkce):
            raise oauth_error("invalid_client: Invalid client_id or client_secret")
        wanted = frozenset(form["scope"].split()) if form.get("scope") else grant.scopes
        if not wanted <= grant.scopes:
            raise oauth_error("invalid_scope", "scope was not granted to the refresh token")
        return success(self._new_token(wanted, text))

    def _exchange(self, form: Mapping[str, str], client_id: str, *, has_secret: bool) -> Answer:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.client_id != client_id or self._clock.seconds() >= code.expires_at:
            raise oauth_error("invalid_grant", "code doesn't exist or has expired")
        if code.redirect_uri != form.get("redirect_uri", ""):
            raise oauth_error("invalid_grant", "redirect_uri mismatch")
        if code.challenge:
            if not _is_verified(code.challenge, code.method, form.get("code_verifier", "")):
                raise oauth_error("invalid_grant", "invalid code verifier")
        elif not has_secret:
            raise oauth_error("invalid_client: Invalid client_id or client_secret")
        refresh = secrets.token_urlsafe(48) if code.is_offline else ""
        if refresh:
            self._grants[refresh] = _Grant(code.scopes, is_pkce=bool(code.challenge))
        body = self._new_token(code.scopes, refresh or secrets.token_hex())
        if refresh:
            body["refresh_token"] = refresh
        return success(body | {"scope": " ".join(sorted(code.scopes)), "uid": "2051", "team_id": self.team_id})

    def _new_token(self, scopes: frozenset[str], refresh_token: str) -> dict[str, object]:
        text = f"sl.u.{secrets.token_urlsafe(96)}"
        self._tokens[text] = Token(scopes, self._clock.seconds() + TOKEN_SECONDS, refresh_token)
        return {"access_token": text, "token_type": "bearer", "expires_in": TOKEN_SECONDS}


def _client(form: Mapping[str, str], authorization: str | None) -> tuple[str, str | None]:
    """Who asks: app key and, if given, secret, from HTTP Basic or from the form."""
    if authorization is None:
        return form.get("client_id", ""), form.get("client_secret") or None
    try:
        scheme, _, text = authorization.partition(" ")
        name, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as problem:
        raise _invalid_header() from problem
    if scheme.lower() != "basic":
        raise _invalid_header()
    return name, secret or None


def _invalid_header() -> AnswerError:
    return oauth_error("invalid_client: Invalid client_id or client_secret")


def _is_verified(challenge: str, method: str, verifier: str) -> bool:
    if method == "plain":
        return secrets.compare_digest(challenge, verifier)
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return secrets.compare_digest(challenge.rstrip("="), digest)
