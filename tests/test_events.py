"""Page bytes to rows: identity, the complete event, odd items, columns."""

from __future__ import annotations

import copy
import csv
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dropbox_audit.demo.catalogue import catalogue
from dropbox_audit.events import (
    SCHEMAS,
    MalformedPageError,
    PageRows,
    Tables,
    decode_events,
    decode_page,
)
from dropbox_audit.events import identity_of as identity_of_text
from dropbox_audit.events.drift import details_fields
from hypothesis import given
from hypothesis import strategies as st
from support import NOON, canonical, file_asset, make_event, person, stamp

# -- helpers ----------------------------------------------------------------------------------------------------


def page_body(items: list[bytes], cursor: str = "AAG8", *, has_more: bool = False) -> bytes:
    return b'{"events":[%s],"cursor":"%s","has_more":%s}' % (
        b",".join(items),
        cursor.encode(),
        b"true" if has_more else b"false",
    )


def tables_of(*raw: bytes) -> dict[str, pa.Table]:
    """What a page of these items becomes, by way of the whole path from the answer's bytes."""
    page = decode_page(page_body(list(raw)))
    tables = Tables()
    tables.add(decode_events(page.events), walk_id="walk", page_no=3, is_replayed=False, received_at=NOON)
    return tables.take()


def raw(event: Any) -> bytes:
    return json.dumps(event).encode()


def row_of(event: Any) -> dict[str, Any]:
    [row] = tables_of(raw(event))["events"].to_pylist()
    return row


def identity_of(event: Any) -> str:
    return row_of(event)["identity"]


def shuffled(value: Any) -> Any:
    """The same JSON value with the keys of every object in the opposite order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(value)}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


def changed(event: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of `event` in which the value at `path` is another; `...` takes it out."""
    event = copy.deepcopy(event)
    node = event
    for step in path[:-1]:
        node = node[step]
    if value is ...:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return event


_TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    _TEXTS,
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)),
    max_leaves=8,
)
_TIMES = st.integers(0, 4_000_000_000).map(lambda seconds: stamp(datetime.fromtimestamp(seconds, UTC)))
_KNOWN_KEYS = (
    *("event_category", "actor", "origin", "involve_non_team_member", "context"),
    *("participants", "assets", "event_type", "details"),
)
_ANY_EVENTS = st.builds(
    lambda time, known, unknown: {**unknown, **known, "timestamp": time},
    _TIMES,
    st.dictionaries(st.sampled_from(_KNOWN_KEYS), _VALUES, max_size=6),
    st.dictionaries(_TEXTS, _VALUES, max_size=3),
)


# Texts and keys that look like the places where an event is cut, and values that no asset usually has.
_TRICKY = st.one_of(_TEXTS, st.sampled_from(["x],", '","assets":[', '"timestamp":"', "}", "\\", '{"details":{']))
_NESTED = st.recursive(
    st.one_of(_SCALARS, _TRICKY),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from((*_KNOWN_KEYS, "timestamp")), inner, max_size=3)
    ),
    max_leaves=6,
)
_ASSETS = st.lists(
    st.fixed_dictionaries(
        {".tag": st.sampled_from(("file", "folder", "paper_document", "path"))},
        optional={
            **dict.fromkeys(("display_name", "doc_id", "doc_title", "file_id", "folder_name", "showcase_id"), _TRICKY),
            "file_size": st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False)),
            "path": st.fixed_dictionaries(
                {},
                optional={
                    "contextual": _TRICKY,
                    "display_name": _TRICKY,
                    "namespace_relative": st.fixed_dictionaries(
                        {}, optional={"ns_id": _TEXTS, "relative_path": _TRICKY, "is_shared_namespace": st.booleans()}
                    ),
                },
            ),
            "account_id": st.just("dbid:1"),
        },
    ),
    max_size=2,
)
_LAST_KEYS = ("participants", "assets", "event_type", "details")
_SERVED_EVENTS = st.builds(
    lambda time, first, last: {"timestamp": time, **first, **last},
    _TIMES,
    st.fixed_dictionaries({}, optional=dict.fromkeys(_KNOWN_KEYS[:5], _NESTED)),
    st.fixed_dictionaries({key: _ASSETS if key == "assets" else st.one_of(_NESTED, st.just([])) for key in _LAST_KEYS}),
)
"""Events with their members in the order in which Dropbox serves them."""


RICH = make_event(
    1,
    participants=[{".tag": "user", "user": person(8)}, {".tag": "group", "group_id": "g:1", "display_name": "Sales"}],
    details={
        ".tag": "shared_content_add_member_details",
        "invited_by": {"account_id": "dbid:x", "display_name": "Ann", "email": "ann@acme.example"},
        "history": [{"who": [{"account_id": "dbid:y", "display_name": "Bo", "email": "bo@acme.example"}]}],
        "named": {"display_name": "No id", "email": "noid@else.example"},
        "seen_from": {"ip_address": "198.51.100.1", "city": "Bern", "region": "BE", "country": "CH"},
        "venue": {"city": "Basel", "country": "CH"},
    },
)

RICH_BYTES = json.dumps(RICH, separators=(",", ":")).encode()

