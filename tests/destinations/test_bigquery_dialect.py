"""The SQL that dbt makes for BigQuery, before its judge: Google's own analyser, and the engine that says what it means.

The emulator only serves dbt, which wants a connection to compile; nothing here rests on what it thinks of the SQL.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from dropbox_audit.demo import SimulatedDropbox, SimulatedLog, running, simulate_team
from dropbox_audit.load import Window
from dropbox_audit.run import load_once
from dropbox_audit.transform import sql_folder
from dropbox_audit.warehouse import dbt_environment, find_target
from emulated_bigquery import BigQuery, GoogleSql, project_of
from filelock import FileLock
from sqlglot import exp
from story import CONTRACTS, Story
from support import NOON, VirtualClock, Workspace, clean_environment, entered

NAME = "dialect"
PROJECT = project_of(NAME)
TEAM = simulate_team(seed=7, people=40, days=30, until=NOON, every_type=True, oddities=True)
TYPES = {"VARCHAR": "STRING", "BIGINT": "INT64", "HUGEINT": "INT64", "INTEGER": "INT64", "DOUBLE": "FLOAT64",
         "BOOLEAN": "BOOL", "DATE": "DATE", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
         "DECIMAL(18,2)": "NUMERIC"}  # fmt: skip
CONTRACT = {"string": "STRING", "bigint": "INT64", "float64": "FLOAT64", "boolean": "BOOL", "date": "DATE",
            "timestamp": "TIMESTAMP", "numeric": "NUMERIC"}  # fmt: skip

Rows = list[list[Any]]
Columns = list[tuple[str, str]]
State = dict[tuple[str, str], tuple[Columns, Rows]]


def some_events() -> list[Any]:
    """One event of each type, and one in twenty of the others, in the order in which Dropbox delivers them."""
    seen: set[str] = set()
    chosen = []
    for number, event in enumerate(TEAM.log().events()):
        kind = str(event.get("event_type")) if isinstance(event, dict) else "odd"
        if kind not in seen or number % 20 == 0:
            chosen.append(event)
        seen.add(kind)
    return chosen


def dbt(folder: Path, target: str, *arguments: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run one dbt command on this process's warehouse; gives the manifest that it leaves behind."""
    sql = str(sql_folder())
    finished = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "dbt.cli.main", *arguments),
            *("--project-dir", sql, "--profiles-dir", sql, "--target", target),
            *("--target-path", str(folder / target), "--log-path", str(folder / "logs")),
            *("--vars", json.dumps(variables or {})),
        ],
        env={**os.environ, **dbt_environment(find_target(target))},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        pytest.fail(f"dbt {arguments[0]} returned {finished.returncode}\n{finished.stdout}\n{finished.stderr}")
    manifest: dict[str, Any] = json.loads((folder / target / "manifest.json").read_text())
    return manifest


def state_of(workspace: Workspace) -> State:
    """Every relation of the DuckDB file with its columns, in BigQuery's words, and its rows."""
    found = {}
    for schema, name in workspace.rows("select table_schema, table_name from information_schema.tables"):
        described = workspace.rows(f"select column_name, column_type from (describe {schema}.{name})")
        rows = workspace.rows(f"select {', '.join(name for name, _ in described)} from {schema}.{name}")
        found[schema, name] = (
            [(column, TYPES[kind]) for column, kind in described],
            [[plain(value) for value in row] for row in rows],
        )
    return found


