"""How things stand, from the warehouse and from what waits on this machine, without asking Dropbox."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from dropbox_audit.demo import FAULTS
from dropbox_audit.errors import DropboxAuditError
from dropbox_audit.load import Loader, Window
from dropbox_audit.screen import status_screen
from dropbox_audit.status import Status, read_status
from support import CONTINUE, NOON, VirtualClock, Workspace, make_event, stamp


@pytest.fixture
def look(workspace: Workspace, clock: VirtualClock) -> Any:
    """The status as a new process would see it."""

    def read(url: str, **options: Any) -> Status:
        return read_status(workspace.loader(url, clock=clock, **options), clock)

    return read


def test_before_the_first_run_everything_is_empty_and_nothing_is_made(
    serve: Any, look: Any, workspace: Workspace
) -> None:
    server, url = serve()
    status = look(url)
    assert (status.events, status.runs, status.open_walks, status.gaps) == (0, [], [], [])
    assert (status.last_occurred_at, status.last_loaded_at, status.cursor_age_seconds) == (None, None, None)
    assert not status.is_history_complete
    assert not workspace.path.exists()
    assert server.requests == []
    assert "No run yet" in status_screen(status)


def test_after_a_load_it_tells_what_is_there(serve: Any, look: Any, workspace: Workspace, clock: VirtualClock) -> None:
    server, url = serve([make_event(number) for number in (3, 9, 5)])
    workspace.load(url, clock=clock)
    asked = len(server.requests)
    clock.advance(90)
    status = look(url)
    assert status.warehouse == str(workspace.path)
    assert status.events == 3
    assert status.last_occurred_at == make_event(9)["timestamp"].replace("Z", "+00:00")
    assert status.last_loaded_at is not None
    assert status.cursor_age_seconds == status.lag_seconds == pytest.approx(90, abs=1)
    assert status.is_history_complete
    [walk] = status.open_walks
    assert (walk["kind"], walk["pages"]) == ("live", 1)
    [run] = status.runs
    assert (run["command"], run["outcome"], run["events"], run["requests"], run["pages"]) == ("load", "loaded", 3, 1, 1)
    assert run["started_at"].startswith("2026-11-01T12:00:00")
    assert len(server.requests) == asked, "status asks Dropbox nothing"


def test_a_quiet_poll_counts_although_the_warehouse_was_not_touched(
    serve: Any, look: Any, workspace: Workspace, clock: VirtualClock
) -> None:
    _, url = serve([make_event()])
    workspace.load(url, clock=clock)
    clock.advance(600)
    workspace.load(url, clock=clock)
    clock.advance(60)
    status = look(url)
    assert [run["outcome"] for run in status.runs] == ["nothing_new", "loaded"]
    assert status.cursor_age_seconds == pytest.approx(60, abs=1)


def test_the_last_ten_runs_are_told_newest_first(
    serve: Any, look: Any, workspace: Workspace, clock: VirtualClock
) -> None:
    server, url = serve([make_event()])
    for number in range(12):
        if number % 6 == 5:
            server.log.append([make_event(number)])
        workspace.load(url, clock=clock)
        clock.advance(300)
    runs = look(url).runs
    assert len(runs) == 10
    started = [run["started_at"] for run in runs]
    assert started == sorted(started, reverse=True)
    assert len({run["run_id"] for run in runs}) == 10
    assert [run["outcome"] for run in runs].count("loaded") == 2


def test_a_failed_run_is_told_with_its_reason(serve: Any, look: Any, workspace: Workspace, clock: VirtualClock) -> None:
    server, url = serve([make_event()])
    server.faults.always("*", FAULTS["401_invalid"])
    with pytest.raises(DropboxAuditError):
        workspace.load(url, clock=clock)
    status = look(url)
    [run] = status.runs
    assert run["outcome"] == "failed"
    assert "dropbox-audit auth" in run["error"]
    assert not status.is_history_complete
    assert run["error"][:60] in status_screen(status)


def test_rejected_items_are_a_gap(serve: Any, look: Any, workspace: Workspace) -> None:
    _, url = serve([make_event(), None, {"no": "time"}])
    workspace.load(url)
    status = look(url)
    assert status.rejected_events == 2
    assert [gap for gap in status.gaps if "2" in gap and "rejected_events" in gap]
    assert "rejected_events" in status_screen(status)


def test_a_window_that_was_not_read_to_its_end_is_a_gap(
    serve: Any, look: Any, workspace: Workspace, clock: VirtualClock
) -> None:
    server, url = serve([make_event(number) for number in range(4)])
    server.log.page_limit = 2
    workspace.load(url, clock=clock)
    server.faults.at(CONTINUE, server.count(CONTINUE) + 1, FAULTS["403_team_access"])
    end = NOON - timedelta(hours=1)
    with pytest.raises(DropboxAuditError):
        workspace.load(url, clock=clock, window=Window(None, end), backfill_workers=1)
    status = look(url)
    assert {walk["kind"] for walk in status.open_walks} == {"live", "window"}
    assert [gap for gap in status.gaps if stamp(end) in gap and "dropbox-audit load" in gap]


def test_resets_are_counted(serve: Any, look: Any, workspace: Workspace) -> None:
    server, url = serve([make_event()])
    workspace.load(url)
    server.log.reset_cursors()
    workspace.load(url)
    assert look(url).resets == 1


def test_the_request_budget_is_told(serve: Any, look: Any, workspace: Workspace, clock: VirtualClock) -> None:
    _, url = serve([make_event()])
    workspace.load(url, clock=clock, requests_per_hour=100)
    status = look(url, requests_per_hour=100)
    assert (status.requests_per_hour, status.requests_left) == (100, 99)
    assert "99 of 100" in status_screen(status)
    unlimited = look(url)
    assert unlimited.requests_left is None
    assert "no limit" in status_screen(unlimited)


def test_the_screen_fits_80_columns(serve: Any, look: Any, workspace: Workspace, clock: VirtualClock) -> None:
    server, url = serve([make_event(), None])
    workspace.load(url, clock=clock)
    server.faults.always("*", FAULTS["401_invalid"])
    with pytest.raises(DropboxAuditError):
        workspace.load(url, clock=clock)
    status = look(url)
    status.warehouse = "/data/dropbox.duckdb"
    assert [line for line in status_screen(status).splitlines() if len(line) > 80] == []


def test_each_warehouse_has_a_status_of_its_own(serve: Any, workspace: Workspace, clock: VirtualClock) -> None:
    _, url = serve([make_event()])
    loaders: list[Loader] = [workspace.loader(url, clock=clock, file=name) for name in ("one.duckdb", "two.duckdb")]
    with loaders[0].alone():
        loaders[0].load("load")
    assert [read_status(loader, clock).events for loader in loaders] == [1, 0]
