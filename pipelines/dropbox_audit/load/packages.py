"""The dlt pipeline of one warehouse: packages go in, and the state that the warehouse holds is the true one."""

import contextlib
import functools
import hashlib
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import dlt
import pyarrow as pa
from dlt.common.configuration.utils import get_resolved_traces
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.utils import custom_environ
from dlt.pipeline.exceptions import PipelineStepFailed
from filelock import FileLock, Timeout

from dropbox_audit import cursor, local
from dropbox_audit.api import Notice
from dropbox_audit.clock import Clock
from dropbox_audit.cursor import Walk
from dropbox_audit.errors import DropboxAuditError, RunError
from dropbox_audit.settings import configure_dlt, first_line
from dropbox_audit.source import package
from dropbox_audit.warehouse import (
    MEMORY_FOR_LOADING,
    RAW_DATASET,
    Target,
    is_lock_conflict,
    is_out_of_memory,
    wait_for_file,
)

PIPELINE_NAME = "dropbox_audit"
DEMO_PIPELINE_NAME = "dropbox_audit_demo"

_QUIET_HOURS = timedelta(hours=6)
"""After this long without news, cursors and run records that wait on this machine are loaded all the same."""

_KILLED = "The run was killed, or the machine stopped; what it had committed stays, and the next run went on from there"

T = TypeVar("T")


class WarehouseMovedError(Exception):
    """The warehouse's stored state is not the one this run began from."""


