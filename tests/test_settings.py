"""Settings: what can be used, what is refused, and that the committed settings file tells the truth."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dropbox_audit.errors import ConfigurationError
from dropbox_audit.settings import Settings, duration, instant, open_secrets_files, read_settings
from support import NOON, Workspace, isolated_dlt

ROOT = Path(__file__).parents[1]
CONFIG = (ROOT / ".dlt/config.toml").read_text()

# -- durations and instants -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("48h", timedelta(hours=48)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        (" 0s ", timedelta()),
    ],
)
def test_durations(text: str, expected: timedelta) -> None:
    assert duration(text, "lookback") == expected


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "1.5h", "5 m", "5y", "1h30m", "٣h5", "9" * 30 + "w"])
def test_what_is_no_duration_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match="lookback") as caught:
        duration(text, "lookback")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-10-01", datetime(2026, 10, 1, tzinfo=UTC)),
        ("2026-10-01T08:30:00Z", datetime(2026, 10, 1, 8, 30, tzinfo=UTC)),
        ("2026-10-01T08:30:00", datetime(2026, 10, 1, 8, 30, tzinfo=UTC)),
        ("2026-10-01T08:30:00+02:00", datetime(2026, 10, 1, 6, 30, tzinfo=UTC)),
        ("2026-10-01T08:30:00.999Z", datetime(2026, 10, 1, 8, 30, tzinfo=UTC)),
        ("30d", NOON - timedelta(days=30)),
        (" 12h ", NOON - timedelta(hours=12)),
    ],
)
def test_instants_are_utc_and_on_whole_seconds(text: str, expected: datetime) -> None:
    assert instant(text, "--since", NOON + timedelta(microseconds=7)) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "01.10.2026", "30", "999999w"])
def test_what_is_no_time_is_refused_by_name_with_examples(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--since") as caught:
        instant(text, "--since", NOON)
    assert "30d" in str(caught.value)


# -- where the token may be sent --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://api.dropboxapi.com",
        "https://api.dropboxapi.com/",
        "https://proxy.acme.example:8443/dropbox",
        "http://localhost:8765",
        "http://127.0.0.1:1",
        "http://127.8.9.1",
        "http://[::1]:8765",
        "http://LocalHost:8765",
        "HTTP://127.0.0.1:8765",
        "HTTPS://api.dropboxapi.com",
    ],
)
def test_addresses_that_may_get_the_token(url: str) -> None:
    assert Settings(api_url=url).validated(NOON).api_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.dropboxapi.com",
        "http://10.0.0.1",
        "http://0.0.0.0:80",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "HTTP://evil.example",
        "http://127.0.0.1\\.evil.example",
        "http://127.0.0.1\t.evil.example",
        "http://localhost%2eevil.example",
        "http://localhost.",
        "http://0.0.0.0",
        "http://[::]",
        "http://[::ffff:127.0.0.1]",
        "http://[::ffff:192.0.2.1]",
        "http://[fe80::1%25lo]",
        "http://2130706433",
        "http://0x7f000001",
        "http://127.1",
        "http://0177.0.0.1",
        "http://\uff11\uff12\uff17.0.0.1",
        "http://user@127.0.0.1",
        "http://@127.0.0.1",
        "http://user:password@localhost:8765",  # pragma: allowlist secret
        "http://127.0.0.1@evil.example",
        "http://localhost:80@evil.example",
        "http://evil.example#localhost",
        "http://evil.example\\@localhost",
        "https://user@api.dropboxapi.com",
        "https://api.dropboxapi.com:0",
        "https://api.dropboxapi.com:99999",
        "ftp://localhost",
        "localhost:8765",
        "api.dropboxapi.com",
        "//localhost",
        "https://",
        "",
    ],
)
def test_addresses_that_may_not(url: str) -> None:
    with pytest.raises(ConfigurationError, match="api_url"):
        Settings(api_url=url).validated(NOON)


# -- other values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("requests_per_hour", -1),
        ("backfill_workers", 0),
        ("max_pages_per_batch", 0),
        ("lookback", "two days"),
        ("give_up_after", "never"),
        ("start_time", "the beginning"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name) as caught:
        Settings(**{name: value}).validated(NOON)
    assert caught.value.exit_code == 2


def test_defaults_are_usable_as_they_are() -> None:
    assert Settings().validated(NOON).api_url == "https://api.dropboxapi.com"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, False),
        ({"app_key": "k"}, False),
        ({"refresh_token": "r"}, False),
        ({"app_key": "k", "app_secret": "s"}, False),
        ({"app_key": "k", "refresh_token": "r"}, True),
        ({"access_token": "a"}, True),
        ({"access_token": ""}, False),
    ],
)
def test_credentials_are_a_refresh_token_with_its_app_or_an_access_token(given: dict[str, str], expected: bool) -> None:
    assert Settings(**given).has_credentials() is expected


# -- where settings come from -----------------------------------------------------------------------------------------


def write(workspace: Workspace, name: str, text: str) -> None:
    folder = workspace.folder / ".dlt"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def test_without_any_file_the_defaults_hold(workspace: Workspace) -> None:
    found = read_settings(NOON)
    assert {item.name: getattr(found, item.name) for item in fields(Settings()) if item.name in DEFAULTS} == DEFAULTS


DEFAULTS = {
    "app_key": None,
    "app_secret": None,
    "refresh_token": None,
    "access_token": None,
    "mcp_token": None,
    "api_url": "https://api.dropboxapi.com",
    "start_time": None,
    "lookback": "48h",
    "rescan": None,
    "requests_per_hour": 1000,
    "team_domains": None,
    "give_up_after": "30m",
    "backfill_workers": 4,
    "max_pages_per_batch": 200,
    "directory_every": "24h",
    "shared_links": False,
    "contracts": "contracts.csv",
    "alert_settings": "alert_settings.csv",
    "alert_max_age": "24h",
}


def test_files_environment_and_arguments_each_win_over_the_one_before(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = "[sources.dropbox_audit]\n"
    write(workspace, "config.toml", section + 'lookback = "1h"\nstart_time = "1d"\nteam_domains = ["acme.example"]\n')
    write(workspace, "secrets.toml", section + 'access_token = "from-file"\n')
    with isolated_dlt():
        found = read_settings(NOON)
        assert (found.lookback, found.start_time, found.access_token) == ("1h", "1d", "from-file")
        assert found.team_domains == ["acme.example"]
        monkeypatch.setenv("SOURCES__DROPBOX_AUDIT__LOOKBACK", "2h")
        monkeypatch.setenv("SOURCES__DROPBOX_AUDIT__REQUESTS_PER_HOUR", "7")
        monkeypatch.setenv("SOURCES__DROPBOX_AUDIT__TEAM_DOMAINS", '["a.example", "b.example"]')
        found = read_settings(NOON, start_time="5d")
    assert (found.lookback, found.start_time, found.requests_per_hour) == ("2h", "5d", 7)
    assert found.team_domains == ["a.example", "b.example"]


def test_a_value_of_the_wrong_type_is_told_in_one_line(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__DROPBOX_AUDIT__REQUESTS_PER_HOUR", "many")
    with pytest.raises(ConfigurationError, match="requests_per_hour") as caught:
        read_settings(NOON)
    assert len(str(caught.value).splitlines()) == 1


# -- files of secrets that others may open ----------------------------------------------------------------------------


@pytest.fixture
def secrets_files(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The project's and dlt's global one, neither of them there yet."""
    (workspace.folder / ".dlt").mkdir()
    monkeypatch.setattr("dlt.common.runtime.run_context.global_dir", lambda: str(workspace.home))
    return workspace.folder / ".dlt/secrets.toml", workspace.home / "secrets.toml"


