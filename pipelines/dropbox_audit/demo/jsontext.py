"""JSON both ways, also for what the fast decoder refuses: integers beyond 64 bits and halves of surrogate pairs."""

from __future__ import annotations

import json
from typing import Any

import orjson


def dumps(value: Any) -> bytes:
    """Compact JSON, UTF-8 where possible."""
    try:
        return orjson.dumps(value)
    except (orjson.JSONEncodeError, UnicodeEncodeError):
        return json.dumps(value, separators=(",", ":")).encode()


def loads(text: bytes) -> Any:
    """The value of a JSON text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)
