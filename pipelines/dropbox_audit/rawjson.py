"""JSON that strict decoders refuse, split without decoding it.

Dropbox's log carries text that strangers wrote. One lone surrogate escape, or nesting deeper than a decoder's stack,
must cost one event at most and never its page, so both questions asked of a whole body can be answered by counting
brackets.
"""

import re
from collections.abc import Iterator

import msgspec
import orjson

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]', re.DOTALL)


class MalformedError(ValueError):
    """Not JSON of the expected shape."""


def is_whole_object(body: bytes) -> bool:
    """Whether `body` is one complete JSON object, as opposed to a truncated one or to an HTML page."""
    try:
        # Raw: the syntax is checked, nothing is built.
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        pass
    else:
        return body.lstrip()[:1] == b"{"
    body = body.strip()
    if body[:1] != b"{":
        return False
    end = 0
    for start, stop, depth in _tokens(body):
        if depth == 0 and body[start] in b"}]":
            end = stop
            break
    return end == len(body)


def split_array(body: bytes, key: str) -> tuple[list[bytes], dict[str, object]]:
    """The items of the array under a top-level `key`, undecoded, and the rest of the object, decoded.

    Raises:
        MalformedError: no such array, or a rest that cannot be decoded.
    """
    body = body.strip()
    quoted = orjson.dumps(key)
    items: list[bytes] = []
    begin = item_from = 0
    previous = before_previous = b""
    for start, stop, depth in _tokens(body):
        token = body[start:stop]
        if not begin:
            if token == b"[" and depth == 2 and previous == b":" and before_previous == quoted:
                begin = item_from = stop
            before_previous, previous = previous, token
        elif (depth == 2 and token == b",") or (depth == 1 and token == b"]"):
            item = body[item_from:start].strip()
            if item:
                items.append(item)
            item_from = stop
            if token == b"]":
                return items, _rest(body[:begin] + body[start:])
    raise MalformedError(f"no array {key!r}")


def _rest(envelope: bytes) -> dict[str, object]:
    try:
        decoded = orjson.loads(envelope)
    except orjson.JSONDecodeError as error:
        raise MalformedError(str(error)) from error
    if not isinstance(decoded, dict):
        raise MalformedError("not an object")
    return decoded


def _tokens(body: bytes) -> Iterator[tuple[int, int, int]]:
    """Each string and structural character as (start, stop, depth); a bracket counts as inside when it opens."""
    depth = 0
    for match in _TOKEN.finditer(body):
        first = body[match.start()]
        if first in b"{[":
            depth += 1
        elif first in b"}]":
            depth -= 1
        yield match.start(), match.end(), depth
