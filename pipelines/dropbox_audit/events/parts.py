"""The parts of an event: what the columns take from each, and its canonical JSON.

Most parts of an event have been seen before: the same person, the same session, the same type. So an event is cut into
its parts as bytes, and a part that was seen a moment ago costs no more than looking it up.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
import orjson
from msgspec import UNSET, UnsetType

from dropbox_audit.events.identity import canonical, presented_as, strip_presentation

_LONGEST_REMEMBERED = 4096
"""Bytes; a longer part is hardly ever seen twice."""
_PRESENTED = ("event_category", "event_type")
"""Parts that are presentation, or hold some, themselves; in the others it goes with an account or an address."""

_IS_TEAM_MEMBER = {"team_member": True, "non_team_member": False, "trusted_non_team_member": False}
_INT64 = 2**63
_ABSENT = msgspec.Raw(b"")
_T = TypeVar("_T")


class _WhoBody(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The members of an event that say who acted, from where and for whom."""

    event_category: msgspec.Raw = _ABSENT
    actor: msgspec.Raw = _ABSENT
    origin: msgspec.Raw = _ABSENT
    involve_non_team_member: msgspec.Raw = _ABSENT
    context: msgspec.Raw = _ABSENT


class _Body(_WhoBody, gc=False, forbid_unknown_fields=True, kw_only=True):
    """An event with a timestamp and with no keys but those of the specification."""

    timestamp: str
    participants: msgspec.Raw = _ABSENT
    assets: msgspec.Raw = _ABSENT
    event_type: msgspec.Raw = _ABSENT
    details: msgspec.Raw = _ABSENT


class Part(msgspec.Struct, gc=False):
    """What an event's row takes from one of its parts.

    Attributes:
        columns: the values of the columns, in the order of the schema.
        items: of a list, the columns of each item.
        names: the keys that schema drift is judged by; None where there is nothing to judge.
        facts: `"key":value,` as canonical JSON without presentation; empty where nothing is left or nothing was there.
        presented: how it is presented (`presented_as`).
    """

    columns: tuple[Any, ...] = ()
    items: Sequence[tuple[Any, ...]] = ()
    names: frozenset[str] | None = None
    facts: bytes = b""
    presented: bytes = b""


class Who(msgspec.Struct, gc=False):
    """The parts that say who acted, from where and for whom, put together as a row and its hashes need them."""

    columns: tuple[Any, ...]
    """Of the actor, the context, the origin and `involve_non_team_member`."""
    origin_names: frozenset[str]
    actor: Part
    context: Part
    category: Part
    rest: Part
    """`involve_non_team_member` and the origin, which follow each other in canonical JSON."""

    @classmethod
    def of(cls, actor: Part, context: Part, category: Part, involve: Part, origin: Part) -> "Who":
        """These parts put together."""
        return cls(
            (*actor.columns, *context.columns, *origin.columns, *involve.columns),
            origin.names or frozenset(),
            actor,
            context,
            category,
            Part(facts=involve.facts + origin.facts, presented=involve.presented + origin.presented),
        )


class Parts(msgspec.Struct, gc=False):
    """An event in parts."""

    timestamp: str
    who: Who
    assets: Part
    details: Part
    event_type: Part
    participants: Part

    def facts(self) -> bytes:
        """The canonical JSON of the event without presentation: that of its parts in the order of their keys."""
        who = self.who
        return b'{%b%b%b%b%b%b%b%b"timestamp":%b}' % (
            *(who.actor.facts, self.assets.facts, who.context.facts, self.details.facts, who.category.facts),
            *(self.event_type.facts, who.rest.facts, self.participants.facts, orjson.dumps(self.timestamp)),
        )

    def presented(self) -> bytes:
        """How it is presented, in the same order."""
        who = self.who
        return b"%b%b%b%b%b%b%b%b" % (
            *(who.actor.presented, self.assets.presented, who.context.presented, self.details.presented),
            *(who.category.presented, self.event_type.presented, who.rest.presented, self.participants.presented),
        )


def cut(raw: bytes) -> Parts:
    """An event in parts, which may have been seen before.

    Raises:
        ValueError, RecursionError: it has keys that the specification does not know, or JSON that only Python's own
            decoder takes.
    """
    try:
        return _cut_spaced(raw) if raw[13:14] == b" " else _cut_compact(raw)
    except ValueError:
        body = _split(raw)
        who = Who.of(*_who_parts(body))
        assets, details = _assets(bytes(body.assets)), _details[bytes(body.details)]
        event_type, participants = _event_types[bytes(body.event_type)], _participants[bytes(body.participants)]
        return Parts(body.timestamp, who, assets, details, event_type, participants)


