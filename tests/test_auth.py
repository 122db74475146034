"""OAuth with PKCE against the simulator: from the address to a refresh token that works."""

from __future__ import annotations

import html
import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
import requests
from dropbox_audit.api import DropboxClient
from dropbox_audit.auth import authorize
from dropbox_audit.demo import ALL_SCOPES, APP_KEY
from dropbox_audit.demo.faults import Fault, html_error
from dropbox_audit.errors import ConfigurationError, DropboxAuditError, RunError
from dropbox_audit.settings import Settings, read_settings
from support import NOON, Workspace, isolated_dlt

TOKEN = "oauth2/token"


def approve(address: str) -> str:
    """What an admin does: open the address, press Allow, copy the code."""
    page = requests.get(address, timeout=10)
    page.raise_for_status()
    code = re.search(r"<pre id=code>(.*?)</pre>", page.text)
    assert code is not None
    return html.unescape(code[1])


@pytest.fixture
def secrets(workspace: Workspace) -> Path:
    return workspace.folder / ".dlt/secrets.toml"


def kept(secrets: Path) -> dict[str, Any]:
    return tomllib.loads(secrets.read_text())


def grant(url: str, ask: Callable[[str], str] = approve, app_key: str = APP_KEY) -> list[str]:
    return authorize(Settings(api_url=url), app_key, ask)


def test_a_code_becomes_a_refresh_token_that_works(serve: Any, secrets: Path) -> None:
    server, url = serve()
    assert grant(url) == sorted(ALL_SCOPES)
    section = kept(secrets)["sources"]["dropbox_audit"]
    assert set(section) == {"app_key", "refresh_token", "granted_scopes"}
    assert section["app_key"] == APP_KEY
    assert set(section["granted_scopes"].split()) == ALL_SCOPES
    with isolated_dlt():
        settings = read_settings(NOON, api_url=url)
    client = DropboxClient(settings)
    assert orjson.loads(client.call("team/get_info", None))["name"] == "Acme"
    assert client.granted_scopes() == sorted(ALL_SCOPES)
    assert server.requests[-1].status == 200


def test_the_exchange_is_pkce_without_a_secret(serve: Any, secrets: Path) -> None:
    server, url = serve()
    addresses: list[str] = []

    def ask(address: str) -> str:
        addresses.append(address)
        return f"  {approve(address)}\n"

    grant(url, ask)
    query = {key: values[0] for key, values in parse_qs(urlsplit(addresses[0]).query).items()}
    assert addresses[0].startswith(url)
    assert (query["client_id"], query["response_type"], query["token_access_type"]) == (APP_KEY, "code", "offline")
    assert (query["code_challenge_method"], "redirect_uri" in query) == ("S256", False)
    form = server.requests[-1].form
    assert (form["grant_type"], form["client_id"]) == ("authorization_code", APP_KEY)
    assert len(form["code_verifier"]) >= 43
    assert "client_secret" not in form
    assert form["code_verifier"] not in addresses[0]


def test_nobody_else_can_read_the_file(serve: Any, secrets: Path) -> None:
    _, url = serve()
    grant(url)
    assert secrets.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in secrets.parent.iterdir()] == ["secrets.toml"]


def test_an_existing_file_that_others_could_read_is_closed(serve: Any, secrets: Path) -> None:
    _, url = serve()
    secrets.parent.mkdir()
    secrets.write_text("")
    secrets.chmod(0o644)
    grant(url)
    assert secrets.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("existed", [False, True])
