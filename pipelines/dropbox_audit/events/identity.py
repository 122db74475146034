"""Canonical JSON and identity: what an event says, apart from how it is presented."""

import json
from hashlib import blake2b
from typing import Any

import orjson


class NotAnEventError(ValueError):
    """An item of a page that cannot be kept as an event; the text is the reason."""


def loads(raw: bytes) -> Any:
    """Decode one event; raises `NotAnEventError` for what is not JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        # Lone surrogates, numbers and nesting that only Python's decoder takes.
        try:
            return json.loads(raw.decode("utf-8", "replace"))
        except ValueError:
            raise NotAnEventError("not JSON") from None


def canonical(value: Any) -> bytes:
    """A value as JSON with sorted keys, in UTF-8 that every warehouse parses."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError):
        # What orjson refuses, Python's encoder writes: integers beyond 64 bits, deep nesting, lone surrogates. The
        # last are replaced, because no warehouse parses them.
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode("utf-8", "replace")


def canonical_hash(value: Any) -> str:
    """128 bits over the canonical JSON, as 32 hex digits."""
    return blake2b(canonical(value), digest_size=16).hexdigest()


def identity_of(event: str | None) -> str | None:
    """The identity of an event's complete JSON; None for what is no event."""
    try:
        decoded = loads((event or "").encode())
    except (NotAnEventError, RecursionError):
        return None
    if type(decoded) is not dict:
        return None
    strip_presentation(decoded)
    return canonical_hash(decoded)


def strip_presentation(event: dict[str, Any]) -> None:
    """Take out of an event, in place, what does not belong to its identity."""
    event.pop("event_category", None)
    event_type = event.get("event_type")
    if type(event_type) is dict:
        event_type.pop("description", None)
    _strip_people_and_places(event)


def _strip_people_and_places(node: dict[str, Any]) -> None:
    if node.get("account_id"):
        node.pop("display_name", None)
        node.pop("email", None)
    if node.get("ip_address"):
        node.pop("city", None)
        node.pop("region", None)
        node.pop("country", None)
    for value in node.values():
        if type(value) is dict:
            _strip_people_and_places(value)
        elif type(value) is list:
            _strip_list(value)


def _strip_list(items: list[Any]) -> None:
    for item in items:
        if type(item) is dict:
            _strip_people_and_places(item)
        elif type(item) is list:
            _strip_list(item)
