"""Loading into BigQuery with unmodified dlt over the real wire protocol: state, new columns, layout, what is sent."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dropbox_audit.source
import pyarrow as pa
import pytest
from dropbox_audit.demo import ACCESS_TOKEN, SimulatedDropbox, SimulatedLog, running
from dropbox_audit.load import Loader
from dropbox_audit.settings import Settings
from dropbox_audit.warehouse import find_target, open_door
from emulated_bigquery import BigQuery, GoogleSql, project_of
from google.cloud.bigquery import Client
from story import Story
from support import NOON, Sighting, VirtualClock, Workspace, clean_environment, entered, kept_events, make_log, multiset

NAMES = (f"machine-{number}" for number in itertools.count())


class Machine:
    """A machine that loads a log into a project of its own."""

    def __init__(self, home: Path, client: Client) -> None:
        self.home = home
        self.client = client

    def load(self, url: str, *, full_refresh: bool = False) -> Any:
        """One `load`, as a new process would."""
        settings = Settings(access_token=ACCESS_TOKEN, api_url=url, requests_per_hour=0).validated(NOON)
        loader = Loader(find_target("bigquery"), settings=settings, clock=VirtualClock())
        with loader.alone():
            return loader.load("load", full_refresh=full_refresh)

    def forget(self) -> None:
        """Be a fresh machine."""
        shutil.rmtree(self.home)
        self.home.mkdir()

    def events(self) -> list[Any]:
        """The events that the warehouse holds by the identity rule."""
        with open_door(find_target("bigquery")) as door:
            rows = door.rows(
                "select distinct _dlt_load_id, page_no, position, walk_id, identity, exact_hash, event "
                "from dropbox_raw.events where _dlt_load_id in "
                "(select load_id from dropbox_raw._dlt_loads where status = 0) order by 1, 2, 3, 4"
            )
        sightings = (Sighting(walk, identity, exact, event) for _, _, _, walk, identity, exact, event in rows)
        return [json.loads(event) for event in kept_events(sightings)]

    def columns(self, table: str) -> dict[str, str]:
        """The columns of a raw table with their types."""
        return {field.name: field.field_type for field in self.client.get_table(f"dropbox_raw.{table}").schema}


@pytest.fixture
def machine(bigquery: BigQuery, tmp_path: Path) -> Iterator[Machine]:
    name = next(NAMES)
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    environment = {**clean_environment(tmp_path / "home"), **bigquery.environment(name)}
    with (
        pytest.MonkeyPatch.context() as patch,
        entered(Workspace(tmp_path / "work", tmp_path / "home", environment=environment), patch),
    ):
        yield Machine(tmp_path / "home", bigquery.client(name))


def test_a_fresh_machine_goes_on_from_the_warehouse(machine: Machine) -> None:
    log = SimulatedLog.of(make_log(250))
    with running(SimulatedDropbox(log)) as url:
        assert machine.load(url).events == 250
        machine.forget()
        log.append(make_log(30, start=NOON))
        assert machine.load(url).events == 30
        machine.forget()
        assert machine.load(url).outcome == "nothing_new"
        assert machine.load(url, full_refresh=True).events == 280
    assert multiset(machine.events()) == multiset(log.events())


def test_a_column_that_an_upgrade_brings_is_added(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    log = SimulatedLog.of(make_log(20))
    newer = dropbox_audit.source._into

    def older(table_name: str, table: pa.Table) -> Any:
        columns = [name for name in ("unknown_fields", "has_missing_details") if name in table.column_names]
        return newer(table_name, table.drop_columns(columns))

    with running(SimulatedDropbox(log)) as url:
        with monkeypatch.context() as patch:
            patch.setattr(dropbox_audit.source, "_into", older)
            machine.load(url)
        assert "has_missing_details" not in machine.columns("events")
        log.append(make_log(10, start=NOON))
        machine.load(url)
    assert machine.columns("events").items() >= {"has_missing_details": "BOOLEAN", "unknown_fields": "STRING"}.items()
    found = machine.client.query_and_wait(
        "select has_missing_details, count(*) from dropbox_raw.events group by 1 order by 2"
    )
    assert [tuple(row.values()) for row in found] == [(False, 10), (None, 20)]


def test_raw_tables_are_laid_out_by_day(machine: Machine) -> None:
    with running(SimulatedDropbox(SimulatedLog.of(make_log(5)))) as url:
        machine.load(url)
    for name, clusters in (
        ("events", ["event_type", "actor_id"]),
        ("event_assets", None),
        ("event_participants", None),
    ):
        table = machine.client.get_table(f"dropbox_raw.{name}")
        assert table.time_partitioning is not None, name
        assert (table.time_partitioning.type_, table.time_partitioning.field) == ("DAY", "occurred_on")
        assert table.clustering_fields == clusters
    types = machine.columns("events")
    assert (types["occurred_at"], types["occurred_on"], types["details"]) == ("TIMESTAMP", "DATE", "STRING")


def test_google_reads_every_statement_that_is_sent(told: Callable[[str], Story]) -> None:
    """Also those that dbt makes around the models, and the hooks of a repair."""
    statements = {sql for step in told("bigquery").statements.values() for _, sql in step}
    engine = GoogleSql()
    try:
        refused = [(sql, answer) for sql in statements if "error" in (answer := engine.ask("parse", sql=sql))]
    finally:
        engine.close()
    assert refused == []
    project = project_of("story")
    for words in ("delete from", f"create or replace table `{project}`", "merge into", "create or replace view"):
        assert any(words in sql for sql in statements), words


def test_models_are_laid_out_by_day(told: Callable[[str], Story]) -> None:
    """What a full build creates, each table with its partition; the models that are not kept by day are few."""
    made = {
        name.rpartition(".")[2]: sql
        for name, sql in told("bigquery").statements["first"]
        if name.startswith("model.") and "create or replace table" in sql
    }
    by_day = {name for name, sql in made.items() if "partition by occurred_on" in sql}
    assert made.keys() - by_day == {
        "int_dropbox__load_ledger",
        "int_dropbox__new_loads",
        "int_dropbox__touched_days",
        "int_dropbox__caught_up_walks",
    }
    assert "cluster by event_type" in made["events"]
