"""The filter in the page's address, so that a view can be sent to a colleague."""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from dropbox_audit.filters import KINDS, Filter, start_of

Parameters = dict[str, list[str]]

_LISTS = {
    "user": "users",
    "type": "event_types",
    "category": "event_categories",
    "country": "countries",
    "id": "event_ids",
}
_TEXTS = {"person": "person", "item": "item", "file": "file_id", "ip": "ip_address", "domain": "domain"}
DAYS = (1, 7, 30, 90, 365)
"""Spans that a page offers: today and the days before it."""


def parse(parameters: Mapping[str, Sequence[str]], today: date) -> Filter:
    """The filter that an address names; what it cannot mean is left out."""
    given = {name: [value for value in values if value] for name, values in parameters.items()}
    first, last = _day(given, "since"), _day(given, "until")
    days = (given.get("days") or ["0"])[-1]
    if first is None and last is None and days.isdecimal() and 0 < int(days) < 10_000:
        first = today - timedelta(days=int(days) - 1)
    kind = (given.get("kind") or [""])[-1]
    return Filter(
        since=None if first is None else start_of(first),
        until=None if last is None else start_of(last + timedelta(days=1)),
        has_outsiders=bool(given.get("outsiders")),
        kind=kind if kind in KINDS else "",
        **{field: tuple(given.get(name, ())) for name, field in _LISTS.items()},  # type: ignore[arg-type]
        **{field: (given.get(name) or [""])[-1].strip() for name, field in _TEXTS.items()},  # type: ignore[arg-type]
    )


def write(chosen: Filter) -> Parameters:
    """The parameters from which `parse` makes the same filter; it must hold whole days."""
    parameters: Parameters = {}
    if chosen.since is not None:
        parameters["since"] = [str(chosen.since.astimezone(UTC).date())]
    if chosen.until is not None:
        parameters["until"] = [str((chosen.until.astimezone(UTC) - timedelta(microseconds=1)).date())]
    for name, field in _LISTS.items():
        parameters[name] = list(getattr(chosen, field))
    for name, field in _TEXTS.items():
        parameters[name] = [getattr(chosen, field)]
    parameters["outsiders"] = ["1"] if chosen.has_outsiders else []
    parameters["kind"] = [chosen.kind]
    return {name: kept for name, values in parameters.items() if (kept := [value for value in values if value])}


def moment(text: str) -> datetime | None:
    """An instant as an address holds it."""
    with contextlib.suppress(ValueError):
        parsed = datetime.fromisoformat(text)
        return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
    return None


def _day(given: Mapping[str, Sequence[str]], name: str) -> date | None:
    for value in given.get(name, ()):
        with contextlib.suppress(ValueError):
            day = date.fromisoformat(value)
            # The first and last days of the calendar have no neighbours to reckon with.
            return day if date(1900, 1, 1) <= day <= date(2999, 12, 31) else None
    return None