def plain(value: Any) -> Any:
    """A value in the words of google_sql.py."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    return value.isoformat() if isinstance(value, dt.date) else value


def comparable(rows: Rows) -> list[str]:
    def same(value: Any) -> Any:
        return float(f"{value:.9g}") if isinstance(value, float) and math.isfinite(value) else value

    return sorted(repr([same(value) for value in row]) for row in rows)


@dataclass(frozen=True)
class Case:
    """The same rows for both engines, and what dbt makes of the project for BigQuery.

    Attributes:
        first, second: what DuckDB holds after a first load, and after a poll that found news, partly late, and a second
            reading of the first days.
        touched_days: the days that the second load touches.
        full: compiled where nothing is built yet.
        incremental: compiled where everything is, with the touched days given.
    """

    first: State
    second: State
    touched_days: list[str]
    full: dict[str, Any]
    incremental: dict[str, Any]


def prepare(folder: Path, bigquery: BigQuery) -> Case:
    (folder / "home").mkdir(parents=True)
    (folder / "work").mkdir()
    environment = {**clean_environment(folder / "home"), **bigquery.environment(NAME)}
    workspace = Workspace(folder / "work", folder / "home", environment=environment)
    events = some_events()
    half = len(events) * 2 // 3
    log, clock = SimulatedLog.of(events[:half]), VirtualClock()
    build = ["build", "--exclude-resource-type", "unit_test", "test"]
    with (
        pytest.MonkeyPatch.context() as patch,
        entered(workspace, patch),
        running(server := SimulatedDropbox(log, directory=TEAM.directory_before)) as url,
    ):
        (workspace.folder / "contracts.csv").write_text(CONTRACTS)
        take_in(workspace, url, clock)
        dbt(folder, "duckdb", *build)
        first = state_of(workspace)

        log.append([*events[half:], *events[half - 100 : half : 10]])
        server.directory = TEAM.directory
        clock.advance(24 * 3600)
        take_in(workspace, url, clock)
        workspace.load(url, clock=clock, window=Window(None, NOON - dt.timedelta(days=28)))
        dbt(folder, "duckdb", *build)
        second = state_of(workspace)
        taken_in = [load_id for (load_id,) in picked(first, "int_dropbox__load_ledger", "load_id")]
        days = picked(second, "load_days", "day", "_dlt_load_id")
        touched_days = sorted({day for day, load_id in days if load_id not in taken_in})

        full = dbt(folder, "bigquery", "compile")
        client = bigquery.client(NAME)
        for dataset in {schema for schema, _ in first}:
            client.create_dataset(dataset)
        for node in in_order(full, "model"):
            if node["config"]["materialized"] != "view" and (node["schema"], node["alias"]) in first:
                columns, _ = first[node["schema"], node["alias"]]
                listed = ", ".join(f"`{name}` {kind}" for name, kind in columns)
                client.query_and_wait(f"create table {node['schema']}.{node['alias']} ({listed})")
        incremental = dbt(folder, "bigquery", "compile", variables={"touched_days": touched_days})
    return Case(first, second, touched_days, full, incremental)


def take_in(workspace: Workspace, url: str, clock: VirtualClock) -> None:
    """Load what is new, the directory included."""
    loader = workspace.loader(url, clock=clock, directory_every="24h", shared_links=True)
    with loader.alone():
        load_once(loader)


def picked(state: State, relation: str, *names: str) -> Rows:
    ((columns, rows),) = (content for (_, name), content in state.items() if name == relation)
    places = [[column for column, _ in columns].index(name) for name in names]
    return [[row[place] for place in places] for row in rows]


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Prepared by whichever worker comes first, once for all."""
    base = tmp_path_factory.getbasetemp()
    kept = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "bigquery-dialect.pickle"
    with FileLock(f"{kept}.lock"):
        if not kept.exists():
            case = prepare(tmp_path_factory.mktemp("dialect"), request.getfixturevalue("bigquery"))
            kept.write_bytes(pickle.dumps(case))
    prepared: Case = pickle.loads(kept.read_bytes())
    return prepared


@pytest.fixture
def google_sql() -> Iterator[GoogleSql]:
    """Google's own engine, with no table."""
    engine = GoogleSql()
    yield engine
    engine.close()


# -- the SQL is BigQuery's -----------------------------------------------------------------------------------------


def in_order(manifest: dict[str, Any], *kinds: str) -> list[dict[str, Any]]:
    """Models (and tests) with what each needs before it."""
    nodes, done = manifest["nodes"], {}

    def visit(name: str) -> None:
        node = nodes.get(name)
        if node is None or name in done:
            return
        done[name] = None
        for other in node["depends_on"].get("nodes", []):
            visit(other)
        del done[name]
        done[name] = node

    for name in nodes:
        visit(name)
    # An ephemeral model stands in the SQL of those that read it.
    return [
        node
        for node in done.values()
        if node["resource_type"] in kinds and node["config"]["materialized"] != "ephemeral"
    ]


SEEDS = {path.stem for path in (sql_folder() / "seeds").glob("*.csv")}


def give_tables(google_sql: GoogleSql, state: State) -> None:
    """Tell Google's engine of the raw tables and the seeds."""
    for (schema, name), (columns, rows) in state.items():
        if schema == "dropbox_raw" or name in SEEDS:
            google_sql.ask("table", name=f"{PROJECT}.{schema}.{name}", columns=columns, rows=rows)


def relation_of(node: dict[str, Any]) -> str:
    return f"{PROJECT}.{node['schema']}.{node['alias']}"


def complaints(google_sql: GoogleSql, manifest: dict[str, Any], state: State) -> dict[str, str]:
    """What Google's analyser says against each model and test; each model is judged by the columns it is to have."""
    give_tables(google_sql, state)
    for node in in_order(manifest, "model"):
        # An incremental model reads itself. A step that is a table here only has none to be had.
        columns, _ = state.get((node["schema"], node["alias"]), ([], []))
        if columns:
            google_sql.ask("table", name=relation_of(node), columns=columns)
    found = {}
    for node in in_order(manifest, "model", "test"):
        answer = google_sql.ask("analyse", sql=node["compiled_code"])
        if "error" in answer:
            found[node["name"]] = answer["error"]
        elif node["resource_type"] == "model":
            google_sql.ask("table", name=relation_of(node), columns=answer["columns"])
            given = dict(answer["columns"])
            if node["config"]["contract"]["enforced"]:
                promised = {name: CONTRACT[column["data_type"]] for name, column in node["columns"].items()}
                if promised != given:
                    found[node["name"]] = f"gives {given}, but promises {promised}"
    return found


