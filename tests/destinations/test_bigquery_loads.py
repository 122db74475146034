"""Loading into BigQuery with unmodified dlt over the real wire protocol: state, new columns, the layout of tables."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dropbox_audit.source
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dropbox_audit.demo import ACCESS_TOKEN, SimulatedDropbox, SimulatedLog, running
from dropbox_audit.load import Loader
from dropbox_audit.settings import Settings
from dropbox_audit.warehouse import find_target, open_door
from emulated_bigquery import BigQuery
from google.cloud.bigquery import Client
from story import Story
from support import (
    NOON,
    Sighting,
    VirtualClock,
    Workspace,
    clean_environment,
    entered,
    for_simulator,
    kept_events,
    make_event,
    make_log,
    multiset,
)

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
    newer = dropbox_audit.source._Package.into

    def older(package: Any, table_name: str, table: pa.Table) -> Any:
        columns = [name for name in ("unknown_fields", "has_missing_details") if name in table.column_names]
        return newer(package, table_name, table.drop_columns(columns))

    with running(SimulatedDropbox(log)) as url:
        with monkeypatch.context() as patch:
            patch.setattr(dropbox_audit.source._Package, "into", older)
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


def test_the_commands_from_a_first_run_to_an_export(outside: Workspace, bigquery: BigQuery, serve: Any) -> None:
    """One long story, with application default credentials, because building the views takes half a minute."""
    events = make_log(130)
    server, url = serve(log=SimulatedLog.of(events, page_limit=40))
    environment = {**for_simulator(url), **bigquery.application_default("commands", outside.home)}

    def run(*arguments: str) -> str:
        process = outside.start(*arguments, "--destination", "bigquery", **environment)
        stdout, stderr = process.communicate(timeout=600)
        assert process.returncode == 0, stdout + stderr
        return stdout

    first = json.loads(run("run", "--json"))
    assert (first["outcome"], first["events"], first["transform"]["outcome"]) == ("loaded", 130, "built")

    server.log.append([make_event(500)])
    second = json.loads(run("run", "--json"))
    assert (second["outcome"], second["events"], second["transform"]["outcome"]) == ("loaded", 1, "updated")
    assert run("transform") == "The views are up to date.\n"

    assert run("export", "--output", "all.parquet") == "131 events written to all.parquet.\n"
    texts = pq.read_table(outside.folder / "all.parquet")["event"].to_pylist()
    assert multiset(map(json.loads, texts)) == multiset([*events, make_event(500)])

    status = json.loads(run("status", "--json"))
    assert [(run["command"], run["events"]) for run in status["runs"]] == [("run", 1), ("run", 130)]

    found = json.loads(run("verify", "--since", "2026-10-01", "--until", "2026-11-02", "--json"))
    assert (found["result"], found["missing"], found["extra"]) == ("equal", [], [])


def test_models_are_laid_out_by_day(told: Callable[[str], Story]) -> None:
    """What a full build creates, each table with its partition; the models that are not kept by day are few."""
    made = {
        name.rpartition(".")[2]: sql
        for name, sql in told("bigquery").statements["first"]
        if name.startswith("model.") and "create or replace table" in sql
    }
    by_day = {name for name, sql in made.items() if "partition by occurred_on" in sql}
    assert made.keys() - by_day == {
        "int_alerts__considered",
        "int_alerts__departures",
        "int_alerts__matches",
        "int_alerts__signals",
        "int_dropbox__load_ledger",
        "int_dropbox__new_loads",
        "int_dropbox__touched_days",
        "int_dropbox__caught_up_walks",
    }
    assert "cluster by event_type" in made["events"]
