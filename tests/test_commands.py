"""The commands in this process: what they print, where, and the exit code, above all when something is wrong."""

from __future__ import annotations

import json
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dropbox_audit import cli
from dropbox_audit.cli import common
from dropbox_audit.demo import ACCESS_TOKEN, APP_SECRET, FAULTS, REFRESH_TOKEN
from dropbox_audit.demo.faults import text_error
from support import GET_EVENTS, NOON, VirtualClock, Workspace, for_simulator, isolated_dlt, make_event, stamp

COMMANDS = ("load", "transform", "run", "auth", "check", "export", "status", "demo")


@dataclass
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def error(self) -> str:
        """Its one error, which is one or two lines at the end of stderr."""
        lines = self.err.splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith("Error: ")]
        assert len(starts) == 1, self.err
        assert len(lines) - starts[0] <= 2, self.err
        assert "Traceback" not in self.err
        assert not any(secret in self.out + self.err for secret in (ACCESS_TOKEN, REFRESH_TOKEN, APP_SECRET, "sl.u."))
        return "\n".join(lines[starts[0] :])


Command = Callable[..., Done]


@pytest.fixture
def command(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Runs `dropbox-audit <arguments>` here, at a time that only waits move; keywords are environment variables."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    clock = VirtualClock()
    for module in ("clock", "api.client"):
        monkeypatch.setattr(f"dropbox_audit.{module}.Clock", lambda: clock)

    def call(*arguments: str, **environment: str) -> Done:
        capsys.readouterr()
        code: Any = 0
        with monkeypatch.context() as patch:
            for key, value in environment.items():
                patch.setenv(key, value)
            patch.setattr(sys, "argv", ["dropbox-audit", *arguments])
            patch.setattr(common, "session", common.Session())
            with isolated_dlt():
                try:
                    cli.main()
                except SystemExit as ended:
                    code = ended.code or 0
                except BaseException:
                    pytest.fail(f"an exception reached the user:\n{traceback.format_exc()}")
        printed = capsys.readouterr()
        return Done(code, printed.out, printed.err)

    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)


# -- what works -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help(name: str, command: Command) -> None:
    done = command(name, "--help")
    assert done.code == 0
    assert done.out.startswith("Usage: ")
    assert len(done.out.splitlines()) > 5


def test_without_a_command_the_commands_are_listed(command: Command) -> None:
    text = command("--help").out
    assert all(name in text for name in COMMANDS)


def test_load_tells_what_it_did(command: Command, serve: Any, workspace: Workspace) -> None:
    _, url = serve([make_event(1), make_event(2), None])
    done = command("load", **for_simulator(url))
    assert (done.code, "Error" in done.err) == (0, False)
    assert done.out.startswith("Received 2 events (1 page, 1 item that cannot be an event)")
    assert str(workspace.path) in done.out
    assert command("load", **for_simulator(url)).out == "Nothing new (1 request).\n"


def test_load_as_json_is_one_object_and_nothing_else(command: Command, serve: Any, workspace: Workspace) -> None:
    server, url = serve([make_event()])
    server.faults.next(GET_EVENTS, FAULTS["503_html"])
    done = command("load", "--json", **for_simulator(url))
    found = json.loads(done.out)
    assert len(done.out.splitlines()) == 1
    assert (found["outcome"], found["events"], found["requests"], found["retries"]) == ("loaded", 1, 2, 1)
    assert found["warehouse"] == str(workspace.path)
    assert "503" in done.err, "what it waited for is told on stderr"


def test_a_window_is_since_inclusive_until_exclusive(command: Command, serve: Any, workspace: Workspace) -> None:
    events = [make_event(number) for number in range(5)]
    server, url = serve(events)
    times = [event["timestamp"] for event in events]
    done = command("load", "--since", times[1], "--until", times[3], "--json", **for_simulator(url))
    assert json.loads(done.out)["events"] == 2
    assert server.requests[-1].argument["time"] == {"start_time": times[1], "end_time": times[3]}


def test_since_may_be_so_many_days_ago_and_until_is_now(command: Command, serve: Any) -> None:
    server, url = serve()
    command("load", "--since", "30d", **for_simulator(url))
    window = server.requests[-1].argument["time"]
    assert window == {"start_time": stamp(NOON - timedelta(days=30)), "end_time": stamp(NOON)}


def test_full_refresh_reads_from_the_start(command: Command, serve: Any, workspace: Workspace) -> None:
    _, url = serve([make_event()])
    command("load", **for_simulator(url))
    assert json.loads(command("load", "--full-refresh", "--json", **for_simulator(url)).out)["events"] == 1
    assert len(workspace.events()) == 1