def test_at_no_moment_can_anyone_else_read_it(
    existed: bool, serve: Any, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = serve()
    secrets.parent.mkdir()
    if existed:
        secrets.write_text('[other]\nx = "old"\n')
        secrets.chmod(0o666)
    seen: list[tuple[str, int, int]] = []
    fdopen, replace = os.fdopen, Path.replace

    def opened(number: int, *arguments: Any, **options: Any) -> Any:
        status = os.fstat(number)
        seen.append(("opened", status.st_size, status.st_mode & 0o777))
        return fdopen(number, *arguments, **options)

    def replaced(path: Path, target: Path) -> Path:
        seen.append(("complete", path.stat().st_size, path.stat().st_mode & 0o777))
        assert secrets.exists() == existed, "the old file stays until the new one is complete"
        return replace(path, target)

    monkeypatch.setattr(os, "fdopen", opened)
    monkeypatch.setattr(Path, "replace", replaced)
    umask = os.umask(0)
    try:
        grant(url)
    finally:
        os.umask(umask)
    assert seen == [("opened", 0, 0o600), ("complete", secrets.stat().st_size, 0o600)]
    assert kept(secrets).get("other") == ({"x": "old"} if existed else None)


def test_what_a_broken_off_auth_left_is_not_written_into(serve: Any, secrets: Path) -> None:
    """A file that someone opened while its mode was loose stays open for them."""
    _, url = serve()
    secrets.parent.mkdir()
    partial = secrets.with_suffix(".partial")
    partial.touch()
    partial.chmod(0o666)
    with partial.open() as somebody:
        grant(url)
        assert somebody.read() == ""
    assert secrets.stat().st_mode & 0o777 == 0o600


LAYOUTS = {
    "other sections": '# mine\n[destination.bigquery.credentials]\nproject_id = "p"  # keep\n\n[other]\nx = [1, 2]\n',
    "its own section": '[sources.dropbox_audit]\nstart_time = "30d"  # keep\napp_key = "old"\nrefresh_token = "old"\n',
    "another source": '[sources.other]\ntoken = "t"\n',
    "dotted keys": 'sources.other.token = "t"\n[other]\nx = 1\n',
    "its own dotted keys": 'sources.dropbox_audit.start_time = "30d"\n',
    "a plain sources table": '[sources]\nx = 1\n[sources.dropbox_audit]\napp_key = "old"\n[z]\ny = 2\n',
    "Windows line ends": "# mine\r\n[other]\r\nx = 1\r\n",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_everything_else_in_the_file_is_kept(layout: str, serve: Any, secrets: Path) -> None:
    _, url = serve()
    secrets.parent.mkdir()
    secrets.write_text(LAYOUTS[layout], newline="")
    before = tomllib.loads(LAYOUTS[layout])
    grant(url)
    after = kept(secrets)
    section = after["sources"]["dropbox_audit"]
    assert section.pop("app_key") == APP_KEY
    assert section.pop("refresh_token") != "old"
    assert section.pop("granted_scopes")
    expected = before | {"sources": before.get("sources", {})}
    expected["sources"].setdefault("dropbox_audit", {}).pop("app_key", None)
    expected["sources"]["dropbox_audit"].pop("refresh_token", None)
    assert after == expected
    for comment in re.findall(r"# (?:keep|mine)", LAYOUTS[layout]):
        assert comment in secrets.read_text()


def test_a_second_approval_replaces_the_first(serve: Any, secrets: Path) -> None:
    _, url = serve()
    grant(url)
    first = kept(secrets)["sources"]["dropbox_audit"]["refresh_token"]
    grant(url)
    assert kept(secrets)["sources"]["dropbox_audit"]["refresh_token"] != first


# -- what can go wrong ------------------------------------------------------------------------------------------------


def refused(url: str, secrets: Path, **options: Any) -> DropboxAuditError:
    before = secrets.read_bytes() if secrets.exists() else None
    with pytest.raises(DropboxAuditError) as caught:
        grant(url, **options)
    assert (secrets.read_bytes() if secrets.exists() else None) == before, "the file was touched"
    assert len(str(caught.value).splitlines()) <= 2
    return caught.value


def test_a_wrong_code_is_told(serve: Any, secrets: Path) -> None:
    _, url = serve()
    error = refused(url, secrets, ask=lambda _: "wrong-code")
    assert isinstance(error, ConfigurationError)
    assert "code" in str(error)
    assert "wrong-code" not in str(error)


def test_a_code_works_once(serve: Any, secrets: Path) -> None:
    _, url = serve()
    codes: list[str] = []
    grant(url, lambda address: codes.append(approve(address)) or codes[0])
    assert isinstance(refused(url, secrets, ask=lambda _: codes[0]), ConfigurationError)


@pytest.mark.parametrize("answer", ["", "\n", "   "])
def test_no_code_is_told_and_nothing_is_asked(answer: str, serve: Any, secrets: Path) -> None:
    server, url = serve()
    assert isinstance(refused(url, secrets, ask=lambda _: answer), ConfigurationError)
    assert server.requests == []


def test_a_wrong_app_key_is_told(serve: Any, secrets: Path) -> None:
    server, url = serve()
    code = server.tokens.new_code()
    error = refused(url, secrets, ask=lambda _: code, app_key="another-app")
    assert isinstance(error, ConfigurationError)
    assert "app key" in str(error)


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ({"access_token": "a", "token_type": "bearer", "expires_in": 1, "account_id": "dbid:1", "uid": "1"}, "team"),
        ({"access_token": "a", "expires_in": 1, "team_id": "dbtid:1", "uid": "1"}, "offline"),
    ],
    ids=["one person's account", "no refresh token"],
)
def test_an_approval_that_is_of_no_use_is_told(answer: dict[str, Any], what: str, serve: Any, secrets: Path) -> None:
    server, url = serve()
    if what == "team":
        answer = answer | {"refresh_token": "r"}
    server.faults.always(TOKEN, Fault(status=200, body=orjson.dumps(answer)))
    error = refused(url, secrets, ask=lambda _: "code")
    assert isinstance(error, ConfigurationError)
    assert what in str(error)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=200, body=b"<!DOCTYPE html>"),
        Fault(status=200, body=b"{}"),
        Fault(status=404, body=b"not here"),
        html_error(400),
    ],
    ids=["page", "empty", "404", "400 page"],
)
def test_a_server_that_is_not_dropbox_is_told(fault: Fault, serve: Any, secrets: Path) -> None:
    server, url = serve()
    server.faults.always(TOKEN, fault)
    refused(url, secrets, ask=lambda _: "code")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_code_does_not_follow_a_redirect(status: int, serve: Any, secrets: Path) -> None:
    server, url = serve()
    elsewhere, other_url = serve()
    server.faults.always(TOKEN, Fault(status=status, headers=(("location", f"{other_url}/oauth2/token"),)))
    error = refused(url, secrets, ask=lambda _: "the-one-code")
    assert isinstance(error, ConfigurationError)
    assert "api_url" in str(error)
    assert elsewhere.requests == []


