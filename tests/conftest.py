"""Fixtures of all tests: time, a simulated Dropbox, and a place to work in that no other test sees."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from dropbox_audit.demo import SimulatedDropbox, SimulatedLog, running
from filelock import FileLock
from hypothesis import settings as hypothesis_settings
from support import DemoRun, VirtualClock, Workspace, entered, make_workspace, run_demo

# The same examples on every run and every machine; a slow machine is not a failure.
hypothesis_settings.register_profile("seeded", deadline=None, derandomize=True, database=None)
hypothesis_settings.load_profile("seeded")

Serve = Callable[..., tuple[SimulatedDropbox, str]]


@pytest.fixture
def clock() -> VirtualClock:
    """Time that passes only in waits."""
    return VirtualClock()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts simulators: `serve(events, **options of the server)` gives the server and its address.

    `log` gives a whole `SimulatedLog` instead of events.
    """
    with ExitStack() as stack:

        def start(events: Any = (), *, log: SimulatedLog | None = None, **options: Any) -> tuple[SimulatedDropbox, str]:
            server = SimulatedDropbox(SimulatedLog.of(events) if log is None else log, **options)
            return server, stack.enter_context(running(server))

        yield start


@pytest.fixture
def outside(tmp_path: Path) -> Workspace:
    """A workspace for commands in processes of their own; this process is left as it is."""
    return make_workspace(tmp_path)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace that this process is in: working directory, environment, dlt's settings."""
    with entered(make_workspace(tmp_path), monkeypatch) as made:
        yield made


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """One demo for all workers, because it takes a while."""
    base = tmp_path_factory.getbasetemp()
    run = DemoRun((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo-run")
    with FileLock(f"{run.folder}.lock"):
        if not (run.folder / "output.txt").exists():
            shutil.rmtree(run.folder, ignore_errors=True)
            run.folder.mkdir()
            run_demo(run.folder)
    return run
