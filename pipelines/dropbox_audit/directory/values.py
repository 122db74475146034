"""Values of any shape as columns take them; None for what is not of the expected kind."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson


def digest_of(value: Mapping[str, Any]) -> str:
    """A short hash of a JSON object."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    return hashlib.blake2b(orjson.dumps(dict(value), option=options), digest_size=16).hexdigest()


def as_dict(value: object) -> dict[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The list, or an empty one."""
    return value if isinstance(value, list) else []


def as_tag(value: object) -> str | None:
    """The tag of a union member, which may come as a bare string."""
    return as_text(value.get(".tag") if isinstance(value, dict) else value)


def as_text(value: object) -> str | None:
    """The text, or None where it is empty or something else."""
    return value or None if isinstance(value, str) else None


def as_whole(value: object) -> int | None:
    """The whole number as a column can hold it."""
    is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return int(value) if is_whole else None  # type: ignore[call-overload]


def as_flag(value: object) -> bool | None:
    """The truth value."""
    return value if isinstance(value, bool) else None


def as_time(value: object) -> datetime | None:
    """The instant, in UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
