"""An answer of team_log, split into its events without decoding them."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from dropbox_audit import rawjson


class MalformedPageError(ValueError):
    """JSON, but not an answer of team_log."""


class _PageBody(msgspec.Struct, gc=False):
    events: list[msgspec.Raw]
    cursor: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class Page:
    """An answer of `get_events` or `get_events/continue`: its events as raw JSON, in order."""

    events: Sequence[bytes | msgspec.Raw]
    cursor: str
    has_more: bool


def decode_page(body: bytes) -> Page:
    """Split an answer into its events without decoding them.

    Raises:
        MalformedPageError: it lacks `events`, `cursor` or `has_more`.
    """
    try:
        decoded = _PAGE_DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return _decode_odd_page(body)
    return Page(decoded.events, decoded.cursor, decoded.has_more)


def _decode_odd_page(body: bytes) -> Page:
    """A page that holds an event which the strict decoder refuses: split it by counting brackets."""
    try:
        events, rest = rawjson.split_array(body, "events")
    except rawjson.MalformedError as error:
        raise MalformedPageError(str(error)) from error
    cursor, has_more = rest.get("cursor"), rest.get("has_more")
    if type(cursor) is not str or type(has_more) is not bool:
        raise MalformedPageError("no cursor or no has_more")
    return Page(events, cursor, has_more)


_PAGE_DECODER = msgspec.json.Decoder(_PageBody)