@dataclass
class Packages:
    """Commits load packages into one warehouse.

    Args:
        target: the warehouse.
        pipeline_name: `dropbox_audit`, or the demo's.
        clock, stop: source of time; the event that ends every wait at once.
        notice: called with one sentence when something worth telling happens.
    """

    target: Target
    pipeline_name: str = PIPELINE_NAME
    clock: Clock = field(default_factory=Clock)
    stop: threading.Event = field(default_factory=threading.Event)
    notice: Notice = lambda _: None

    def __post_init__(self) -> None:
        self.folder: Path = local.warehouse_dir(
            self.pipeline_name, self.target.destination, RAW_DATASET, self.target.location
        )
        """What this machine keeps beside the warehouse."""
        self.journal = local.Journal(self.folder)
        self._pipeline: dlt.Pipeline | None = None
        self._memory: list[str | None] = [None]
        """How much DuckDB may be given to load, what is tried next first."""

    @property
    def pipeline(self) -> dlt.Pipeline:
        """The dlt pipeline, built at first use."""
        if self._pipeline is None:
            configure_dlt()
            self._pipeline = dlt.pipeline(
                self.pipeline_name,
                pipelines_dir=str(self.folder),
                destination=self.target.dlt_destination(),
                dataset_name=RAW_DATASET,
            )
        return self._pipeline

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the pipeline's lock; a second run at the same time is refused, not queued."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / "run.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise RunError(
                f"Another dropbox-audit is at work on {self.target.name}: wait for it to end, or stop it."
            ) from None
        try:
            # What waits may have been written by the run that has just ended.
            self.journal = local.Journal(self.folder)
            self._end_killed_runs()
            yield
        finally:
            lock.release()

    def _end_killed_runs(self) -> None:
        """Say of runs that never said how they ended that they failed: nobody else is at work now."""
        for run in self.journal.runs().values():
            if run["outcome"] == "running":
                now = self.clock.now().isoformat()
                self.journal.put_run({**run, "outcome": "failed", "error": _KILLED, "recorded_at": now})

    # -- packages -----------------------------------------------------------------------------------------------

    def commit(
        self,
        tables: Iterable[Mapping[str, pa.Table]],
        *,
        walks: Callable[[], Mapping[str, Walk]],
        record: Callable[[], dict[str, Any] | None] = lambda: None,
        rescanned_at: datetime | None = None,
        snapshot: Mapping[str, Any] | None = None,
    ) -> None:
        """Load tables, the walks as they stand after them and the run records that wait, all in one package.

        Args:
            tables: Arrow tables by table name; taken one after the other while they are extracted.
            walks: the open walks, asked for once `tables` is exhausted.
            record: the running run's own record as it is at that moment; it also goes on waiting in the journal.
            rescanned_at: when the standing rescan was last done, if this package says so.
            snapshot: what to remember of the directory's last snapshot, if this package changes it.

        Raises:
            WarehouseMovedError: another run was faster; nothing of this package is loaded.
            RunError: the warehouse cannot be loaded; the package waits for the next run.
        """
        carried: list[dict[str, Any]] = []

        def runs() -> list[dict[str, Any]]:
            own = record()
            carried.extend(run for run in self.journal.runs().values() if run["outcome"] != "running")
            return [*carried, own] if own else carried

        def trimmed() -> Iterator[Mapping[str, pa.Table]]:
            for each in tables:
                yield each
                local.give_back_memory()

        data = package(trimmed(), runs, walks, rescanned_at, snapshot, self.journal.get("alert_marks"))
        self._step(functools.partial(self.pipeline.extract, data, loader_file_format="parquet"))
        if not self.target.is_local and self._stored_state() != self.journal.get("base"):
            raise WarehouseMovedError
        self._finish_pending()
        self.journal.drop_runs(carried)
        self.journal.put(pending=None)

    def begin(self) -> None:
        """Make local state and warehouse agree, and finish what an earlier run left pending."""
        if self.target.is_local:
            self._memory = list(MEMORY_FOR_LOADING)
        # dlt notes each setting it looks up for the trace of a load; polls that load nothing would pile them up.
        get_resolved_traces().clear()
        is_pending = self.pipeline.has_pending_data
        has_walks = bool(cursor.stored_walks(self.pipeline))
        if not self.target.is_local and has_walks and not is_pending:
            # Asking costs a woken warehouse; the check before loading is enough.
            return
        if has_walks and not is_pending and self.target.mark() == self.journal.get("mark"):
            # Nobody has touched the file since it was last found to agree.
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
            self.restore()
        if self.target.is_local:
            self.journal.put(mark=self.target.mark())

    def restore(self) -> None:
        """Drop local state and pending packages, and take the state that the warehouse holds."""
        shutil.rmtree(self.pipeline.working_dir, ignore_errors=True)
        self._pipeline = None
        stored = self._stored_state()
        if stored is not None:
            self._step(self.pipeline.sync_destination)
        # Whatever this machine knew of the views may be as old as that state, or of another file.
        self.journal.put(base=stored, built=None)

    def _finish_pending(self) -> None:
        # A run that was killed when a package had been normalised, but its source not yet been removed, leaves both;
        # dlt would stumble over the second one for ever.
        folder = Path(self.pipeline.working_dir)
        for source in (folder / "normalize" / "extracted").glob("*"):
            if (folder / "load" / "normalized" / source.name).is_dir():
                shutil.rmtree(source)
        self._step(self.pipeline.normalize)
        local.give_back_memory()
        while True:
            destination = self.target.dlt_destination(memory=self._memory[0])
            is_last = len(self._memory) == 1
            try:
                # dlt would try five times, and what is too much once is so again.
                with custom_environ({} if is_last else {"LOAD__RAISE_ON_MAX_RETRIES": "1"}):
                    self._step(functools.partial(self.pipeline.load, destination))
                break
            except RunError as error:
                if is_last or not is_out_of_memory(error):
                    raise
                # Long events take more, and a log that has some has more of them.
                del self._memory[0]
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
        wait_for_file(self.target.path, self.clock, self.stop, self.notice)
        deadline = time.monotonic() + 30
        while True:
            try:
                return do()
            except (PipelineStepFailed, OSError) as failure:
                # On a full disk dlt stumbles again while it says so, and its own error is no PipelineStepFailed.
                errors = list(_causes(failure))
                for error in errors:
                    if isinstance(error, DropboxAuditError):
                        raise error from failure
                    if isinstance(error, OSError) and local.is_disk_error(error):
                        raise local.disk_error(error, self.folder) from failure
                if isinstance(failure, OSError):
                    raise
                if not is_lock_conflict(failure) or time.monotonic() > deadline:
                    is_full = local.is_disk_full(failure)
                    remedy = "free some space and run again" if is_full else "the next run takes it up again"
                    raise RunError(
                        f"{self.target.name} cannot be loaded ({failure.step}): {first_line(errors[-1])}. "
                        f"Nothing is lost: {remedy}."
                    ) from failure
                wait_for_file(self.target.path, self.clock, self.stop, self.notice)

    # -- cursors and records that wait on this machine -----------------------------------------------------------

    def walks(self) -> dict[str, Walk]:
        """The open walks: as committed, with the newer cursors that quiet polls have left on this machine."""
        committed = cursor.stored_walks(self.pipeline)
        pending = self.journal.get("pending")
        if pending and pending["of"] == _fingerprint(committed):
            return cursor.walks_in(pending)
        return committed

    def keep_walks(self, walks: Mapping[str, Walk]) -> None:
        """Let the cursors of a poll that found nothing wait on this machine."""
        before = self.journal.get("pending") or {}
        of = _fingerprint(cursor.stored_walks(self.pipeline))
        since = before["since"] if before.get("of") == of else self.clock.now().isoformat()
        state: dict[str, Any] = {}
        cursor.store(state, walks)
        self.journal.put(pending={**state, "of": of, "since": since})

    def is_due(self) -> bool:
        """Whether something has waited on this machine for so long that a package should take it along."""
        waiting = [run["started_at"] for run in self.journal.runs().values()]
        if pending := self.journal.get("pending"):
            waiting.append(pending["since"])
        return any(self.clock.now() - datetime.fromisoformat(since) >= _QUIET_HOURS for since in waiting)

    def send_records(self, tables: Iterable[Mapping[str, pa.Table]] = ()) -> None:
        """Load the run records that wait, where that costs nothing or they have waited long, and `tables` with them.

        For the end of a run that failed: a warehouse that cannot be reached is no news then, and they go on waiting.
        """
        base = self.journal.get("base")
        if base is None or self.pipeline.has_pending_data or not (self.target.is_local or self.is_due()):
            return
        with contextlib.suppress(DropboxAuditError, WarehouseMovedError, OSError):
            self.target.check_usable()
            if self.target.is_local and self._stored_state() != base:
                # Not the warehouse that this machine knows: the next run will see to it.
                return
            self.commit(tables, walks=self.walks)


def _fingerprint(walks: Mapping[str, Walk]) -> str:
    state: dict[str, Any] = {}
    cursor.store(state, walks)
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what caused it, the innermost last."""
    while error is not None:
        yield error
        error = getattr(error, "exception", None) or error.__cause__ or error.__context__
