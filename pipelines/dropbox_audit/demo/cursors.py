"""Cursors as Dropbox hands them out: opaque, different on every answer, and of limited life.

The whole state of a walk is inside its cursor, sealed with a keyed hash. So a simulator that is stopped and started
again with the same seed accepts the cursors of the earlier one, as the real service does across its own restarts.
"""

from __future__ import annotations

import base64
import hashlib
import secrets

import msgspec

_PREFIX = b"\x00\x01\xbc"  # makes the text begin with "AAG8", like a real one
_LENGTH = 255  # bytes, which are 340 characters of base64
_SEAL = 8


class Selection(msgspec.Struct, frozen=True, array_like=True):
    """Which events a walk is about. Times are whole seconds since 1970: ``start`` inclusive, ``end`` exclusive."""

    start: int | None = None
    end: int | None = None
    category: str | None = None
    event_type: str | None = None
    account_id: str | None = None
    without_file_events: bool = False

    @property
    def is_everything(self) -> bool:
        """Whether every event matches."""
        return self == EVERYTHING


EVERYTHING = Selection()


class Position(msgspec.Struct, frozen=True, array_like=True):
    """What a cursor says.

    Attributes:
        selection: the filters of the request that opened the walk.
        limit: its page size.
        next: the place in the log, in order of arrival, where the next page begins.
        previous: where the page before began.
        newest: the newest timestamp handed out so far, in seconds since 1970; 0 before the first event.
        issued: when this cursor was made, in seconds since 1970.
        generation: how often all cursors had been reset by then.
        empties: how many empty pages in a row came before.
        is_ended: whether a walk with an ``end_time`` has said ``has_more: false``.
    """

    selection: Selection
    limit: int
    next: int = 0
    previous: int = 0
    newest: int = 0
    issued: float = 0.0
    generation: int = 0
    empties: int = 0
    is_ended: bool = False


class BadCursorError(Exception):
    """The text is no cursor of this log: Dropbox's ``bad_cursor``."""


class CursorCodec:
    """Turns positions into cursors and back.

    Args:
        seed: cursors of one seed are accepted by every codec of that seed.
    """

    def __init__(self, seed: int) -> None:
        self._key = f"simulated dropbox cursors {seed}".encode()
        self._decoder = msgspec.msgpack.Decoder(tuple[Position, bytes])

    def encode(self, position: Position) -> str:
        """A cursor for ``position``; a different text at every call."""
        size = len(msgspec.msgpack.encode((position, b"")))
        salt = secrets.token_bytes(max(8, _LENGTH - len(_PREFIX) - _SEAL - size - 1))
        payload = msgspec.msgpack.encode((position, salt))
        return base64.urlsafe_b64encode(_PREFIX + self._seal(payload) + payload).decode()

    def decode(self, cursor: str) -> Position:
        """The position in a cursor.

        Raises:
            BadCursorError: for anything that ``encode`` did not make.
        """
        try:
            data = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
            head, payload = data[: len(_PREFIX) + _SEAL], data[len(_PREFIX) + _SEAL :]
            if head != _PREFIX + self._seal(payload):
                raise BadCursorError(cursor)
            return self._decoder.decode(payload)[0]
        except (ValueError, msgspec.MsgspecError) as error:
            raise BadCursorError(cursor) from error

    def _seal(self, payload: bytes) -> bytes:
        return hashlib.blake2b(payload, digest_size=_SEAL, key=self._key).digest()