def _cutter(comma: bytes, colon: bytes) -> Callable[[bytes], Parts]:
    """Cuts events that have their members in the order in which Dropbox serves them, written in one way.

    What lies between the places where it cuts must be JSON values, each whole, and members with known keys; then the
    event is just these, whatever else its text may hold, and cutting costs a quarter of splitting it.
    """
    opening = b'{"timestamp"%b"' % colon
    start = len(opening)
    stop = start + len("2026-11-01T12:00:00Z")
    closing = b'"' + comma
    first = stop + len(closing)
    before = {
        key: b'%b"%b"%b' % (comma, key.encode(), colon) for key in ("participants", "assets", "event_type", "details")
    }
    to_participants, to_assets, to_event_type, to_details = before.values()
    participants_at, assets_at, event_type_at, details_at = map(len, before.values())
    # Most events have none, and the longer a text is, the sooner it is found.
    no_participants = b"%b[]%b" % (to_participants, to_assets)

    def cut(raw: bytes) -> Parts:
        if (who_end := raw.find(no_participants, first)) < 0:
            who_end = raw.index(to_participants, first)
        participants_end = raw.index(to_assets, who_end + participants_at)
        event_type_end = raw.rindex(to_details)
        assets_end = raw.rindex(to_event_type, participants_end, event_type_end)
        who = raw[first:who_end]
        participants = raw[who_end + participants_at : participants_end]
        assets = raw[participants_end + assets_at : assets_end]
        event_type = raw[assets_end + event_type_at : event_type_end]
        details = raw[event_type_end + details_at : -1]
        timestamp = raw[start:stop]
        if not (
            (raw[:start] == opening and raw[stop:first] == closing and raw[-1:] == b"}")
            # What else may be read as a time is not always a text in JSON.
            and timestamp.translate(None, b"0123456789") == b"--T::Z"
            # For nothing stands for a part that is not there, and this here is.
            and (who[:1] == b'"' and participants and assets and event_type and details)
        ):
            raise ValueError
        return Parts(
            timestamp.decode("ascii"),
            _whos[who],
            _assets(assets),
            _details[details],
            _event_types[event_type],
            _participants[participants],
        )

    return cut


def whole(event: dict[str, Any]) -> Parts:
    """Any event in parts, whatever keys it has; their canonical JSON is missing."""
    part = {key: take(event.get(key)) for key, take in _TAKEN.items()}
    who = Who.of(
        part["actor"], part["context"], part["event_category"], part["involve_non_team_member"], part["origin"]
    )
    return Parts("", who, part["assets"], part["details"], part["event_type"], part["participants"])


class _Memory(dict[bytes, _T]):
    """What is taken from pieces of events by their JSON, made when asked for, and remembered for the next time.

    Asking raises what making does.
    """

    def __init__(self, make: Callable[[bytes], _T], most: int = 1024) -> None:
        super().__init__()
        self._make = make
        self._most = most

    def __missing__(self, raw: bytes) -> _T:
        made = self._make(raw)
        if len(raw) <= _LONGEST_REMEMBERED:
            if len(self) >= self._most:
                self.clear()
            self[raw] = made
        return made


def _part_maker(key: str) -> Callable[[bytes], Part]:
    """Makes the parts under one key from their JSON; `b""` stands for a part that the event lacks.

    It raises `orjson.JSONDecodeError` (a ValueError) for JSON that only Python's own decoder takes.
    """
    take = _TAKEN[key]
    prefix = f'"{key}":'.encode()

    def make(raw: bytes) -> Part:
        if not raw:
            return take(None)
        value = orjson.loads(raw)
        part = take(value)
        exact = canonical(value)
        part.facts = b"%b%b," % (prefix, exact)
        if key in _PRESENTED or b'"account_id":' in exact or b'"ip_address":' in exact:
            left = strip_presentation({key: value})
            facts = canonical(left[key]) if left else None
            part.facts = b"" if facts is None else b"%b%b," % (prefix, facts)
            part.presented = presented_as(key, exact, facts)
        return part

    return make


def _assets(raw: bytes) -> Part:
    """The assets, which are hardly ever seen twice, so none is remembered."""
    try:
        assets = _decode_assets(raw)
        items = [_usual_asset(asset) for asset in assets]
    except ValueError:
        return _unusual_assets(raw)
    return Part((len(items),), items, facts=b'"assets":%b,' % _encode(assets))


def _who(members: bytes) -> Who:
    """Who acted, by the members of the event that say so, without the brackets around them."""
    return Who.of(*_who_parts(_split_who(b"{%b}" % members)))


