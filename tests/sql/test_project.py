"""The project as a whole: run by hand from a checkout, in another time zone, documented, tested, cheap on BigQuery."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from dbtproject import PROJECT, ROOT, Warehouse
from rawlog import RawLog, event, file, moment, person

EVENTS_COLUMNS = """
    event_id occurred_at occurred_on event_type event_category description actor_type actor_id actor_member_id
    actor_email actor_name context_type context_id context_email ip_address city region country access_method session_id
    involves_non_team_member asset_count participant_count details has_missing_details event loaded_at
"""
PER_USER_COLUMNS = {
    "deletes_per_user": "day user_id user_email delete_events deleted_items permanently_deleted_items",
    "shares_per_user": "day user_id user_email share_events external_shares links_created public_links",
    "logins_per_user": "day user_id user_email successful_logins failed_logins distinct_ips distinct_countries",
}
FAR_EAST = "Pacific/Kiritimati"  # UTC+14
MIDNIGHT = ["2026-02-28T23:59:59", "2026-03-01T00:00:00"]


def build_by_hand(warehouse: Warehouse) -> None:
    """`dbt build --project-dir sql --profiles-dir sql` in a checkout, as a reader would type it; then as scheduled."""
    (warehouse.folder / "sql").symlink_to(PROJECT, target_is_directory=True)
    log = RawLog(warehouse.path)
    ada = {"actor": person(1), "actor_type": "user"}
    log.page(
        "live",
        [
            *(event("file_delete", at, assets=[file()], **ada) for at in MIDNIGHT),
            event("login_success", MIDNIGHT[0], **ada),
            event("brand_new", MIDNIGHT[1], **ada),
        ],
    )
    log.put(
        "walks", walk_id="live", kind="live", opened_at=moment("2026-03-02T00:00:00"), state="open", pages=1, events=4,
        caught_up_at=moment("2026-03-02T12:00:00"), covers_until=moment("2026-03-02T12:00:00"),
        start_time=moment("2026-02-28T00:00:00"), recorded_at=moment("2026-03-02T12:00:00"),
    )  # fmt: skip
    log.put("runs", run_id="r1", outcome="loaded", recorded_at=moment("2026-03-02T12:00:00"))
    log.put("rejected_events", walk_id="live", page_no=9, position=0, reason="no timestamp", event="{}",
            received_at=moment("2026-03-01T12:00:00"))  # fmt: skip
    log.load()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DROPBOX_AUDIT_")}
    finished = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "dbt.cli.main", "build"),
            *("--project-dir", "sql", "--profiles-dir", "sql"),
            *("--target-path", str(warehouse.folder / "target"), "--log-path", str(warehouse.folder / "logs")),
        ],
        cwd=warehouse.folder,
        env={**environment, "TZ": FAR_EAST},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    (warehouse.folder / "by_hand.txt").write_text(finished.stdout)
    (warehouse.folder / "manifest.json").write_bytes((warehouse.folder / "target" / "manifest.json").read_bytes())
    warehouse.dbt("build", "--exclude-resource-type", "unit_test", "seed", variables={"touched_days": ["2026-03-01"]})


@pytest.fixture(scope="module")
def warehouse(build_once: Any) -> Warehouse:
    built: Warehouse = build_once("project", build_by_hand)
    return built


@pytest.fixture(scope="module")
def manifest(warehouse: Warehouse) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((warehouse.folder / "manifest.json").read_text())
    return loaded


def models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def marts(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [model for model in models(manifest) if model["schema"] == "dropbox_audit"]


def columns(warehouse: Warehouse, relation: str) -> list[str]:
    return [row[0] for row in warehouse.rows(f"describe {relation}")]


def test_the_file_of_the_working_directory_is_the_default(warehouse: Warehouse) -> None:
    assert "ERROR=0" in (warehouse.folder / "by_hand.txt").read_text()
    assert warehouse.rows("select count(*) from dropbox_audit.events") == [(4,)]


def test_only_the_schemas_of_the_contract_are_made(warehouse: Warehouse) -> None:
    schemas = warehouse.rows("select distinct table_schema from information_schema.tables order by 1")
    assert schemas == [("dropbox_audit",), ("dropbox_audit_internal",), ("dropbox_raw",)]


def test_a_new_event_type_is_a_warning_and_counts(warehouse: Warehouse) -> None:
    assert "WARN=1" in (warehouse.folder / "by_hand.txt").read_text()
    assert warehouse.rows(
        "select event_type, event_count from dropbox_audit_internal.int_dropbox__unknown_event_types"
    ) == [("brand_new", 1)]
    assert warehouse.rows("select sum(other_events) from dropbox_audit.user_activity") == [(1,)]


def test_days_are_utc_whatever_the_session(warehouse: Warehouse) -> None:
    days = "select strftime(day, '%Y-%m-%d'), delete_events from dropbox_audit.deletes_per_user order by 1"
    log = (
        "select strftime(day, '%Y-%m-%d'), events, rejected_events, is_covered "
        "from dropbox_audit.log_completeness order by 1"
    )
    # The last day is the one in progress: read up to noon.
    expected = [("2026-02-28", 2, 0, True), ("2026-03-01", 2, 1, True), ("2026-03-02", 0, 0, True)]
    for zone in (FAR_EAST, "America/Los_Angeles", "UTC"):
        with warehouse.session(zone) as connection:
            assert connection.execute(days).fetchall() == [("2026-02-28", 1), ("2026-03-01", 1)]
            assert connection.execute(log).fetchall() == expected


def test_public_columns_stand_as_promised(warehouse: Warehouse) -> None:
    assert columns(warehouse, "dropbox_audit.events") == EVENTS_COLUMNS.split()
    for view, names in PER_USER_COLUMNS.items():
        assert columns(warehouse, f"dropbox_audit.{view}") == names.split()


def test_every_model_and_column_is_documented(warehouse: Warehouse, manifest: dict[str, Any]) -> None:
    for model in models(manifest):
        assert model["description"].startswith("One row per "), model["name"]
        if model["config"]["materialized"] == "ephemeral" or model["config"]["meta"].get("is_step"):
            continue
        described = {name: column["description"] for name, column in model["columns"].items()}
        assert list(described) == columns(warehouse, f"{model['schema']}.{model['alias']}"), model["name"]
        assert all(described.values()), model["name"]


def test_every_view_keeps_its_grain_and_its_promises(manifest: dict[str, Any]) -> None:
    grain_tests = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node.get("test_metadata", {}).get("name") in ("unique", "one_row_per")
    }
    unit_tested = {f"model.dropbox_audit.{test['model']}" for test in manifest["unit_tests"].values()}
    for model in marts(manifest):
        assert model["config"]["contract"]["enforced"], model["name"]
        assert model["unique_id"] in grain_tests, model["name"]
        assert model["unique_id"] in unit_tested, model["name"]
        assert len(model["config"]["meta"]["questions"]) == 2, model["name"]
        assert model["depends_on"]["nodes"], model["name"]
        assert not [name for name in model["depends_on"]["nodes"] if name.startswith("source.")], model["name"]


def test_descriptions_are_in_the_warehouse(warehouse: Warehouse) -> None:
    comments = dict(
        warehouse.rows(
            "select view_name, comment from duckdb_views() where schema_name = 'dropbox_audit' "
            "union all select table_name, comment from duckdb_tables() where schema_name = 'dropbox_audit'"
        )
    )
    assert len(comments) >= 16
    assert all(comment.startswith("One row per ") for comment in comments.values())
    assert warehouse.rows(
        "select count(*) from duckdb_columns() where schema_name = 'dropbox_audit' and coalesce(comment, '') = ''"
    ) == [(0,)]


def test_with_days_given_every_read_of_stored_history_names_them(
    warehouse: Warehouse, manifest: dict[str, Any]
) -> None:
    """BigQuery prunes partitions on literals only, relation by relation."""
    incremental = [model for model in models(manifest) if model["config"]["materialized"] == "incremental"]
    kept_by_day = {model["name"] for model in incremental if "day_column" in model["config"]["meta"]}
    kept_by_day |= {"stg_dropbox__events", "stg_dropbox__event_assets", "stg_dropbox__event_participants"}
    for model in incremental:
        path = warehouse.folder / "target" / "compiled" / "dropbox_audit" / model["original_file_path"]
        text = re.sub("--.*", "", path.read_text())
        reads = [name for name in re.findall(r'"dropbox_\w+"\."(\w+)"', text) if name in kept_by_day]
        # A day, or the days around it that alerts look at.
        named = re.findall(r"in \(date '2026-0[23][^)]+\)|between date '2025-01-24' and date '2026-03-02'", text)
        assert len(named) >= len(reads), model["name"]
        assert "touched.occurred_on" not in text, model["name"]


def test_tests_look_at_the_given_days_only(warehouse: Warehouse) -> None:
    folder = warehouse.folder / "target" / "compiled" / "dropbox_audit" / "models" / "marts"
    (unique_test,) = folder.rglob("unique_events_event_id.sql")
    assert "occurred_on in (date '2026-03-01')" in unique_test.read_text()


def test_views_page_is_fresh() -> None:
    specification = importlib.util.spec_from_file_location("generate_views", ROOT / "docs" / "generate_views.py")
    assert specification and specification.loader
    generator = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generator)
    page = (ROOT / "docs" / "views.md").read_text(encoding="utf-8")
    assert page == generator.render(), "run: python docs/generate_views.py"


def test_singular_tests_say_what_a_failing_row_means() -> None:
    for path in (PROJECT / "tests").glob("*.sql"):
        assert re.fullmatch(r"assert_\w+", path.stem)
        assert path.read_text(encoding="utf-8").startswith("-- A row is "), path.name


def test_nothing_is_fetched_or_sent() -> None:
    assert not list(PROJECT.glob("packages.yml")) + list(PROJECT.glob("dependencies.yml"))
    assert "send_anonymous_usage_stats: false" in (PROJECT / "dbt_project.yml").read_text(encoding="utf-8")


def test_every_source_of_the_contract_is_described(manifest: dict[str, Any]) -> None:
    assert {source["schema"] for source in manifest["sources"].values()} == {"dropbox_raw"}
    assert all(source["description"] for source in manifest["sources"].values())