# -- identity: what does not change it ----------------------------------------------------------------------------


@given(_ANY_EVENTS)
def test_the_order_of_keys_changes_neither_identity_nor_exact_hash(event: dict[str, Any]) -> None:
    plain, reordered = row_of(event), row_of(shuffled(event))
    assert (plain["identity"], plain["exact_hash"]) == (reordered["identity"], reordered["exact_hash"])


@given(_SERVED_EVENTS)
def test_the_order_and_the_writing_of_dropbox_say_the_same_as_any_other(event: dict[str, Any]) -> None:
    written = json.dumps(event).encode(), json.dumps(event, separators=(",", ":")).encode(), orjson.dumps(event)
    indented = json.dumps(shuffled(event), indent=1).encode()
    tables = tables_of(*written, indented)
    for name in ("events", "event_assets", "event_participants"):
        place = "position" if name == "events" else "event_position"
        rows: dict[int, list[Any]] = {}
        for row in tables[name].to_pylist():
            rows.setdefault(row[place], []).append({**row, place: None, "event": None})
        first, *others = rows.values() if rows else [None]
        assert all(other == first for other in others)
        assert len(rows) in (0, 4)


@pytest.mark.parametrize(
    "broken",
    [
        RICH_BYTES.replace(b'"participants":[', b'"participants":[[', 1),
        RICH_BYTES.replace(b'"actor":{', b'"actor":', 1),
        RICH_BYTES.replace(b',"assets":', b',"assets":,"assets":', 1),
        RICH_BYTES.replace(b'"timestamp":"2026', b'"timestamp":"\n026', 1),
        RICH_BYTES[:36] + RICH_BYTES[RICH_BYTES.index(b',"participants":') :],
        RICH_BYTES[:36] + b" " + RICH_BYTES[RICH_BYTES.index(b',"participants":') :],
        re.sub(rb'"timestamp":".{20}"', rb'"timestamp":"2026-11-01T12:00\\+00"', RICH_BYTES),
        re.sub(rb'"timestamp":".{20}"', b'"timestamp":"2026-11-01T12:00:00\0"', RICH_BYTES),
        RICH_BYTES[:-1],
        RICH_BYTES + b"}",
        b"{" + RICH_BYTES,
    ],
)
def test_what_is_no_json_is_no_event_in_whatever_order_it_comes(broken: bytes) -> None:
    assert identity_of_text(RICH_BYTES.decode()) is not None
    assert identity_of_text(broken.decode()) is None


@given(st.one_of(_ANY_EVENTS, _SERVED_EVENTS))
def test_an_event_that_must_be_decoded_as_a_whole_has_the_identity_that_its_parts_give(event: dict[str, Any]) -> None:
    plain = raw(event | {"event_type": {".tag": "file_add", "description": "Added files"}})
    # Only Python's own decoder takes a lone surrogate, and a description is no part of the identity.
    [part_by_part, as_a_whole] = tables_of(plain, plain.replace(b'"Added files"', rb'"\ud83d"'))["events"].to_pylist()
    assert part_by_part["identity"] == as_a_whole["identity"]
    assert part_by_part["exact_hash"] != as_a_whole["exact_hash"]
    assert {**as_a_whole, "event": None, "description": None, "exact_hash": None, "position": 0} == {
        **part_by_part,
        "event": None,
        "description": None,
        "exact_hash": None,
    }


PRESENTATION = [
    ("event_type", "description"),
    ("event_category",),
    ("event_category", ".tag"),
    ("actor", "user", "display_name"),
    ("actor", "user", "email"),
    ("context", "display_name"),
    ("context", "email"),
    ("participants", 0, "user", "display_name"),
    ("participants", 0, "user", "email"),
    ("details", "invited_by", "display_name"),
    ("details", "invited_by", "email"),
    ("details", "history", 0, "who", 0, "display_name"),
    ("details", "history", 0, "who", 0, "email"),
    ("origin", "geo_location", "city"),
    ("origin", "geo_location", "region"),
    ("origin", "geo_location", "country"),
    ("details", "seen_from", "city"),
    ("details", "seen_from", "country"),
]


@pytest.mark.parametrize("path", PRESENTATION, ids=lambda path: ".".join(map(str, path)))
@pytest.mark.parametrize("value", ["reworded", ..., None, {"anything": [1]}], ids=["other", "gone", "null", "object"])
def test_presentation_changes_the_exact_hash_but_not_the_identity(path: tuple[Any, ...], value: Any) -> None:
    other = row_of(changed(RICH, path, value))
    assert other["identity"] == identity_of(RICH)
    assert other["exact_hash"] != row_of(RICH)["exact_hash"]


FACTS = [
    ("involve_non_team_member",),
    ("event_type", ".tag"),
    ("actor", ".tag"),
    ("actor", "user", ".tag"),
    ("actor", "user", "account_id"),
    ("actor", "user", "team_member_id"),
    ("participants",),
    ("participants", 0, "user", "account_id"),
    ("participants", 1, "display_name"),
    ("assets", 0, "path", "contextual"),
    ("assets", 0, "display_name"),
    ("assets", 0, "file_size"),
    ("origin", "geo_location", "ip_address"),
    ("origin", "access_method", "end_user", "session_id"),
    ("details", ".tag"),
    ("details", "named", "display_name"),
    ("details", "named", "email"),
    ("details", "venue", "city"),
]


