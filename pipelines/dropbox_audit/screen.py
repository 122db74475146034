"""Screens of plain text, 80 columns wide."""

import textwrap
from datetime import timedelta
from typing import Any

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
