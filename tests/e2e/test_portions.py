"""A log too long to be looked through at once is looked through in portions, with the same alerts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dropbox_audit import transform as building
from dropbox_audit.load import DEMO_PIPELINE_NAME
from support import DemoRun, Workspace

PER_RUN = {"int_alerts__considered", "int_alerts__matches", "int_alerts__signals"}


def build(workspace: Workspace, *, full_refresh: bool = False) -> int:
    """Build the views; how many loads they have not taken in afterwards."""
    loader = workspace.loader("http://127.0.0.1:1", pipeline_name=DEMO_PIPELINE_NAME)
    with loader.alone():
        building.transform(loader, full_refresh=full_refresh)
    return building.find_pending(loader.target).loads


def raised(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What is stored of alerts."""
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables "
            "where table_name = 'alerts' or (table_name like 'int_alerts%' and table_type = 'BASE TABLE') order by 1"
        ).fetchall()
        return {
            name: connection.execute(f"from {name} order by all").fetchall()
            for (name,) in tables
            if name.rpartition(".")[2] not in PER_RUN
        }


@pytest.mark.usefixtures("workspace")
def test_given_many_events_when_the_views_are_built_in_portions_then_the_alerts_are_those_of_one_build(
    demo_run: DemoRun, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = raised(demo_run.path)
    assert len(at_once["dropbox_audit.alerts"]) > 20
    shutil.copy2(demo_run.path, workspace.path)
    with duckdb.connect(str(workspace.path)) as connection:
        connection.execute("drop schema dropbox_audit cascade")
        connection.execute("drop schema dropbox_audit_internal cascade")
        [(events,)] = connection.execute("select sum(event_count) from dropbox_raw.load_days").fetchall()
    monkeypatch.setattr(building, "_PORTION_EVENTS", events // 2)
    ran = []
    run_dbt = building._dbt
    monkeypatch.setattr(building, "_dbt", lambda *arguments: ran.append(run_dbt(*arguments)))

    assert build(workspace) == 0
    assert raised(workspace.path) == at_once
    assert len(ran) >= 2 + 2

    assert build(workspace, full_refresh=True) == 0
    assert raised(workspace.path) == at_once
