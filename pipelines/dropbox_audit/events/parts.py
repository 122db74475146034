"""The parts of an event: what the columns take from each, and its canonical JSON.

Most parts of an event have been seen before: the same person, the same session, the same type. So an event is split
into its parts as bytes, and a part that was seen a moment ago costs no more than looking it up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from dropbox_audit.events.identity import canonical, strip_presentation

_MOST_REMEMBERED = 1024
"""So many different parts of a kind are remembered."""
_LONGEST_REMEMBERED = 4096
"""Bytes; a longer part is hardly ever seen twice."""
_PRESENTED = ("event_category", "event_type")
"""Parts that are presentation, or hold some, themselves; in the others it goes with an account or an address."""

_IS_TEAM_MEMBER = {"team_member": True, "non_team_member": False, "trusted_non_team_member": False}
_INT64 = 2**63
_ABSENT = msgspec.Raw(b"")


class Body(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """An event with a timestamp and with no keys but those of the specification, split into its parts."""

    timestamp: str
    actor: msgspec.Raw = _ABSENT
    assets: msgspec.Raw = _ABSENT
    context: msgspec.Raw = _ABSENT
    details: msgspec.Raw = _ABSENT
    event_category: msgspec.Raw = _ABSENT
    event_type: msgspec.Raw = _ABSENT
    involve_non_team_member: msgspec.Raw = _ABSENT
    origin: msgspec.Raw = _ABSENT
    participants: msgspec.Raw = _ABSENT


@dataclass(slots=True)
class Part:
    """What an event's row takes from one of its parts.

    Attributes:
        columns: the values of the columns, in the order of the schema.
        items: of a list, the columns of each item.
        names: the keys that schema drift is judged by; None where there is nothing to judge.
        exact: `"key":value,` as canonical JSON; empty where the event has no such part.
        facts: the same without presentation.
    """

    columns: tuple[Any, ...] = ()
    items: Sequence[tuple[Any, ...]] = ()
    names: frozenset[str] | None = None
    exact: bytes = b""
    facts: bytes = b""


def part_of(key: str, value: Any) -> Part:
    """What is taken from the value of `key`, None included; without canonical JSON."""
    return _TAKEN[key](value)


class Memory(dict[bytes, Part]):
    """The parts under one key by their JSON, made when asked for; `b""` stands for a part that the event lacks.

    Asking raises `orjson.JSONDecodeError` (a ValueError) for JSON that only Python's own decoder takes.
    """

    def __init__(self, key: str) -> None:
        super().__init__()
        self._take = _TAKEN[key]
        self._key = key
        self._prefix = f'"{key}":'.encode()

    def __missing__(self, raw: bytes) -> Part:
        part = self._decode(raw)
        if len(raw) <= _LONGEST_REMEMBERED and self._key != "assets":
            if len(self) >= _MOST_REMEMBERED:
                self.clear()
            self[raw] = part
        return part

    def _decode(self, raw: bytes) -> Part:
        if not raw:
            return self._take(None)
        value = orjson.loads(raw)
        part = self._take(value)
        part.exact = part.facts = b"%b%b," % (self._prefix, canonical(value))
        if self._key in _PRESENTED or b'"account_id":' in part.exact or b'"ip_address":' in part.exact:
            facts = strip_presentation({self._key: value})
            part.facts = b"%b%b," % (self._prefix, canonical(facts[self._key])) if facts else b""
        return part


# -- what is taken from each part -------------------------------------------------------------------------------


def _actor(value: Any) -> Part:
    tag, actor = _unwrap(value)
    return Part(
        (
            tag,
            _str(actor.get(".tag")) if tag != actor.get(".tag") else None,
            _str(actor.get("account_id")) or _str(actor.get("app_id")),
            _str(actor.get("team_member_id")),
            _str(actor.get("email")) or _str(actor.get("reseller_email")),
            _str(actor.get("display_name")) or _str(actor.get("reseller_name")),
        )
    )


def _context(value: Any) -> Part:
    tag, context = _unwrap(value)
    return Part(
        (
            tag,
            _str(context.get("account_id")) or _str(context.get("team_id")) or _str(context.get("team")),
            _str(context.get("email")),
        )
    )


def _origin(value: Any) -> Part:
    origin = _dict(value)
    geo = _dict(origin.get("geo_location"))
    tag, access = _unwrap(origin.get("access_method"))
    return Part(
        (
            _str(geo.get("ip_address")),
            _str(geo.get("city")),
            _str(geo.get("region")),
            _str(geo.get("country")),
            tag,
            _str(access.get("session_id")),
        ),
        names=frozenset(origin),
    )


def _event_type(value: Any) -> Part:
    return Part((_tag(value) or "unknown", _str(value.get("description")) if type(value) is dict else None))


def _event_category(value: Any) -> Part:
    return Part((_tag(value),))


def _details(value: Any) -> Part:
    is_missing = _tag(value) == "missing_details"
    return Part(
        (None if value is None else canonical(value), is_missing),
        names=frozenset(value) if type(value) is dict and not is_missing else None,
    )


def _involve(value: Any) -> Part:
    return Part((value if type(value) is bool else None,))


def _assets(value: Any) -> Part:
    items = [_asset(item) for item in _list(value)]
    return Part((len(items),), items)


def _participants(value: Any) -> Part:
    items = [_participant(item) for item in _list(value)]
    return Part((len(items),), items)


def _asset(item: Any) -> tuple[Any, ...]:
    tag, asset = _unwrap(item)
    path, size = asset.get("path"), asset.get("file_size")
    contextual = namespace_id = relative_path = None
    if type(path) is dict:
        contextual = _str(path.get("contextual"))
        place = path.get("namespace_relative")
        if type(place) is dict:
            namespace_id, relative_path = _str(place.get("ns_id")), _str(place.get("relative_path"))
    return (
        tag,
        _first(asset, "display_name", "doc_title", "folder_name", "showcase_title"),
        contextual,
        namespace_id,
        relative_path,
        _first(asset, "file_id", "doc_id", "folder_id", "showcase_id"),
        size if type(size) is int and -_INT64 <= size < _INT64 else None,
    )


def _participant(item: Any) -> tuple[Any, ...]:
    tag, who = _unwrap(item)
    user_type = _str(who.get(".tag")) if tag != who.get(".tag") else None
    return (
        tag,
        user_type,
        _first(who, "account_id", "group_id"),
        _str(who.get("email")),
        _str(who.get("display_name")),
        _IS_TEAM_MEMBER.get(user_type) if user_type else None,
    )


_TAKEN: dict[str, Callable[[Any], Part]] = {
    "actor": _actor,
    "assets": _assets,
    "context": _context,
    "details": _details,
    "event_category": _event_category,
    "event_type": _event_type,
    "involve_non_team_member": _involve,
    "origin": _origin,
    "participants": _participants,
}


PARTS = tuple(_TAKEN)
"""The keys of the parts in the order of canonical JSON."""


def _first(node: dict[str, Any], *keys: str) -> str | None:
    for key in keys:
        if type(value := node.get(key)) is str:
            return value
    return None


def _unwrap(node: Any) -> tuple[str | None, dict[str, Any]]:
    """A union's tag and fields: Stone nests a member with subtypes under its tag and flattens a plain struct."""
    if type(node) is not dict:
        return _str(node), {}
    tag = node.get(".tag")
    if type(tag) is not str:
        return None, node
    inner = node.get(tag)
    return tag, inner if type(inner) is dict else node


def _tag(node: Any) -> str | None:
    return _str(node.get(".tag")) if type(node) is dict else _str(node)


def _str(value: Any) -> str | None:
    return value if type(value) is str else None


def _dict(value: Any) -> dict[str, Any]:
    return value if type(value) is dict else {}


def _list(value: Any) -> list[Any]:
    return value if type(value) is list else []
