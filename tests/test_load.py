"""Loading: the state that the warehouse holds, bounded batches, and what a run leaves behind when it ends early."""

from __future__ import annotations

import json
import shutil
import threading
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import pytest
from dropbox_audit.demo import APP_KEY, FAULTS, REFRESH_TOKEN, SimulatedDropbox, SimulatedLog
from dropbox_audit.errors import ConfigurationError, DropboxAuditError, RunError, Stopped
from dropbox_audit.load import DEMO_PIPELINE_NAME, Window
from support import CONTINUE, GET_EVENTS, NOON, VirtualClock, Workspace, make_event, make_log, multiset

pytestmark = pytest.mark.usefixtures("workspace")


def cursors_sent(server: SimulatedDropbox) -> list[str]:
    return [request.argument["cursor"] for request in server.requests if request.route == CONTINUE]


def routes(server: SimulatedDropbox) -> list[str]:
    return [request.route for request in server.requests]


def raw_rows(workspace: Workspace) -> int:
    return workspace.rows("select count(*) from dropbox_raw.events")[0][0]


# -- what is new ------------------------------------------------------------------------------------------------------


def test_a_first_load_brings_every_event_byte_for_byte(workspace: Workspace, serve: Any) -> None:
    events = make_log(230)
    server, url = serve(log=SimulatedLog.of(events, page_limit=50))
    result = workspace.load(url)
    assert (result.outcome, result.events, result.batches, result.error) == ("loaded", 230, 1, None)
    assert multiset(workspace.events()) == multiset(events)
    texts = Counter(row[0].encode() for row in workspace.rows("select event from dropbox_raw.events"))
    assert texts == Counter(server.log._raw)


def test_events_of_a_megabyte_each_are_loaded_like_others(workspace: Workspace, serve: Any) -> None:
    details = {".tag": "file_add_comment_details", "comment_text": "x" * 1_000_000}
    _, url = serve(log=SimulatedLog.of([make_event(number, details=details) for number in range(100)], page_limit=20))
    assert workspace.load(url).events == 100
    assert workspace.rows(
        "select count(distinct identity), min(length(details)) > 1000000 from dropbox_raw.events"
    ) == [(100, True)]


def test_a_poll_that_finds_nothing_makes_one_request_and_leaves_the_file_alone(
    workspace: Workspace, serve: Any
) -> None:
    server, url = serve([make_event()])
    workspace.load(url)
    before, asked = workspace.path.read_bytes(), len(server.requests)
    changed = workspace.path.stat().st_mtime_ns
    result = workspace.load(url)
    assert (result.outcome, result.requests, result.batches) == ("nothing_new", 1, 0)
    assert routes(server)[asked:] == [CONTINUE]
    assert (workspace.path.read_bytes(), workspace.path.stat().st_mtime_ns) == (before, changed)


def test_only_what_is_new_is_asked_for_and_stored(workspace: Workspace, serve: Any) -> None:
    server, url = serve([make_event(1)])
    workspace.load(url)
    server.log.append([make_event(2), make_event(3)])
    result = workspace.load(url)
    assert (result.outcome, result.events, result.requests) == ("loaded", 2, 1)
    assert multiset(workspace.events()) == multiset(make_event(number) for number in (1, 2, 3))
    assert routes(server) == [GET_EVENTS, CONTINUE]


def test_a_log_without_any_event_is_a_load_too(workspace: Workspace, serve: Any) -> None:
    server, url = serve()
    assert workspace.load(url).outcome == "loaded"
    assert workspace.load(url).outcome == "nothing_new"
    server.log.append([make_event()])
    assert workspace.load(url).events == 1
    assert routes(server) == [GET_EVENTS, CONTINUE, CONTINUE]
    assert workspace.events() == [make_event()]


def test_all_tables_exist_after_the_first_load(workspace: Workspace, serve: Any) -> None:
    _, url = serve()
    workspace.load(url)
    tables = {row[0] for row in workspace.rows("select table_name from information_schema.tables")}
    assert tables >= {"events", "event_assets", "event_participants", "rejected_events", "walks", "runs"}


