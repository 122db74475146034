"""Screens of plain text, 80 columns wide."""

import textwrap
from datetime import timedelta
from decimal import Decimal
from typing import Any

from dropbox_audit.seats import STALE_DAYS, Seats
from dropbox_audit.status import Status
from dropbox_audit.verify import Verification
from dropbox_audit.wording import one_line


def status_screen(status: Status) -> str:
    """The status of one warehouse as lines of text."""
    lines = [
        f"Warehouse    {status.warehouse}",
        f"Events       {status.events:,} rows received; newest from {_moment(status.last_occurred_at)}",
        f"Last load    {_moment(status.last_loaded_at)}",
        f"Cursor       {_age(status.cursor_age_seconds)}",
        f"Budget       {_budget(status)}",
        f"Resets       {status.resets}",
        f"Days         {_days(status)}",
        f"Verified     {_moment(status.last_verified_at)}"
        + (f": {status.last_verification_result}" if status.last_verification_result else ""),
        *_wrapped("Unknown", _drift(status)),
        *(line for text in _alerts(status) for line in _wrapped("Alerts", text)),
        *(line for gap in status.gaps or ["none known"] for line in _wrapped("Gap", gap)),
        "",
    ]
    if not status.runs:
        return "\n".join([*lines, "No run yet: dropbox-audit run"])
    lines.append(
        f"{'Run (UTC)':<20} {'command':<8} {'outcome':<12} {'requests':>8} {'pages':>7} {'events':>10}  waited"
    )
    for run in status.runs:
        lines.append(
            f"{_moment(run['started_at']):<20} {run['command']:<8} {run['outcome']:<12} {run['requests'] or 0:>8,} "
            f"{run['pages'] or 0:>6,} {run['events'] or 0:>10,}  {run['waited_seconds'] or 0:.0f} s"
        )
        if run.get("error"):
            lines.append(f"  {one_line(run['error'])[:76]}")
    return "\n".join(lines)


def _days(status: Status) -> str:
    if status.days is None:
        return "no views yet: dropbox-audit run"
    return ", ".join(f"{number:,} {kind}" for kind, number in status.days.items())


def _alerts(status: Status) -> list[str]:
    """A line for each route; none without routes: whoever wants none need not be told so."""
    found = [
        f"{route['route']}: {route['pending']:,} pending, {route['failed']:,} failed"
        + (f" ({one_line(route['error'])})" if route["error"] else "")
        for route in status.alerts or []
    ]
    return found + status.alert_problems


def _drift(status: Status) -> str:
    found = [
        *(f"event type {one_line(name)}" for name in status.unknown_event_types),
        *(f"field {one_line(name)}" for name in status.unknown_fields),
    ]
    return ", ".join(found) or "no event type or field"


def _wrapped(heading: str, text: str) -> list[str]:
    """A text behind its heading, as many lines as it takes."""
    return textwrap.wrap(text, 80, initial_indent=f"{heading:<13}", subsequent_indent=" " * 13)


_MOST_DAYS = 62
"""With more days than this on the screen, those that are equal go without saying."""
_MOST_EVENTS = 20


def verification_screen(found: Verification) -> str:
    """What a verification found as lines of text."""
    days = [day for day in found.days if day.dropbox_events or day.warehouse_events]
    if len(days) > _MOST_DAYS:
        days = [day for day in days if day.missing_events or day.extra_events]
    lines = [
        f"Window       {_moment(found.since) if found.since else 'the whole log'} to {_moment(found.until)} (UTC)",
        f"Dropbox      {found.dropbox_events:,} events",
        f"Warehouse    {found.warehouse_events:,} events",
        f"Missing      {len(found.missing):,}" + (f", {found.repaired_events:,} loaded now" if found.missing else ""),
        f"Extra        {len(found.extra):,}",
    ]
    if found.superseded_events:
        lines.append(f"Superseded   {found.superseded_events:,} that Dropbox gave once without and once with details")
    if days:
        lines += ["", f"{'Day (UTC)':<12}{'Dropbox':>12}{'warehouse':>12}{'missing':>10}{'extra':>10}"]
        lines += [
            f"{day.day!s:<12}{day.dropbox_events:>12,}{day.warehouse_events:>12,}"
            f"{day.missing_events:>10,}{day.extra_events:>10,}"
            for day in days
        ]
    lines += _events("Missing from the warehouse", found.missing)
    lines += _events("In the warehouse, but not given by Dropbox", found.extra)
    if found.result == "equal":
        verdict = "Equal: the warehouse holds every event of this window, once."
    elif len(found.missing) > found.repaired_events:
        verdict = "Different: the same command with --repair loads what is missing."
    else:
        verdict = "Different: nothing is missing, but the warehouse holds events that Dropbox does not give."
    return "\n".join([*lines, "", verdict])


