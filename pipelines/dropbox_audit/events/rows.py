"""Events as rows: the Arrow schemas, and what each column takes from an event."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from dropbox_audit.events.drift import unknown_fields
from dropbox_audit.events.identity import NotAnEventError, canonical, canonical_hash, loads, strip_presentation

TIMESTAMP = pa.timestamp("us", tz="UTC")

_ROW_KEY = [("walk_id", pa.string()), ("page_no", pa.int64()), ("position", pa.int64())]
_ITEM_KEY = [
    ("walk_id", pa.string()),
    ("page_no", pa.int64()),
    ("event_position", pa.int64()),
    ("position", pa.int64()),
    ("occurred_on", pa.date32()),
]

EVENTS = pa.schema(
    [
        *_ROW_KEY,
        ("is_replayed", pa.bool_()),
        ("identity", pa.string()),
        ("exact_hash", pa.string()),
        ("occurred_at", TIMESTAMP),
        ("occurred_on", pa.date32()),
        ("event_type", pa.string()),
        ("event_category", pa.string()),
        ("description", pa.string()),
        ("actor_type", pa.string()),
        ("actor_user_type", pa.string()),
        ("actor_id", pa.string()),
        ("actor_member_id", pa.string()),
        ("actor_email", pa.string()),
        ("actor_name", pa.string()),
        ("context_type", pa.string()),
        ("context_id", pa.string()),
        ("context_email", pa.string()),
        ("ip_address", pa.string()),
        ("city", pa.string()),
        ("region", pa.string()),
        ("country", pa.string()),
        ("access_method", pa.string()),
        ("session_id", pa.string()),
        ("involves_non_team_member", pa.bool_()),
        ("asset_count", pa.int64()),
        ("participant_count", pa.int64()),
        ("details", pa.string()),
        ("has_missing_details", pa.bool_()),
        ("unknown_fields", pa.string()),
        ("event", pa.string()),
        ("received_at", TIMESTAMP),
    ]
)
"""One row per event as received; row key `walk_id, page_no, position`."""

EVENT_ASSETS = pa.schema(
    [
        *_ITEM_KEY,
        ("asset_type", pa.string()),
        ("name", pa.string()),
        ("path", pa.string()),
        ("namespace_id", pa.string()),
        ("relative_path", pa.string()),
        ("file_id", pa.string()),
        ("size_bytes", pa.int64()),
    ]
)
"""One row per asset; `position` counts from 0 because Dropbox refers to assets by index."""

EVENT_PARTICIPANTS = pa.schema(
    [
        *_ITEM_KEY,
        ("participant_type", pa.string()),
        ("participant_user_type", pa.string()),
        ("participant_id", pa.string()),
        ("email", pa.string()),
        ("name", pa.string()),
        ("is_team_member", pa.bool_()),
    ]
)
"""One row per participant of an event."""

REJECTED_EVENTS = pa.schema([*_ROW_KEY, ("reason", pa.string()), ("event", pa.string()), ("received_at", TIMESTAMP)])
"""One row per list item that is no event: not an object, or without a usable timestamp."""

_IS_TEAM_MEMBER = {"team_member": True, "non_team_member": False, "trusted_non_team_member": False}
_USABLE_INT64 = range(-(2**63), 2**63)


@dataclass(slots=True)
class PageRows:
    """A page's rows before they know their place in a walk; what `decode_events` returns."""

    events: list[tuple[Any, ...]] = field(default_factory=list)
    assets: list[tuple[Any, ...]] = field(default_factory=list)
    participants: list[tuple[Any, ...]] = field(default_factory=list)
    rejected: list[tuple[Any, ...]] = field(default_factory=list)
    digest: str = ""
    first_occurred_at: datetime | None = None
    last_occurred_at: datetime | None = None


