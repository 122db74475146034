"""The numbers that a finance person asks for: what is bought, used and idle, what it costs, and by when to act."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from dropbox_audit.errors import ConfigurationError
from dropbox_audit.warehouse import RAW_DATASET, VIEWS_DATASET, Door, Target, is_there, open_door, require_views

STALE_DAYS = 30
"""An invitation that nobody has accepted for so long is worth a question."""

IDLE_DAYS = (30, 60, 90)


@dataclass
class Idle:
    """Members without any sign of use for so many days or more."""

    days: int
    members: int
    cost_per_year: str | None


@dataclass
class Renewal:
    """When a contract renews next. Days are negative where they have passed."""

    renewal_date: str
    days_left: int
    notice_deadline: str | None
    days_to_notice: int | None


@dataclass
class Seats:
    """What the views say. Amounts are exact, as text, all in `currency`; None stands for what is not known."""

    warehouse: str
    as_of: str | None = None
    bought: int | None = None
    provisioned: int | None = None
    used: int | None = None
    pending: int | None = None
    free: int | None = None
    contract_seats: int | None = None
    stale_invitations: int = 0
    currency: str | None = None
    cost_per_month: str | None = None
    cost_per_year: str | None = None
    idle: list[Idle] = field(default_factory=list)
    renewal: Renewal | None = None
    seats_needed: int | None = None
    seats_to_drop: int | None = None
    saving_per_year: str | None = None
    leavers: int = 0
    """Suspended or removed people who still own something; what that is follows."""
    leavers_links: int | None = None
    leavers_public_links: int | None = None
    leavers_devices: int = 0
    leavers_apps: int = 0
    leavers_folders: int = 0
    not_read: dict[str, str] = field(default_factory=dict)
    """Lists of the directory that the newest snapshot had to skip, with the reason."""


def read_seats(target: Target) -> Seats:
    """Read it from the views; makes no request.

    Raises:
        ConfigurationError: the views were never built.
        RunError: the warehouse cannot be reached.
    """
    if target.path is not None and not target.path.exists():
        raise ConfigurationError(f"{target.path} does not exist yet: run `dropbox-audit run` first.")
    with open_door(target) as door:
        require_views(door, target)
        return seats_of(door, target.name)


def seats_of(door: Door, warehouse: str) -> Seats:
    """The same through a door that is open; the views are there."""
    seats = Seats(warehouse)
    _read_licences(door, seats)
    _read_money(door, seats)
    _read_idle(door, seats)
    _read_leavers(door, seats)
    if is_there(door, f"{RAW_DATASET}.directory_snapshots"):
        _read_gaps(door, seats)
    return seats


def _read_licences(door: Door, seats: Seats) -> None:
    rows = door.rows(
        f"select day, bought, provisioned, used, pending, free, contract_seats from {VIEWS_DATASET}.licences "
        f"where day = (select max(day) from {VIEWS_DATASET}.licences)"
    )
    for day, *numbers in rows:
        seats.as_of = str(day)
        seats.bought, seats.provisioned, seats.used, seats.pending, seats.free, seats.contract_seats = map(
            _whole, numbers
        )
    [(stale,)] = door.rows(
        f"select count(*) from {VIEWS_DATASET}.members where status = 'invited' and idle_days >= {STALE_DAYS}"
    )
    seats.stale_invitations = int(stale)


def _read_money(door: Door, seats: Seats) -> None:
    rows = door.rows(
        "select is_current, seats, cost_per_year, currency, seats_needed, seats_to_drop, saving_per_year, "
        f"renewal_date, days_left, notice_deadline, days_to_notice from {VIEWS_DATASET}.renewals "
        "order by is_current desc, valid_from"
    )
    for is_current, count, cost, currency, needed, drop, saving, *_ in rows:
        if is_current:
            seats.contract_seats, seats.currency = _whole(count), currency
            seats.cost_per_year, seats.saving_per_year = _amount(cost), _amount(saving)
            seats.seats_needed, seats.seats_to_drop = _whole(needed), _whole(drop)
    dated = [row[7:] for row in rows if row[7] is not None]
    if dated:
        # The next one; where all have passed, the one that was last.
        # Of several on one day, the one that must be given notice of first.
        dated.sort(key=lambda row: (row[0], row[2] is None, row[2] or row[0]))
        coming = [row for row in dated if row[1] >= 0]
        day, left, deadline, to_notice = coming[0] if coming else dated[-1]
        seats.renewal = Renewal(str(day), int(left), None if deadline is None else str(deadline), _whole(to_notice))
    if seats.currency is not None:
        for (cost,) in door.rows(
            f"select cost from {VIEWS_DATASET}.spend where scope = 'team' and currency = ? "
            f"and month = (select max(month) from {VIEWS_DATASET}.spend)",
            [seats.currency],
        ):
            seats.cost_per_month = _amount(cost)


def _read_idle(door: Door, seats: Seats) -> None:
    rows = door.rows(f"select idle_days, cost_per_year from {VIEWS_DATASET}.idle_members")
    for days in IDLE_DAYS:
        costs = [cost for idle, cost in rows if idle >= days]
        total = (
            None if seats.currency is None else sum((Decimal(cost) for cost in costs if cost is not None), Decimal())
        )
        seats.idle.append(Idle(days, len(costs), _amount(total)))


def _read_leavers(door: Door, seats: Seats) -> None:
    [(leavers, links, public, devices, apps, folders)] = door.rows(
        "select count(*), sum(shared_link_count), sum(public_link_count), sum(device_count), sum(linked_app_count), "
        f"sum(shared_folder_count) from {VIEWS_DATASET}.member_offboarding"
    )
    seats.leavers, seats.leavers_links, seats.leavers_public_links = int(leavers), _whole(links), _whole(public)
    seats.leavers_devices, seats.leavers_apps, seats.leavers_folders = (
        int(devices or 0),
        int(apps or 0),
        int(folders or 0),
    )


def _read_gaps(door: Door, seats: Seats) -> None:
    rows = door.rows(
        f"""
        select resource, state, reason from (
            select
                resource, state, reason,
                row_number() over (partition by resource order by taken_at desc, state desc) as recency
            from {RAW_DATASET}.directory_snapshots
            where _dlt_load_id in (select load_id from {RAW_DATASET}._dlt_loads where status = 0)
        ) as numbered
        where recency = 1 and state = 'skipped' order by resource
        """
    )
    seats.not_read = {resource: reason or "no reason given" for resource, _, reason in rows}


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _amount(value: Any) -> str | None:
    return None if value is None else f"{Decimal(value):.2f}"