@pytest.mark.parametrize("form", ["full", "incremental"])
def test_every_model_and_test_is_valid(form: str, google_sql: GoogleSql, case: Case) -> None:
    manifest = {"full": case.full, "incremental": case.incremental}[form]
    assert complaints(google_sql, manifest, case.first) == {}
    assert len(in_order(manifest, "model")) > 35
    assert len(in_order(manifest, "test")) > 90


def test_every_statement_that_dbt_sends_is_valid(
    told: Callable[[str], Story], google_sql: GoogleSql, case: Case
) -> None:
    """Also what it makes around the models, their tests, and the hooks of a repair.

    Scripts and what they keep in tables of their own can only be read, not be judged.
    """
    for (schema, name), (columns, _) in case.first.items():
        google_sql.ask("table", name=f"{PROJECT}.{schema}.{name}", columns=columns)
    for node in in_order(case.full, "model"):
        if (node["schema"], node["alias"]) not in case.first:
            columns = google_sql.ask("analyse", sql=node["compiled_code"])["columns"]
            google_sql.ask("table", name=relation_of(node), columns=columns)
    statements = {sql for step in told("bigquery").statements.values() for _, sql in step}
    for words in ("delete from", "create or replace table", "create or replace view", "merge into", "alter table"):
        assert any(words in sql for sql in statements), words
    refused = []
    for sql in statements:
        do = "parse" if "declare " in sql or "__dbt_tmp" in sql else "analyse"
        answer = google_sql.ask(do, sql=sql.replace(project_of("story"), PROJECT))
        if "error" in answer:
            refused.append((sql, answer["error"]))
    assert refused == []


# -- what the SQL means --------------------------------------------------------------------------------------------


def run(google_sql: GoogleSql, manifest: dict[str, Any], before: State, after: State) -> dict[str, str]:
    """Build every model in Google's engine, on the rows that DuckDB had; gives the models that came out differently.

    Args:
        google_sql: the engine.
        manifest: what dbt made for BigQuery.
        before: what the incremental models hold already.
        after: the raw tables, and what DuckDB has made of them.
    """
    give_tables(google_sql, after)
    for node in in_order(manifest, "model"):
        if node["config"]["materialized"] == "incremental":
            columns, rows = before[node["schema"], node["alias"]]
            google_sql.ask("table", name=relation_of(node), columns=columns, rows=rows)
    differing = {}
    for node in in_order(manifest, "model"):
        answer = google_sql.ask("execute", sql=node["compiled_code"])
        if "error" in answer:
            differing[node["name"]] = answer["error"]
            continue
        columns, rows = answer["columns"], answer["rows"]
        names = [name for name, _ in columns]
        if node["config"]["materialized"] == "incremental":
            rows = kept_rows(node, before[node["schema"], node["alias"]][1], rows, names) + rows
        google_sql.ask("table", name=relation_of(node), columns=columns, rows=rows)
        if (node["schema"], node["alias"]) not in after:
            # In DuckDB this step is a part of those that read it, which are compared.
            assert node["config"]["materialized"] == "table"
            continue
        expected_columns, expected = after[node["schema"], node["alias"]]
        if sorted(columns) != sorted(map(list, expected_columns)):
            differing[node["name"]] = f"has the columns {columns}, in DuckDB {expected_columns}"
            continue
        places = [names.index(name) for name, _ in expected_columns if name != "taken_in_at"]
        ours = comparable([[row[place] for place in places] for row in rows])
        theirs = comparable([[value for value, (name, _) in zip(row, expected_columns, strict=True)
                              if name != "taken_in_at"] for row in expected])  # fmt: skip
        if ours != theirs:
            only = [row for row in ours if row not in theirs][:2], [row for row in theirs if row not in ours][:2]
            differing[node["name"]] = f"{len(ours)} rows, in DuckDB {len(theirs)}; for instance {only}"
    return differing


def kept_rows(node: dict[str, Any], present: Rows, new: Rows, names: list[str]) -> Rows:
    """The rows of an incremental model that its strategy leaves where they are."""
    if node["config"]["incremental_strategy"] == "merge":
        assert node["config"]["unique_key"] is None, "a merge without a key only adds"
        return present
    assert node["config"]["incremental_strategy"] == "insert_overwrite"
    day = names.index(node["config"]["partition_by"]["field"])
    replaced = {row[day] for row in new}
    return [row for row in present if row[day] not in replaced]