def found_open() -> list[Path]:
    with isolated_dlt():
        return [file.resolve() for file in open_secrets_files()]


def test_no_secrets_file_is_nothing_to_warn_of(secrets_files: tuple[Path, Path]) -> None:
    assert found_open() == []


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o606, 0o777, 0o620])
def test_a_secrets_file_that_others_may_open_is_found(mode: int, secrets_files: tuple[Path, Path]) -> None:
    for file in secrets_files:
        file.touch()
        file.chmod(0o600)
    assert found_open() == []
    for file in secrets_files:
        file.chmod(mode)
        assert found_open() == [file]
        file.chmod(0o600)


def test_both_are_found_and_the_settings_file_is_no_secret(secrets_files: tuple[Path, Path]) -> None:
    for file in (*secrets_files, secrets_files[0].with_name("config.toml")):
        file.touch()
        file.chmod(0o644)
    assert found_open() == list(secrets_files)


# -- the committed files ----------------------------------------------------------------------------------------------


def test_the_settings_file_lists_every_setting_with_its_default_and_a_meaning() -> None:
    secret = {"app_key", "app_secret", "refresh_token", "access_token", "mcp_token", "granted_scopes"}
    section = re.search(r"\[sources\.dropbox_audit\]\n(.*?)\n\n", CONFIG, re.DOTALL)
    assert section is not None
    lines = section[1].splitlines()
    named = {re.match(r"(?:# )?(\w+) = ", line)[1]: line for line in lines}  # type: ignore[index]
    assert set(named) == set(DEFAULTS) - secret
    for name, line in named.items():
        assert re.search(r"  # \S.{10,}", line), f"{name} has no meaning"
        if DEFAULTS[name] is None:
            assert line.startswith("# "), f"{name} has no default, so it must be commented out"


def test_the_settings_file_holds_the_defaults() -> None:
    values = tomllib.loads(CONFIG)["sources"]["dropbox_audit"]
    assert values == {name: DEFAULTS[name] for name in values}


def test_the_example_of_secrets_names_the_credentials_and_holds_nothing_secret() -> None:
    text = (ROOT / ".dlt/example.secrets.toml").read_text()
    section = re.search(r"\[sources\.dropbox_audit\]\n(.*?)(?:\n\n|\Z)", text, re.DOTALL)
    assert section is not None
    names = re.findall(r"^(?:# )?(\w+) = ", section[1], re.MULTILINE)
    assert set(names) == {"app_key", "app_secret", "refresh_token", "access_token", "mcp_token"}
    assert not any(tomllib.loads(text)["sources"]["dropbox_audit"].values())


@pytest.mark.parametrize("url", ["http://[", "https://[::1", "https://[api].dropboxapi.com"])
def test_half_an_ipv6_address_is_refused_in_plain_words(url: str) -> None:
    with pytest.raises(ConfigurationError, match="api_url"):
        Settings(api_url=url).validated(NOON)


def test_a_password_in_api_url_is_not_said_back() -> None:
    with pytest.raises(ConfigurationError, match="api_url") as caught:
        Settings(api_url="https://me:hunter2@proxy.example").validated(NOON)  # pragma: allowlist secret
    assert "hunter2" not in str(caught.value)


def test_a_token_loses_its_line_end_and_a_broken_one_is_refused_without_being_said() -> None:
    assert Settings(access_token="sl.abc\n").validated(NOON).access_token == "sl.abc"
    with pytest.raises(ConfigurationError, match="access_token") as caught:
        Settings(access_token="sl.se\ncret").validated(NOON)
    assert "cret" not in str(caught.value)
