"""Runs the dbt project of this repository against a DuckDB file, the way `dropbox-audit transform` does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "sql"


class Warehouse:
    """One DuckDB file with its own dbt target and log folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "dropbox.duckdb"
        self._parsed = folder / "target" / "partial_parse.msgpack"
        self._parsed_by_others = folder.parent / "partial_parse.msgpack"

    def dbt(
        self, command: str, *arguments: str, variables: dict[str, Any] | None = None, succeeds: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run one dbt command; fails the test with dbt's own output unless it ends as expected."""
        if self._parsed_by_others.exists() and not self._parsed.exists():
            self._parsed.parent.mkdir()
            shutil.copyfile(self._parsed_by_others, self._parsed)
        finished = subprocess.run(
            [
                *(sys.executable, "-W", "ignore", "-m", "dbt.cli.main", command),
                *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target", "duckdb"),
                *("--target-path", str(self.folder / "target"), "--log-path", str(self.folder / "logs")),
                *("--vars", json.dumps(variables or {})),
                *arguments,
            ],
            # The same words for every warehouse: dbt parses anew when a profile or a variable differs.
            env={**os.environ, "DROPBOX_AUDIT_DUCKDB": self.path.name},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if (finished.returncode == 0) != succeeds:
            pytest.fail(f"dbt {command} returned {finished.returncode}\n{finished.stdout}\n{finished.stderr}")
        if not variables and not self._parsed_by_others.exists():
            copy = self.folder / "partial_parse.msgpack"
            shutil.copyfile(self._parsed, copy)
            copy.replace(self._parsed_by_others)
        return finished

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    @contextmanager
    def session(self, time_zone: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A reader in that time zone."""
        with duckdb.connect(str(self.path), read_only=True) as connection:
            connection.execute(f"set timezone = '{time_zone}'")
            yield connection

    def execute(self, sql: str) -> None:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(sql)
