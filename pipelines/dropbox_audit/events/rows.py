"""Events as rows: the Arrow schemas, and what each column takes from an event."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa

from dropbox_audit.events.drift import unknown_fields
from dropbox_audit.events.identity import NotAnEventError, canonical, hash_of, loads, presented_as, strip_presentation
from dropbox_audit.events.packing import PackedTables
from dropbox_audit.events.parts import cut, whole

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

_PLACE = ("walk_id", "page_no", "is_replayed", "received_at")
"""Columns that a row gets with its page's place in a walk."""


@dataclass(frozen=True, slots=True)
class PageRows:
    """A page's rows before they know their place in a walk: the tables lack the columns of `_PLACE`.

    `rejected_count` counts items that are no events, `digest` is the hash of the events' exact hashes in order; the two
    times are those of the earliest and latest event.
    """

    tables: Mapping[str, pa.Table]
    event_count: int
    rejected_count: int
    digest: str
    first_occurred_at: datetime | None
    last_occurred_at: datetime | None

    @property
    def item_count(self) -> int:
        """Items of the page."""
        return self.event_count + self.rejected_count

    @property
    def size(self) -> int:
        """Bytes that the tables hold."""
        tables = self.tables
        return tables.size if isinstance(tables, PackedTables) else sum(table.nbytes for table in tables.values())

    def packed(self) -> "PageRows":
        """The same, smaller while nobody looks at the tables."""
        return replace(self, tables=PackedTables(self.tables))


def decode_events(raw_events: Sequence[bytes | msgspec.Raw]) -> PageRows:
    """Decode a page's events into rows; an item that is no event becomes a rejected row, never an error."""
    events: list[tuple[Any, ...]] = []
    assets: list[tuple[Any, ...]] = []
    participants: list[tuple[Any, ...]] = []
    rejected: list[tuple[Any, ...]] = []
    digests: list[bytes] = []
    for position, raw in enumerate(map(bytes, raw_events)):
        try:
            row, asset_columns, participant_columns = _decode(position, raw)
        except (NotAnEventError, RecursionError) as error:
            reason = str(error) if isinstance(error, NotAnEventError) else "nested too deeply"
            rejected.append((position, reason, _text_bytes(raw)))
            digests.append(raw)
            continue
        events.append(row)
        digests.append(row[_EXACT_HASH].encode())
        for place, columns in enumerate(asset_columns):
            assets.append((position, place, row[_OCCURRED_ON], *columns))
        for place, columns in enumerate(participant_columns):
            participants.append((position, place, row[_OCCURRED_ON], *columns))
    times = [row[_OCCURRED] for row in events]
    rows = {"events": events, "event_assets": assets, "event_participants": participants, "rejected_events": rejected}
    return PageRows(
        {name: _table(schema, rows[name]) for name, schema in _WITHOUT_PLACE.items()},
        len(events),
        len(rejected),
        hash_of(b"".join(digests)),
        _moment(min(times)) if times else None,
        _moment(max(times)) if times else None,
    )


def identity_of(event: str) -> str | None:
    """The identity of an event's complete JSON; None for what is no event."""
    try:
        row, _, _ = _decode(0, event.encode())
    except (NotAnEventError, RecursionError):
        return None
    return str(row[_IDENTITY])


