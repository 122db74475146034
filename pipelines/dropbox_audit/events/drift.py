"""Schema drift: which fields of an event the public specification does not know.

Dropbox adds event types and fields without notice. Nothing is lost by it, because the complete event is kept; this only
says so, to whoever reads the log and may want a new column.
"""

from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import orjson

_EVENT = frozenset(
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


def unknown_fields(event: dict[str, Any], event_type: str, origin: dict[str, Any], details: Any) -> str | None:
    """The paths of the fields that the specification does not know, sorted and comma separated; None for none.

    Looks at the event itself, at `origin`, and at `details` where the event type is a known one and Dropbox could
    retrieve them. Commas and characters that no one can see are written as `?`.
    """
    known = details_fields().get(event_type)
    if (
        _EVENT.issuperset(event)
        and _ORIGIN.issuperset(origin)
        and (known is None or type(details) is not dict or known.issuperset(details))
    ):
        return None
    is_judged = known is not None and type(details) is dict and details.get(".tag") != "missing_details"
    return _described(
        frozenset(event.keys() - _EVENT),
        frozenset(origin.keys() - _ORIGIN),
        frozenset(details.keys() - known) if is_judged else frozenset(),
    )


@lru_cache(maxsize=1024)
def _described(of_event: frozenset[str], of_origin: frozenset[str], of_details: frozenset[str]) -> str | None:
    """The paths as text. A new field comes with every event of its type, so the same ones are asked for again."""
    paths = {*_paths(of_event), *_paths(of_origin, "origin."), *_paths(of_details, "details.")}
    text = ",".join(sorted(paths))
    return (text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 3] + "...") or None


def _paths(names: Iterable[str], parent: str = "") -> list[str]:
    return [parent + ("".join("?" if c == "," or not c.isprintable() else c for c in name) or '""') for name in names]
