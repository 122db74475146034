"""Time as an argument, so that hours of waiting can be tested in milliseconds."""

import threading
import time
from datetime import UTC, datetime


class Clock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Wall-clock time, with time zone UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait for `seconds` or until `stop` is set, whichever is first; True when stopped."""
        return stop.wait(seconds)