def decode_events(raw_events: Sequence[bytes]) -> PageRows:
    """Decode a page's events into rows; an item that is no event becomes a rejected row, never an error."""
    rows = PageRows()
    digest = blake2b(digest_size=16)
    for position, raw in enumerate(raw_events):
        try:
            event = loads(raw)
            row, occurred_at = _event_row(position, raw, event, rows)
        except (NotAnEventError, RecursionError) as error:
            reason = str(error) if isinstance(error, NotAnEventError) else "nested too deeply"
            rows.rejected.append((position, reason, _text_bytes(raw)))
            digest.update(raw)
            continue
        rows.events.append(row)
        digest.update(row[_EXACT_HASH].encode())
        if rows.first_occurred_at is None or occurred_at < rows.first_occurred_at:
            rows.first_occurred_at = occurred_at
        if rows.last_occurred_at is None or occurred_at > rows.last_occurred_at:
            rows.last_occurred_at = occurred_at
    rows.digest = digest.hexdigest()
    return rows


class Tables:
    """Collects the rows of several pages into Arrow tables.

    `take()` returns `{"events", "event_assets", "event_participants", "rejected_events"}` and starts afresh.
    """

    def __init__(self) -> None:
        self._pages: dict[str, list[pa.Table]] = {name: [] for name in SCHEMAS}
        self.event_count = 0

    def add(self, rows: PageRows, *, walk_id: str, page_no: int, is_replayed: bool, received_at: datetime) -> None:
        """Add a page at its place in the walk."""
        self.event_count += len(rows.events)
        received = _microseconds(received_at)
        for name, items, head, tail in (
            ("events", rows.events, {"walk_id": walk_id, "page_no": page_no}, {"received_at": received}),
            ("event_assets", rows.assets, {"walk_id": walk_id, "page_no": page_no}, {}),
            ("event_participants", rows.participants, {"walk_id": walk_id, "page_no": page_no}, {}),
            ("rejected_events", rows.rejected, {"walk_id": walk_id, "page_no": page_no}, {"received_at": received}),
        ):
            if items:
                constants = {**head, **tail, **({"is_replayed": is_replayed} if name == "events" else {})}
                self._pages[name].append(_table(SCHEMAS[name], items, constants))

    def take(self) -> dict[str, pa.Table]:
        """The tables so far, each at least an empty one with its schema."""
        taken = {
            name: pa.concat_tables(pages) if pages else SCHEMAS[name].empty_table()
            for name, pages in self._pages.items()
        }
        self.__init__()  # type: ignore[misc]
        return taken


SCHEMAS: dict[str, pa.Schema] = {
    "events": EVENTS,
    "event_assets": EVENT_ASSETS,
    "event_participants": EVENT_PARTICIPANTS,
    "rejected_events": REJECTED_EVENTS,
}


