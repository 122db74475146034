"""Build the dlt pipeline from configuration and run it in bounded batches.

A batch is one load package: at most `max_pages_per_batch` pages together with the cursors of their walks. Before each
load (and before extracting, where the warehouse is a local file) the state stored in the warehouse must be the one
that this run began from. It is not after a backup was put back, or when another machine was faster: then the package
is dropped, the state is restored from the warehouse and reading starts again from there.
"""

import contextlib
import functools
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any, TypeVar

import dlt
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.pipeline.exceptions import PipelineStepFailed
from filelock import FileLock, Timeout

from dropbox_audit import cursor, local
from dropbox_audit.api import DropboxClient, Notice
from dropbox_audit.clock import Clock
from dropbox_audit.cursor import Walk
from dropbox_audit.errors import DropboxAuditError, RunError, Stopped
from dropbox_audit.runs import new_run_id
from dropbox_audit.settings import Settings, duration, first_line
from dropbox_audit.source import batch
from dropbox_audit.walks import LogReader, Tally
from dropbox_audit.warehouse import RAW_DATASET, Target, is_lock_conflict, wait_for_file

PIPELINE_NAME = "dropbox_audit"
DEMO_PIPELINE_NAME = "dropbox_audit_demo"

_QUIET_HOURS = timedelta(hours=6)
"""After this long without news, cursors and run records that wait on this machine are loaded all the same."""
_MOST_RESTARTS = 5

T = TypeVar("T")


class _WarehouseMovedError(Exception):
    """The warehouse's stored state is not the one this run began from."""


@dataclass(frozen=True, slots=True)
class Window:
    """A closed stretch of the log: `start` inclusive, `end` exclusive."""

    start: datetime | None
    end: datetime


@dataclass
class LoadResult:
    """What one load did; times in seconds, instants as ISO 8601."""

    run_id: str
    outcome: str = "running"
    batches: int = 0
    pages: int = 0
    events: int = 0
    rejected_events: int = 0
    requests: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    resets: int = 0
    replayed_pages: int = 0
    cursor_age_seconds: float | None = None
    seconds: float = 0.0
    error: str | None = None


