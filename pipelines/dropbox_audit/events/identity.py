"""Canonical JSON and identity: what an event says, apart from how it is presented."""

import hashlib
import json
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


def hash_of(canonical_json: bytes) -> str:
    """The first 128 bits of SHA-256 over canonical JSON, as 32 hex digits."""
    return hashlib.sha256(canonical_json).hexdigest()[:32]


def presented_as(key: str, exact: bytes, facts: bytes | None) -> bytes:
    """How a member of an event is presented; empty where its canonical JSON is all facts."""
    return b"" if exact == facts else b"%b:%b" % (canonical(key), hash_of(exact).encode())


def strip_presentation(event: dict[str, Any]) -> dict[str, Any]:
    """The same event, changed in place: without what does not belong to its identity."""
    event.pop("event_category", None)
    event_type = event.get("event_type")
    if type(event_type) is dict:
        event_type.pop("description", None)
    _strip_people_and_places(event)
    return event


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
