"""Splitting JSON without decoding it, and telling a whole body from a truncated one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dropbox_audit.rawjson import MalformedError, is_whole_object, split_array
from hypothesis import given
from hypothesis import strategies as st

_TEXTS = st.text(max_size=8)
"""Lone surrogates included."""
_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        _TEXTS,
        st.sampled_from(['"', "\\", '\\"', "]}", "[{", ",", ":", '"events":[', "\\\\"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)),
    max_leaves=8,
)
_LAYOUTS = st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 1}, {"indent": "\t", "ensure_ascii": True}])


def dumped(value: Any, layout: dict[str, Any]) -> bytes:
    return json.dumps(value, **layout).encode()


@given(st.lists(_VALUES, max_size=5), st.booleans(), _LAYOUTS, st.permutations(["events", "cursor", "has_more"]))
def test_splitting_gives_what_a_decoder_gives(
    items: list[Any], has_more: bool, layout: dict[str, Any], order: list[str]
) -> None:
    values = {"events": items, "cursor": 'AAG8"],[{', "has_more": has_more}
    raw_items, rest = split_array(dumped({key: values[key] for key in order}, layout), "events")
    assert [json.loads(item) for item in raw_items] == items
    assert rest == {"events": [], "cursor": 'AAG8"],[{', "has_more": has_more}


@given(st.dictionaries(_TEXTS, _VALUES, max_size=4), _LAYOUTS)
def test_a_whole_object_is_whole_however_it_is_laid_out(value: dict[str, Any], layout: dict[str, Any]) -> None:
    assert is_whole_object(dumped(value, layout))
    assert is_whole_object(b"\n " + dumped(value, layout) + b"\r\n")


PAGES = {
    "plain": b'{"events":[{"timestamp":"2026-11-01T09:00:00Z","a":[{"b":"]}"}]},{}],"cursor":"A","has_more":false}',
    "with a lone surrogate": b'{"events":[{"a":"\\ud83d","b":[{}]}],"cursor":"x","has_more":true}',
    "with bytes that are no UTF-8": b'{"events":[{"a":"caf\xe9"}],"cursor":"x","has_more":true}',
    "with escaped quotes": b'{"events":[{"a":"\\\\\\"]}"}],"cursor":"x\\"","has_more":true}',
    "nested beyond a decoder's stack": b'{"events":[' + b"[" * 3000 + b"]" * 3000 + b'],"cursor":"x","has_more":true}',
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_cut_at_any_byte_is_not_whole(name: str) -> None:
    page = PAGES[name]
    assert is_whole_object(page)
    step = 1 if len(page) < 1000 else 97
    cuts = [*range(0, len(page), step), *range(len(page) - 40, len(page))]
    assert [cut for cut in cuts if is_whole_object(page[:cut])] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"null",
        b"[]",
        b'"{}"',
        b"<!DOCTYPE html><html></html>",
        b"Service Unavailable",
        b"{}{}",
        b'{"a":1} trailing',
        b'{"a":"\\ud83d"} trailing',
        b'{"a":"\\ud83d"}}',
        b"}{",
    ],
)
def test_anything_but_one_object_is_not_whole(body: bytes) -> None:
    assert not is_whole_object(body)


@given(st.binary(max_size=60))
def test_random_bytes_never_raise_anything_but_malformed(body: bytes) -> None:
    is_whole_object(body)
    for tried in (body, b'{"events":[' + body, b'{"events":[' + body + b"]}"):
        try:
            items, _ = split_array(tried, "events")
        except MalformedError:
            continue
        assert all(item and item == item.strip() for item in items)


@pytest.mark.parametrize(
    "body",
    [
        b'{"cursor":"x"}',
        b'{"a":{"events":[1]},"cursor":"x"}',
        b'{"a":"events","b":[1]}',
        b'{"events":{"a":[1]}}',
        b'{"events":[1,2',
        b'{"events":[1],"cursor":"\\ud83d"}',
    ],
)
def test_an_object_without_that_array_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedError):
        split_array(body, "events")


def test_only_the_array_of_the_top_level_is_split() -> None:
    items, rest = split_array(b'{"user":{"events":[9]},"events":[[1,2],{"events":[3]}],"cursor":"x"}', "events")
    assert items == [b"[1,2]", b'{"events":[3]}']
    assert rest["cursor"] == "x"