@dataclass
class Loader:
    """Loads what is new in the log into one warehouse.

    Args:
        settings: of the source.
        target: the warehouse.
        pipeline_name: `dropbox_audit`, or the demo's.
        clock, stop: source of time; the event that ends reading at once.
        notice: called with one sentence when something worth telling happens.
        progress: called with the tally after each batch.
    """

    settings: Settings
    target: Target
    pipeline_name: str = PIPELINE_NAME
    clock: Clock = field(default_factory=Clock)
    stop: threading.Event = field(default_factory=threading.Event)
    notice: Notice = lambda _: None
    progress: Callable[[Tally], None] = lambda _: None

    def __post_init__(self) -> None:
        self._folder = local.warehouse_dir(
            self.pipeline_name, self.target.destination, RAW_DATASET, self.target.location
        )
        self.journal = local.Journal(self._folder)
        self._pipeline: dlt.Pipeline | None = None

    # -- the pipeline -------------------------------------------------------------------------------------------

    @property
    def pipeline(self) -> dlt.Pipeline:
        """The dlt pipeline, built at first use."""
        if self._pipeline is None:
            configure_dlt()
            self._pipeline = dlt.pipeline(
                self.pipeline_name,
                pipelines_dir=str(self._folder),
                destination=self.target.dlt_destination(),
                dataset_name=RAW_DATASET,
            )
        return self._pipeline

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the pipeline's lock; a second run at the same time is refused, not queued."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder / "run.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise RunError(
                f"Another dropbox-audit is at work on {self.target.name}: wait for it to end, or stop it."
            ) from None
        try:
            # What waits may have been written by the run that has just ended.
            self.journal = local.Journal(self._folder)
            yield
        finally:
            lock.release()

    # -- loading ------------------------------------------------------------------------------------------------

    def load(self, command: str, *, window: Window | None = None, full_refresh: bool = False) -> LoadResult:
        """Load what is new, or a closed window, or all history again. Call it within `alone()`.

        Returns:
            What was done, outcome `loaded` or `nothing_new`.

        Raises:
            DropboxAuditError: reading or loading ended early; what was received before is committed, and the run is
                recorded as failed or interrupted.
        """
        started, began = self.clock.now(), self.clock.monotonic()
        result = LoadResult(new_run_id(started))
        record = {
            "run_id": result.run_id,
            "command": command,
            "version": version("dropbox-audit"),
            "started_at": started.isoformat(),
        }

        def write_record(outcome: str, reader: LogReader | None, error: str | None = None) -> dict[str, Any]:
            self._account(result, reader)
            now = self.clock.now()
            result.outcome, result.error = outcome, error
            result.seconds = round(self.clock.monotonic() - began, 3)
            counted = {key: value for key, value in asdict(result).items() if key in _RECORDED}
            finished = None if outcome == "running" else now.isoformat()
            full = {**record, **counted, "finished_at": finished, "recorded_at": now.isoformat()}
            self.journal.put_run(full)
            return full

        reader: LogReader | None = None
        try:
            for restart in range(_MOST_RESTARTS):
                try:
                    self._begin()
                    reader = self._reader(window, full_refresh)
                    result.cursor_age_seconds = self._cursor_age(started)
                    self._read(reader, result, write_record)
                    break
                except _WarehouseMovedError:
                    if restart == _MOST_RESTARTS - 1:
                        raise RunError(
                            f"Other runs change {self.target.name} all the time: let only one load into it."
                        ) from None
                    self.notice("The warehouse is not as the last run left it: going on from its own state")
                    self._restore()
                finally:
                    if reader is not None:
                        reader.close()
            if reader is not None and reader.error is not None:
                raise reader.error
            write_record("loaded" if result.batches else "nothing_new", reader)
        except Stopped as error:
            write_record("interrupted", reader, str(error))
            raise
        except BaseException as error:
            with contextlib.suppress(OSError):
                write_record("failed", reader, first_line(error))
            raise
        return result

    def _read(self, reader: LogReader, result: LoadResult, write_record: Callable[..., dict[str, Any]]) -> None:
        """Read to the present end, batch by batch. Ends early with `reader.error` set."""
        committed = cursor.stored_walks(self.pipeline)
        is_first = not committed
        while not reader.is_finished or is_first:
            if not reader.has_news() and not (is_first and reader.error is None) and not self._is_due():
                break
            carried: list[dict[str, Any]] = []

            def records(carried: list[dict[str, Any]] = carried) -> list[dict[str, Any]]:
                outcome = "loaded" if reader.is_finished and reader.error is None else "running"
                write_record(outcome, reader)
                carried.extend(self.journal.runs().values())
                return carried

            data = batch(reader, self.settings.max_pages_per_batch, records)
            self._step(functools.partial(self.pipeline.extract, data, loader_file_format="parquet"))
            if not self.target.is_local and self._stored_state() != self.journal.get("base"):
                raise _WarehouseMovedError
            self._finish_pending()
            self.journal.drop_runs(carried)
            self.journal.put(pending=None)
            result.batches += 1
            is_first = False
            committed = cursor.stored_walks(self.pipeline)
            self.progress(reader.tally)
        if reader.walks != committed:
            self._keep_pending(committed, reader.walks)

    def _account(self, result: LoadResult, reader: LogReader | None) -> None:
        if reader is None:
            return
        tally, traffic = reader.tally, reader.client.traffic
        result.pages, result.events, result.rejected_events = tally.pages, tally.events, tally.rejected_events
        result.resets, result.replayed_pages = tally.resets, tally.replayed_pages
        result.requests, result.retries = traffic.requests, traffic.retries
        result.waited_seconds = round(traffic.waited_seconds, 3)

    def _reader(self, window: Window | None, full_refresh: bool) -> LogReader:
        now = self.clock.now()
        walks = self.walks()
        follow: list[str] | None = None
        if window is not None:
            walk = cursor.open_walk("window", now, window.start, window.end)
            walks = {**walks, walk.walk_id: walk}
            follow = [walk.walk_id]
        elif full_refresh or not any(walk.kind == "live" for walk in walks.values()):
            kept = {walk_id: walk for walk_id, walk in walks.items() if walk.kind == "window"}
            walks = {**kept, **cursor.first_walks(self.settings, now)}
        client = DropboxClient(
            self.settings,
            budget=local.request_budget(self.settings, self.clock),
            clock=self.clock,
            stop=self.stop,
            notice=self.notice,
        )
        return LogReader(
            client,
            walks,
            follow=follow,
            lookback=duration(self.settings.lookback, "lookback"),
            clock=self.clock,
            stop=self.stop,
            workers=self.settings.backfill_workers,
            notice=self.notice,
        )

    # -- state: the warehouse holds the truth ---------------------------------------------------------------------

    def walks(self) -> dict[str, Walk]:
        """The open walks: as committed, with the newer cursors that quiet polls have left on this machine."""
        committed = cursor.stored_walks(self.pipeline)
        pending = self.journal.get("pending")
        if pending and pending["of"] == _fingerprint(committed):
            return cursor.walks_in(pending)
        return committed

    def _cursor_age(self, now: datetime) -> float | None:
        """Seconds since Dropbox last answered the live walk."""
        ages = [
            (now - answered).total_seconds()
            for walk in self.walks().values()
            if walk.kind == "live" and (answered := cursor.parse(walk.answered_at)) is not None
        ]
        return round(min(ages), 3) if ages else None

    def _keep_pending(self, committed: dict[str, Walk], walks: dict[str, Walk]) -> None:
        before = self.journal.get("pending") or {}
        of = _fingerprint(committed)
        since = before["since"] if before.get("of") == of else self.clock.now().isoformat()
        state: dict[str, Any] = {}
        cursor.store(state, walks)
        self.journal.put(pending={**state, "of": of, "since": since})

    def _is_due(self) -> bool:
        pending = self.journal.get("pending")
        return bool(pending) and self.clock.now() - datetime.fromisoformat(pending["since"]) >= _QUIET_HOURS

    def _begin(self) -> None:
        """Make local state and warehouse agree, and finish what an earlier run left pending."""
        is_pending = self.pipeline.has_pending_data
        has_walks = bool(cursor.stored_walks(self.pipeline))
        if not self.target.is_local and has_walks and not is_pending:
            # Asking costs a woken warehouse; the check before loading is enough.
            return
        stored = self._stored_state()
        is_known = stored == self.journal.get("base")
        if self.journal.get("built") and not self.target.has_views():
            # A backup from before the views were first built.
            self.journal.put(built=None)
        if is_known and is_pending:
            self.notice("Loading what an earlier run had left pending")
            self._finish_pending()
        elif not is_known or has_walks != (stored is not None):
            self._restore()

    def _restore(self) -> None:
        """Drop local state and pending packages, and take the state that the warehouse holds."""
        shutil.rmtree(self.pipeline.working_dir, ignore_errors=True)
        self._pipeline = None
        stored = self._stored_state()
        if stored is not None:
            self._step(self.pipeline.sync_destination)
        # Whatever this machine knew of the views may be as old as that state, or of another file.
        self.journal.put(base=stored, built=None)

    def _finish_pending(self) -> None:
        self._step(self.pipeline.normalize)
        self._step(self.pipeline.load)
        self.journal.put(base=self._stored_state(), transform_due=True)

    def _stored_state(self) -> str | None:
        """The version of this pipeline's newest completed state in the warehouse; None when there is none."""
        if self.target.is_local:
            return self.target.stored_state(self.pipeline_name)
        try:
            with self.pipeline.destination_client() as client:
                stored = client.get_stored_state(self.pipeline_name)  # type: ignore[attr-defined]
        except DestinationUndefinedEntity:
            return None
        return None if stored is None else f"{stored._dlt_load_id}:{stored.version}"

    def _step(self, do: Callable[[], T]) -> T:
        """A step of dlt, waiting for the warehouse file where another process has it; its errors in plain words."""
        wait_for_file(self.target, self.clock, self.stop, self.notice)
        deadline = time.monotonic() + 30
        while True:
            try:
                return do()
            except PipelineStepFailed as failure:
                error: BaseException = failure
                while not isinstance(error, DropboxAuditError) and (inner := _inner(error)) is not None:
                    error = inner
                if isinstance(error, DropboxAuditError):
                    raise error from failure
                if not is_lock_conflict(failure) or time.monotonic() > deadline:
                    raise RunError(
                        f"{self.target.name} cannot be loaded ({failure.step}): {first_line(error)}. Nothing is lost: "
                        "the next run takes it up again."
                    ) from failure
                wait_for_file(self.target, self.clock, self.stop, self.notice)


def configure_dlt() -> None:
    """The settings of dlt that this package relies on, whatever the working directory holds."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__INTERCEPT_SIGNALS"] = "false"


_RECORDED = {
    "requests",
    "pages",
    "events",
    "rejected_events",
    "retries",
    "waited_seconds",
    "resets",
    "cursor_age_seconds",
    "outcome",
    "error",
}


def _fingerprint(walks: dict[str, Walk]) -> str:
    state: dict[str, Any] = {}
    cursor.store(state, walks)
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def _inner(error: BaseException) -> BaseException | None:
    return getattr(error, "exception", None) or error.__cause__ or error.__context__