class Tables:
    """Collects the rows of several pages into Arrow tables.

    `take()` returns `{"events", "event_assets", "event_participants", "rejected_events"}` and starts afresh.
    """

    def __init__(self) -> None:
        self._pages: dict[str, list[pa.Table]] = {name: [] for name in SCHEMAS}
        self.event_count = 0

    def add(self, rows: PageRows, *, walk_id: str, page_no: int, is_replayed: bool, received_at: datetime) -> None:
        """Add a page at its place in the walk."""
        if not rows.item_count:
            # pyarrow imports pandas, where that is installed, with the first scalar: a fifth of a quiet poll.
            return
        self.event_count += rows.event_count
        place = {
            "walk_id": pa.scalar(walk_id),
            "page_no": pa.scalar(page_no),
            "is_replayed": pa.scalar(is_replayed),
            "received_at": pa.scalar(_microseconds(received_at), TIMESTAMP),
        }
        for name, table in rows.tables.items():
            if table.num_rows:
                columns = [
                    pa.repeat(place[column], table.num_rows) if column in place else table[column]
                    for column in SCHEMAS[name].names
                ]
                self._pages[name].append(pa.Table.from_arrays(columns, schema=SCHEMAS[name]))

    def take(self) -> dict[str, pa.Table]:
        """The tables so far, each at least an empty one with its schema."""
        taken = {
            name: pa.concat_tables(pages) if pages else pa.Table.from_batches([], SCHEMAS[name])
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


_WITHOUT_PLACE = {
    name: pa.schema([column for column in schema if column.name not in _PLACE]) for name, schema in SCHEMAS.items()
}


def _table(schema: pa.Schema, items: list[tuple[Any, ...]]) -> pa.Table:
    if not items:
        # Not `empty_table()`, with which pyarrow imports pandas too.
        return pa.Table.from_batches([], schema)
    arrays = []
    for column, values in zip(schema, zip(*items, strict=True), strict=True):
        # Times and dates travel as integers: building them from Python objects costs several times more.
        array = _array(values, _STORED_AS.get(column.type, column.type))
        arrays.append(array if array.type == column.type else array.cast(column.type))
    return pa.Table.from_arrays(arrays, schema=schema)


_STORED_AS = {TIMESTAMP: pa.int64(), pa.date32(): pa.int32()}


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

_DAY = 86_400_000_000
"""Microseconds."""
_IDENTITY, _EXACT_HASH, _OCCURRED, _OCCURRED_ON = range(1, 5)
"""Places in an event's row."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_Items = Sequence[tuple[Any, ...]]


def _decode(position: int, raw: bytes) -> tuple[tuple[Any, ...], _Items, _Items]:
    """An event's row, and the columns of its assets and participants.

    Raises:
        NotAnEventError, RecursionError: it is no event.
    """
    try:
        parts = cut(raw)
        occurred = _occurred(parts.timestamp)
        identity = hash_of(parts.facts())
        presented = parts.presented()
        names = _NO_NAMES
    except (ValueError, RecursionError):
        event = loads(raw)
        if type(event) is not dict:
            raise NotAnEventError("not an object") from None
        occurred = _occurred(event.get("timestamp"))
        names = frozenset(event)
        parts = whole(event)
        exact = {key: canonical(event[key]) for key in sorted(event)}
        strip_presentation(event)
        identity = hash_of(canonical(event))
        presented = b"".join(
            presented_as(key, exact[key], canonical(event[key]) if key in event else None) for key in exact
        )
    who, assets, participants, details = parts.who, parts.assets, parts.participants, parts.details
    type_tag, description = parts.event_type.columns
    row = (
        position,
        identity,
        hash_of(identity.encode() + presented),
        occurred,
        occurred // _DAY,
        type_tag,
        *who.category.columns,
        description,
        *who.columns,
        *assets.columns,
        *participants.columns,
        *details.columns,
        unknown_fields(type_tag, names, who.origin_names, details.names),
        raw,
    )
    return row, assets.items, participants.items


_NO_NAMES = frozenset[str]()


def _occurred(timestamp: Any) -> int:
    """Microseconds since 1970."""
    if timestamp is None:
        raise NotAnEventError("no timestamp")
    if type(timestamp) is str:
        try:
            moment = datetime.fromisoformat(timestamp)
            if moment.tzinfo is not UTC:
                moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
            return _microseconds(moment)
        except (ValueError, OverflowError):
            pass
    raise NotAnEventError("a timestamp that is no time")


def _microseconds(moment: datetime) -> int:
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
