"""One story of a log, told to any warehouse: what the product makes of it must be the same everywhere."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dropbox_audit.demo import ACCESS_TOKEN, SimulatedDropbox, running, simulate_team
from dropbox_audit.demo import Clock as ServerClock
from dropbox_audit.load import Loader, Window
from dropbox_audit.run import load_once
from dropbox_audit.settings import Settings
from dropbox_audit.transform import transform
from dropbox_audit.verify import verify
from dropbox_audit.warehouse import VIEWS_DATASET, Door, Target, find_target, open_door
from questions import answers
from support import VirtualClock, Workspace, clean_environment, entered

UNTIL = datetime(2026, 11, 1, 12, tzinfo=UTC)
NEWS = timedelta(days=3)

CONTRACTS = """\
valid_from,seats,price_per_seat,currency,billing_period,renewal_date,notice_days
2025-12-01,45,13.37,USD,month,2026-09-16,
2026-09-16,50,150.10,EUR,year,2027-09-16,60
"""

DIFFERENT_BY_NATURE = {"loaded_at", "raised_at", "run_id", "last_run_id", "covered_by"}
"""Columns that two loads of one log never share: when the warehouse was reached, and names drawn at random."""
OF_A_RUN = {"alert_id", "subject"}
"""Columns of an alert that are made of a run's name, where it is about a run."""
WITHOUT_ORDER = {"previous_value", "new_value"}
"""Parts of an event's JSON as text: Snowflake keeps no order of an object's keys."""


@dataclass
class Story:
    """What came of it.

    Attributes:
        views: by step and relation, the rows of every public view, as text that is alike on all warehouses.
        statements: all that dbt sent, with the model or test that it was for, by step.
        answers: what the MCP server's tools say, by question, after the step "news".
    """

    views: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    statements: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)

    def remember(self, step: str, target: Target, folder: Path) -> None:
        """Take down what all public views hold now, and what dbt has sent since the last step."""
        models = json.loads((folder / "target" / "manifest.json").read_text())["nodes"].values()
        with open_door(target) as door:
            self.views[step] = {
                model["alias"]: _rows_of(door, model["alias"], list(model["columns"]))
                for model in models
                if model["resource_type"] == "model" and model["schema"] == VIEWS_DATASET
            }
        log = folder / "logs" / "dbt.log"
        said = [json.loads(line) for line in log.read_text().splitlines()]
        log.unlink()
        self.statements[step] = [
            (entry["data"]["node_info"]["unique_id"], entry["data"]["sql"])
            for entry in said
            if entry["info"]["name"] == "SQLQuery" and entry["data"].get("node_info", {}).get("unique_id")
        ]


def _rows_of(door: Door, relation: str, columns: list[str]) -> list[str]:
    compared = [column for column in columns if column not in DIFFERENT_BY_NATURE]
    rows = door.rows(f"select {', '.join(compared)} from {VIEWS_DATASET}.{relation}")
    named = [dict(zip(compared, map(_plain, compared, row), strict=True)) for row in rows]
    return sorted(json.dumps(_without_runs(row) if relation == "alerts" else row, sort_keys=True) for row in named)


def _without_runs(alert: dict[str, Any]) -> dict[str, Any]:
    evidence = json.loads(alert["evidence"])
    kept = {name: value for name, value in evidence.items() if name not in DIFFERENT_BY_NATURE}
    of_a_run = OF_A_RUN if kept.keys() != evidence.keys() else set()
    return {name: value for name, value in alert.items() if name not in of_a_run} | {"evidence": kept}


def _plain(column: str, value: Any) -> Any:
    """A value in a form that does not tell which driver gave it."""
    if column in WITHOUT_ORDER and str(value).startswith(("{", "[")):
        return json.loads(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | float):
        return round(float(value), 6)
    return value


def tell(destination: str, folder: Path, environment: dict[str, str]) -> Story:
    """First load, news, a verification, everything read again, and a rebuild from raw."""
    home, work = folder / "home", folder / "work"
    home.mkdir(parents=True)
    work.mkdir()
    variables = {**clean_environment(home), **environment, "DBT_LOG_FORMAT_FILE": "json", "DBT_LOG_FILE_MAX_BYTES": "0"}
    team = simulate_team(people=40, days=30, until=UNTIL, oddities=True, every_type=True)
    clock, server_clock = VirtualClock(UNTIL - 2 * NEWS), ServerClock(UNTIL - 2 * NEWS)
    server = SimulatedDropbox(team.log(), directory=team.directory_before, clock=server_clock)
    story = Story()
    with (
        pytest.MonkeyPatch.context() as patch,
        entered(Workspace(work, home, environment=variables), patch),
        running(server) as url,
    ):
        (work / "contracts.csv").write_text(CONTRACTS)
        settings = Settings(
            access_token=ACCESS_TOKEN, api_url=url, requests_per_hour=0, backfill_workers=1, shared_links=True
        )
        target = find_target(destination)
        loader = Loader(target, settings=settings.validated(UNTIL - NEWS), clock=clock)
        with loader.alone():
            load_once(loader)
            server.directory = team.directory
            clock.advance(NEWS.total_seconds())
            server_clock.advance(NEWS.total_seconds())
            load_once(loader)
            transform(loader)
            story.remember("first", target, work)

            clock.advance((2 * NEWS).total_seconds())
            server_clock.advance((2 * NEWS).total_seconds())
            load_once(loader)
            transform(loader)
            story.remember("news", target, work)
            story.answers = answers(target, clock)

            assert verify(loader, Window(None, UNTIL)).result == "equal"
            loader.load("load", full_refresh=True)
            transform(loader, is_repair=True)
            story.remember("again", target, work)

            transform(loader, full_refresh=True)
            story.remember("rebuilt", target, work)
    return story
