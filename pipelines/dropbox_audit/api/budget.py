"""The request budget: a token bucket that spans runs."""

import json
import threading
from pathlib import Path

from filelock import FileLock

from dropbox_audit.clock import Clock


class RequestBudget:
    """A token bucket of `per_hour` requests, kept in a file so that it spans runs; 0 means no limit.

    Args:
        path: where the level is kept; runs that share it share the budget.
        per_hour: size of the bucket and requests it gains in an hour.
        clock: source of the wall-clock time.
    """

    def __init__(self, path: Path | None, per_hour: int, clock: Clock) -> None:
        self.path = path
        self.per_hour = per_hour
        self._clock = clock
        self._level = float(per_hour)
        self._at = clock.now().timestamp()
        self._lock = threading.Lock()

    def take(self) -> float:
        """Take one request out; returns the seconds to wait before making it (0 within the budget)."""
        if self.per_hour == 0:
            return 0.0
        with self._lock:
            if self.path is None:
                return self._take()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock"):
                self._read()
                wait = self._take()
                partial = self.path.with_suffix(".partial")
                partial.write_text(json.dumps({"level": self._level, "at": self._at}))
                partial.replace(self.path)
                return wait

    def level(self) -> float:
        """Requests that could be made at once now."""
        if self.path is not None:
            self._read()
        self._refill()
        return max(0.0, self._level)

    def _take(self) -> float:
        self._refill()
        self._level -= 1
        return 0.0 if self._level >= 0 else -self._level * 3600 / self.per_hour

    def _refill(self) -> None:
        now = self._clock.now().timestamp()
        # A clock that was set back must neither drain nor freeze the bucket.
        self._level = min(float(self.per_hour), self._level + max(0.0, now - self._at) * self.per_hour / 3600)
        self._at = now

    def _read(self) -> None:
        if self.path is None:
            return
        try:
            kept = json.loads(self.path.read_text())
            self._level, self._at = float(kept["level"]), float(kept["at"])
        except (OSError, ValueError, KeyError, TypeError):
            # Never written, or written by a machine that lost power: start with a full bucket.
            self._level, self._at = float(self.per_hour), self._clock.now().timestamp()
