"""Decode pages in processes of their own, once a run is long enough to be worth it.

Decoding is Python's own work, and a process runs one thread of that at a time; so beside fetching and loading, a long
history is decoded by others. A poll, or a short history, never starts one.

As a script (`python -m dropbox_audit.decoders`) this is such a process: a page's JSON on stdin, pickled, is answered by
its pickled `PageRows` on stdout. It ends with its stdin, so none outlives a run that was killed.
"""

import gc
import os
import pickle
import queue
import subprocess
import sys
import threading
from typing import IO

from dropbox_audit.events import Page, PageRows, decode_events, decode_page

_BYTES_BEFORE_HELP = 64 << 20
"""So much is decoded here first: less would be done before a process has started."""
_MOST_PROCESSES = 2
"""Each takes some 100 MB, and two decode about as fast as the rest of a load goes on."""


class Decoders:
    """Decodes pages. Safe to use from several threads, each of which waits for the rows of its own page."""

    def __init__(self) -> None:
        # One core alone would only take turns.
        count = os.cpu_count() or 1
        self._processes = [_Process() for _ in range(min(_MOST_PROCESSES, count) if count > 1 else 0)]
        self._idle: queue.LifoQueue[_Process] = queue.LifoQueue()
        for process in self._processes:
            self._idle.put(process)
        self._bytes = 0
        self._lock = threading.Lock()

    def decode(self, page: Page) -> PageRows:
        """The rows of a page; those from another process are packed."""
        with self._lock:
            self._bytes += len(page.body)
        if self._bytes < _BYTES_BEFORE_HELP or not self._processes:
            return decode_events(page.events)
        process = self._idle.get()
        try:
            return process.decode(page)
        finally:
            self._idle.put(process)

    def close(self) -> None:
        """Let the processes go."""
        for process in self._processes:
            process.close()


class _Process:
    """A process that is started when it is first asked; without it, as after its end, pages are decoded here."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_usable = True
        self._lock = threading.Lock()

    def decode(self, page: Page) -> PageRows:
        if self._is_usable:
            try:
                return self._ask(page.body)
            except Exception:
                # There is no memory for another process, or something has ended it, or it is of another version by
                # now. Its answers may be out of step, so it is asked no more.
                self.close()
        return decode_events(page.events)

    def _ask(self, body: bytes) -> PageRows:
        questions, answers = self._pipes()
        pickle.dump(body, questions, protocol=5)
        questions.flush()
        rows: PageRows = pickle.load(answers)  # noqa: S301 - from a process of ours
        return rows

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        with self._lock:
            if not self._is_usable:
                raise EOFError
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "dropbox_audit.decoders"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    # A Ctrl-C on the terminal is for the run, which ends this one.
                    start_new_session=True,
                )
            process = self._process
        if process.stdin is None or process.stdout is None:
            raise EOFError
        return process.stdin, process.stdout

    def close(self) -> None:
        with self._lock:
            self._is_usable = False
            process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            try:
                if pipe is not None:
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
            body = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
        except EOFError:
            return
        rows = decode_events(decode_page(body).events).packed()
        pickle.dump(rows, sys.stdout.buffer, protocol=5)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
