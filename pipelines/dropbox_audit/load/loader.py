"""Read what is new in the log into one warehouse, batch by batch."""

import contextlib
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dropbox_audit import cursor, local
from dropbox_audit.api import DropboxClient, Tokens
from dropbox_audit.cursor import Walk
from dropbox_audit.errors import RunError, Stopped
from dropbox_audit.load.packages import Packages, WarehouseMovedError
from dropbox_audit.load.record import LoadResult, RunRecord
from dropbox_audit.settings import Settings, duration, first_line
from dropbox_audit.walks import LogReader, Tally

_MOST_RESTARTS = 5


@dataclass(frozen=True, slots=True)
class Window:
    """A closed stretch of the log: `start` inclusive (None: from its beginning), `end` exclusive."""

    start: datetime | None
    end: datetime


@dataclass(kw_only=True)
class Loader(Packages):
    """Loads what is new in the log into one warehouse.

    Args:
        settings: of the source.
        progress: called with the tally after each batch.
    """

    settings: Settings
    progress: Callable[[Tally], None] = lambda _: None
    _tokens: Tokens = field(init=False, default_factory=Tokens)

    def load(self, command: str, *, window: Window | None = None, full_refresh: bool = False) -> LoadResult:
        """One run that loads what is new, or a closed window, or all history again. Call it within `alone()`.

        Returns:
            What was done, outcome `loaded` or `nothing_new`.

        Raises:
            DropboxAuditError: reading or loading ended early; what was received before is committed, and the run is
                recorded as failed or interrupted.
        """
        with self.recorded(command) as run:
            self.poll(run, window=window, full_refresh=full_refresh)
        return run.result

    @contextlib.contextmanager
    def recorded(self, command: str) -> Iterator[RunRecord]:
        """A run, and its record whatever becomes of it."""
        run = RunRecord(command, self.journal, self.clock)
        try:
            run.write("running")
            yield run
            run.write("loaded" if run.result.batches else "nothing_new")
        except BaseException as error:
            is_stopped = isinstance(error, Stopped)
            with contextlib.suppress(OSError):
                run.write("interrupted" if is_stopped else "failed", str(error) if is_stopped else first_line(error))
            if isinstance(error, Exception):
                self.send_records(run.if_it_fails)
            raise

    def poll(self, run: RunRecord, *, window: Window | None = None, full_refresh: bool = False) -> None:
        """Load what is new, or a closed window, or all history again, as a part of `run`."""
        local.keep_heap_small()
        for _ in range(_MOST_RESTARTS):
            self.begin()
            reader = self._reader(window, full_refresh)
            run.count(reader)
            run.result.cursor_age_seconds = self._cursor_age(run.started_at)
            try:
                self._read(reader, run)
            except WarehouseMovedError:
                run.drop(reader)
                self.notice("The warehouse is not as the last run left it: going on from its own state")
                self.restore()
                continue
            finally:
                reader.close()
            if reader.error is not None:
                raise reader.error
            return
        raise RunError(f"Other runs change {self.target.name} all the time: let only one load into it.")

    def client(self, give_up_after: str | None = None) -> DropboxClient:
        """A client with this loader's settings, and with the token that others of its have fetched.

        Args:
            give_up_after: instead of the setting, where that is longer.
        """
        settings = self.settings
        if give_up_after and duration(give_up_after, "") < duration(settings.give_up_after, "give_up_after"):
            settings = copy.copy(settings)
            settings.give_up_after = give_up_after
        return DropboxClient(
            settings,
            budget=local.request_budget(self.settings, self.clock),
            clock=self.clock,
            stop=self.stop,
            notice=self.notice,
            tokens=self._tokens,
        )

    def reader(self, walks: dict[str, Walk], follow: list[str] | None = None) -> LogReader:
        """A reader of these walks, with this loader's settings."""
        return LogReader(
            self.client(),
            walks,
            follow=follow,
            lookback=duration(self.settings.lookback, "lookback"),
            clock=self.clock,
            stop=self.stop,
            workers=self.settings.backfill_workers,
            notice=self.notice,
        )

    def _reader(self, window: Window | None, full_refresh: bool) -> LogReader:
        now = self.clock.now()
        walks = self.walks()
        if window is not None:
            walk = cursor.open_walk("window", now, window.start, window.end)
            return self.reader({**walks, walk.walk_id: walk}, [walk.walk_id])
        if full_refresh or not any(walk.kind == "live" for walk in walks.values()):
            kept = {walk_id: walk for walk_id, walk in walks.items() if walk.kind == "window"}
            walks = {**kept, **cursor.first_walks(self.settings, now)}
        return self.reader(walks)

    def _read(self, reader: LogReader, run: RunRecord) -> None:
        """Read to the present end, batch by batch. Ends early with `reader.error` set."""
        is_first = not cursor.stored_walks(self.pipeline)
        while not reader.is_finished or is_first:
            if not reader.has_news() and not (is_first and reader.error is None) and not self.is_due():
                break

            def record() -> dict[str, Any]:
                return run.for_package("loaded" if reader.is_finished and reader.error is None else "running")

            self.commit(
                reader.tables(self.settings.max_pages_per_batch),
                walks=lambda: reader.walks,
                record=record,
            )
            run.result.batches += 1
            is_first = False
            self.progress(reader.tally)
        if reader.walks != cursor.stored_walks(self.pipeline):
            self.keep_walks(reader.walks)

    def _cursor_age(self, now: datetime) -> float | None:
        """Seconds since Dropbox last answered the live walk."""
        ages = [
            (now - answered).total_seconds()
            for walk in self.walks().values()
            if walk.kind == "live" and (answered := cursor.parse(walk.answered_at)) is not None
        ]
        return round(min(ages), 3) if ages else None