def _events(heading: str, events: list[dict[str, Any]]) -> list[str]:
    if not events:
        return []
    shown = [
        f"{_moment(event['occurred_at'])}  {one_line(event['event_type'] or 'unknown')[:24]:<24} {event['event_id']}"
        for event in events[:_MOST_EVENTS]
    ]
    rest = len(events) - len(shown)
    return ["", heading, *shown, *([f"... and {rest:,} more: --json lists all"] if rest else [])]


def seats_screen(seats: Seats) -> str:
    """Seats and their cost as lines of text."""
    lines = [("Warehouse", seats.warehouse)]
    if seats.as_of is None:
        lines.append(("Team", "never read: the scope team_info.read, the setting directory_every, dropbox-audit run"))
    else:
        contract = "" if seats.contract_seats is None else f" ({seats.contract_seats:,} by contract)"
        stale = (
            f", {seats.stale_invitations:,} of them for {STALE_DAYS} days or more" if seats.stale_invitations else ""
        )
        lines += [
            ("As of", f"{seats.as_of} (UTC)"),
            ("Bought", f"{_number(seats.bought)} seats{contract}"),
            ("Provisioned", f"{_number(seats.provisioned)} seats given out"),
            ("Used", _number(seats.used)),
            ("Pending", f"{_number(seats.pending)} invitations{stale}"),
            ("Free", _number(seats.free)),
        ]
    if seats.cost_per_year is None:
        lines.append(("Cost", "not known: write contracts.csv (docs/operations.md), dropbox-audit run"))
    else:
        lines.append(
            ("Cost", f"{_money(seats, seats.cost_per_month)} this month, {_yearly(seats, seats.cost_per_year)}")
        )
    for idle in seats.idle:
        cost = f", {_yearly(seats, idle.cost_per_year)}" if idle.cost_per_year is not None else ""
        lines.append((f"Idle {idle.days} days", f"{idle.members:,} members{cost}"))
    if seats.renewal is not None:
        lines.append(("Renewal", f"{seats.renewal.renewal_date}, {_days_away(seats.renewal.days_left)}"))
        if seats.renewal.notice_deadline is not None and seats.renewal.days_to_notice is not None:
            away = _days_away(seats.renewal.days_to_notice)
            lines.append(("Notice by", f"{seats.renewal.notice_deadline}, {away}"))
    if seats.seats_needed is not None:
        saving = f"; {_number(seats.seats_to_drop)} fewer save {_yearly(seats, seats.saving_per_year)}"
        lines.append(("Needed", f"{seats.seats_needed:,} by the last 90 days' use{saving}"))
    links = (
        "links not read"
        if seats.leavers_links is None
        else f"{seats.leavers_links:,} links ({seats.leavers_public_links:,} public)"
    )
    owned = f"{seats.leavers_devices:,} devices, {seats.leavers_apps:,} apps, {seats.leavers_folders:,} shared folders"
    lines.append(("Leavers", f"{seats.leavers:,} with {links}, {owned}" if seats.leavers else "own nothing any more"))
    lines += [("Not read", f"{name}: {one_line(reason)}") for name, reason in seats.not_read.items()]
    return "\n".join(line for heading, text in lines for line in _wrapped(heading, text))


def _number(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _money(seats: Seats, amount: str | None) -> str:
    return "-" if amount is None else f"{Decimal(amount):,.2f} {seats.currency}"


def _yearly(seats: Seats, amount: str | None) -> str:
    return f"{_money(seats, amount)} a year"


def _days_away(days: int) -> str:
    return f"in {days:,} days" if days > 0 else "today" if days == 0 else f"{-days:,} days ago"


def _moment(iso: str | None) -> str:
    return "never" if iso is None else iso[:19].replace("T", " ")


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "not opened yet"
    return f"answered {timedelta(seconds=round(seconds))} ago"


def _budget(status: Status) -> str:
    if status.requests_left is None:
        return "no limit but Dropbox's own"
    return f"{status.requests_left:,} of {status.requests_per_hour:,} requests left this hour"