def test_start_time_is_where_the_first_load_begins(workspace: Workspace, serve: Any, clock: VirtualClock) -> None:
    events = [make_event(at=NOON - timedelta(days=days)) for days in (9, 7, 5, 3)]
    _, url = serve(events)
    workspace.load(url, clock=clock, start_time="7d")
    assert multiset(workspace.events()) == multiset(events[1:])


def test_the_polls_of_one_process_share_a_token_for_as_long_as_it_lasts(
    workspace: Workspace, serve: Any, clock: VirtualClock
) -> None:
    server, url = serve([make_event()])
    loader = workspace.loader(url, clock=clock, access_token=None, app_key=APP_KEY, refresh_token=REFRESH_TOKEN)
    with loader.alone():
        for _ in range(3):
            loader.load("load")
            clock.advance(3600)
        assert server.count("oauth2/token") == 1
        clock.advance(3600)
        loader.load("load")
    assert server.count("oauth2/token") == 2


# -- cursors that wait on this machine --------------------------------------------------------------------------------


def test_each_poll_continues_with_the_newest_cursor_although_none_was_stored(workspace: Workspace, serve: Any) -> None:
    server, url = serve([make_event(1)])
    for _ in range(4):
        workspace.load(url)
    server.log.append([make_event(2)])
    workspace.load(url)
    workspace.load(url)
    sent = cursors_sent(server)
    assert len(sent) == 5
    assert len(set(sent)) == 5, "a cursor was used twice, so a newer one was forgotten"
    assert multiset(workspace.events()) == multiset([make_event(1), make_event(2)])


def test_old_cursors_may_expire_while_polls_stay_quiet(workspace: Workspace, serve: Any) -> None:
    server, url = serve(log=SimulatedLog.of([make_event(1)], superseded_ttl=0.0))
    for _ in range(3):
        workspace.load(url)
    server.log.append([make_event(2)])
    assert workspace.load(url).resets == 0
    assert multiset(workspace.events()) == multiset([make_event(1), make_event(2)])


def test_losing_what_waits_on_this_machine_loses_nothing_that_matters(workspace: Workspace, serve: Any) -> None:
    server, url = serve([make_event(1)])
    for _ in range(3):
        workspace.load(url)
    workspace.forget_home()
    server.log.append([make_event(2)])
    result = workspace.load(url)
    assert (result.events, result.requests) == (1, 1)
    assert multiset(workspace.events()) == multiset([make_event(1), make_event(2)])


def test_after_six_quiet_hours_cursor_and_run_records_are_loaded(
    workspace: Workspace, serve: Any, clock: VirtualClock
) -> None:
    server, url = serve([make_event()])
    workspace.load(url, clock=clock)
    for _ in range(5):
        clock.advance(3600)
        assert workspace.load(url, clock=clock).batches == 0
    assert workspace.rows("select count(distinct run_id) from dropbox_raw.runs") == [(1,)]
    clock.advance(2 * 3600)
    assert workspace.load(url, clock=clock).batches == 1
    assert workspace.rows("select count(distinct run_id) from dropbox_raw.runs") == [(7,)]
    clock.advance(60)
    assert workspace.load(url, clock=clock).batches == 0
    workspace.forget_home()
    workspace.load(url, clock=clock)
    sent = cursors_sent(server)
    # The fresh machine goes on from the cursor that the load after seven hours stored.
    assert sent[-1] == sent[-2]
    assert len(set(sent)) == len(sent) - 1


# -- the warehouse holds the truth ------------------------------------------------------------------------------------


def test_a_fresh_machine_goes_on_where_the_warehouse_is(workspace: Workspace, serve: Any) -> None:
    server, url = serve([make_event(1)])
    workspace.load(url)
    workspace.forget_home()
    result = workspace.load(url)
    assert (result.events, result.requests) == (0, 1)
    assert routes(server) == [GET_EVENTS, CONTINUE]