@pytest.mark.parametrize("path", FACTS, ids=lambda path: ".".join(map(str, path)))
def test_a_fact_that_is_gone_makes_it_another_event(path: tuple[Any, ...]) -> None:
    assert identity_of(changed(RICH, path, ...)) != identity_of(RICH)


@pytest.mark.parametrize("path", [("timestamp",), *FACTS], ids=lambda path: ".".join(map(str, path)))
def test_any_other_change_makes_it_another_event(path: tuple[Any, ...]) -> None:
    assert identity_of(changed(RICH, path, "2026-11-03T00:00:00Z")) != identity_of(RICH)


@given(_ANY_EVENTS, _TEXTS, _VALUES)
def test_a_new_field_makes_it_another_event(event: dict[str, Any], key: str, value: Any) -> None:
    if key in event or key == "event_category":
        return
    assert identity_of(event | {key: value}) != identity_of(event)


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 1.0), (0, False), (1, "1"), (None, "null"), ([], {}), ("a", ["a"]), (0.1, 0.1 + 2**-56)],
    ids=str,
)
def test_json_values_that_python_likes_to_confuse_stay_apart(one: Any, other: Any) -> None:
    first, second = (row_of(make_event(details={".tag": "x", "value": value})) for value in (one, other))
    assert (first["identity"], first["exact_hash"]) != (second["identity"], second["exact_hash"])


def test_an_empty_list_of_assets_is_not_the_same_as_none() -> None:
    assert identity_of(make_event(assets=[])) != identity_of(make_event(assets=None))


def test_the_order_of_assets_is_data() -> None:
    pair = [file_asset("a"), file_asset("b")]
    assert identity_of(make_event(assets=pair)) != identity_of(make_event(assets=pair[::-1]))


def test_identity_and_exact_hash_are_128_bits_in_hexadecimal_and_never_change_between_versions() -> None:
    row = row_of({"timestamp": "2026-11-01T09:00:00Z", "event_type": {".tag": "logout", "description": "Logged out"}})
    # Stored event ids depend on this value: whoever changes it renames every event of every user.
    assert row["identity"] == "167b9098231fe6c4ab26c57d83e5fcd2"  # pragma: allowlist secret
    assert len(row["exact_hash"]) == 32
    assert int(row["exact_hash"], 16) >= 0


# -- nothing is lost ----------------------------------------------------------------------------------------------


@given(st.lists(_ANY_EVENTS, max_size=5))
def test_the_complete_event_is_kept_whatever_it_holds(events: list[dict[str, Any]]) -> None:
    tables = tables_of(*map(raw, events))
    assert tables["rejected_events"].num_rows == 0
    kept = tables["events"].to_pylist()
    assert [canonical(json.loads(row["event"])) for row in kept] == [canonical(event) for event in events]
    assert [row["position"] for row in kept] == list(range(len(events)))
    for event, row in zip(events, kept, strict=True):
        assert (
            row["details"] is None if event.get("details") is None else json.loads(row["details"]) == event["details"]
        )


@given(st.lists(_VALUES, max_size=6))
def test_every_item_of_a_page_ends_as_an_event_or_as_a_rejected_row(items: list[Any]) -> None:
    tables = tables_of(*map(raw, items))
    places = [row["position"] for name in ("events", "rejected_events") for row in tables[name].to_pylist()]
    assert sorted(places) == list(range(len(items)))


@given(_ANY_EVENTS)
def test_every_row_can_be_written_as_parquet(event: dict[str, Any]) -> None:
    for name, table in tables_of(raw(event)).items():
        table.validate(full=True)
        assert table.schema == SCHEMAS[name]
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        assert pq.read_table(pa.BufferReader(sink.getvalue())).equals(table)


# -- odd items never fail a page ------------------------------------------------------------------------------------

DEEP_500 = b'{"timestamp":"2026-11-01T09:00:00Z","details":' + b'{"a":' * 500 + b"1" + b"}" * 501
DEEP_5000 = b'{"timestamp":"2026-11-01T09:00:00Z","details":' + b"[" * 5000 + b"]" * 5000 + b"}"
T = b'{"timestamp":"2026-11-01T09:00:00Z",'

