"""Loading into Snowflake with dlt as it is: what arrives, where the state lives, and what the commands make of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dropbox_audit import source
from dropbox_audit.demo import SimulatedLog
from dropbox_audit.load import Loader
from dropbox_audit.warehouse import dbt_environment, find_target, open_door
from fake_snowflake import Snowflake
from support import (
    CONTINUE,
    GET_EVENTS,
    ROUTES_OF_THE_LOG,
    Sighting,
    VirtualClock,
    Workspace,
    for_simulator,
    kept_events,
    make_event,
    make_log,
    multiset,
)

PROJECT = Path(__file__).parents[3] / "sql"


class Warehouse:
    """A database of one test's own, and the loads into it."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def load(self, url: str, **options: Any) -> Any:
        """One `load`, as a new process would do it."""
        loader = Loader(find_target("snowflake"), settings=self.workspace.settings(url), clock=VirtualClock())
        with loader.alone():
            return loader.load("load", **options)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with open_door(find_target("snowflake")) as door:
            return door.rows(sql)

    def events(self) -> list[Any]:
        """The events by the identity rule, from completed loads only."""
        rows = self.rows(
            """
            select events.walk_id, events.identity, events.exact_hash, events.event from dropbox_raw.events
            inner join dropbox_raw._dlt_loads on load_id = _dlt_load_id and status = 0
            order by _dlt_load_id, page_no, position, walk_id
            """
        )
        return [json.loads(event) for event in kept_events(Sighting(*row) for row in rows)]


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    return re.sub(r"\W", "_", request.node.name)


@pytest.fixture
def warehouse(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, snowflake: Snowflake, database: str) -> Warehouse:
    for name, value in snowflake.environment(database).items():
        monkeypatch.setenv(name, value)
    return Warehouse(workspace)


def routes(server: Any) -> list[str]:
    return [request.route for request in server.requests if request.route in ROUTES_OF_THE_LOG]


def test_a_first_load_brings_every_event_byte_for_byte_in_columns_of_their_types(
    warehouse: Warehouse, serve: Any
) -> None:
    strange = make_event(
        9000, details={".tag": "x", "text": "üñí \"quoted\" 'single' \\ \n\t ; $$ -- 🙂", "big": 2**62}
    )
    bare = {"timestamp": "2026-10-31T12:00:00Z", "event_type": {".tag": "logout", "description": "Signed out"}}
    events = [*make_log(230), strange, bare]
    server, url = serve(log=SimulatedLog.of(events, page_limit=50))
    result = warehouse.load(url)
    assert (result.outcome, result.events, result.error) == ("loaded", 232, None)
    assert multiset(warehouse.events()) == multiset(events)
    texts = [text.encode() for (text,) in warehouse.rows("select event from dropbox_raw.events")]
    assert sorted(texts) == sorted(server.log._raw)
    types = dict(
        warehouse.rows(
            "select lower(column_name), data_type from information_schema.columns "
            "where table_schema = 'DROPBOX_RAW' and table_name = 'EVENTS'"
        )
    )
    assert {name: types[name] for name in ("event", "details", "occurred_at", "occurred_on", "page_no")} == {
        "event": "TEXT",
        "details": "TEXT",
        "occurred_at": "TIMESTAMP_TZ",
        "occurred_on": "DATE",
        "page_no": "NUMBER",
    }
    assert types["is_replayed"] == "BOOLEAN"
    # What is not there is null, a time too.
    assert warehouse.rows("select end_time, start_time, count(*) from dropbox_raw.walks group by 1, 2") == [
        (None, None, 1)
    ]
    assert warehouse.rows("select max(actor_id), max(ip_address) from dropbox_raw.events where actor_type is null") == [
        (None, None)
    ]
    assert warehouse.rows("select distinct day from dropbox_raw.load_days order by 1")[0] == (date(2026, 10, 31),)


