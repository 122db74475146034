"""A disk that is full or may not be written: a plain error that names the place and the remedy, and nothing is lost.

Full means here that no file can grow beyond a few bytes (a limit of the process), which DuckDB, Arrow and Python meet
as they meet a full disk, and which needs no special rights.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb
import pytest
from doomed import Done, Team
from dropbox_audit.demo import SimulatedLog
from support import make_event

SMALL = {"max_pages_per_batch": "2", "backfill_workers": "1"}

PLACES = {
    "the journal": ("dropbox_audit.local:Journal.put", 0),
    "the request budget": ("dropbox_audit.api.budget:RequestBudget.take", 0),
    "dlt's folder": ("dlt:Pipeline.extract", 0),
    "a page": ("dlt:Pipeline.extract", 20_000),
    "what is normalised": ("dlt:Pipeline.normalize", 0),
    "the schema": ("dlt:Pipeline.normalize", 5_000),
    "the package's own notes": ("dlt:Pipeline.load", 0),
    "rows of the warehouse": ("dlt.destinations.impl.duckdb.duck:DuckDbCopyJob.run", 0),
    "the end of a package": ("dlt.load.load:Load.complete_package", 0),
}
"""What does not fit on the disk: from which call on, and how many bytes still fit."""


def small_log() -> SimulatedLog:
    return SimulatedLog.of([make_event(number) for number in range(6)], page_limit=2)


def explained(done: Done) -> str:
    """The error of a command that failed in plain words."""
    assert done.code == 1, done
    errors = done.stderr[done.stderr.index("Error: ") :].strip()
    assert len(errors.splitlines()) <= 2, errors
    assert "Nothing is lost" in errors
    return errors


@pytest.mark.parametrize("scene", ["first load", "poll"])
@pytest.mark.parametrize("what", PLACES)
def test_a_full_disk_is_told_and_loses_nothing(what: str, scene: str, make_team: Any) -> None:
    where, size = PLACES[what]
    team: Team = make_team(small_log(), **SMALL)
    if scene == "poll":
        assert team.run("load").code == 0
        team.let_arrive(2)
    error = explained(team.run("load", plan={"full": where, "bytes": size}))
    assert str(team.workspace.folder.parent) in error, "it names no place"
    assert "free some space" in error
    team.let_arrive()
    team.check(what)


def test_a_warehouse_that_cannot_be_tidied_up_is_good_all_the_same(make_team: Any) -> None:
    """DuckDB's log of changes still fits, their move into the file itself does not."""
    team: Team = make_team(small_log(), **SMALL)
    done = team.run("load", plan={"full": "dlt:Pipeline.load", "bytes": 60_000})
    assert done.code == 0, done
    assert team.workspace.path.with_name(f"{team.workspace.file}.wal").exists()
    team.let_arrive()
    team.check("no room for a checkpoint")


@pytest.mark.parametrize("size", [0, 4096, 8192])
def test_a_disk_that_is_full_before_the_file_is_made(size: int, make_team: Any) -> None:
    """DuckDB then leaves a stump, which it does not take for a database any more."""
    team: Team = make_team(small_log(), **SMALL)
    duckdb.connect(str(team.workspace.path)).close()
    os.truncate(team.workspace.path, size)
    team.check(f"a stump of {size} bytes")


def test_a_read_only_file_is_refused_and_left_as_it_is(make_team: Any) -> None:
    team: Team = make_team(small_log(), **SMALL)
    assert team.run("load").code == 0
    team.let_arrive()
    team.workspace.path.chmod(0o444)
    before, asked = team.workspace.path.read_bytes(), len(team.server.requests)
    for command in ("load", "run", "transform"):
        error = explained(team.zygote.run(team.workspace, command, **team.environment))
        assert f"{team.workspace.path} cannot be written (it is read-only): make it writable" in error
    assert team.workspace.path.read_bytes() == before
    assert len(team.server.requests) == asked
    team.workspace.path.chmod(0o644)
    team.check("the file was read-only")


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may write into any folder")
def test_a_read_only_folder_is_refused(make_team: Any) -> None:
    team: Team = make_team(small_log(), **SMALL)
    team.workspace.folder.chmod(0o555)
    error = explained(team.run("load"))
    team.workspace.folder.chmod(0o755)
    assert str(team.workspace.path) in error
    assert team.server.requests == []
    team.check("the folder was read-only")


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(make_team: Any) -> None:
    team: Team = make_team(small_log(), **SMALL)
    assert team.run("load").code == 0
    team.let_arrive()
    kept = team.workspace.path.rename(Path(f"{team.workspace.path}.kept"))
    team.workspace.path.write_text("To do: buy milk.\n" * 10)
    done = team.run("load")
    assert done.code == 1
    assert f"{team.workspace.path} is no DuckDB database" in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert team.workspace.path.read_text().startswith("To do")
    kept.replace(team.workspace.path)
    team.check("another file was in its place")
