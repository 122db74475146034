"""Every event type that the public specification knew in November 2026: category, description, example details."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class EventType:
    """One event type.

    Attributes:
        category: the tag of its ``event_category``.
        description: the text that Dropbox serves with it.
        details: an example of its ``details``, complete with ``.tag``. Not to be changed: copy it.
    """

    category: str
    description: str
    details: dict[str, Any]


@cache
def catalogue() -> dict[str, EventType]:
    """Event types by name."""
    text = resources.files("dropbox_audit.demo").joinpath("catalogue.json").read_bytes()
    return {name: EventType(*row) for name, row in orjson.loads(text).items()}


@cache
def categories() -> frozenset[str]:
    """The category of every known type, and ``legal_holds``, whose types now belong to ``data_governance``."""
    return frozenset(kind.category for kind in catalogue().values()) | {"legal_holds"}
