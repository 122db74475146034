"""A transform that is killed, dbt or whoever runs it: the next run's views are those of an undisturbed warehouse."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from doomed import Team
from dropbox_audit.demo import SimulatedLog
from support import make_log

KILLERS = str(Path(__file__).with_name("dbt_killer"))

FEWEST_STATEMENTS = {"first build": 500, "next build": 150}
"""That dbt sends to DuckDB, less a few; deaths are drawn from these."""


def killed_run(team: Team, who: str, ordinal: int) -> None:
    path = os.pathsep.join([KILLERS, os.environ.get("PYTHONPATH", "")])
    done = team.workspace.run("run", **team.environment, PYTHONPATH=path, DOOM=f"{who}:{ordinal}")
    if who == "dbt":
        assert done.returncode == 1, done
        assert "The views could not be built: dbt was ended by signal 9" in done.stderr
    else:
        assert done.returncode == -9, done


def views(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every relation of dropbox_audit."""
    with duckdb.connect(str(path), read_only=True) as connection:
        names = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'dropbox_audit' order by all"
        ).fetchall()
        return {
            name: connection.execute(f"select * from dropbox_audit.{name} order by all").fetchall() for (name,) in names
        }


def undisturbed(team: Team, folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The views of the same raw data, built in one go."""
    folder.mkdir()
    copy = folder / team.workspace.file
    shutil.copyfile(team.workspace.path, copy)
    with duckdb.connect(str(copy)) as connection:
        for schema in ("dropbox_audit", "dropbox_audit_internal"):
            connection.execute(f"drop schema {schema} cascade")
    done = team.workspace.run("transform", **team.environment, DESTINATION__DUCKDB__CREDENTIALS=str(copy))
    assert done.returncode == 0, done
    return views(copy)


@pytest.mark.parametrize("build", FEWEST_STATEMENTS)
def test_killed_builds_are_made_good_by_the_next_run(build: str, make_team: Any, tmp_path: Path) -> None:
    rng = random.Random(f"views {build}")
    team: Team = make_team(SimulatedLog.of(make_log(120), page_limit=60))
    if build == "next build":
        done = team.workspace.run("run", **team.environment)
        assert done.returncode == 0, done
        team.let_arrive(20)
    for who in ("dbt", "both", "parent"):
        killed_run(team, who, rng.randrange(1, FEWEST_STATEMENTS[build]))
        team.let_arrive(20)
    done = team.workspace.run("run", **team.environment)
    assert done.returncode == 0, done
    found = views(team.workspace.path)
    assert len(found["events"]) == len(team.server.log)
    expected = undisturbed(team, tmp_path / "undisturbed")
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name] == expected[name], name
