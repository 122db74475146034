from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest
from dbtproject import Warehouse
from filelock import FileLock

BuildOnce = Callable[[str, Callable[[Warehouse], None]], Warehouse]


@pytest.fixture(scope="session")
def build_once(tmp_path_factory: pytest.TempPathFactory) -> BuildOnce:
    """Builds a warehouse that all of a file's tests read, whichever xdist worker comes first: dbt starts are slow."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def build(name: str, make: Callable[[Warehouse], None]) -> Warehouse:
        folder = shared / f"sql-{name}"
        with FileLock(f"{folder}.lock"):
            if not (folder / "built").exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(Warehouse(folder))
                (folder / "built").touch()
        return Warehouse(folder)

    return build