def test_check_tells_team_scopes_plan_and_warehouse(command: Command, serve: Any, workspace: Workspace) -> None:
    _, url = serve()
    done = command("check", **for_simulator(url))
    assert done.code == 0
    for expected in ("Acme", "events.read", "yes", str(workspace.path)):
        assert expected in done.out
    found = json.loads(command("check", "--json", **for_simulator(url)).out)
    assert (found["team"], found["problems"], found["exit_code"]) == ("Acme", [], 0)
    assert not workspace.path.exists()


def test_status_as_text_and_as_json(command: Command, serve: Any, workspace: Workspace) -> None:
    _, url = serve([make_event()])
    assert command("status", **for_simulator(url)).code == 0
    command("load", **for_simulator(url))
    assert "loaded" in command("status", **for_simulator(url)).out
    found = json.loads(command("status", "--json", **for_simulator(url)).out)
    assert (found["events"], found["runs"][0]["outcome"]) == (1, "loaded")
    assert found["requests_left"] == 999


# -- what is wrong with the command -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("load", "--since", "yesterday"), "--since"),
        (("load", "--until", "2026-02-30"), "--until"),
        (("load", "--since", "2026-11-01", "--until", "2026-10-01"), "--since"),
        (("load", "--since", "2026-10-01", "--until", "2026-10-01"), "--since"),
        (("load", "--since", "2026-10-01", "--full-refresh"), "--full-refresh"),
        (("run", "--every", "often"), "--every"),
        (("run", "--every", "0s"), "--every"),
        (("export", "--output", "x.csv", "--since", "soon"), "--since"),
        (("export", "--output", "x.doc"), ".parquet"),
        (("auth",), "--app-key"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_wrong_command_is_told_with_exit_code_2(
    arguments: tuple[str, ...], named: str, command: Command, serve: Any, workspace: Workspace
) -> None:
    server, url = serve()
    duckdb.connect(str(workspace.path)).close()
    settings = for_simulator(url, app_key="") if arguments[0] == "auth" else for_simulator(url)
    done = command(*arguments, **settings)
    assert named in done.error()
    assert (done.code, done.out, server.requests) == (2, "", [])


@pytest.mark.parametrize("arguments", [("load", "--frobnicate"), ("frobnicate",), ("export",), ("load", "extra")])
def test_what_the_command_line_does_not_know_is_told_with_exit_code_2(
    arguments: tuple[str, ...], command: Command
) -> None:
    done = command(*arguments)
    assert done.code == 2
    assert "Error: " in done.err
    assert "--help" in done.err
    assert len(done.err.splitlines()) <= 4
    assert done.out == ""


# -- what is wrong with the credentials -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["load", "run", "check"])
def test_missing_credentials_are_told(name: str, command: Command, serve: Any, workspace: Workspace) -> None:
    server, url = serve()
    done = command(name, SOURCES__DROPBOX_AUDIT__API_URL=url)
    assert "dropbox-audit auth" in done.error()
    assert (done.code, server.requests, workspace.path.exists()) == (2, [], False)


@pytest.mark.parametrize("name", ["load", "run", "check"])
def test_a_revoked_token_is_told(name: str, command: Command, serve: Any) -> None:
    server, url = serve()
    server.tokens.revoke()
    done = command(name, **for_simulator(url))
    assert "dropbox-audit auth" in done.error()
    assert done.code == 2


@pytest.mark.parametrize("name", ["load", "check"])
@pytest.mark.parametrize("shape", ["scopes", "app_scopes"])
def test_a_missing_scope_is_named(name: str, shape: str, command: Command, serve: Any) -> None:
    needed = {"team_info.read", "members.read", "groups.read", "sessions.list"}
    _, url = serve(**{shape: needed})
    done = command(name, **for_simulator(url))
    assert "events.read" in done.error()
    assert done.code == 2


def test_an_expired_access_token_is_told(command: Command, serve: Any) -> None:
    server, url = serve()
    server.faults.always("*", FAULTS["401_expired"])
    done = command("load", **for_simulator(url, refresh_token="", app_key="", access_token=ACCESS_TOKEN))
    assert "expired" in done.error()
    assert done.code == 2


# -- what is wrong with the address -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["load", "run", "check"])
def test_an_address_where_nobody_answers_is_told(name: str, command: Command) -> None:
    done = command(name, **for_simulator("http://127.0.0.1:9"))
    assert "api_url" in done.error()
    assert done.code == 1


@pytest.mark.parametrize("url", ["http://api.dropboxapi.com", "api.dropboxapi.com", "http://192.0.2.1:80"])
@pytest.mark.parametrize("name", ["load", "check", "status"])
def test_an_address_that_cannot_be_used_is_told(name: str, url: str, command: Command) -> None:
    done = command(name, **for_simulator(url))
    assert "api_url" in done.error()
    assert done.code == 2


def test_a_server_that_is_not_dropbox_is_told(command: Command, serve: Any) -> None:
    server, url = serve()
    server.faults.always("*", text_error(404, "Not Found"))
    done = command("load", **for_simulator(url))
    assert "api_url" in done.error()
    assert done.code == 2


def test_text_from_the_server_cannot_drive_the_terminal(command: Command, serve: Any) -> None:
    server, url = serve()
    server.faults.always(GET_EVENTS, text_error(400, "\x1b[2Jgone\x07\x9b31m"))
    done = command("load", **for_simulator(url))
    assert "gone" in done.error()
    assert [c for c in done.err if not c.isprintable() and c != "\n"] == []


# -- what is wrong with the warehouse ---------------------------------------------------------------------------------


def test_a_file_that_makes_queries_ambiguous_is_refused(command: Command, serve: Any) -> None:
    server, url = serve()
    for name in ("load", "run", "transform", "status", "check"):
        done = command(name, **for_simulator(url), DESTINATION__DUCKDB__CREDENTIALS="dropbox_raw.duckdb")
        assert "ambiguous" in done.error()
        assert done.code == 2
    assert server.requests == []


@pytest.mark.parametrize("name", ["load", "run", "check"])
def test_a_file_that_cannot_be_written_is_told_before_dropbox_is_asked(
    name: str, command: Command, serve: Any, workspace: Workspace
) -> None:
    server, url = serve(scopes={"events.read", "team_info.read", "members.read", "groups.read", "sessions.list"})
    (workspace.folder / "a_folder").mkdir()
    for place in ("a_folder", "none/dropbox.duckdb"):
        done = command(name, **for_simulator(url), DESTINATION__DUCKDB__CREDENTIALS=place)
        assert "destination.duckdb.credentials" in done.error()
        assert done.code == 1
    assert name == "check" or server.requests == []


@pytest.mark.parametrize("name", ["load", "run", "transform", "status", "check"])
def test_a_file_that_is_no_database_is_told(name: str, command: Command, serve: Any, workspace: Workspace) -> None:
    _, url = serve()
    workspace.path.write_text("Dear diary,\n" * 1000)
    done = command(name, **for_simulator(url))
    assert str(workspace.path) in done.error()
    assert done.code == 1
    assert workspace.path.read_text().startswith("Dear diary,")


@pytest.mark.parametrize("name", ["load", "run", "transform"])
def test_a_second_command_on_the_same_warehouse_is_refused(
    name: str, command: Command, serve: Any, workspace: Workspace
) -> None:
    server, url = serve()
    with workspace.loader(url).alone():
        done = command(name, **for_simulator(url))
    assert "Another dropbox-audit" in done.error()
    assert (done.code, server.requests) == (1, [])


def test_transform_before_any_load_says_what_to_run(command: Command, serve: Any, workspace: Workspace) -> None:
    _, url = serve()
    for is_there in (False, True):
        if is_there:
            duckdb.connect(str(workspace.path)).close()
        done = command("transform", **for_simulator(url))
        assert "dropbox-audit load" in done.error()
        assert done.code == 2


def test_export_before_any_view_says_what_to_run(command: Command, workspace: Workspace) -> None:
    duckdb.connect(str(workspace.path)).close()
    done = command("export", "--output", "events.csv")
    assert "dropbox-audit run" in done.error()
    assert done.code == 2
    assert not Path("events.csv").exists()


# -- what is wrong with the settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("lookback", "two days"),
        ("start_time", "long ago"),
        ("requests_per_hour", "many"),
        ("requests_per_hour", "-1"),
        ("give_up_after", "never"),
        ("backfill_workers", "0"),
        ("max_pages_per_batch", "0"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(key: str, value: str, command: Command, serve: Any) -> None:
    server, url = serve()
    done = command("load", **for_simulator(url, **{key: value}))
    assert key in done.error()
    assert (done.code, server.requests) == (2, [])


def test_debug_shows_the_traceback_and_the_sentence(command: Command, serve: Any) -> None:
    server, url = serve()
    server.tokens.revoke()
    done = command("--debug", "load", **for_simulator(url))
    assert done.code == 2
    assert "Traceback" in done.err
    assert "Error: The refresh token is revoked" in done.err
