"""The command as a user has it: processes of their own, a server over HTTP, a DuckDB file, and what is in it after."""

from __future__ import annotations

import csv
import html
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests
from dropbox_audit.demo import ACCESS_TOKEN, APP_SECRET, REFRESH_TOKEN, SimulatedLog
from dropbox_audit.demo.faults import rate_limited
from support import CONTINUE, NOON, ROUTES_OF_THE_LOG, Workspace, for_simulator, make_event, make_log, multiset

SECRETS = (ACCESS_TOKEN, REFRESH_TOKEN, APP_SECRET, "sl.u.")


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def view(workspace: Workspace) -> list[Any]:
    rows = workspace.rows("select event_id, event from dropbox_audit.events")
    assert len({event_id for event_id, _ in rows}) == len(rows)
    return [json.loads(event) for _, event in rows]


def find_secrets(*folders: Path) -> list[Path]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if any(secret.encode() in path.read_bytes() for secret in SECRETS)]


def test_from_the_first_run_to_a_full_refresh(outside: Workspace, serve: Any) -> None:
    """One long story, because building the views takes seconds."""
    events = make_log(130)
    server, url = serve(log=SimulatedLog.of(events, page_limit=40, rewording=True))
    environment = for_simulator(url)
    outputs: list[subprocess.CompletedProcess[str]] = []

    def run(*arguments: str) -> str:
        outputs.append(outside.run(*arguments, **environment))
        return succeeded(outputs[-1])

    # The first run loads and builds.
    first = json.loads(run("run", "--json"))
    assert (first["outcome"], first["events"], first["transform"]["outcome"]) == ("loaded", 130, "built")
    assert multiset(view(outside)) == multiset(events)

    # Nothing new: one request, and the file is left alone.
    asked, before = len(server.requests), outside.path.read_bytes()
    environment["PYTHONPROFILEIMPORTTIME"] = "1"
    assert run("run") == "Nothing new (1 request).\n"
    del environment["PYTHONPROFILEIMPORTTIME"]
    assert not re.findall(r"\| +(?:pandas|dbt)$", outputs[-1].stderr, re.M), "half as long again"
    assert "dropbox_audit.run" in outputs.pop().stderr
    assert [request.route for request in server.requests[asked:] if request.route in ROUTES_OF_THE_LOG] == [CONTINUE]
    assert outside.path.read_bytes() == before
    assert run("transform") == "The views are up to date.\n"

    # Export gives what the views hold, and nothing but it.
    for name in ("all.jsonl", "all.csv", "all.parquet"):
        assert run("export", "--output", name) == f"130 events written to {name}.\n"
    lines = (outside.folder / "all.jsonl").read_text().splitlines()
    assert multiset(json.loads(json.loads(line)["event"]) for line in lines) == multiset(events)
    with (outside.folder / "all.csv").open(newline="") as file:
        assert multiset(json.loads(row["event"]) for row in csv.DictReader(file)) == multiset(events)
    texts = pq.read_table(outside.folder / "all.parquet")["event"].to_pylist()
    assert multiset(map(json.loads, texts)) == multiset(events)
    run("export", "--output", "one.jsonl", "--user", "Person3@acme.example", "--since", events[40]["timestamp"])
    chosen = [event for event in events if event["actor"]["user"]["display_name"] == "Person 3"]
    chosen = [event for event in chosen if event["timestamp"] >= events[40]["timestamp"]]
    lines = (outside.folder / "one.jsonl").read_text().splitlines()
    assert multiset(json.loads(json.loads(line)["event"]) for line in lines) == multiset(chosen)

    # Status knows both runs.
    status = json.loads(run("status", "--json"))
    assert [(run["command"], run["outcome"]) for run in status["runs"]] == [("run", "nothing_new"), ("run", "loaded")]

    # Everything read again in other words, and something new: shown once, as first seen.
    server.log.append([make_event(500)])
    assert json.loads(run("load", "--full-refresh", "--json"))["events"] == 131
    assert "updated" in run("transform")
    assert multiset(view(outside)) == multiset([*events, make_event(500)])

    # No secret anywhere but in the environment.
    assert [text for done in outputs for text in (done.stdout, done.stderr) if any(s in text for s in SECRETS)] == []
    assert find_secrets(outside.folder, outside.home) == []


