"""One demo warehouse for all tests of the dashboard, whichever worker comes first."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from dressedwarehouse import build
from dropbox_audit.dashboard import asking, sign_in
from dropbox_audit.warehouse import Target, duckdb_target
from filelock import FileLock
from support import DemoRun


@pytest.fixture(scope="session")
def demo_folder(demo_run: DemoRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds `plain.duckdb`, the demo's warehouse without alerts, and `dressed.duckdb`, with alerts and odd names."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "dashboard"
    with FileLock(f"{folder}.lock"):
        if not (folder / "dressed.duckdb").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            build(demo_run.path, folder)
    return folder


@pytest.fixture(scope="session")
def dressed(demo_folder: Path) -> Target:
    return duckdb_target(demo_folder / "dressed.duckdb")


@pytest.fixture(scope="session")
def plain(demo_folder: Path) -> Target:
    return duckdb_target(demo_folder / "plain.duckdb")


@pytest.fixture
def shown(dressed: Target) -> Iterator[Target]:
    """The pages of this process read the dressed warehouse."""
    asking.use(dressed)
    yield dressed
    sign_in.forget()
