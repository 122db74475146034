"""The directory: when it is read, what of it is stored, and what happens when Dropbox does not give all of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import team
from dropbox_audit.contracts import read_contracts
from dropbox_audit.csvfile import CsvFileError
from dropbox_audit.demo import ALL_SCOPES, FAULTS, SimulatedDropbox
from dropbox_audit.errors import ConfigurationError
from dropbox_audit.load import LoadResult
from dropbox_audit.load.packages import Packages
from dropbox_audit.run import load_once
from dropbox_audit.settings import Settings
from support import CONTINUE, GET_EVENTS, NOON, VirtualClock, Workspace, for_simulator, make_event

DEVICES = "team/devices/list_members_devices"
LINKS = "sharing/list_shared_links"
LISTS = ("team_info", "members", "groups", "group_members", "devices", "linked_apps", "member_quotas")
DAY = 24 * 3600
HEADER = "valid_from,seats,price_per_seat,currency,billing_period,renewal_date,notice_days\n"


@pytest.fixture
def load(workspace: Workspace, clock: VirtualClock) -> Callable[..., LoadResult]:
    """One `load` of a new process, directory included; keywords are settings, or `notice`."""

    def run(url: str, **options: Any) -> LoadResult:
        loader = workspace.loader(url, clock=clock, **{"directory_every": "24h", **options})
        with loader.alone():
            return load_once(loader)

    return run


def small_team() -> Any:
    used = NOON - timedelta(hours=3)
    return team.directory(
        *(team.member(number) for number in range(1, 8)),
        team.member(8, "suspended"),
        team.member(9, "removed"),
        devices=[team.session(number, used) for number in range(1, 8)],
        linked_apps=[team.app(number, "Notes") for number in (2, 3, 5)],
        quotas={team.member_id(2): 50},
        page_limit=2,
    )


def routes(server: SimulatedDropbox, since: int = 0) -> Counter[str]:
    return Counter(request.route for request in server.requests[since:])


def stored(workspace: Workspace, name: str) -> int:
    return int(workspace.rows(f"select count(*) from dropbox_raw.{name}")[0][0])


def states(workspace: Workspace) -> dict[str, str]:
    """The state of each list in the newest snapshot."""
    return dict(
        workspace.rows(
            "select resource, state from dropbox_raw.directory_snapshots "
            "where snapshot_id = (select max_by(snapshot_id, taken_at) from dropbox_raw.directory_snapshots)"
        )
    )


# -- what is stored -------------------------------------------------------------------------------------------------


def test_every_record_of_every_list_arrives_over_all_pages(serve: Any, load: Any, workspace: Workspace) -> None:
    _, url = serve([make_event()], directory=small_team())
    result = load(url)
    assert result.directory == {
        "team_info": 1, "members": 9, "groups": 1, "group_members": 8, "devices": 7, "linked_apps": 3,
        "member_quotas": 8,
    }  # fmt: skip
    assert {name: stored(workspace, name) for name in LISTS} == result.directory
    assert states(workspace) == dict.fromkeys(LISTS, "complete")
    assert workspace.rows("select status, count(*) from dropbox_raw.members group by all order by all") == [
        ("active", 7),
        ("removed", 1),
        ("suspended", 1),
    ]
    assert workspace.rows("select num_licensed_users, num_used_licenses from dropbox_raw.team_info") == [(10, 8)]
    assert workspace.rows("select quota_gb from dropbox_raw.member_quotas where quota_gb is not null") == [(50,)]


def test_a_later_snapshot_stores_what_is_different(serve: Any, load: Any, workspace: Workspace, clock: Any) -> None:
    server, url = serve(directory=small_team())
    load(url)
    before = {name: stored(workspace, name) for name in LISTS}
    server.directory.members[0] = team.member(1, "active", "Team")
    server.directory.members[1]["profile"]["profile_photo_url"] = "https://photos.example/new"
    server.directory.members[2]["profile"]["groups"] = ["g:sales", "g:new"]
    del server.directory.members[8]
    clock.advance(DAY)
    load(url)
    assert workspace.rows(
        "select team_member_id, role, is_gone from dropbox_raw.members where taken_at > ? order by 1", NOON
    ) == [
        ("dbmid:member-1", "team_admin", False), ("dbmid:member-3", "member_only", False),
        ("dbmid:member-9", None, True),
    ]  # fmt: skip
    others = set(LISTS) - {"members"}
    assert {name: stored(workspace, name) for name in others} == {name: before[name] for name in others}


def test_the_complete_record_is_kept_and_odd_ones_do_no_harm(serve: Any, load: Any, workspace: Workspace) -> None:
    odd = team.member(1, "hibernating", "Team", brand_new={"a": [1]}, name="?", joined_on="yesterday", email=7)
    older = team.member(3, joined_on="0001-01-01T00:00:00+05:00")
    twice = team.member(2)
    server, url = serve(directory=team.directory(odd, twice, {**twice, "more": 1}, older))
    server.directory.devices = [{"team_member_id": team.member_id(1), "web_sessions": [{}, {"session_id": "s"}, 3]}]
    load(url)
    [(status, name, joined, email, record)] = workspace.rows(
        "select status, name, joined_on, email, record from dropbox_raw.members where team_member_id = ?",
        team.member_id(1),
    )
    assert (status, name, joined, email) == ("hibernating", None, None, None)
    assert json.loads(record)["profile"]["brand_new"] == {"a": [1]}
    assert stored(workspace, "members") == 3, "the documentation allows duplicates"
    assert workspace.rows("select session_id from dropbox_raw.devices") == [("s",)]


def test_roles_read_as_the_log_names_them(serve: Any, load: Any, workspace: Workspace) -> None:
    members = [team.member(1, "active", "User management admin", "Team"), team.member(2, "active", "Support"),
               team.member(3)]  # fmt: skip
    _, url = serve(directory=team.directory(*members))
    load(url)
    assert workspace.rows("select role, roles from dropbox_raw.members order by team_member_id") == [
        ("team_admin", "team_admin, user_management_admin"), ("support_admin", "support_admin"), ("member_only", None),
    ]  # fmt: skip


# -- when -----------------------------------------------------------------------------------------------------------


def test_a_poll_that_is_not_due_makes_one_request(serve: Any, load: Any, clock: Any) -> None:
    server, url = serve(directory=small_team())
    load(url)
    asked = len(server.requests)
    clock.advance(DAY - 60)
    assert load(url).directory is None
    assert routes(server, asked) == {CONTINUE: 1}
    clock.advance(60)
    assert load(url).directory is not None


def test_nothing_of_the_dropbox_package_is_imported_before_it_is_due() -> None:
    code = "import sys, dropbox_audit.run, dropbox_audit.transform; sys.exit('dropbox' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("off", ["off", "0"])
def test_it_can_be_switched_off(off: str, serve: Any, load: Any, workspace: Workspace) -> None:
    server, url = serve(directory=small_team())
    load(url, directory_every=off)
    assert set(routes(server)) == {GET_EVENTS}
    assert [stored(workspace, name) for name in LISTS] == [0] * len(LISTS), "the views read these tables all the same"


def test_a_second_machine_does_not_read_it_again_and_then_starts_whole(
    serve: Any, load: Any, workspace: Workspace, clock: Any
) -> None:
    server, url = serve(directory=small_team())
    load(url)
    workspace.forget_home()
    clock.advance(3600)
    asked = len(server.requests)
    load(url)
    assert routes(server, asked) == {CONTINUE: 1}
    clock.advance(DAY)
    load(url)
    assert workspace.rows(
        "select is_full, changed_count from dropbox_raw.directory_snapshots "
        "where resource = 'members' order by taken_at"
    ) == [(True, 9), (True, 9)]


# -- trouble --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["scopes", "app_scopes"])
def test_a_missing_scope_leaves_out_its_lists_with_one_warning(
    shape: str, serve: Any, load: Any, workspace: Workspace, clock: Any
) -> None:
    server, url = serve([make_event()], directory=small_team(), **{shape: set(ALL_SCOPES) - {"members.read"}})
    said: list[str] = []
    result = load(url, notice=said.append)
    assert result.events == 1
    assert [line for line in said if "members.read" in line] == said
    assert len(said) == 1
    assert states(workspace) == {
        name: "skipped" if name in {"members", "member_quotas"} else "complete" for name in LISTS
    }
    assert workspace.rows("select distinct reason from dropbox_raw.directory_snapshots where state = 'skipped'") == [
        ("the scope members.read is missing",)
    ]
    asked = len(server.requests)
    clock.advance(3600)
    load(url)
    assert routes(server, asked) == {CONTINUE: 1}, "it is tried again when it is due, not with every poll"


def test_trouble_fails_no_event_and_is_tried_again_within_the_hour(
    serve: Any, load: Any, workspace: Workspace, clock: Any
) -> None:
    server, url = serve([make_event()], directory=small_team())
    for ordinal in range(1, 6):
        server.faults.at(DEVICES, ordinal, FAULTS["503_html"])
    said: list[str] = []
    result = load(url, notice=said.append, give_up_after="10s")
    assert (result.outcome, result.events) == ("loaded", 1)
    assert sum("devices" in line and "left out" in line for line in said) == 1
    assert states(workspace) == {name: "skipped" if name in LISTS[4:] else "complete" for name in LISTS}
    clock.advance(3700)
    before = stored(workspace, "members")
    assert load(url, give_up_after="10s").directory is not None
    assert stored(workspace, "members") == before, "what was complete is compared with what it was"


def test_a_cursor_that_dropbox_takes_back_begins_the_list_again(serve: Any, load: Any, workspace: Workspace) -> None:
    server, url = serve(directory=small_team())
    server.faults.at(DEVICES, 3, FAULTS["409_reset"])
    load(url)
    assert stored(workspace, "devices") == 7
    assert routes(server)[DEVICES] == 3 + 4


def test_a_list_whose_cursor_is_taken_back_for_ever_is_left_out(serve: Any, load: Any, workspace: Workspace) -> None:
    server, url = serve(directory=small_team())
    for ordinal in range(1, 40):
        server.faults.at(DEVICES, ordinal, FAULTS["409_reset"])
    load(url)
    assert states(workspace)["devices"] == "skipped"
    assert routes(server)[DEVICES] == 3


@pytest.mark.parametrize("moment", ["before it is loaded", "after it is loaded"])
def test_a_crash_leaves_no_half_snapshot_and_loses_none(
    moment: str, serve: Any, load: Any, workspace: Workspace, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = serve(directory=small_team())
    load(url)
    server.directory.members[0] = team.member(1, "active", "Team")
    clock.advance(DAY)
    whole, packages_begun = Packages._finish_pending, []

    def dies(packages: Packages, **options: bool) -> None:
        packages_begun.append(packages)
        is_the_directorys = len(packages_begun) == 2
        if not is_the_directorys or moment == "after it is loaded":
            whole(packages, **options)
        if is_the_directorys:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Packages, "_finish_pending", dies)
        with pytest.raises(KeyboardInterrupt):
            load(url)
    load(url)
    clock.advance(DAY)
    server.directory.members[0] = team.member(1)
    load(url)
    found = workspace.rows(
        "select role from dropbox_raw.members where team_member_id = ? "
        "and _dlt_load_id in (select load_id from dropbox_raw._dlt_loads where status = 0) order by taken_at",
        team.member_id(1),
    )
    assert [role for (role,) in found] == ["member_only", "team_admin", "member_only"]
    last = workspace.rows(
        "select is_full, changed_count from dropbox_raw.directory_snapshots "
        "where resource = 'members' order by taken_at desc limit 1"
    )
    assert last == [(True, 9)], "what this machine knew was older than what the warehouse holds"


# -- shared links -----------------------------------------------------------------------------------------------------


def linking_team() -> Any:
    links = {
        team.member_id(number): [team.link(f"{number}-{place}", expires="2027-01-01T00:00:00Z") for place in range(3)]
        for number in (1, 2, 3)
    }
    return team.directory(*(team.member(number) for number in range(1, 6)), shared_links=links, page_limit=2)


def test_links_are_not_read_unless_asked_for(serve: Any, load: Any) -> None:
    server, url = serve(directory=linking_team())
    load(url)
    assert LINKS not in routes(server)


def test_a_members_links_are_stored_when_they_change_and_outlive_the_member(
    serve: Any, load: Any, workspace: Workspace, clock: Any
) -> None:
    server, url = serve(directory=linking_team())
    load(url, shared_links=True)
    selected = {r.headers["dropbox-api-select-user"] for r in server.requests if r.route == LINKS}
    assert selected == {team.member_id(number) for number in range(1, 6)}
    assert workspace.rows(
        "select team_member_id, count(*), any_value(audience), any_value(expires_at) from dropbox_raw.shared_links "
        "group by 1 order by 1"
    ) == [(team.member_id(number), 3, "public", datetime(2027, 1, 1, tzinfo=UTC)) for number in (1, 2, 3)]
    clock.advance(DAY)
    del server.directory.shared_links[team.member_id(1)][0]
    server.directory.members[1] = team.member(2, "suspended")
    del server.directory.shared_links[team.member_id(2)]
    load(url, shared_links=True)
    assert workspace.rows(
        "select team_member_id, record_count from dropbox_raw.directory_snapshots "
        "where resource = 'shared_links' and taken_at > ? order by 1 nulls last",
        NOON,
    ) == [(team.member_id(1), 2), (None, 8)]


def test_links_leave_half_of_the_budget_to_the_log_and_go_on_with_the_next_run(
    serve: Any, load: Any, workspace: Workspace, clock: Any
) -> None:
    server, url = serve(directory=linking_team())
    load(url, shared_links=True, requests_per_hour=24)
    done = {r.headers["dropbox-api-select-user"] for r in server.requests if r.route == LINKS}
    assert 1 <= len(done) < 5
    ends = "select count(*) from dropbox_raw.directory_snapshots where resource = 'shared_links' and record_count = 9"
    assert workspace.rows(ends) == [(0,)]
    clock.advance(3600)
    load(url, shared_links=True, requests_per_hour=24)
    later = {r.headers["dropbox-api-select-user"] for r in server.requests if r.route == LINKS} - done
    assert done | later == {team.member_id(number) for number in range(1, 6)}
    assert routes(server)[LINKS] == 8, "three members have two pages, and nobody is asked for twice"
    assert stored(workspace, "shared_links") == 9
    assert routes(server)["team/members/list_v2"] == 1
    assert workspace.rows(ends) == [(1,)]


def test_links_that_another_machine_began_are_begun_again_within_the_hour(
    serve: Any, load: Any, workspace: Workspace, clock: Any
) -> None:
    _, url = serve(directory=linking_team())
    load(url, shared_links=True, requests_per_hour=24)
    assert stored(workspace, "shared_links") < 9
    workspace.forget_home()
    load(url, shared_links=True)
    ends = (
        "select state, record_count from dropbox_raw.directory_snapshots "
        "where resource = 'shared_links' and team_member_id is null order by _dlt_load_id"
    )
    assert workspace.rows(ends) == [("skipped", None)]
    clock.advance(3600)
    load(url, shared_links=True)
    assert workspace.rows(ends) == [("skipped", None), ("complete", 9)]


def test_links_that_were_deleted_while_nobody_remembered_them_are_noted_as_gone(
    serve: Any, load: Any, workspace: Workspace, clock: Any
) -> None:
    server, url = serve(directory=linking_team())
    load(url, shared_links=True)
    workspace.forget_home()
    del server.directory.shared_links[team.member_id(1)]
    clock.advance(DAY)
    load(url, shared_links=True)
    assert workspace.rows(
        "select record_count from dropbox_raw.directory_snapshots "
        "where resource = 'shared_links' and team_member_id = ? order by taken_at",
        team.member_id(1),
    ) == [(3,), (0,)]


def test_more_groups_than_half_of_the_budget_do_not_hold_up_the_log(
    serve: Any, load: Any, workspace: Workspace
) -> None:
    many = team.directory(team.member(1))
    many.groups = [{**many.groups[0], "group_id": f"g:{number}"} for number in range(30)]
    server, url = serve(directory=many)
    said: list[str] = []
    load(url, requests_per_hour=40, notice=said.append)
    assert ["raise it" in sentence for sentence in said] == [True]
    assert "team/groups/members/list" not in routes(server)
    assert states(workspace) == {**dict.fromkeys(LISTS, "complete"), "group_members": "skipped"}


def test_without_their_scopes_links_are_left_out(serve: Any, load: Any, workspace: Workspace) -> None:
    _, url = serve(directory=linking_team(), scopes=set(ALL_SCOPES) - {"team_data.member"})
    said: list[str] = []
    load(url, shared_links=True, notice=said.append)
    assert len(said) == 1
    assert "team_data.member" in said[0]
    assert states(workspace)["shared_links"] == "skipped"


# -- contracts --------------------------------------------------------------------------------------------------------


def test_contracts_are_loaded_when_the_file_changes(serve: Any, load: Any, workspace: Workspace, clock: Any) -> None:
    _, url = serve()
    file = workspace.folder / "contracts.csv"
    load(url, directory_every="off")
    file.write_text(HEADER + "2026-01-15,120,180.5,eur,Year,2027-01-15,60\n\n# a note\n2026-07-01,140,15,EUR,month,,\n")
    assert load(url, directory_every="off").outcome == "loaded"
    assert load(url, directory_every="off").outcome == "nothing_new"
    assert workspace.rows(
        "select line_no, seats, price_per_seat, price_cents, currency, billing_period, notice_days "
        "from dropbox_raw.contracts order by 1"
    ) == [(2, 120, "180.50", 18050, "EUR", "year", 60), (5, 140, "15.00", 1500, "EUR", "month", None)]
    file.unlink()
    assert load(url, directory_every="off").outcome == "nothing_new", "another machine may have the file"
    file.write_text(HEADER)
    assert load(url, directory_every="off").outcome == "loaded"
    counts = "select record_count from dropbox_raw.directory_snapshots where resource = 'contracts' order by taken_at"
    clock.advance(1)
    assert sorted(workspace.rows(counts)) == [(0,), (2,)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2026-02-29,1,1,EUR,year,,", "valid_from '2026-02-29' is no day"),
        ("01.02.2026,1,1,EUR,year,,", "write it like 2026-01-15"),
        ("2026-01-15,-1,1,EUR,year,,", "seats '-1' is no whole number"),
        ("2026-01-15,1,\"12,50\",EUR,year,,", "price_per_seat '12,50' is no amount: write it like 12.50"),
        ("2026-01-15,1,1.005,EUR,year,,", "price_per_seat"),
        ("2026-01-15,1,1,€,year,,", "three letters like EUR"),
        ("2026-01-15,1,1,EUR,weekly,,", "write month or year"),
        ("2026-01-15,1,1,EUR,year,2026-01-15,", "is not after valid_from"),
        ("2026-01-15,1,1,EUR,year,2027-01-15,soon", "notice_days 'soon'"),
        ("2026-01-15,1,1,EUR,year,2027-01-15,4000", "notice_days 4000 is more than ten years"),
        ("2026-01-15,1,1,EUR", "4 fields where the first line has 7"),
        ("2020-01-01,1,1,EUR,year,,", "valid_from 2020-01-01 is line 2's too"),
    ],
)  # fmt: skip
def test_each_bad_line_is_told_with_its_number_and_remedy(line: str, said: str, workspace: Workspace) -> None:
    file = workspace.folder / "c.csv"
    file.write_text(f"{HEADER}2020-01-01,1,1,EUR,year,,\n{line}\n", encoding="utf-8")
    with pytest.raises(CsvFileError) as caught:
        read_contracts(file)
    assert "c.csv line 3: " in str(caught.value)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_wrong_head_is_told(workspace: Workspace) -> None:
    file = workspace.folder / "c.csv"
    file.write_text("valid_from,seat\n")
    with pytest.raises(CsvFileError, match=r"line 1: seats, price_per_seat, currency, billing_period missing"):
        read_contracts(file)
    assert read_contracts(workspace.folder / "none.csv") is None


def test_a_wrong_file_is_exit_code_2_and_keeps_nothing_else_from_being_done(outside: Workspace, serve: Any) -> None:
    _, url = serve([make_event()], directory=small_team())
    (outside.folder / "contracts.csv").write_text(HEADER + "x,1,1,EUR,year,,\n2026-01-01,1,y,EUR,year,,\n")
    done = outside.run("load", **for_simulator(url, directory_every="24h"))
    assert done.returncode == 2
    assert "contracts.csv line 2: valid_from 'x' is no day" in done.stderr
    assert "line 3: price_per_seat 'y' is no amount" in done.stderr
    assert stored(outside, "events") == 1
    assert stored(outside, "members") == 9
    assert stored(outside, "contracts") == 0


def test_a_file_that_was_named_must_be_there(serve: Any, load: Any) -> None:
    _, url = serve()
    with pytest.raises(CsvFileError, match=r"mine\.csv does not exist"):
        load(url, contracts="mine.csv")


def test_an_interval_that_cannot_be_used_is_refused() -> None:
    for text in ("10s", "daily"):
        with pytest.raises(ConfigurationError, match="directory_every"):
            Settings(directory_every=text).validated(NOON)


def test_a_loader_counts_the_directorys_requests(serve: Any, load: Any) -> None:
    server, url = serve(directory=small_team())
    assert load(url).requests == len(server.requests)
