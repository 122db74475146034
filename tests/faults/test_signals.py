"""SIGTERM and SIGINT, wherever they come: the command ends within seconds, and keeps what it had received.

Where the views would be built, a stand-in takes dbt's place: it only has to be there, or to hang.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from doomed import Team
from dropbox_audit.demo import SimulatedLog
from dropbox_audit.demo.faults import rate_limited, stall
from support import CONTINUE, make_event, multiset

SIGNALS = {signal.SIGTERM: 143, signal.SIGINT: 130}

HARMLESS = "pass"
HANGING = """
import os, signal, threading
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.kill(os.getppid(), {number})
threading.Event().wait()
"""
INSISTING = """
import os, signal, threading
signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getppid(), signal.SIGTERM))
os.kill(os.getppid(), signal.SIGTERM)
while True:
    threading.Event().wait(1)
"""
"""Makes the one signal two: when it is asked to end, it sends the second."""


def log_of(count: int) -> SimulatedLog:
    return SimulatedLog.of([make_event(number) for number in range(count)], page_limit=2)


def stand_in(folder: Path, program: str) -> str:
    """Put a package `dbt` with this program first on the path; returns the path."""
    package = folder / "stand_in" / "dbt" / "cli"
    package.mkdir(parents=True)
    for path in (package.parent / "__init__.py", package / "__init__.py"):
        path.touch()
    (package / "main.py").write_text(program)
    return os.pathsep.join([str(folder / "stand_in"), os.environ.get("PYTHONPATH", "")])


def until_told(process: subprocess.Popen[str], words: str, *, on_stdout: bool = False) -> str:
    """Wait until the command says this; returns the line."""
    stream = process.stdout if on_stdout else process.stderr
    assert stream is not None
    told = []
    for line in stream:
        told.append(line)
        if words in line:
            return line
    pytest.fail(f"it never said {words!r}: {told}")


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for its end; half a minute is much, but the machine may be busy. What it would wait for takes ten."""
    stdout, stderr = process.communicate(timeout=30)
    assert "Traceback" not in stderr
    return stdout, stderr


@pytest.mark.parametrize("number", SIGNALS)
def test_while_dropbox_does_not_answer(number: signal.Signals, make_team: Any) -> None:
    team: Team = make_team(log_of(8), max_pages_per_batch="2", backfill_workers="1")
    team.server.faults.at(CONTINUE, 2, stall(600))
    process = team.workspace.start("load", **team.environment)
    until_told(process, "4 events in 2 pages loaded")
    process.send_signal(number)
    _, stderr = ended(process)
    assert process.returncode == SIGNALS[number], stderr
    assert "stopped by a signal" in stderr
    assert multiset(team.workspace.events()) == multiset(team.server.log.events()[:4])
    team.check("stopped while waiting for an answer")


def test_while_the_tokens_endpoint_says_wait(make_team: Any) -> None:
    team: Team = make_team(log_of(4), access_token="", app_key="demo-app-key", refresh_token="demo-refresh-token")
    team.server.faults.at("oauth2/token", 1, rate_limited(1200))
    process = team.workspace.start("load", **team.environment)
    until_told(process, "trying again in 1200 s")
    process.terminate()
    _, stderr = ended(process)
    assert process.returncode == 143, stderr
    team.check("stopped before the first token")


@pytest.mark.parametrize("number", SIGNALS)
def test_while_packages_are_loaded(number: signal.Signals, make_team: Any) -> None:
    # More pages than are read ahead: those are all kept.
    team: Team = make_team(log_of(180), max_pages_per_batch="1", backfill_workers="1")
    process = team.workspace.start("load", **team.environment)
    until_told(process, "pages loaded")  # the second batch of ninety
    process.send_signal(number)
    _, stderr = ended(process)
    assert process.returncode == SIGNALS[number], stderr
    kept = team.workspace.events()
    assert 4 <= len(kept) < 180
    assert multiset(kept) == multiset(team.server.log.events()[: len(kept)])
    team.check("stopped between two batches")


@pytest.mark.parametrize("number", SIGNALS)
def test_while_the_views_are_built(number: signal.Signals, make_team: Any, tmp_path: Path) -> None:
    team: Team = make_team(log_of(4))
    path = stand_in(tmp_path, HANGING.format(number=int(number)))
    process = team.workspace.start("run", **team.environment, PYTHONPATH=path)
    _, stderr = ended(process)
    assert process.returncode == SIGNALS[number], stderr
    assert "stopped while building the views; the next run completes them" in stderr
    team.check("stopped while building the views")


def test_the_second_signal_ends_at_once(make_team: Any, tmp_path: Path) -> None:
    team: Team = make_team(log_of(4))
    process = team.workspace.start("run", **team.environment, PYTHONPATH=stand_in(tmp_path, INSISTING))
    _, stderr = ended(process)
    assert process.returncode == 143, stderr
    assert "Error" not in stderr, "it took its time to say so"
    team.let_arrive()
    team.check("stopped twice")


@pytest.mark.parametrize("number", SIGNALS)
def test_between_two_rounds(number: signal.Signals, make_team: Any, tmp_path: Path) -> None:
    team: Team = make_team(log_of(4))
    process = team.workspace.start(
        "run", "--every", "10m", "--json", **team.environment, PYTHONPATH=stand_in(tmp_path, HARMLESS)
    )
    team.note_success(until_told(process, "run_id", on_stdout=True))
    process.send_signal(number)
    _, stderr = ended(process)
    assert process.returncode == 0, stderr
    assert stderr.splitlines()[-1] == "Stopped."
    team.check("stopped between two rounds")