@pytest.mark.parametrize("has_polled", [False, True])
def test_a_backup_that_was_put_back_is_caught_up(has_polled: bool, workspace: Workspace, serve: Any) -> None:
    server, url = serve([make_event(1)])
    workspace.load(url)
    backup = workspace.folder / "backup"
    shutil.copy(workspace.path, backup)
    server.log.append([make_event(2)])
    workspace.load(url)
    if has_polled:
        workspace.load(url)
    shutil.copy(backup, workspace.path)
    server.log.append([make_event(3)])
    result = workspace.load(url)
    assert result.events == 2
    assert multiset(workspace.events()) == multiset(make_event(number) for number in (1, 2, 3))
    assert GET_EVENTS not in routes(server)[1:], "history was read again"


def test_a_warehouse_that_was_deleted_is_filled_again(workspace: Workspace, serve: Any) -> None:
    events = [make_event(number) for number in range(3)]
    _, url = serve(events)
    workspace.load(url)
    workspace.load(url)
    workspace.path.unlink()
    assert workspace.load(url).events == 3
    assert multiset(workspace.events()) == multiset(events)


def test_a_warehouse_that_was_moved_goes_on(workspace: Workspace, serve: Any) -> None:
    server, url = serve([make_event(1)])
    workspace.load(url)
    workspace.path.rename(workspace.folder / "moved.duckdb")
    server.log.append([make_event(2)])
    assert workspace.load(url, file="moved.duckdb").requests == 1
    assert multiset(workspace.events(file="moved.duckdb")) == multiset([make_event(1), make_event(2)])


def test_two_warehouses_of_one_home_never_share_a_cursor(workspace: Workspace, serve: Any) -> None:
    server, url = serve([make_event(1)])
    files = ("one.duckdb", "two.duckdb")
    workspace.load(url, file=files[0])
    server.log.append([make_event(2)])
    workspace.load(url, file=files[1])
    server.log.append([make_event(3)])
    for file in files:
        workspace.load(url, file=file)
    for file in files:
        assert multiset(workspace.events(file=file)) == multiset(make_event(number) for number in (1, 2, 3))


def test_the_demos_file_and_a_real_one_never_mix(workspace: Workspace, serve: Any) -> None:
    _, url = serve([make_event()])
    workspace.load(url, pipeline_name=DEMO_PIPELINE_NAME, file="demo.duckdb")
    before = (workspace.folder / "demo.duckdb").read_bytes()
    with pytest.raises(ConfigurationError, match="demo") as caught:
        workspace.load(url, file="demo.duckdb")
    assert "destination.duckdb.credentials" in str(caught.value)
    assert (workspace.folder / "demo.duckdb").read_bytes() == before
    workspace.load(url)
    with pytest.raises(ConfigurationError, match="real"):
        workspace.load(url, pipeline_name=DEMO_PIPELINE_NAME)


def test_full_refresh_reads_everything_again_and_shows_nothing_twice(workspace: Workspace, serve: Any) -> None:
    events = make_log(120)
    server, url = serve(log=SimulatedLog.of(events, page_limit=30, rewording=True))
    workspace.load(url)
    result = workspace.load(url, full_refresh=True)
    assert result.events == 120
    assert raw_rows(workspace) == 240, "raw is never dropped"
    assert multiset(workspace.events()) == multiset(events), "the first wording stays"
    server.log.append([make_event(900)])
    assert workspace.load(url).events == 1


# -- a package that was left pending ----------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for a process that dies here."""


