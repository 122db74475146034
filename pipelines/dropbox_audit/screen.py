"""Screens of plain text, 80 columns wide."""

from datetime import timedelta

from dropbox_audit.status import Status
from dropbox_audit.wording import one_line


def status_screen(status: Status) -> str:
    """The status of one warehouse as lines of text."""
    lines = [
        f"Warehouse    {status.warehouse}",
        f"Events       {status.events:,} rows received; newest from {_moment(status.last_occurred_at)}",
        f"Last load    {_moment(status.last_loaded_at)}",
        f"Cursor       {_age(status.cursor_age_seconds)}",
        f"Budget       {_budget(status)}",
        f"Gaps         {'; '.join(status.gaps) or 'none known'}",
        f"Resets       {status.resets}",
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