ODD_EVENTS = {
    "nothing but a timestamp": T[:-1] + b"}",
    "fraction of a second": b'{"timestamp":"2026-11-01T09:00:00.250Z"}',
    "offset": b'{"timestamp":"2026-11-01T10:00:00+01:00"}',
    "no zone": b'{"timestamp":"2026-11-01T09:00:00"}',
    "lone surrogate": T + b'"assets":[{".tag":"file","display_name":"half \\ud83d smile"}]}',
    "lone surrogate as a key": T + b'"details":{"\\udc00":1}}',
    "NUL": T + b'"actor":{".tag":"user","user":{"display_name":"a\\u0000b"}},"details":{"\\u0000":"\\u0000"}}',
    "integer of 40 digits": T + b'"details":{"n":1234567890123456789012345678901234567890}}',
    "size beyond 64 bits": T + b'"assets":[{".tag":"file","file_size":18446744073709551616}]}',
    "tiny and huge floats": T + b'"details":{"a":-1e-320,"b":1e308}}',
    "bytes that are no UTF-8": T + b'"assets":[{".tag":"file","display_name":"caf\xe9"}],"details":{"x":"\xff"}}',
    "nested 500 deep": DEEP_500,
    "unions as bare strings": T + b'"actor":"dropbox","event_type":"logout","event_category":"logins","context":"team",'
    b'"participants":["user",7,null],"assets":["file"],"origin":{"access_method":"api"},"details":"logout_details"}',
    "wrong types everywhere": T + b'"actor":[],"origin":7,"context":true,"participants":{"a":1},"assets":"x",'
    b'"event_type":3,"event_category":[],"details":[1],"involve_non_team_member":"no"}',
    "wrong types one level down": T + b'"actor":{".tag":7,"user":1},"origin":{"geo_location":[],"access_method":5},'
    b'"assets":[null,3,[],{".tag":"file","path":"x","file_size":1.5}],"participants":[[],{".tag":"user","user":[]}],'
    b'"event_type":{".tag":["a"],"description":{}},"context":{".tag":null}}',
    "a tag that names its own value": T + b'"actor":{".tag":".tag"},"context":{".tag":"display_name",'
    b'"display_name":{"account_id":5}}}',
    "a key twice": T + b'"details":{"a":1},"details":{"a":2}}',
    "an accepted literal that is no JSON": T + b'"details":{"a":NaN,"b":-Infinity}}',
    "spaces and line breaks": b' {\n\t"timestamp" : "2026-11-01T09:00:00Z" , "details":{ } } ',
    "brackets and quotes in text": T + b'"details":{"a":"]}],\\"{[","b":"\\\\"}}',
}

REJECTED = {
    "null": (b"null", "not an object"),
    "text": (b'"text"', "not an object"),
    "list": (b'[{"timestamp":"2026-11-01T09:00:00Z"}]', "not an object"),
    "number": (b"1e400", "not an object"),
    "empty object": (b"{}", "no timestamp"),
    "null timestamp": (b'{"timestamp":null}', "no timestamp"),
    "number as timestamp": (b'{"timestamp":1761987600}', "no time"),
    "the thirtieth of February": (b'{"timestamp":"2026-02-30T00:00:00Z"}', "no time"),
    "words": (b'{"timestamp":"yesterday"}', "no time"),
    "year 10000": (b'{"timestamp":"10000-01-01T00:00:00Z"}', "no time"),
    "before the calendar": (b'{"timestamp":"0001-01-01T00:00:00+14:00"}', "no time"),
    "nested 5000 deep": (DEEP_5000, "nested too deeply"),
}


@pytest.mark.parametrize("name", ODD_EVENTS)
def test_an_odd_event_is_an_event_and_its_neighbours_are_unharmed(name: str) -> None:
    before, after = raw(make_event(1)), raw(make_event(2))
    tables = tables_of(before, ODD_EVENTS[name], after)
    rows = tables["events"].to_pylist()
    assert tables["rejected_events"].num_rows == 0
    assert [row["position"] for row in rows] == [0, 1, 2]
    assert [rows[0]["event"].encode(), rows[2]["event"].encode()] == [before, after]
    assert rows[1]["event"].encode() == ODD_EVENTS[name].decode("utf-8", "replace").strip().encode()
    assert rows[1]["occurred_on"] == date(2026, 11, 1)
    for table in tables.values():
        table.validate(full=True)


@pytest.mark.parametrize("name", REJECTED)
def test_what_is_no_event_is_kept_whole_with_the_reason(name: str) -> None:
    item, reason = REJECTED[name]
    tables = tables_of(raw(make_event(1)), item, raw(make_event(2)))
    [rejected] = tables["rejected_events"].to_pylist()
    assert rejected["position"] == 1
    assert rejected["event"].encode() == item
    assert reason in rejected["reason"]
    assert [row["position"] for row in tables["events"].to_pylist()] == [0, 2]


def test_all_odd_items_on_one_page_leave_each_other_alone() -> None:
    items = [*ODD_EVENTS.values(), *(item for item, _ in REJECTED.values())]
    tables = tables_of(*items)
    assert tables["events"].num_rows == len(ODD_EVENTS)
    assert tables["rejected_events"].num_rows == len(REJECTED)


def test_a_text_of_three_megabytes_passes() -> None:
    event = make_event(details={".tag": "x", "text": "ü" * 1_500_000})
    assert json.loads(row_of(event)["event"]) == event


def test_a_lone_surrogate_keeps_its_escape_in_the_complete_event() -> None:
    text = tables_of(ODD_EVENTS["lone surrogate"])["events"]["event"][0].as_py()
    assert json.loads(text)["assets"][0]["display_name"] == "half \ud83d smile"


