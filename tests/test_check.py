"""Is everything in place? Token, scopes, plan and warehouse, each named."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dropbox_audit.api import DropboxClient
from dropbox_audit.check import LINK_SCOPES, OPTIONAL_SCOPES, REQUIRED_SCOPES, Findings, check
from dropbox_audit.demo import ACCESS_TOKEN, APP_KEY, FAULTS, REFRESH_TOKEN
from dropbox_audit.settings import Settings
from dropbox_audit.warehouse import Target, duckdb_target, missing_permissions
from support import VirtualClock

NEEDED = {*REQUIRED_SCOPES, *OPTIONAL_SCOPES}
Look = Callable[..., Findings]


@pytest.fixture
def look(tmp_path: Path, clock: VirtualClock) -> Look:
    """Checks a simulator and a file that could be written; keywords are settings."""

    def make(url: str, *, file: Path = tmp_path / "dropbox.duckdb", **changes: Any) -> Findings:
        settings = Settings(**{"access_token": ACCESS_TOKEN, "api_url": url, **changes})
        return check(DropboxClient(settings, clock=clock), duckdb_target(file))

    return make


def lasting(scopes: str | None) -> dict[str, Any]:
    return {"access_token": None, "app_key": APP_KEY, "refresh_token": REFRESH_TOKEN, "granted_scopes": scopes}


def test_with_everything_in_place_there_is_no_problem_and_no_warning(serve: Any, look: Look, tmp_path: Path) -> None:
    server, url = serve(scopes=NEEDED)
    found = look(url)
    assert (found.team, found.has_file_events, found.exit_code) == ("Acme", True, 0)
    assert (found.problems, found.warnings, found.missing_scopes) == ([], [], [])
    assert set(found.granted_scopes) == NEEDED
    assert found.superfluous_scopes is None, "an access token does not tell its scopes"
    assert found.warehouse == str(tmp_path / "dropbox.duckdb")
    assert list(tmp_path.iterdir()) == [], "a check leaves no file behind"
    assert len(server.requests) <= len(NEEDED) + 1


@pytest.mark.parametrize("shape", ["scopes", "app_scopes"])
@pytest.mark.parametrize("scope", sorted(REQUIRED_SCOPES))
def test_a_missing_scope_that_is_needed_is_a_problem(scope: str, shape: str, serve: Any, look: Look) -> None:
    _, url = serve(**{shape: NEEDED - {scope}})
    found = look(url)
    assert found.missing_scopes == [scope]
    assert len(found.problems) == 1
    assert scope in found.problems[0]
    assert "dropbox-audit auth" in found.problems[0]
    assert found.exit_code == 2


@pytest.mark.parametrize("shape", ["scopes", "app_scopes"])
@pytest.mark.parametrize("scope", sorted(OPTIONAL_SCOPES))
def test_a_missing_scope_that_is_only_useful_is_a_warning(scope: str, shape: str, serve: Any, look: Look) -> None:
    _, url = serve(**{shape: NEEDED - {scope}})
    found = look(url)
    assert found.missing_scopes == [scope]
    assert (found.problems, found.exit_code) == ([], 0)
    assert len(found.warnings) == 1
    assert scope in found.warnings[0]


@pytest.mark.parametrize("is_told", [True, False])
@pytest.mark.parametrize("scope", sorted(LINK_SCOPES))
def test_scopes_of_shared_links_are_looked_for_with_that_setting_only(
    scope: str, is_told: bool, serve: Any, tmp_path: Path, clock: VirtualClock
) -> None:
    _, url = serve(scopes={*NEEDED, *LINK_SCOPES} - {scope})
    credentials = lasting(" ".join({*NEEDED, *LINK_SCOPES} - {scope})) if is_told else {"access_token": ACCESS_TOKEN}
    client = DropboxClient(Settings(**{**credentials, "api_url": url}), clock=clock)
    target = duckdb_target(tmp_path / "dropbox.duckdb")
    found = check(client, target, shared_links=True)
    assert (found.missing_scopes, found.exit_code) == ([scope], 0)
    assert [scope in warning for warning in found.warnings] == [True]
    assert check(client, target).missing_scopes == []


def test_every_missing_scope_is_named_at_once(serve: Any, look: Look) -> None:
    _, url = serve(scopes=())
    found = look(url)
    assert set(found.missing_scopes) == NEEDED
    assert len(found.problems) == len(REQUIRED_SCOPES)


def test_superfluous_scopes_are_named_where_they_were_told(serve: Any, look: Look) -> None:
    _, url = serve()
    scopes = " ".join([*NEEDED, "account_info.read", "sharing.read", "files.content.write"])
    found = look(url, **lasting(scopes))
    assert found.superfluous_scopes == ["files.content.write", "sharing.read"]
    assert [scope for scope in found.superfluous_scopes if not any(scope in text for text in found.warnings)] == []
    assert found.exit_code == 0


def test_scopes_that_were_told_are_not_probed_for(serve: Any, look: Look) -> None:
    server, url = serve()
    found = look(url, **lasting("events.read team_info.read"))
    assert found.missing_scopes == ["members.read", "groups.read", "sessions.list"]
    assert found.superfluous_scopes == []
    assert server.count("team/members/list_v2") == 0


def test_a_plan_without_file_events_is_a_warning(serve: Any, look: Look) -> None:
    _, url = serve(scopes=NEEDED, has_team_file_events=False)
    found = look(url)
    assert found.has_file_events is False
    assert found.exit_code == 0
    assert len(found.warnings) == 1
    assert "file events" in found.warnings[0]


def test_a_revoked_token_is_one_problem_and_the_warehouse_is_still_looked_at(
    serve: Any, look: Look, tmp_path: Path
) -> None:
    server, url = serve()
    server.tokens.revoke()
    found = look(url, file=tmp_path / "none/dropbox.duckdb", **lasting(None))
    assert len(found.problems) == 2
    assert "dropbox-audit auth" in found.problems[0]
    assert "none" in found.problems[1]
    assert found.exit_code == 2


@pytest.mark.parametrize("name", ["401_invalid", "401_suspended", "403_team_access", "400_text"])
def test_a_refused_token_is_not_taken_for_a_missing_scope(name: str, serve: Any, look: Look) -> None:
    server, url = serve()
    server.faults.always("*", FAULTS[name])
    found = look(url)
    assert (found.missing_scopes, len(found.problems), found.exit_code) == ([], 1, 2)


def test_no_answer_is_a_failure_while_running(look: Look) -> None:
    found = look("http://127.0.0.1:9")
    assert len(found.problems) == 1
    assert found.exit_code == 1


def test_a_file_that_is_no_database_is_a_problem(serve: Any, look: Look, tmp_path: Path) -> None:
    _, url = serve(scopes=NEEDED)
    (tmp_path / "notes.duckdb").write_text("Dear diary, " * 1000)
    found = look(url, file=tmp_path / "notes.duckdb")
    assert len(found.problems) == 1
    assert "notes.duckdb" in found.problems[0]
    assert found.exit_code == 1


# -- what a warehouse allows ------------------------------------------------------------------------------------------


class Grudging:
    """A client of a warehouse that refuses one thing."""

    def __init__(self, refused: str) -> None:
        self.refused = refused
        self.done: list[str] = []

    def create_dataset(self) -> None:
        self._do("create a dataset")

    def drop_dataset(self) -> None:
        self._do("drop a dataset")

    def make_qualified_table_name(self, name: str) -> str:
        return f"checked.{name}"

    def execute_sql(self, sql: str) -> None:
        self._do({"create": "create a table", "insert": "insert rows", "select": "query"}[sql.split(maxsplit=1)[0]])

    def _do(self, what: str) -> None:
        if what == self.refused:
            raise PermissionError(f"no privilege\nto {what}")
        self.done.append(what)


@pytest.mark.parametrize("destination", ["bigquery", "snowflake"])
@pytest.mark.parametrize(
    "refused", ["", "reach", "create a dataset", "create a table", "insert rows", "query", "drop a dataset"]
)
def test_each_permission_that_is_missing_is_told_with_its_remedy(
    destination: str, refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Grudging(refused)

    @contextmanager
    def enter(_: Target) -> Iterator[Grudging]:
        client._do("reach")
        yield client

    monkeypatch.setattr("dropbox_audit.warehouse.probe._client", enter)
    found = missing_permissions(Target(destination, database="acme"))
    assert len(found) == bool(refused)
    for sentence in found:
        assert sentence.startswith(f"{destination} acme: cannot {refused} (no privilege): ")
        assert re.search(r"grant|check", sentence)
        assert "\n" not in sentence
    made = "create a dataset" in client.done
    assert made == ("drop a dataset" in client.done or refused == "drop a dataset"), "nothing is left behind"