def _table(schema: pa.Schema, items: list[tuple[Any, ...]], constants: dict[str, Any]) -> pa.Table:
    columns = iter(zip(*items, strict=True))
    arrays = []
    for column in schema:
        if column.name in constants:
            value = pa.scalar(constants[column.name], _storage_type(column.type))
            array = pa.repeat(value, len(items))
        else:
            array = _array(next(columns), _storage_type(column.type))
        arrays.append(array if array.type == column.type else array.cast(column.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _storage_type(kind: pa.DataType) -> pa.DataType:
    # Times and dates travel as integers: building them from Python objects costs several times more.
    if pa.types.is_timestamp(kind):
        return pa.int64()
    return pa.int32() if pa.types.is_date32(kind) else kind


def _array(values: Iterable[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except (UnicodeEncodeError, pa.ArrowInvalid):
        # A lone surrogate or invalid UTF-8 in some event: replace just those characters. The complete event keeps
        # its escapes.
        return pa.array([_text(value) for value in values], kind)


def _text(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


def _text_bytes(raw: bytes) -> bytes:
    return raw.decode("utf-8", "replace").encode()


# -- one event --------------------------------------------------------------------------------------------------

_EXACT_HASH = 2
"""Place of `exact_hash` in an event's row."""


def _event_row(position: int, raw: bytes, event: Any, rows: PageRows) -> tuple[tuple[Any, ...], datetime]:
    if type(event) is not dict:
        raise NotAnEventError("not an object")
    occurred_at = _occurred_at(event.get("timestamp"))
    occurred = _microseconds(occurred_at)
    occurred_on = occurred // 86_400_000_000
    exact_hash = canonical_hash(event)

    event_type = event.get("event_type")
    type_tag = _tag(event_type) or "unknown"
    actor_tag, actor = _unwrap(event.get("actor"))
    context_tag, context = _unwrap(event.get("context"))
    origin = _dict(event.get("origin"))
    geo = _dict(origin.get("geo_location"))
    access_tag, access = _unwrap(origin.get("access_method"))
    assets = _list(event.get("assets"))
    participants = _list(event.get("participants"))
    details = event.get("details")
    involves = event.get("involve_non_team_member")

    head = (
        type_tag,
        _tag(event.get("event_category")),
        _str(event_type.get("description")) if type(event_type) is dict else None,
        actor_tag,
        _str(actor.get(".tag")) if actor_tag != actor.get(".tag") else None,
        _str(actor.get("account_id")) or _str(actor.get("app_id")),
        _str(actor.get("team_member_id")),
        _str(actor.get("email")) or _str(actor.get("reseller_email")),
        _str(actor.get("display_name")) or _str(actor.get("reseller_name")),
        context_tag,
        _str(context.get("account_id")) or _str(context.get("team_id")) or _str(context.get("team")),
        _str(context.get("email")),
        _str(geo.get("ip_address")),
        _str(geo.get("city")),
        _str(geo.get("region")),
        _str(geo.get("country")),
        access_tag,
        _str(access.get("session_id")),
        involves if type(involves) is bool else None,
        len(assets),
        len(participants),
        None if details is None else canonical(details),
        _tag(details) == "missing_details",
        unknown_fields(event, type_tag, origin, details),
        raw,
    )
    asset_rows = [(position, place, occurred_on, *_asset(asset)) for place, asset in enumerate(assets)]
    participant_rows = [(position, place, occurred_on, *_participant(who)) for place, who in enumerate(participants)]

    # Last, because it takes the presentation out of `event`.
    strip_presentation(event)
    identity = canonical_hash(event)
    rows.assets += asset_rows
    rows.participants += participant_rows
    return (position, identity, exact_hash, occurred, occurred_on, *head), occurred_at


def _asset(item: Any) -> tuple[Any, ...]:
    tag, asset = _unwrap(item)
    path = _dict(asset.get("path"))
    place = _dict(path.get("namespace_relative"))
    size = asset.get("file_size")
    return (
        tag,
        _first(asset, "display_name", "doc_title", "folder_name", "showcase_title"),
        _str(path.get("contextual")),
        _str(place.get("ns_id")),
        _str(place.get("relative_path")),
        _first(asset, "file_id", "doc_id", "folder_id", "showcase_id"),
        size if type(size) is int and size in _USABLE_INT64 else None,
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


def _first(node: dict[str, Any], *keys: str) -> str | None:
    for key in keys:
        if type(value := node.get(key)) is str:
            return value
    return None


def _unwrap(node: Any) -> tuple[str | None, dict[str, Any]]:
    """A union's tag and fields: Stone nests a member with subtypes under its tag and flattens a plain struct."""
    if type(node) is not dict:
        return _str(node), {}
    tag = _str(node.get(".tag"))
    inner = node.get(tag) if tag is not None else None
    return tag, inner if type(inner) is dict else node


def _tag(node: Any) -> str | None:
    return _str(node.get(".tag")) if type(node) is dict else _str(node)


def _str(value: Any) -> str | None:
    return value if type(value) is str else None


def _dict(value: Any) -> dict[str, Any]:
    return value if type(value) is dict else {}


def _list(value: Any) -> list[Any]:
    return value if type(value) is list else []


def _occurred_at(timestamp: Any) -> datetime:
    if timestamp is None:
        raise NotAnEventError("no timestamp")
    if type(timestamp) is str:
        try:
            moment = datetime.fromisoformat(timestamp)
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise NotAnEventError("a timestamp that is no time")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _microseconds(moment: datetime) -> int:
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