def test_odd_events_have_stable_identities_too() -> None:
    for item in ODD_EVENTS.values():
        one, two = (tables_of(item)["events"].to_pylist()[0] for _ in range(2))
        assert (one["identity"], one["exact_hash"]) == (two["identity"], two["exact_hash"])


def test_presentation_inside_lists_of_lists_is_no_fact_either() -> None:
    def with_name(name: str) -> dict[str, Any]:
        return make_event(details={".tag": "x", "rows": [[[{"account_id": "dbid:1", "display_name": name}]]]})

    assert identity_of(with_name("Ann")) == identity_of(with_name("Anna"))


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"null",
        b'{"events":[],"cursor":"x"}',
        b'{"events":[],"has_more":true}',
        b'{"events":{},"cursor":"x","has_more":true}',
        b'{"events":[],"cursor":null,"has_more":true}',
        b'{"events":[],"cursor":"x","has_more":"yes"}',
        b'{"result":{"events":[],"cursor":"x","has_more":false}}',
        b'{"members":[],"cursor":"x","has_more":false}',
        b'{"events":[{"timestamp":"\\ud83d"}],"cursor":7,"has_more":false}',
    ],
)
def test_json_that_is_no_page_is_told_apart(body: bytes) -> None:
    with pytest.raises(MalformedPageError):
        decode_page(body)


@given(st.permutations(["events", "cursor", "has_more", "extra"]), st.booleans(), _VALUES)
def test_a_page_may_order_its_keys_as_it_likes_and_bring_new_ones(order: list[str], odd: bool, extra: Any) -> None:
    items = [raw(make_event(1)), b'{"timestamp":"2026-11-01T09:00:00Z","x":"\\ud83d"}' if odd else raw(make_event(2))]
    parts = {
        "events": b'"events":[%s]' % b" , ".join(items),
        "cursor": b'"cursor":"AAG8"',
        "has_more": b'"has_more": true',
        "extra": b'"extra":%s' % json.dumps(extra, allow_nan=False).encode(),
    }
    page = decode_page(b"{" + b",".join(parts[name] for name in order) + b"}")
    assert ([bytes(item).strip() for item in page.events], page.cursor, page.has_more) == (items, "AAG8", True)


# -- columns --------------------------------------------------------------------------------------------------------


def test_a_complete_event_fills_every_column() -> None:
    event = make_event(5, at=datetime(2026, 11, 1, 23, 59, 59, tzinfo=UTC))
    row = row_of(event)
    expected = {
        "walk_id": "walk",
        "page_no": 3,
        "position": 0,
        "is_replayed": False,
        "occurred_at": datetime(2026, 11, 1, 23, 59, 59, tzinfo=UTC),
        "occurred_on": date(2026, 11, 1),
        "event_type": "file_add",
        "event_category": "file_operations",
        "description": "Added files and/or folders",
        "actor_type": "user",
        "actor_user_type": "team_member",
        "actor_id": person(5)["account_id"],
        "actor_member_id": "dbmid:member-5",
        "actor_email": "person5@acme.example",
        "actor_name": "Person 5",
        "context_type": "team_member",
        "context_id": person(5)["account_id"],
        "context_email": "person5@acme.example",
        "ip_address": "192.0.2.7",
        "city": "Cork",
        "region": "Munster",
        "country": "IE",
        "access_method": "end_user",
        "session_id": "dbwsid:1",
        "involves_non_team_member": False,
        "asset_count": 1,
        "participant_count": 0,
        "has_missing_details": False,
        "received_at": NOON,
    }
    assert {key: row[key] for key in expected} == expected
    assert json.loads(row["details"]) == event["details"]
    assert set(row) == {*expected, "identity", "exact_hash", "details", "unknown_fields", "event"}


def test_an_event_with_nothing_but_a_timestamp_has_a_type_and_nulls() -> None:
    row = row_of({"timestamp": "2026-11-01T09:00:00Z"})
    filled = {key for key, value in row.items() if value is not None}
    assert row["event_type"] == "unknown"
    assert (row["asset_count"], row["participant_count"], row["has_missing_details"]) == (0, 0, False)
    assert filled == {
        *("walk_id", "page_no", "position", "is_replayed", "identity", "exact_hash", "occurred_at", "occurred_on"),
        *("event_type", "asset_count", "participant_count", "has_missing_details", "event", "received_at"),
    }


@pytest.mark.parametrize(
    ("timestamp", "moment", "day"),
    [
        ("2026-11-01T00:30:00+01:00", datetime(2026, 10, 31, 23, 30, tzinfo=UTC), date(2026, 10, 31)),
        ("2026-11-01T09:00:00.250Z", datetime(2026, 11, 1, 9, 0, 0, 250_000, tzinfo=UTC), date(2026, 11, 1)),
        ("1969-12-31T23:59:59Z", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), date(1969, 12, 31)),
        ("2026-11-01T09:00:00", datetime(2026, 11, 1, 9, tzinfo=UTC), date(2026, 11, 1)),
    ],
)
def test_times_are_utc_whatever_their_zone(timestamp: str, moment: datetime, day: date) -> None:
    row = row_of({"timestamp": timestamp})
    assert (row["occurred_at"], row["occurred_on"]) == (moment, day)