def test_a_poll_asks_for_what_is_new_only_and_one_without_news_touches_nothing(
    warehouse: Warehouse, serve: Any
) -> None:
    server, url = serve([make_event(1)])
    warehouse.load(url)
    loads = warehouse.rows("select * from dropbox_raw._dlt_loads")
    assert warehouse.load(url).outcome == "nothing_new"
    assert warehouse.rows("select * from dropbox_raw._dlt_loads") == loads
    server.log.append([make_event(2), make_event(3)])
    assert warehouse.load(url).events == 2
    assert multiset(warehouse.events()) == multiset(make_event(number) for number in (1, 2, 3))
    assert routes(server) == [GET_EVENTS, CONTINUE, CONTINUE]


def test_twins_survive_and_reading_again_adds_nothing(warehouse: Warehouse, serve: Any) -> None:
    events = [make_event(1), make_event(2), make_event(2), make_event(2), make_event(3)]
    _, url = serve(log=SimulatedLog.of(events, rewording=True))
    warehouse.load(url)
    assert multiset(warehouse.events()) == multiset(events)
    assert warehouse.load(url, full_refresh=True).events == 5
    assert warehouse.rows("select count(*) from dropbox_raw.events") == [(10,)]
    assert multiset(warehouse.events()) == multiset(events), "as first seen"


def test_a_fresh_machine_goes_on_where_the_warehouse_is(warehouse: Warehouse, serve: Any) -> None:
    server, url = serve(make_log(60))
    warehouse.load(url)
    warehouse.workspace.forget_home()
    server.log.append([make_event(70)])
    assert warehouse.load(url).events == 1
    assert routes(server) == [GET_EVENTS, CONTINUE]
    assert multiset(warehouse.events()) == multiset([*make_log(60), make_event(70)])


def test_a_machine_that_was_overtaken_takes_the_state_of_the_warehouse(warehouse: Warehouse, serve: Any) -> None:
    server, url = serve([make_event(1)])
    warehouse.load(url)
    mine, kept = warehouse.workspace.home, warehouse.workspace.home.with_name("kept")
    mine.rename(kept)
    mine.mkdir()
    server.log.append([make_event(2)])
    assert warehouse.load(url).events == 1, "the other machine"
    warehouse.workspace.forget_home()
    mine.rmdir()
    kept.rename(mine)
    server.log.append([make_event(3)])
    warehouse.load(url)
    assert multiset(warehouse.events()) == multiset(make_event(number) for number in (1, 2, 3))
    assert warehouse.rows("select count(*) from dropbox_raw.events") == [(3,)], "no event was loaded twice"


def test_a_column_that_an_upgrade_adds_is_added_to_the_table(
    warehouse: Warehouse, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = serve([make_event(1)])
    warehouse.load(url)
    wider = source.EMPTY["events"].append_column("seen_at", pa.array([], pa.timestamp("us", tz="UTC")))
    monkeypatch.setitem(source.EMPTY, "events", wider)
    server.log.append([make_event(2)])
    warehouse.load(url)
    assert warehouse.rows("select seen_at from dropbox_raw.events") == [(None,), (None,)]
    assert multiset(warehouse.events()) == multiset([make_event(1), make_event(2)])


def test_the_commands_from_a_first_run_to_an_export(
    outside: Workspace, snowflake: Snowflake, serve: Any, database: str
) -> None:
    """One long story, because building the views takes half a minute."""
    events = make_log(130)
    server, url = serve(log=SimulatedLog.of(events, page_limit=40))
    environment = {**for_simulator(url), **snowflake.environment(database)}

    def run(*arguments: str) -> str:
        done = outside.run(*arguments, "--destination", "snowflake", **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "secret" not in done.stdout + done.stderr
        return done.stdout

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

    # By hand, with dbt's own command: the unit tests of the models too.
    by_hand = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "dbt.cli.main", "--quiet", "test", "--select", "test_type:unit"),
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target", "snowflake"),
            *("--target-path", str(outside.folder / "target"), "--log-path", str(outside.folder / "logs")),
        ],
        cwd=outside.folder,
        env={**outside.environment, **profile(environment)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert by_hand.returncode == 0, by_hand.stdout + by_hand.stderr


def profile(environment: dict[str, str]) -> dict[str, str]:
    """The variables of sql/profiles.yml."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return dbt_environment(find_target("snowflake"))
