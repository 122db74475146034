"""Schema drift: which fields of an event the public specification does not know.

Dropbox adds event types and fields without notice. Nothing is lost by it, because the complete event is kept; this only
says so, to whoever reads the log and may want a new column.
"""

from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import resources

import orjson

EVENT_FIELDS = frozenset(
    {
        *("timestamp", "event_category", "actor", "origin", "involve_non_team_member", "context"),
        *("participants", "assets", "event_type", "details"),
    }
)
_ORIGIN = frozenset({"geo_location", "access_method"})
_MOST_CHARACTERS = 1000


@cache
def details_fields() -> dict[str, frozenset[str]]:
    """The fields of `details` by event type, as the public specification had them in November 2026."""
    text = resources.files("dropbox_audit.events").joinpath("specification.json").read_bytes()
    return {event_type: frozenset({".tag", *names}) for event_type, names in orjson.loads(text).items()}


@lru_cache(maxsize=4096)
def unknown_fields(
    event_type: str, of_event: frozenset[str], of_origin: frozenset[str], of_details: frozenset[str] | None
) -> str | None:
    """The paths of the fields that the specification does not know, sorted and comma separated; None for none.

    Looks at the keys of the event itself, of `origin`, and of `details` (None where there is nothing to judge) if the
    event type is a known one. Commas and characters that no one can see are written as `?`. Events of a type have the
    same keys, so the answers are remembered.
    """
    known = details_fields().get(event_type)
    unknown = {*_paths(of_event - EVENT_FIELDS), *_paths(of_origin - _ORIGIN, "origin.")}
    if known is not None and of_details is not None:
        unknown |= {*_paths(of_details - known, "details.")}
    text = ",".join(sorted(unknown))
    return (text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 3] + "...") or None


def _paths(names: Iterable[str], parent: str = "") -> list[str]:
    return [parent + ("".join("?" if c == "," or not c.isprintable() else c for c in name) or '""') for name in names]
