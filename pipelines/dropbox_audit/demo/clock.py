"""The time that the simulated server lives in: real, shifted or standing still."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """A clock that tests can move.

    Without arguments it follows the real time; ``advance`` shifts it. With ``start`` it begins there, and stands still
    unless ``ticking`` is true, so that a test says itself when four hours have passed.

    Args:
        start: the first instant, with a time zone; the present when left out.
        ticking: whether time goes on by itself after ``start``.
    """

    def __init__(self, start: datetime | None = None, *, ticking: bool = False) -> None:
        self._ticking = ticking or start is None
        self._offset = 0.0 if start is None else start.timestamp() - (time.time() if self._ticking else 0.0)

    def seconds(self) -> float:
        """Now, in seconds since 1970."""
        return self._offset + (time.time() if self._ticking else 0.0)

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds (or back, if negative)."""
        self._offset += seconds