# -- signals ----------------------------------------------------------------------------------------------------------


def until_told(process: subprocess.Popen[str], words: str) -> None:
    """Wait until the command says this on stderr."""
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        if words in line:
            return
    pytest.fail(f"it never said {words!r}: {told}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_during_a_long_wait_ends_the_load_and_keeps_what_was_received(
    number: signal.Signals, code: int, workspace: Workspace, serve: Any
) -> None:
    events = [make_event(count) for count in range(10)]
    server, url = serve(log=SimulatedLog.of(events, page_limit=2))
    server.faults.at(CONTINUE, 3, rate_limited(1200))
    process = workspace.start("load", **for_simulator(url, backfill_workers="1"))
    until_told(process, "trying again in 1200 s")
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert stdout == ""
    assert "Traceback" not in stderr
    kept = workspace.events()
    assert kept, "nothing was committed"
    assert multiset(kept) == multiset(events[: len(kept)])
    asked = len(server.requests)
    workspace.load(url)
    assert server.requests[asked].route == CONTINUE
    assert multiset(workspace.events()) == multiset(events)


def test_run_every_ends_in_good_order_on_sigterm(workspace: Workspace, serve: Any) -> None:
    events = [make_event(count) for count in range(4)]
    server, url = serve(log=SimulatedLog.of(events, page_limit=2))
    server.faults.at(CONTINUE, 1, rate_limited(1200))
    process = workspace.start("run", "--every", "5m", **for_simulator(url, backfill_workers="1"))
    until_told(process, "trying again in 1200 s")
    process.terminate()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert multiset(workspace.events()) == multiset(events[:2])
    assert find_secrets(workspace.folder, workspace.home) == []


# -- one file, several processes --------------------------------------------------------------------------------------


def test_a_load_waits_for_a_reader_of_the_file_and_says_so(workspace: Workspace, serve: Any) -> None:
    server, url = serve([make_event(1)])
    workspace.load(url)
    server.log.append([make_event(2)])
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); print(1, flush=True); input()"
    reader = subprocess.Popen(
        [sys.executable, "-c", script, str(workspace.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "1\n"
    process = workspace.start("load", **for_simulator(url))
    until_told(process, "in use by another program")
    reader.communicate("\n")
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert multiset(workspace.events()) == multiset([make_event(1), make_event(2)])


# -- what can be wrong before anything begins -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["config.toml", "secrets.toml"])
def test_a_settings_file_that_is_no_toml_is_told_without_its_content(name: str, outside: Workspace) -> None:
    (outside.folder / ".dlt").mkdir()
    (outside.folder / ".dlt" / name).write_text('[sources.dropbox_audit]\nrefresh_token = "hunter2\n')
    done = outside.run("load", SOURCES__DROPBOX_AUDIT__ACCESS_TOKEN=ACCESS_TOKEN)
    assert done.returncode == 2
    assert name in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert "hunter2" not in done.stderr


def test_auth_then_check(outside: Workspace, serve: Any) -> None:
    _, url = serve()
    process = outside.start("auth", "--app-key", "demo-app-key", SOURCES__DROPBOX_AUDIT__API_URL=url)
    assert process.stderr is not None
    address = ""
    for line in process.stderr:
        address = line.strip() if url in line else address
        if "paste it here" in line:
            break
    page = requests.get(address, timeout=10).text
    found = re.search(r"<pre id=code>(.*?)</pre>", page)
    assert found is not None
    stdout, _ = process.communicate(html.unescape(found[1]) + "\n", timeout=60)
    assert process.returncode == 0
    assert "dropbox-audit check" in stdout
    assert (outside.folder / ".dlt/secrets.toml").stat().st_mode & 0o777 == 0o600
    done = outside.run("check", "--json", SOURCES__DROPBOX_AUDIT__API_URL=url)
    findings = json.loads(succeeded(done))
    assert findings["problems"] == []
    assert "sharing.read" in findings["superfluous_scopes"]


def test_the_command_needs_nothing_of_its_working_directory(outside: Workspace, serve: Any) -> None:
    _, url = serve([make_event(at=NOON)])
    done = outside.run("load", **for_simulator(url), PATH="")
    assert succeeded(done).startswith("Received 1 event ")
    assert sorted(path.name for path in outside.folder.iterdir()) == ["dropbox.duckdb"]