_APP = {"app_id": "dbaid:1", "display_name": "Bridge"}
_RESELLER = {"reseller_name": "Corner", "reseller_email": "desk@corner.example"}

ACTORS = {
    "user, nested": ({".tag": "user", "user": person(1)}, ("user", "team_member", person(1)["account_id"])),
    "admin, nested": ({".tag": "admin", "admin": person(2)}, ("admin", "team_member", person(2)["account_id"])),
    "outsider": (
        {".tag": "user", "user": {".tag": "non_team_member", "email": "o@else.example"}},
        ("user", "non_team_member", None),
    ),
    "trusted outsider": (
        {".tag": "user", "user": {".tag": "trusted_non_team_member", "account_id": "dbid:t"}},
        ("user", "trusted_non_team_member", "dbid:t"),
    ),
    "base user without a subtype": ({".tag": "user", "user": {"account_id": "dbid:b"}}, ("user", None, "dbid:b")),
    "app, nested": (
        {".tag": "app", "app": {".tag": "team_linked_app", **_APP}},
        ("app", "team_linked_app", "dbaid:1"),
    ),
    "app, flattened": ({".tag": "app", **_APP}, ("app", None, "dbaid:1")),
    "reseller, flattened": ({".tag": "reseller", **_RESELLER}, ("reseller", None, None)),
    "dropbox": ({".tag": "dropbox"}, ("dropbox", None, None)),
    "anonymous": ({".tag": "anonymous"}, ("anonymous", None, None)),
    "bare string": ("anonymous", ("anonymous", None, None)),
    "unknown kind, nested": ({".tag": "robot", "robot": {".tag": "r2", "account_id": "x"}}, ("robot", "r2", "x")),
    "absent": (None, (None, None, None)),
}


@pytest.mark.parametrize("kind", ACTORS)
def test_actors_of_every_kind(kind: str) -> None:
    actor, expected = ACTORS[kind]
    row = row_of(make_event(actor=actor))
    assert (row["actor_type"], row["actor_user_type"], row["actor_id"]) == expected


def test_a_reseller_is_named_by_its_own_fields_and_an_app_by_its_display_name() -> None:
    reseller, app = (
        row_of(make_event(actor=ACTORS["reseller, flattened"][0])),
        row_of(make_event(actor=ACTORS["app, nested"][0])),
    )
    assert (reseller["actor_name"], reseller["actor_email"]) == ("Corner", "desk@corner.example")
    assert (app["actor_name"], app["actor_email"]) == ("Bridge", None)


CONTEXTS = {
    "team member, flattened": (person(3), ("team_member", person(3)["account_id"], "person3@acme.example")),
    "outsider": (
        {".tag": "non_team_member", "account_id": "dbid:n", "email": "n@else.example"},
        ("non_team_member", "dbid:n", "n@else.example"),
    ),
    "team": ({".tag": "team"}, ("team", None, None)),
    "team, named": ({".tag": "team", "team": "dbtid:1"}, ("team", "dbtid:1", None)),
    "another team of the organisation": (
        {".tag": "organization_team", "team_id": "dbtid:2", "display_name": "Group"},
        ("organization_team", "dbtid:2", None),
    ),
    "anonymous": ({".tag": "anonymous"}, ("anonymous", None, None)),
    "nested against the rule": (
        {".tag": "team_member", "team_member": {"account_id": "dbid:q", "email": "q@acme.example"}},
        ("team_member", "dbid:q", "q@acme.example"),
    ),
    "absent": (None, (None, None, None)),
}


@pytest.mark.parametrize("kind", CONTEXTS)
def test_contexts_of_every_kind(kind: str) -> None:
    context, expected = CONTEXTS[kind]
    row = row_of(make_event(context=context))
    assert (row["context_type"], row["context_id"], row["context_email"]) == expected


METHODS = {
    "web session, nested": (
        {".tag": "end_user", "end_user": {".tag": "web", "session_id": "dbwsid:9"}},
        ("end_user", "dbwsid:9"),
    ),
    "desktop without session": ({".tag": "end_user", "end_user": {".tag": "desktop"}}, ("end_user", None)),
    "admin console, flattened": ({".tag": "admin_console", "session_id": "dbwsid:8"}, ("admin_console", "dbwsid:8")),
    "sign-in-as": ({".tag": "sign_in_as", "session_id": "dbwsid:7"}, ("sign_in_as", "dbwsid:7")),
    "content manager": ({".tag": "content_manager", "session_id": "s"}, ("content_manager", "s")),
    "enterprise console": ({".tag": "enterprise_console", "session_id": "s"}, ("enterprise_console", "s")),
    "API": ({".tag": "api", "request_id": "abc"}, ("api", None)),
    "absent": (None, (None, None)),
}


@pytest.mark.parametrize("kind", METHODS)
def test_access_methods_of_every_kind(kind: str) -> None:
    method, expected = METHODS[kind]
    origin = {"geo_location": {"ip_address": "2001:db8::1"}} | ({"access_method": method} if method else {})
    row = row_of(make_event(origin=origin))
    assert (row["access_method"], row["session_id"]) == expected
    assert row["ip_address"] == "2001:db8::1"


