"""The source in anybody's dlt pipeline: no loader, no command, another name and dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed
from dropbox_audit import dropbox_audit
from dropbox_audit.demo import ACCESS_TOKEN, APP_KEY, FAULTS, REFRESH_TOKEN, SimulatedLog
from dropbox_audit.errors import ConfigurationError
from support import CONTINUE, GET_EVENTS, NOON, Workspace, isolated_dlt, make_event, make_log, multiset, stamp


def source(url: str, **options: Any) -> Any:
    return dropbox_audit(access_token=ACCESS_TOKEN, api_url=url, requests_per_hour=0, **options)


def pipeline(workspace: Workspace, *, home: str = "own", name: str = "audit_log", dataset: str = "raw") -> dlt.Pipeline:
    return dlt.pipeline(
        name,
        pipelines_dir=str(workspace.folder / home),
        destination=dlt.destinations.duckdb(str(workspace.path)),
        dataset_name=dataset,
    )


def stored(workspace: Workspace, dataset: str = "raw") -> list[Any]:
    return [json.loads(row[0]) for row in workspace.rows(f"select event from {dataset}.events")]


def test_the_package_gives_the_source_by_its_plain_name() -> None:
    import dropbox_audit as package

    assert package.dropbox_audit is dropbox_audit
    assert "dropbox_audit" in package.__all__


def test_a_plain_pipeline_loads_the_log(workspace: Workspace, serve: Any) -> None:
    events = make_log(130)
    _, url = serve(log=SimulatedLog.of(events, page_limit=40, short_pages=0.5))
    info = pipeline(workspace).run(source(url))
    assert not info.has_failed_jobs
    assert multiset(stored(workspace)) == multiset(events)
    tables = {row[0] for row in workspace.rows("select table_name from information_schema.tables")}
    assert tables >= {"events", "event_assets", "event_participants", "rejected_events", "walks"}
    assert workspace.rows("select count(*) from raw.event_assets") == [(130,)]
    without_load = workspace.rows("select count(*) from raw.events where _dlt_load_id is null")
    assert without_load == [(0,)], "the views count completed loads only"


def test_a_second_run_brings_only_what_is_new(workspace: Workspace, serve: Any) -> None:
    server, url = serve([make_event(1)])
    pipeline(workspace).run(source(url))
    pipeline(workspace).run(source(url))
    server.log.append([make_event(2)])
    pipeline(workspace).run(source(url))
    assert [request.route for request in server.requests] == [GET_EVENTS, CONTINUE, CONTINUE]
    assert multiset(stored(workspace)) == multiset([make_event(1), make_event(2)])


def test_the_cursor_is_restored_from_the_destination_on_a_fresh_machine(workspace: Workspace, serve: Any) -> None:
    server, url = serve([make_event(1)])
    pipeline(workspace, home="one").run(source(url))
    server.log.append([make_event(2)])
    pipeline(workspace, home="two").run(source(url))
    assert [request.route for request in server.requests] == [GET_EVENTS, CONTINUE]
    assert multiset(stored(workspace)) == multiset([make_event(1), make_event(2)])


def test_two_pipelines_have_a_cursor_each(workspace: Workspace, serve: Any) -> None:
    _, url = serve([make_event(1)])
    for name in ("first", "second"):
        pipeline(workspace, name=name, dataset=f"{name}_raw").run(source(url))
    assert stored(workspace, "first_raw") == stored(workspace, "second_raw") == [make_event(1)]


def test_trouble_loads_nothing_of_this_extraction_and_moves_no_cursor(workspace: Workspace, serve: Any) -> None:
    events = [make_event(number) for number in range(6)]
    server, url = serve(log=SimulatedLog.of(events, page_limit=2))
    server.faults.at(CONTINUE, 2, FAULTS["403_team_access"])
    with pytest.raises(PipelineStepFailed) as caught:
        pipeline(workspace).run(source(url))
    assert "team_access_denied" in str(caught.value)
    pipeline(workspace).run(source(url))
    assert multiset(stored(workspace)) == multiset(events)


def test_settings_come_from_dlts_configuration(
    workspace: Workspace, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [make_event(1), make_event(5)]
    server, url = serve(events)
    (workspace.folder / ".dlt").mkdir()
    (workspace.folder / ".dlt/config.toml").write_text(
        f'[sources.dropbox_audit]\napi_url = "{url}"\nstart_time = "{events[1]["timestamp"]}"\n'
    )
    (workspace.folder / ".dlt/secrets.toml").write_text(
        f'[sources.dropbox_audit]\napp_key = "{APP_KEY}"\nrefresh_token = "{REFRESH_TOKEN}"\n'
    )
    with isolated_dlt():
        pipeline(workspace).run(dropbox_audit())
    assert stored(workspace) == [make_event(5)]
    assert server.requests[-1].argument["time"] == {"start_time": events[1]["timestamp"]}


def test_arguments_win_over_configuration(workspace: Workspace, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server, url = serve()
    monkeypatch.setenv("SOURCES__DROPBOX_AUDIT__START_TIME", "2001-01-01")
    pipeline(workspace).run(source(url, start_time=stamp(NOON)))
    assert server.requests[0].argument["time"] == {"start_time": stamp(NOON)}


def test_without_credentials_the_error_says_what_to_do(workspace: Workspace, serve: Any) -> None:
    _, url = serve()
    with pytest.raises((PipelineStepFailed, ConfigurationError)) as caught:
        pipeline(workspace).run(dropbox_audit(api_url=url))
    assert "dropbox-audit auth" in str(caught.value)


def test_a_setting_that_cannot_be_used_is_refused(workspace: Workspace) -> None:
    with pytest.raises((PipelineStepFailed, ConfigurationError)) as caught:
        pipeline(workspace).run(source("http://api.dropboxapi.com"))
    assert "https" in str(caught.value)


def test_text_that_no_warehouse_column_takes_is_loaded_all_the_same(workspace: Workspace, serve: Any) -> None:
    odd = [
        make_event(1, details={".tag": "x", "nul": "a\u0000b"}),
        make_event(2, assets=[{".tag": "file", "display_name": "half \ud83d smile"}]),
        make_event(3, details={".tag": "x", "big": 2**70}),
    ]
    _, url = serve(odd)
    pipeline(workspace).run(source(url))
    assert multiset(stored(workspace)) == multiset(odd)


def test_the_events_table_has_the_columns_that_the_views_read(workspace: Workspace, serve: Any) -> None:
    _, url = serve([make_event()])
    pipeline(workspace, dataset="dropbox_raw").run(source(url))
    with duckdb.connect(str(workspace.path), read_only=True) as connection:
        types = dict(
            connection.execute(
                "select column_name, data_type from information_schema.columns "
                "where table_schema = 'dropbox_raw' and table_name = 'events'"
            ).fetchall()
        )
    assert types["occurred_at"] == "TIMESTAMP WITH TIME ZONE"
    assert types["occurred_on"] == "DATE"
    assert types["event"] == types["details"] == types["_dlt_load_id"] == "VARCHAR"
    assert types["asset_count"] == "BIGINT"


def test_the_source_writes_where_dlt_writes_and_nowhere_else(workspace: Workspace, serve: Any) -> None:
    _, url = serve([make_event()])
    pipeline(workspace).run(source(url))
    made = {path.name for path in workspace.folder.iterdir()}
    assert made == {"own", workspace.path.name}
    assert not Path(workspace.home / "dropbox_audit").exists(), "without a budget there is nothing to remember"