def test_a_code_in_the_clear_takes_no_proxy(serve: Any, secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, url = serve()
    proxy, proxy_url = serve()
    ask = approve

    def ask_then_set_a_proxy(address: str) -> str:
        code = ask(address)
        monkeypatch.setenv("http_proxy", proxy_url)
        return code

    grant(url, ask_then_set_a_proxy)
    assert proxy.requests == []


def test_no_answer_is_told(secrets: Path) -> None:
    error = refused("http://127.0.0.1:9", secrets, ask=lambda _: "code")
    assert isinstance(error, RunError)
    assert "api_url" in str(error)


def test_a_file_that_is_no_toml_is_told_before_anyone_is_asked(serve: Any, secrets: Path) -> None:
    _, url = serve()
    secrets.parent.mkdir()
    secrets.write_text("this is [not toml")
    error = refused(url, secrets, ask=lambda _: pytest.fail("the admin was asked in vain"))
    assert isinstance(error, ConfigurationError)
    assert "secrets.toml" in str(error)


def test_a_folder_that_cannot_be_made_is_told(serve: Any, secrets: Path, workspace: Workspace) -> None:
    _, url = serve()
    (workspace.folder / ".dlt").write_text("a file where a folder should be")
    assert isinstance(refused(url, secrets), RunError)


def test_after_auth_an_old_access_token_no_longer_decides(serve: Any, secrets: Path) -> None:
    _, url = serve()
    secrets.parent.mkdir()
    secrets.write_text('[sources.dropbox_audit]\naccess_token = "sl.old"\n')
    grant(url)
    assert "sl.old" not in secrets.read_text()