@pytest.mark.parametrize("step", ["normalize", "load"])
def test_a_package_that_was_extracted_but_not_loaded_is_loaded_first(
    step: str, workspace: Workspace, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = serve([make_event(1)])
    workspace.load(url)
    server.log.append([make_event(2)])

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(dlt.Pipeline, step, die)
        workspace.load(url)
    assert raw_rows(workspace) == 1
    server.log.append([make_event(3)])
    notices: list[str] = []
    workspace.load(url, notice=notices.append)
    assert multiset(workspace.events()) == multiset(make_event(number) for number in (1, 2, 3))
    assert len(set(cursors_sent(server))) == 2, "what the package holds was read a second time"
    assert [notice for notice in notices if "pending" in notice]


def test_a_pending_package_of_another_past_is_dropped(
    workspace: Workspace, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = serve([make_event(1)])
    workspace.load(url)
    backup = workspace.folder / "backup"
    shutil.copy(workspace.path, backup)
    server.log.append([make_event(2)])
    workspace.load(url)
    server.log.append([make_event(3)])

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(dlt.Pipeline, "load", die)
        workspace.load(url)
    shutil.copy(backup, workspace.path)
    workspace.load(url)
    assert multiset(workspace.events()) == multiset(make_event(number) for number in (1, 2, 3))


# -- bounded batches --------------------------------------------------------------------------------------------------


def test_a_load_runs_in_batches_each_committed_with_its_cursor(workspace: Workspace, serve: Any) -> None:
    events = make_log(70)
    _, url = serve(log=SimulatedLog.of(events, page_limit=10))
    seen: list[int] = []
    result = workspace.load(
        url, max_pages_per_batch=2, backfill_workers=1, progress=lambda _: seen.append(raw_rows(workspace))
    )
    assert result.batches == 4
    assert seen == [20, 40, 60, 70]
    assert multiset(workspace.events()) == multiset(events)
    assert workspace.rows("select count(*) from dropbox_raw._dlt_loads where status = 0") == [(4,)]
    versions = workspace.rows("select count(distinct version_hash) from dropbox_raw._dlt_pipeline_state")
    assert versions == [(4,)]


def test_quiet_pages_cost_no_package(workspace: Workspace, serve: Any) -> None:
    server, url = serve(log=SimulatedLog.of([make_event(1)], empty_pages=1.0))
    workspace.load(url, max_pages_per_batch=1)
    loads = workspace.rows("select count(*) from dropbox_raw._dlt_loads")
    server.log.empty_pages = 0.9
    assert workspace.load(url, max_pages_per_batch=1).outcome == "nothing_new"
    assert workspace.rows("select count(*) from dropbox_raw._dlt_loads") == loads


MESS = {
    "short and empty pages": {"short_pages": 0.5, "empty_pages": 0.4},
    "reworded on every reading": {"rewording": True, "short_pages": 0.3},
    "tiny pages": {"page_limit": 9},
}


@pytest.mark.parametrize("mess", MESS)
def test_a_messy_log_arrives_exactly_once(mess: str, workspace: Workspace, serve: Any) -> None:
    events = make_log(120)
    log = SimulatedLog.of(events[:70], **{"page_limit": 20, **MESS[mess]})
    server, url = serve(log=log)
    server.faults.at(CONTINUE, 3, FAULTS["503_html_header"])
    workspace.load(url, max_pages_per_batch=3, clock=VirtualClock())
    log.append(events[70:100])
    log.reset_cursors()
    workspace.load(url, clock=VirtualClock())
    log.append(events[100:])
    log.forget_cursors()
    result = workspace.load(url, clock=VirtualClock())
    assert result.resets == 1
    assert multiset(event["details"]["number"] for event in workspace.events()) == multiset(
        event["details"]["number"] for event in events
    )


def test_a_replayed_page_is_stored_and_flagged_but_not_counted(workspace: Workspace, serve: Any) -> None:
    events = make_log(180)
    server, url = serve(log=SimulatedLog.of(events, page_limit=60))
    server.faults.at(CONTINUE, 1, FAULTS["replay"])
    result = workspace.load(url)
    assert (result.events, result.replayed_pages) == (180, 1)
    assert raw_rows(workspace) == 240
    assert multiset(workspace.events()) == multiset(events)


def test_items_that_are_no_events_are_counted_and_kept(workspace: Workspace, serve: Any) -> None:
    _, url = serve([make_event(1), None, "text", {"timestamp": "never"}, make_event(2)])
    result = workspace.load(url)
    assert (result.events, result.rejected_events) == (2, 3)
    kept = workspace.rows("select position, reason, event from dropbox_raw.rejected_events order by position")
    assert [(position, json.loads(event)) for position, _, event in kept] == [
        (1, None),
        (2, "text"),
        (3, {"timestamp": "never"}),
    ]
    assert all(reason for _, reason, _ in kept)


# -- closed windows ---------------------------------------------------------------------------------------------------


def window(first: int, last: int) -> Window:
    """From the moment of one numbered event to that of another, exclusive."""
    start, end = (datetime.fromisoformat(make_event(number)["timestamp"]) for number in (first, last))
    return Window(start, end)


def test_a_window_is_read_to_its_end_and_leaves_the_live_cursor_where_it_is(workspace: Workspace, serve: Any) -> None:
    server, url = serve([make_event(number) for number in range(6)])
    workspace.load(url)
    workspace.load(url)
    server.log.append([make_event(6)])
    asked = len(server.requests)
    result = workspace.load(url, window=window(1, 4))
    assert (result.outcome, result.events) == ("loaded", 3)
    assert routes(server)[asked:] == [GET_EVENTS], "the live walk was asked too"
    assert server.requests[-1].argument["time"].keys() == {"start_time", "end_time"}
    assert workspace.load(url).events == 1
    sent = cursors_sent(server)
    assert len(sent) == len(set(sent)), "the live walk went back"
    assert multiset(workspace.events()) == multiset(make_event(number) for number in range(7))
    kinds = workspace.rows("select distinct kind, state from dropbox_raw.walks order by all")
    assert kinds == [("live", "open"), ("window", "done")]


def test_a_window_before_the_first_load_does_not_stand_for_it(workspace: Workspace, serve: Any) -> None:
    _, url = serve([make_event(number) for number in range(6)])
    assert workspace.load(url, window=window(2, 4)).events == 2
    assert workspace.load(url).events == 6
    assert multiset(workspace.events()) == multiset(make_event(number) for number in range(6))
    assert workspace.load(url).outcome == "nothing_new"


def test_an_empty_window_is_on_record(workspace: Workspace, serve: Any) -> None:
    _, url = serve([make_event(1)])
    workspace.load(url)
    workspace.load(url, window=window(100, 200))
    rows = workspace.rows("select state, events, start_time, end_time from dropbox_raw.walks where kind = 'window'")
    assert [(state, events) for state, events, _, _ in rows] == [("done", 0)]


def test_a_window_that_broke_off_is_finished_by_the_next_load(workspace: Workspace, serve: Any) -> None:
    events = [make_event(number) for number in range(9)]
    server, url = serve(log=SimulatedLog.of(events, page_limit=2))
    server.faults.at(CONTINUE, 2, FAULTS["403_team_access"])
    # One reader: several would cut the window, and what each had read by then is a matter of chance.
    with pytest.raises(ConfigurationError):
        workspace.load(url, window=window(0, 8), backfill_workers=1)
    assert raw_rows(workspace) == 4
    workspace.load(url, backfill_workers=1)
    assert workspace.rows("select state from dropbox_raw.walks where kind = 'window' order by recorded_at desc limit 1")
    assert multiset(workspace.events()) == multiset(events)
    done = workspace.rows("select events from dropbox_raw.walks where kind = 'window' and state = 'done'")
    assert done == [(8,)]


# -- ending early -----------------------------------------------------------------------------------------------------


def runs(workspace: Workspace) -> list[tuple[Any, ...]]:
    return workspace.rows(
        """
        select outcome, events, error from dropbox_raw.runs
        qualify row_number() over (partition by run_id order by recorded_at desc, finished_at desc nulls last) = 1
        order by started_at
        """
    )


def test_a_signal_in_the_middle_of_a_walk_keeps_what_was_received(
    workspace: Workspace, serve: Any, clock: VirtualClock
) -> None:
    events = [make_event(number) for number in range(10)]
    server, url = serve(log=SimulatedLog.of(events, page_limit=2))
    server.faults.at(CONTINUE, 2, FAULTS["429_json_header"])
    stop = threading.Event()
    clock.on_wait = lambda _: stop.set()
    with pytest.raises(Stopped):
        workspace.load(url, stop=stop, clock=clock)
    assert raw_rows(workspace) in (2, 4)
    asked = len(server.requests)
    clock.advance(60)
    workspace.load(url, clock=clock)
    assert GET_EVENTS not in routes(server)[asked:], "it began from the start"
    assert multiset(workspace.events()) == multiset(events)
    assert [outcome for outcome, _, _ in runs(workspace)] == ["interrupted", "loaded"]


def test_a_signal_between_batches_keeps_the_batches(workspace: Workspace, serve: Any) -> None:
    events = [make_event(number) for number in range(400)]
    server, url = serve(log=SimulatedLog.of(events, page_limit=2))
    stop = threading.Event()
    with pytest.raises(Stopped):
        workspace.load(url, stop=stop, max_pages_per_batch=1, progress=lambda _: stop.set())
    assert 2 <= raw_rows(workspace) < 400
    asked = len(server.requests)
    workspace.load(url)
    assert GET_EVENTS not in routes(server)[asked:]
    assert multiset(workspace.events()) == multiset(events)


@pytest.mark.parametrize(("fault", "error"), [("403_team_access", ConfigurationError), ("500_html", RunError)])
def test_an_error_in_the_middle_of_a_walk_keeps_what_came_before_and_is_on_record(
    fault: str, error: type[DropboxAuditError], workspace: Workspace, serve: Any, clock: VirtualClock
) -> None:
    events = [make_event(number) for number in range(10)]
    server, url = serve(log=SimulatedLog.of(events, page_limit=2))
    server.faults.at(CONTINUE, 3, FAULTS[fault], times=1000)
    with pytest.raises(error) as caught:
        workspace.load(url, clock=clock)
    assert raw_rows(workspace) == 6
    server.faults.clear()
    clock.advance(60)
    workspace.load(url, clock=clock)
    assert multiset(workspace.events()) == multiset(events)
    failed, loaded = runs(workspace)
    assert failed[0] == "failed"
    assert failed[2] == str(caught.value).splitlines()[0]
    assert (loaded[0], loaded[2]) == ("loaded", None)


def test_a_run_that_fails_before_anything_was_loaded_is_on_record_later(
    workspace: Workspace, serve: Any, clock: VirtualClock
) -> None:
    server, url = serve([make_event()])
    server.faults.always("*", FAULTS["401_invalid"])
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            workspace.load(url, clock=clock)
        clock.advance(60)
    server.faults.clear()
    workspace.load(url, clock=clock)
    assert [(outcome, bool(error)) for outcome, _, error in runs(workspace)] == [
        ("failed", True),
        ("failed", True),
        ("loaded", False),
    ]


def test_a_run_is_on_record_with_what_it_did(workspace: Workspace, serve: Any, clock: VirtualClock) -> None:
    server, url = serve([make_event(1), None])
    server.faults.next(GET_EVENTS, FAULTS["503_html"])
    workspace.load(url, clock=clock)
    server.log.append([make_event(2)])
    clock.advance(120)
    workspace.load(url, clock=clock)
    rows = workspace.rows(
        """
        select command, version, outcome, requests, pages, events, rejected_events, retries, waited_seconds, resets,
            cursor_age_seconds, started_at, finished_at
        from dropbox_raw.runs
        qualify row_number() over (partition by run_id order by recorded_at desc) = 1 order by started_at
        """
    )
    first, second = rows
    assert first[0] == "load"
    assert first[1]
    assert first[2:11] == ("loaded", 2, 1, 1, 1, 1, 1.0, 0, None)
    assert (first[11], first[12]) == (NOON, NOON + timedelta(seconds=1))
    assert second[2:6] == ("loaded", 1, 1, 1)
    assert second[10] == pytest.approx(120)


def test_no_record_and_no_file_ever_holds_a_secret(workspace: Workspace, serve: Any) -> None:
    _, url = serve([make_event()])
    workspace.load(url, access_token=None, app_key="demo-app-key", refresh_token="demo-refresh-token")
    for folder in (workspace.folder, workspace.home):
        for path in folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert b"demo-refresh-token" not in content, path
                assert b"sl.u." not in content, path


# -- alone ------------------------------------------------------------------------------------------------------------


def test_a_second_run_at_the_same_time_is_refused_and_not_queued(workspace: Workspace, serve: Any) -> None:
    server, url = serve([make_event()])
    with workspace.loader(url).alone(), pytest.raises(RunError, match="Another dropbox-audit") as caught:
        workspace.load(url)
    assert str(workspace.path) in str(caught.value)
    assert server.requests == []
    assert workspace.load(url).outcome == "loaded"


def test_runs_into_two_warehouses_do_not_exclude_each_other(workspace: Workspace, serve: Any) -> None:
    _, url = serve([make_event()])
    with workspace.loader(url, file="one.duckdb").alone():
        assert workspace.load(url, file="two.duckdb").outcome == "loaded"


# -- a warehouse that is no file --------------------------------------------------------------------------------------


@pytest.fixture
def lake(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of Parquet files as the warehouse: for the loader, as far away as any cloud."""
    folder = workspace.folder / "lake"
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", folder.as_uri())
    return folder


class Machine:
    """One of several machines that load into one warehouse."""

    def __init__(self, workspace: Workspace, url: str, home: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._workspace, self._url, self._patch = workspace, url, monkeypatch
        self._home = workspace.folder / home

    def load(self, **options: Any) -> Any:
        from dropbox_audit.load import Loader
        from dropbox_audit.warehouse import Target

        self._patch.setenv("DLT_DATA_DIR", str(self._home))
        loader = Loader(
            Target("filesystem"), settings=self._workspace.settings(self._url), clock=VirtualClock(), **options
        )
        with loader.alone():
            return loader.load("load")


def lake_events(lake: Path) -> list[Any]:
    import pyarrow.parquet as pq

    return [
        json.loads(text)
        for path in (lake / "dropbox_raw/events").glob("*.parquet")
        for text in pq.read_table(path)["event"].to_pylist()
    ]


def test_two_machines_may_take_turns_at_one_warehouse(
    workspace: Workspace, serve: Any, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = serve([make_event(1)])
    one, two = (Machine(workspace, url, name, monkeypatch) for name in ("one", "two"))
    assert one.load().events == 1
    server.log.append([make_event(2)])
    assert two.load().events == 1, "the second machine goes on where the warehouse is"
    server.log.append([make_event(3)])
    notices: list[str] = []
    one.load(notice=notices.append)
    server.log.append([make_event(4)])
    two.load()
    assert multiset(lake_events(lake)) == multiset(make_event(number) for number in (1, 2, 3, 4))
    assert [notice for notice in notices if "not as the last run left it" in notice]


def test_a_quiet_poll_does_not_wake_the_warehouse(
    workspace: Workspace, serve: Any, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = serve([make_event(1)])
    machine = Machine(workspace, url, "one", monkeypatch)
    machine.load()
    lake.rename(lake.with_name("asleep"))
    assert machine.load().outcome == "nothing_new"
    assert not lake.exists()


def test_a_walk_that_was_stuck_for_a_while_shows_nothing_twice(workspace, serve) -> None:
    events = [make_event(number) for number in range(10)]
    server, url = serve(log=SimulatedLog.of(events, page_limit=2))
    server.faults.at(CONTINUE, 3, FAULTS["stuck"], times=1000)
    with pytest.raises(RunError):
        workspace.load(url)
    server.faults.clear()
    workspace.load(url)
    assert multiset(workspace.events()) == multiset(events)


def test_one_stuck_answer_shows_nothing_twice(workspace, serve) -> None:
    events = [make_event(number) for number in range(10)]
    server, url = serve(log=SimulatedLog.of(events, page_limit=2))
    server.faults.at(CONTINUE, 2, FAULTS["stuck"])
    workspace.load(url)
    assert multiset(workspace.events()) == multiset(events)
