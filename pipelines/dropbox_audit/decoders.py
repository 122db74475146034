"""Decode pages in processes of their own, once a run is long enough to be worth it.

Decoding is Python's own work, and a process runs one thread of that at a time; so beside fetching and loading, a long
history is decoded by others. A poll, or a short history, never starts one.

As a script (`python -m dropbox_audit.decoders`) this is such a process: a pickled list of events on stdin is answered
by their pickled `PageRows` on stdout. It ends with its stdin, so none outlives a run that was killed.
"""

import gc
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import BinaryIO, cast

from dropbox_audit.events import PageRows, decode_events

_BYTES_BEFORE_HELP = 16 << 20
"""So much is decoded here first: less would be done before a process has started."""
_MOST_PROCESSES = 2
"""Each takes some 90 MB, and two decode about as fast as the rest of a load goes on."""


class Decoders:
    """Decodes pages in the order in which they are given. Safe to use from several threads."""

    def __init__(self) -> None:
        count = os.cpu_count() or 1
        self._count = min(_MOST_PROCESSES, count) if count > 1 else 0
        self._bytes = 0
        self._lock = threading.Lock()
        self._helpers: ThreadPoolExecutor | None = None
        self._local = threading.local()
        self._processes: list[_Process] = []
        self._is_closed = False

    def decode(self, events: Sequence[bytes], size: int) -> Callable[[], PageRows]:
        """Have a page decoded; what comes back gives its rows, after waiting for them if need be.

        Args:
            events: of the page, as JSON.
            size: bytes of the page.
        """
        with self._lock:
            self._bytes += size
            if self._bytes < _BYTES_BEFORE_HELP or self._count < 1 or self._is_closed:
                return partial(decode_events, events)
            if self._helpers is None:
                self._helpers = ThreadPoolExecutor(self._count, "dropbox-log-decoder")
            future: Future[PageRows] = self._helpers.submit(self._ask, events)
            return future.result

    def close(self) -> None:
        """Let the processes go; what was not decoded yet is dropped."""
        with self._lock:
            self._is_closed = True
            if self._helpers is not None:
                self._helpers.shutdown(wait=False, cancel_futures=True)
            for process in self._processes:
                process.close()

    def _ask(self, events: Sequence[bytes]) -> PageRows:
        """Rows from the process of this thread, or made here if it cannot be had."""
        try:
            if not hasattr(self._local, "decode"):
                self._local.decode = self._start().decode
            decode: Callable[[Sequence[bytes]], PageRows] = self._local.decode
            return decode(events)
        except Exception:
            # There is no memory for another process, or something has ended it, or it is of another version by now. Its
            # answers may be out of step, so this thread asks it no more.
            self._local.decode = decode_events
            return decode_events(events)

    def _start(self) -> "_Process":
        with self._lock:
            if self._is_closed:
                raise EOFError
            process = _Process()
            self._processes.append(process)
            return process


class _Process:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "dropbox_audit.decoders"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # A Ctrl-C on the terminal is for the run, which ends this one.
            start_new_session=True,
        )
        self._questions, self._answers = cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout)

    def decode(self, events: Sequence[bytes]) -> PageRows:
        pickle.dump(list(events), self._questions, protocol=5)
        self._questions.flush()
        rows: PageRows = pickle.load(self._answers)  # noqa: S301 - from a process of ours
        return rows

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._questions, self._answers):
            try:
                pipe.close()
            except OSError:
                # What a killed process did not read cannot be flushed.
                continue


def main() -> None:
    """Answer pages on stdin until it ends."""
    # Nothing here refers to itself.
    gc.disable()
    while True:
        try:
            events = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
        except EOFError:
            return
        pickle.dump(decode_events(events), sys.stdout.buffer, protocol=5)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