PARTICIPANTS = [
    ({".tag": "user", "user": person(1)}, ("user", "team_member", person(1)["account_id"], True)),
    (
        {".tag": "user", "user": {".tag": "non_team_member", "email": "o@else.example"}},
        ("user", "non_team_member", None, False),
    ),
    (
        {".tag": "user", "user": {".tag": "trusted_non_team_member", "account_id": "dbid:t"}},
        ("user", "trusted_non_team_member", "dbid:t", False),
    ),
    ({".tag": "user", "user": {"account_id": "dbid:b"}}, ("user", None, "dbid:b", None)),
    ({".tag": "user", "user": {".tag": "hologram"}}, ("user", "hologram", None, None)),
    ({".tag": "group", "group_id": "g:1", "display_name": "Sales"}, ("group", None, "g:1", None)),
    ({".tag": "group", "group": {"group_id": "g:2"}}, ("group", None, "g:2", None)),
    ({".tag": "robot", "robot": {"serial": 7}}, ("robot", None, None, None)),
    ("user", ("user", None, None, None)),
]


def test_participants_of_every_kind_keep_their_place() -> None:
    tables = tables_of(raw(make_event(participants=[who for who, _ in PARTICIPANTS])))
    rows = tables["event_participants"].to_pylist()
    assert [row["position"] for row in rows] == list(range(len(PARTICIPANTS)))
    assert [
        (row["participant_type"], row["participant_user_type"], row["participant_id"], row["is_team_member"])
        for row in rows
    ] == [expected for _, expected in PARTICIPANTS]
    assert tables["events"]["participant_count"].to_pylist() == [len(PARTICIPANTS)]


_PATH = {"contextual": "/A/b", "namespace_relative": {"ns_id": "9", "relative_path": "b"}}

ASSETS = [
    (file_asset("x.pdf"), ("file", "x.pdf", "/Team/x.pdf", "42", "/x.pdf", "id:x.pdf", 1234)),
    ({".tag": "folder", "path": _PATH, "display_name": "b"}, ("folder", "b", "/A/b", "9", "b", None, None)),
    (
        {".tag": "paper_document", "doc_id": "d:1", "doc_title": "Plan"},
        ("paper_document", "Plan", None, None, None, "d:1", None),
    ),
    (
        {".tag": "paper_folder", "folder_id": "f:1", "folder_name": "Plans"},
        ("paper_folder", "Plans", None, None, None, "f:1", None),
    ),
    (
        {".tag": "showcase_document", "showcase_id": "s:1", "showcase_title": "Show"},
        ("showcase_document", "Show", None, None, None, "s:1", None),
    ),
    ({".tag": "file", "display_name": ""}, ("file", "", None, None, None, None, None)),
    ({".tag": "file", "file_size": 2**63}, ("file", None, None, None, None, None, None)),
    ({".tag": "file", "file_size": True}, ("file", None, None, None, None, None, None)),
    ({".tag": "hologram", "hologram_id": "h"}, ("hologram", None, None, None, None, None, None)),
    ({".tag": "file", "file": {"display_name": "nested"}}, ("file", "nested", None, None, None, None, None)),
    (None, (None, None, None, None, None, None, None)),
    (file_asset("x.pdf"), ("file", "x.pdf", "/Team/x.pdf", "42", "/x.pdf", "id:x.pdf", 1234)),
]


def test_assets_of_every_kind_keep_their_place_and_are_never_merged() -> None:
    tables = tables_of(raw(make_event(7)), raw(make_event(assets=[asset for asset, _ in ASSETS])))
    rows = [row for row in tables["event_assets"].to_pylist() if row["event_position"] == 1]
    assert [row["position"] for row in rows] == list(range(len(ASSETS)))
    assert [
        tuple(
            row[key] for key in ("asset_type", "name", "path", "namespace_id", "relative_path", "file_id", "size_bytes")
        )
        for row in rows
    ] == [expected for _, expected in ASSETS]
    assert tables["events"]["asset_count"].to_pylist() == [1, len(ASSETS)]


def test_details_that_dropbox_could_not_retrieve_are_marked() -> None:
    row = row_of(make_event(details={".tag": "missing_details", "source_event_fields": "x"}))
    assert row["has_missing_details"] is True
    assert row["identity"] != identity_of(make_event())


def test_a_rejected_item_leaves_no_assets_behind() -> None:
    broken = raw(make_event() | {"timestamp": "never"})
    assert tables_of(broken)["event_assets"].num_rows == 0


# -- fields that the specification does not know ---------------------------------------------------------------------


def event_of(event_type: str, **details: Any) -> dict[str, Any]:
    return make_event(
        event_type={".tag": event_type, "description": "?"}, details={".tag": f"{event_type}_details", **details}
    )


def unknown_fields_of(event: Any) -> str | None:
    fields: str | None = row_of(event)["unknown_fields"]
    return fields


def test_every_field_of_the_specification_is_known() -> None:
    for event_type, kind in catalogue().items():
        event = make_event(event_type={".tag": event_type}, details=kind.details)
        assert unknown_fields_of(event) is None, event_type
        assert unknown_fields_of(changed(event, ("details", "brand_new"), 1)) == "details.brand_new", event_type


