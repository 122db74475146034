"""The team as it was and is, what it costs, and the screen that tells: by the command, from a warehouse, over weeks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import team
from dropbox_audit.demo import SimulatedDropbox, SimulatedLog, running
from dropbox_audit.run import load_once
from dropbox_audit.screen import seats_screen
from dropbox_audit.seats import Seats, read_seats
from dropbox_audit.transform import transform
from support import VirtualClock, Workspace, entered, make_event, make_workspace, person

FIRST = datetime(2028, 2, 1, 12, tzinfo=UTC)
"""Of a leap year."""
DAY = timedelta(days=1)
CONTRACTS = """\
valid_from,seats,price_per_seat,currency,billing_period,renewal_date,notice_days
2027-12-01,10,11.99,USD,month,2028-02-16,
2028-02-16,12,150.10,EUR,year,2028-05-16,60
2028-04-01,14,150.10,EUR,year,2028-05-16,
"""


@contextmanager
def told(folder: Path) -> Iterator[tuple[Workspace, Seats]]:
    """Five weeks of a team, with one build of the views, before anything of the team was read.

    Member 1 is promoted on the second day and demoted on the fourth; 2 is suspended on the third, owning a public link;
    3 is removed on the third and invited again on the fourth, under the same id; 4 is never seen; 5 was invited.
    """
    workspace = make_workspace(folder)
    clock = VirtualClock(FIRST)
    events = [
        make_event(1, at=FIRST - 2 * DAY, actor={".tag": "user", "user": person(1)}),
        make_event(2, at=FIRST - 40 * DAY, actor={".tag": "user", "user": person(2)}),
        make_event(3, at=FIRST - DAY, actor={".tag": "user", "user": person(3)}),
    ]
    used = FIRST - 65 * DAY
    start = team.directory(
        team.member(1),
        team.member(2),
        team.member(3),
        team.member(4),
        team.member(5, "invited", joined_on=None, invited_on="2028-01-01T00:00:00Z"),
        devices=[team.session(4, used)],
        linked_apps=[team.app(1, "Notes", publisher="Inkwell"), team.app(2, "Shadow")],
        shared_links={team.member_id(2): [team.link("a"), team.link("b", "team_only")]},
    )
    server = SimulatedDropbox(SimulatedLog.of(events), directory=start)
    with pytest.MonkeyPatch.context() as patch, entered(workspace, patch), running(server) as url:

        def load(**options: Any) -> None:
            loader = workspace.loader(url, clock=clock, **{"directory_every": "24h", "shared_links": True, **options})
            with loader.alone():
                load_once(loader)

        load(directory_every="off")
        loader = workspace.loader(url, clock=clock)
        with loader.alone():
            transform(loader)
        before = read_seats(loader.target)

        (workspace.folder / "contracts.csv").write_text(CONTRACTS)
        load()
        clock.advance(DAY.total_seconds())
        server.directory.members[0] = team.member(1, "active", "Team")
        load()
        clock.advance(DAY.total_seconds())
        server.directory.members[1] = team.member(2, "suspended", suspended_on="2028-02-03T10:00:00Z")
        server.directory.members[2] = team.member(3, "removed")
        server.directory.info["num_licensed_users"] = 12
        load()
        clock.advance(DAY.total_seconds())
        server.directory.members[0] = team.member(1)
        server.directory.members[2] = team.member(3, "invited", joined_on=None, invited_on="2028-02-04T10:00:00Z")
        load()
        clock.advance(26 * DAY.total_seconds())
        load()
        yield workspace, before


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Seats]]:
    with told(tmp_path_factory.mktemp("seats")) as story:
        yield story


@pytest.fixture
def rows(both: tuple[Workspace, Seats]) -> Any:
    return both[0].rows


def test_before_the_team_was_read_the_views_are_empty_and_the_screen_says_so(both: tuple[Workspace, Seats]) -> None:
    _, before = both
    assert (before.as_of, before.bought, before.cost_per_year, before.leavers) == (None, None, None, 0)
    assert [idle.members for idle in before.idle] == [0, 0, 0]
    assert "never read" in seats_screen(before)
    assert "contracts.csv" in seats_screen(before)


def test_who_was_an_administrator_on_a_day_has_an_answer(rows: Any) -> None:
    on = "select email from dropbox_audit.members_history where is_admin and valid_from <= ? and (valid_to is null or valid_to > ?)"  # noqa: E501
    answers = {}
    for days in range(5):
        moment = FIRST + days * DAY + timedelta(hours=1)
        answers[days] = [email for (email,) in rows(on, moment, moment)]
    assert answers == {0: [], 1: ["person1@acme.example"], 2: ["person1@acme.example"], 3: [], 4: []}


def test_a_member_is_followed_through_removal_and_a_new_invitation(rows: Any) -> None:
    assert rows(
        "select status, valid_from, valid_to, is_current from dropbox_audit.members_history "
        "where team_member_id = ? order by valid_from",
        team.member_id(3),
    ) == [
        ("active", FIRST, FIRST + 2 * DAY, False),
        ("removed", FIRST + 2 * DAY, FIRST + 3 * DAY, False),
        ("invited", FIRST + 3 * DAY, None, True),
    ]
    assert rows("select count(*) from dropbox_audit.members_history") == [(5 + 2 + 1 + 2,)]


def test_members_are_as_they_are_now(rows: Any) -> None:
    assert rows(
        "select team_member_id, status, is_admin, group_names, last_seen_doing, idle_days from dropbox_audit.members "
        "order by 1"
    ) == [
        (team.member_id(1), "active", False, "Sales", "file_add", 31),
        (team.member_id(2), "suspended", False, "Sales", "file_add", 69),
        (team.member_id(3), "invited", False, "Sales", "file_add", 26),
        (team.member_id(4), "active", False, "Sales", "web session", 94),
        (team.member_id(5), "invited", False, "Sales", None, 60),
    ]


def test_licences_have_a_row_for_each_day(rows: Any) -> None:
    found = rows(
        "select day, bought, provisioned, used, pending, free, contract_seats from dropbox_audit.licences order by day"
    )
    assert [row[0] for row in found] == [date(2028, 2, 1) + days * DAY for days in range(30)]
    assert found[0][1:] == (10, 5, 5, 1, 5, 10)
    assert found[2][1:] == (12, 5, 5, 1, 7, 10)
    assert found[3][1:] == (12, 5, 5, 2, 7, 10)
    assert found[-1] == (date(2028, 3, 1), 12, 5, 5, 2, 7, 12)


def test_idle_seats_have_a_price(rows: Any) -> None:
    assert rows(
        "select team_member_id, status, idle_days, idle_at_least_days, last_seen_doing, cost_per_year, currency "
        "from dropbox_audit.idle_members order by 1"
    ) == [
        (team.member_id(1), "active", 31, 30, "file_add", Decimal("150.10"), "EUR"),
        (team.member_id(2), "suspended", 69, 60, "file_add", Decimal("150.10"), "EUR"),
        (team.member_id(4), "active", 94, 90, "web session", Decimal("150.10"), "EUR"),
    ]


def test_spend_is_right_to_the_cent_over_a_leap_february_and_a_change_of_currency(rows: Any) -> None:
    assert rows(
        "select month, currency, seats, cost from dropbox_audit.spend where scope = 'team' order by month, currency"
    ) == [
        (date(2027, 12, 1), "USD", 10, Decimal("119.90")),
        (date(2028, 1, 1), "USD", 10, Decimal("119.90")),
        # 12 x 150.10 / 12 = 150.10 a month, of which 14 days of 29; of 119.90 the other 15.
        (date(2028, 2, 1), "EUR", 12, Decimal("72.46")),
        (date(2028, 2, 1), "USD", 10, Decimal("62.02")),
        (date(2028, 3, 1), "EUR", 12, Decimal("150.10")),
    ]
    # Five people in the group, at 150.10 / 12 each.
    assert rows(
        "select group_name, seats, cost from dropbox_audit.spend where scope = 'group' and month = '2028-03-01'"
    ) == [("Sales", 5, Decimal("62.54"))]


def test_renewals_count_the_days_and_the_saving(rows: Any) -> None:
    assert rows(
        "select renewal_date, days_left, notice_deadline, days_to_notice, seats, seats_needed, seats_to_drop, "
        "cost_per_year, saving_per_year, currency from dropbox_audit.renewals order by valid_from"
    ) == [
        (date(2028, 5, 16), 76, date(2028, 3, 17), 16, 12, 1, 11, Decimal("1801.20"), Decimal("1651.10"), "EUR"),
        (date(2028, 5, 16), 76, None, None, 14, 1, 13, Decimal("2101.40"), Decimal("1951.30"), "EUR"),
    ]  # fmt: skip


def test_apps_devices_and_what_leavers_own(rows: Any) -> None:
    assert rows(
        "select app_name, email, publisher, is_shadow_app, linked_for from dropbox_audit.linked_apps order by 1"
    ) == [
        ("Notes", "person1@acme.example", "Inkwell", True, "member"),
        ("Shadow", "person2@acme.example", None, True, "member"),
    ]
    assert rows("select device_type, device_name, email, unused_days from dropbox_audit.devices") == [
        ("web", "Firefox", "person4@acme.example", 94)
    ]
    assert rows(
        "select email, status, left_on, shared_link_count, public_link_count, linked_app_names "
        "from dropbox_audit.member_offboarding"
    ) == [("person2@acme.example", "suspended", datetime(2028, 2, 3, 10, tzinfo=UTC), 2, 1, "Shadow")]


def test_the_command_tells_the_numbers(both: tuple[Workspace, Seats]) -> None:
    workspace, _ = both
    done = workspace.run("seats", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.pop("warehouse") == str(workspace.path)
    assert found == {
        "as_of": "2028-03-01", "bought": 12, "provisioned": 5, "used": 5, "pending": 2, "free": 7, "contract_seats": 12,
        "stale_invitations": 1, "currency": "EUR", "cost_per_month": "150.10", "cost_per_year": "1801.20",
        "idle": [
            {"days": 30, "members": 3, "cost_per_year": "450.30"},
            {"days": 60, "members": 2, "cost_per_year": "300.20"},
            {"days": 90, "members": 1, "cost_per_year": "150.10"},
        ],
        "renewal": {
            "renewal_date": "2028-05-16", "days_left": 76, "notice_deadline": "2028-03-17", "days_to_notice": 16,
        },
        "seats_needed": 1, "seats_to_drop": 11, "saving_per_year": "1651.10",
        "leavers": 1, "leavers_links": 2, "leavers_public_links": 1, "leavers_devices": 0, "leavers_apps": 1,
        "leavers_folders": 0, "not_read": {},
    }  # fmt: skip
    screen = workspace.run("seats").stdout
    assert max(map(len, screen.splitlines())) <= 80
    for words in ("1,801.20 EUR a year", "2028-05-16, in 76 days", "2028-03-17, in 16 days", "2 links (1 public)"):
        assert words in " ".join(screen.split())


def test_without_views_the_command_says_what_to_do(outside: Workspace) -> None:
    done = outside.run("seats")
    assert done.returncode == 2
    assert "dropbox-audit run" in done.stderr
    assert len(done.stderr.splitlines()) == 1