def _who_parts(body: _WhoBody) -> tuple[Part, Part, Part, Part, Part]:
    return (
        _actors[bytes(body.actor)],
        _contexts[bytes(body.context)],
        _categories[bytes(body.event_category)],
        _involves[bytes(body.involve_non_team_member)],
        _origins[bytes(body.origin)],
    )


# -- what is taken from each part -------------------------------------------------------------------------------


def _take_actor(value: Any) -> Part:
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


def _take_context(value: Any) -> Part:
    tag, context = _unwrap(value)
    return Part(
        (
            tag,
            _str(context.get("account_id")) or _str(context.get("team_id")) or _str(context.get("team")),
            _str(context.get("email")),
        )
    )


def _take_origin(value: Any) -> Part:
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


def _take_event_type(value: Any) -> Part:
    return Part((_tag(value) or "unknown", _str(value.get("description")) if type(value) is dict else None))


def _take_event_category(value: Any) -> Part:
    return Part((_tag(value),))


def _take_details(value: Any) -> Part:
    is_missing = _tag(value) == "missing_details"
    return Part(
        (None if value is None else canonical(value), is_missing),
        names=frozenset(value) if type(value) is dict and not is_missing else None,
    )


def _take_involve(value: Any) -> Part:
    return Part((value if type(value) is bool else None,))


def _take_assets(value: Any) -> Part:
    items = [_asset(item) for item in _list(value)]
    return Part((len(items),), items)


def _take_participants(value: Any) -> Part:
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


class _RelativePath(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    is_shared_namespace: bool | UnsetType = UNSET
    ns_id: str | UnsetType = UNSET
    relative_path: str | UnsetType = UNSET


class _Path(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    contextual: str | UnsetType = UNSET
    namespace_relative: _RelativePath | UnsetType = UNSET


class _UsualAsset(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename={"tag": ".tag"}):
    """An asset as Dropbox serves nearly all of them, its keys in the order of canonical JSON."""

    tag: str
    display_name: str | UnsetType = UNSET
    doc_id: str | UnsetType = UNSET
    doc_title: str | UnsetType = UNSET
    file_id: str | UnsetType = UNSET
    file_size: Annotated[int, msgspec.Meta(ge=0, le=_INT64 - 1)] | UnsetType = UNSET
    folder_id: str | UnsetType = UNSET
    folder_name: str | UnsetType = UNSET
    path: _Path | UnsetType = UNSET
    showcase_id: str | UnsetType = UNSET
    showcase_title: str | UnsetType = UNSET


def _usual_asset(asset: _UsualAsset) -> tuple[Any, ...]:
    """The columns of `_asset`; a ValueError where they take more than this."""
    tag, path, size, name, file_id = asset.tag, asset.path, asset.file_size, asset.display_name, asset.file_id
    contextual = namespace_id = relative_path = None
    if path is not UNSET:
        if tag == "path":
            raise ValueError
        contextual = _str(path.contextual)
        if (place := path.namespace_relative) is not UNSET:
            namespace_id, relative_path = _str(place.ns_id), _str(place.relative_path)
    return (
        tag,
        _known(asset.doc_title, asset.folder_name, asset.showcase_title) if name is UNSET else name,
        contextual,
        namespace_id,
        relative_path,
        _known(asset.doc_id, asset.folder_id, asset.showcase_id) if file_id is UNSET else file_id,
        None if size is UNSET else size,
    )


def _known(*values: str | UnsetType) -> str | None:
    return next((value for value in values if value is not UNSET), None)


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
    "actor": _take_actor,
    "assets": _take_assets,
    "context": _take_context,
    "details": _take_details,
    "event_category": _take_event_category,
    "event_type": _take_event_type,
    "involve_non_team_member": _take_involve,
    "origin": _take_origin,
    "participants": _take_participants,
}


_split = msgspec.json.Decoder(_Body).decode
_split_who = msgspec.json.Decoder(_WhoBody).decode
_decode_assets = msgspec.json.Decoder(list[_UsualAsset]).decode
_encode = msgspec.json.Encoder().encode

_actors, _contexts, _details, _categories, _event_types, _involves, _origins, _participants = (
    _Memory(_part_maker(key))
    for key in (
        *("actor", "context", "details", "event_category"),
        *("event_type", "involve_non_team_member", "origin", "participants"),
    )
)
_unusual_assets = _part_maker("assets")
# One person has several: each category of events makes another.
_whos = _Memory(_who, most=4096)

_cut_compact, _cut_spaced = _cutter(b",", b":"), _cutter(b", ", b": ")


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