def with_nothing_in_it(state: State) -> State:
    return {relation: (columns, []) for relation, (columns, _) in state.items()}


def test_a_first_build_means_what_it_means_in_duckdb(google_sql: GoogleSql, case: Case) -> None:
    assert run(google_sql, case.full, with_nothing_in_it(case.first), case.first) == {}


def test_an_incremental_build_means_what_it_means_in_duckdb(google_sql: GoogleSql, case: Case) -> None:
    assert run(google_sql, case.incremental, case.first, case.second) == {}


def test_words_that_differ_between_warehouses_are_read_alike(google_sql: GoogleSql, case: Case) -> None:
    tests = [node for node in in_order(case.full, "test") if not node["depends_on"]["nodes"]]
    assert len(tests) >= 5
    for node in tests:
        answer = google_sql.ask("execute", sql=node["compiled_code"])
        assert answer.get("rows") == [], f"{node['name']}: {answer}"


# -- this judge is awake -------------------------------------------------------------------------------------------


PLANTED = {
    "external_domains": ("lower(trim(", "strip_accents(trim(", "Function not found: strip_accents"),
    "int_dropbox__actor_name_days": ("= event_keys.walk_id", "= event_keys.page_no", "No matching signature"),
    "deletes": ("event_types.delete_kind,", "1 as delete_kind,", "but promises"),
}


def test_planted_errors_are_found(google_sql: GoogleSql, case: Case) -> None:
    manifest = copy.deepcopy(case.full)
    for node in in_order(manifest, "model"):
        valid, planted, _ = PLANTED.get(node["name"], ("", "", ""))
        node["compiled_code"] = node["compiled_code"].replace(valid, planted)
    found = complaints(google_sql, manifest, case.first)
    assert found.keys() == PLANTED.keys()
    for name, (_, _, complaint) in PLANTED.items():
        assert complaint in found[name]


def test_another_meaning_is_found(google_sql: GoogleSql, case: Case) -> None:
    few = {"stg_dropbox__loads", "stg_dropbox__rejected_events"}
    nodes = copy.deepcopy({name: node for name, node in case.full["nodes"].items() if node["name"] in few})
    (altered,) = (node for node in nodes.values() if node["name"] == "stg_dropbox__rejected_events")
    altered["compiled_code"] = altered["compiled_code"].replace("where copy_number = 1", "where copy_number = 2")
    assert run(google_sql, {"nodes": nodes}, {}, case.first).keys() == {"stg_dropbox__rejected_events"}


# -- a scheduled run costs what is new -----------------------------------------------------------------------------


def test_each_read_of_a_table_kept_by_day_names_its_days(case: Case) -> None:
    """BigQuery prunes partitions on literals, relation by relation."""
    by_day = {"stg_dropbox__events", "stg_dropbox__event_assets", "stg_dropbox__event_participants"}
    by_day |= {node["name"] for node in in_order(case.incremental, "model") if node["config"].get("partition_by")}
    read = 0
    for node in in_order(case.incremental, "model"):
        if node["config"]["materialized"] in ("incremental", "table"):
            for table in sqlglot.parse_one(node["compiled_code"], read="bigquery").find_all(exp.Table):
                if table.db and table.name in by_day:
                    named, touched = named_days(table), case.touched_days
                    if node["name"].startswith("int_alerts__"):
                        # Windows reach two days back, and two on for what goes on; habits are of four hundred.
                        assert named, f"{node['name']} reads all of {table.name}"
                        assert days_between(min(named), min(touched)) <= 401, (node["name"], table.name)
                        assert days_between(max(touched), max(named)) <= 2, (node["name"], table.name)
                    else:
                        assert named == touched, f"{node['name']} reads all of {table.name}"
                    read += 1
    assert read > 20


def days_between(earlier: str, later: str) -> int:
    return (dt.date.fromisoformat(later) - dt.date.fromisoformat(earlier)).days


def named_days(table: exp.Table) -> list[str]:
    """The days in the condition that holds for a table's rows: where it is read, or where all of that is read again."""
    select = table.find_ancestor(exp.Select)
    assert select is not None
    where = select.args.get("where")
    names = {"", table.alias_or_name}
    for condition in where.find_all(exp.In, exp.Between) if where else ():
        column = condition.this
        if isinstance(column, exp.Column) and column.name == "occurred_on" and column.table in names:
            return [day.name for day in condition.find_all(exp.Literal)]
    if isinstance(select.parent, exp.CTE) and select.is_star and where is None:
        name = select.parent.alias
        again = [other for other in select.root().find_all(exp.Table) if other.name == name and not other.db]
        found = [named_days(other) for other in again]
        return found[0] if found and all(days == found[0] for days in found) else []
    return []