def test_the_views_and_the_decoder_know_the_same_event_types() -> None:
    with (Path(__file__).parents[1] / "sql" / "seeds" / "event_types.csv").open(encoding="utf-8") as lines:
        assert {row["event_type"] for row in csv.DictReader(lines)} == set(details_fields())


def test_new_fields_are_named_by_their_paths_in_order() -> None:
    event = event_of("group_create", is_company_managed=True, zone="eu", area={"a": 1})
    event["origin"]["host"] = {"host_id": "1"}
    event |= {"zulu": None, "alpha": []}
    assert unknown_fields_of(event) == "alpha,details.area,details.zone,origin.host,zulu"


def test_optional_fields_may_be_missing() -> None:
    assert unknown_fields_of(event_of("group_create")) is None
    assert unknown_fields_of({"timestamp": "2026-11-01T09:00:00Z"}) is None


@pytest.mark.parametrize(
    "event",
    [
        event_of("brand_new_type", anything=1),
        event_of("group_create") | {"details": {".tag": "missing_details", "source_event_fields": {"a": 1}}},
        event_of("group_create") | {"details": ["a"]},
        event_of("group_create") | {"origin": "elsewhere"},
        event_of("group_create") | {"event_type": ["group_create"], "details": {"a": 1}},
    ],
    ids=["new type", "missing details", "details are a list", "origin is a text", "type is a list"],
)
def test_what_the_specification_says_nothing_about_is_not_judged(event: dict[str, Any]) -> None:
    assert unknown_fields_of(event) is None


def test_new_fields_beside_missing_details_are_named() -> None:
    event = event_of("group_create") | {"details": {".tag": "missing_details", "x": 1}, "beside": 1}
    assert unknown_fields_of(event) == "beside"


def test_hostile_field_names_are_kept_to_one_readable_line() -> None:
    names = ["", "a,b", "line\nbreak", "nul\0", "\x1b[31m", "\u202e", "\ud83d", "😀"]
    event = event_of("group_create") | dict.fromkeys(names)
    [row] = tables_of(json.dumps(event).encode())["events"].to_pylist()
    assert row["unknown_fields"] == '"",?,?[31m,a?b,line?break,nul?,😀'


def test_a_list_of_new_fields_has_an_end() -> None:
    fields = unknown_fields_of(event_of("group_create") | {f"new_{number:03}": 1 for number in range(500)})
    assert fields is not None
    assert len(fields) == 1000
    assert fields.startswith("new_000,new_001,")
    assert fields.endswith("...")


@given(_ANY_EVENTS)
def test_new_fields_never_reject_an_event(event: dict[str, Any]) -> None:
    fields = unknown_fields_of(event)
    assert (fields is None) == (not set(event) - {"timestamp", *_KNOWN_KEYS} and _has_known_origin(event))


def _has_known_origin(event: dict[str, Any]) -> bool:
    origin = event.get("origin")
    return not isinstance(origin, dict) or set(origin) <= {"geo_location", "access_method"}


# -- page digest ----------------------------------------------------------------------------------------------------


def digest(*events: Any) -> str:
    return decode_events([raw(event) for event in events]).digest


def test_equal_pages_have_equal_digests_whatever_their_bytes() -> None:
    one, two = make_event(1), make_event(2)
    assert digest(one, two) == digest(shuffled(one), shuffled(two))
    assert decode_events([b" " + raw(one)]).digest == decode_events([orjson.dumps(one)]).digest


def test_pages_that_differ_in_anything_have_other_digests() -> None:
    one, two = make_event(1), make_event(2)
    reworded = changed(one, ("event_type", "description"), "Reworded")
    digests = [
        digest(),
        digest(one),
        digest(one, two),
        digest(two, one),
        digest(one, one),
        digest(reworded, two),
        digest(one, two, None),
        digest(one, two, {"timestamp": "never"}),
    ]
    assert len(set(digests)) == len(digests)


def test_the_first_and_last_time_of_a_page_do_not_rely_on_order() -> None:
    rows: PageRows = decode_events([raw(make_event(number)) for number in (5, 9, 2, 7)])
    assert rows.first_occurred_at == datetime.fromisoformat(make_event(2)["timestamp"])
    assert rows.last_occurred_at == datetime.fromisoformat(make_event(9)["timestamp"])


def test_tables_join_pages_of_several_walks_and_start_afresh_after_take() -> None:
    tables = Tables()
    for walk_id, page_no in (("a", 0), ("b", 4), ("a", 1)):
        rows = decode_events([raw(make_event(page_no))])
        tables.add(rows, walk_id=walk_id, page_no=page_no, is_replayed=walk_id == "b", received_at=NOON)
    taken = tables.take()
    assert [(row["walk_id"], row["page_no"], row["is_replayed"]) for row in taken["events"].to_pylist()] == [
        ("a", 0, False),
        ("b", 4, True),
        ("a", 1, False),
    ]
    assert {name: table.schema for name, table in tables.take().items()} == SCHEMAS
