"""Tokens: granted, refreshed, expired, revoked, refused."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from dropbox_audit.demo import ACCESS_TOKEN, ALL_SCOPES, APP_KEY, APP_SECRET, REFRESH_TOKEN, Clock, SimulatedDropbox

from .support import UNTIL

VERIFIER = "a-verifier-of-at-least-forty-three-characters-in-all"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def client(serve):
    return serve(SimulatedDropbox(clock=Clock(UNTIL)))


def authorize(client, **query):
    wanted = {"client_id": APP_KEY, "response_type": "code"} | query
    return requests.get(f"{client.url}/oauth2/authorize", params=wanted, timeout=30)


def code_on(page):
    return re.search(r"<pre id=code>(.*)</pre>", page.text)[1]


def refresh(client, **fields):
    return client.form(**{"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN, "client_id": APP_KEY} | fields)


def exchange(client, code, **fields):
    return client.form(**{"grant_type": "authorization_code", "code": code, "client_id": APP_KEY} | fields)


def test_a_refreshed_token_lasts_four_hours(client):
    answer = refresh(client)
    assert answer.headers["content-type"] == "application/json"
    granted = answer.json()
    assert granted.keys() == {"access_token", "token_type", "expires_in"}
    assert granted["access_token"].startswith("sl.")
    assert (granted["token_type"], granted["expires_in"]) == ("bearer", 14400)
    client.token = granted["access_token"]
    client.server.clock.advance(14399)
    assert client.call("team/get_info").status_code == 200
    client.server.clock.advance(1)
    expired = client.call("team/get_info")
    assert expired.status_code == 401
    assert expired.json()["error"] == {".tag": "expired_access_token"}
    assert expired.headers["content-type"] == "application/json"
    client.token = refresh(client).json()["access_token"]
    assert client.call("team/get_info").status_code == 200


def test_every_refresh_gives_another_access_token_and_the_older_go_on(client):
    tokens = [refresh(client).json()["access_token"] for _ in range(3)]
    assert len(set(tokens)) == 3
    for client.token in tokens:
        assert client.call("team/get_info").status_code == 200


def test_the_long_lived_token_does_not_expire(client):
    client.server.clock.advance(10**8)
    assert client.call("team/get_info").status_code == 200


def test_tokens_can_be_expired_at_will(client):
    client.token = refresh(client).json()["access_token"]
    client.server.tokens.expire()
    assert client.call("team/get_info").status_code == 401


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"refresh_token": "unknown"}, ("invalid_grant", "refresh token is invalid or revoked")),
        ({"refresh_token": "no good!"}, ("invalid_grant", "refresh token is malformed")),
        ({"refresh_token": ""}, ("invalid_request", 'missing required field "refresh_token"')),
        ({"client_id": "somebody"}, ("invalid_client: Invalid client_id or client_secret", None)),
        # pragma: allowlist nextline secret
        ({"client_secret": "wrong"}, ("invalid_client: Invalid client_id or client_secret", None)),
        ({"grant_type": "password"}, ("unsupported_grant_type", "grant_type is not supported")),
        ({"grant_type": ""}, ("invalid_request", 'missing required field "grant_type"')),
        ({"scope": "events.read files.content.write"}, ("invalid_scope", "scope was not granted to the refresh token")),
    ],
)
def test_a_refused_refresh_says_why(client, fields, expected):
    answer = refresh(client, **fields)
    assert answer.status_code == 400
    assert (answer.json()["error"], answer.json().get("error_description")) == expected


def test_a_secret_may_come_in_the_form_or_in_the_header(client):
    assert refresh(client, client_secret=APP_SECRET).status_code == 200
    url, form = f"{client.url}/oauth2/token", {"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN}
    assert requests.post(url, data=form, auth=(APP_KEY, APP_SECRET), timeout=30).status_code == 200
    assert requests.post(url, data=form, auth=(APP_KEY, "wrong"), timeout=30).status_code == 400
    broken = requests.post(url, data=form, headers={"Authorization": "Basic ***"}, timeout=30)
    assert broken.json()["error"].startswith("invalid_client")


def test_a_narrower_token_lacks_the_other_scopes(client):
    client.token = refresh(client, scope="team_info.read").json()["access_token"]
    assert client.call("team/get_info").status_code == 200
    assert client.call("team_log/get_events", {}).json()["error"] == {
        ".tag": "missing_scope",
        "required_scope": "events.read",
    }


def test_a_revoked_refresh_token_takes_its_access_tokens_along(client):
    client.token = refresh(client).json()["access_token"]
    client.server.tokens.revoke()
    assert client.call("team/get_info").json()["error"] == {".tag": "invalid_access_token"}
    assert refresh(client).json()["error"] == "invalid_grant"


def test_a_token_can_revoke_itself(client):
    one, two = (refresh(client).json()["access_token"] for _ in range(2))
    client.token = one
    assert client.call("auth/token/revoke").text == "null"
    for client.token in (one, two):
        assert client.call("team/get_info").status_code == 401
    client.token = ACCESS_TOKEN
    assert client.call("team/get_info").status_code == 200


def test_pkce_needs_no_secret(client):
    page = authorize(client, code_challenge=CHALLENGE, code_challenge_method="S256", token_access_type="offline")
    answer = exchange(client, code_on(page), code_verifier=VERIFIER)
    granted = answer.json()
    assert set(granted["scope"].split()) == ALL_SCOPES
    assert granted["team_id"].startswith("dbtid:")
    assert "account_id" not in granted
    again = refresh(client, refresh_token=granted["refresh_token"])
    for client.token in (granted["access_token"], again.json()["access_token"]):
        assert client.call("team/get_info").status_code == 200


def test_a_secret_does_without_pkce(client):
    code = code_on(authorize(client, token_access_type="offline"))
    granted = exchange(client, code, client_secret=APP_SECRET).json()
    assert refresh(client, refresh_token=granted["refresh_token"]).json()["error"].startswith("invalid_client")
    assert refresh(client, refresh_token=granted["refresh_token"], client_secret=APP_SECRET).status_code == 200


def test_an_online_grant_has_no_refresh_token(client):
    code = code_on(authorize(client))
    assert "refresh_token" not in exchange(client, code, client_secret=APP_SECRET).json()


def test_a_code_is_good_once_and_for_ten_minutes(client):
    code = code_on(authorize(client))
    assert exchange(client, code, client_secret=APP_SECRET).status_code == 200
    assert exchange(client, code, client_secret=APP_SECRET).json()["error"] == "invalid_grant"
    code = code_on(authorize(client))
    client.server.clock.advance(600)
    assert exchange(client, code, client_secret=APP_SECRET).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("verifier", [{}, {"code_verifier": "another"}])
def test_a_wrong_verifier_is_refused(client, verifier):
    code = code_on(authorize(client, code_challenge=CHALLENGE, code_challenge_method="S256"))
    assert exchange(client, code, **verifier).json()["error_description"] == "invalid code verifier"


def test_a_code_without_pkce_needs_the_secret(client):
    assert exchange(client, code_on(authorize(client))).json()["error"].startswith("invalid_client")


def test_the_page_links_back_to_a_loopback_address_only(client):
    page = authorize(client, redirect_uri="http://localhost:1234/done?x=1", state='"><b>')
    link = urlsplit(unescape(re.search(r'<a href="([^"]*)">', page.text)[1]))
    assert parse_qs(link.query) == {"x": ["1"], "code": [code_on(page)], "state": ['"><b>']}
    assert (
        exchange(client, code_on(page), client_secret=APP_SECRET).json()["error_description"] == "redirect_uri mismatch"
    )
    for foreign in ("https://elsewhere.example/", "javascript://localhost/%0aalert(1)", "//localhost/"):
        assert authorize(client, redirect_uri=foreign).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        {"client_id": "x"},
        {"response_type": "token"},
        {"scope": "no.such"},
        {"code_challenge": "x", "code_challenge_method": "MD5"},
    ],
)
def test_a_request_that_makes_no_sense_gets_no_code(client, query):
    answer = authorize(client, **query)
    assert answer.status_code == 400
    assert "Invalid" in answer.text
