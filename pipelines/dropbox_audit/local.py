"""What a machine keeps beside the warehouse: dlt's working directories, the journal of runs, the request budget.

Everything lies in `<dlt data directory>/dropbox_audit/`, one folder per warehouse: dlt's working directory is keyed by
destination, dataset and file, so that two warehouses never share a cursor. Losing this folder loses nothing that
matters: the warehouse holds the truth, and the next run restores its state from there.
"""

import ctypes
import errno
import hashlib
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from dlt.common.pipeline import get_dlt_pipelines_dir

from dropbox_audit.api import RequestBudget
from dropbox_audit.clock import Clock
from dropbox_audit.errors import RunError
from dropbox_audit.settings import Settings

_M_ARENA_MAX = -8
"""As malloc.h has it."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def data_dir() -> Path:
    """The folder of this package in dlt's data directory (`DLT_DATA_DIR`)."""
    return Path(get_dlt_pipelines_dir()).parent / "dropbox_audit"


def request_budget(settings: Settings, clock: Clock) -> RequestBudget:
    """The request budget of the app, kept across runs; apps are told apart by a hash, never by their secrets."""
    who = settings.app_key or settings.access_token or ""
    path = data_dir() / f"budget-{_digest(settings.api_url, who)}.json"
    return RequestBudget(path, settings.requests_per_hour, clock)


def warehouse_dir(pipeline_name: str, destination: str, dataset: str, location: str) -> Path:
    """The folder of one warehouse; `location` tells two of the same kind apart (a file's path, a project)."""
    return data_dir() / f"{pipeline_name}-{destination}-{_digest(dataset, location)}"


def is_disk_error(error: BaseException) -> bool:
    """Whether a disk refused something: it is full, or may not be written."""
    return isinstance(error, OSError) and error.errno in _FULL | {errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


def is_disk_full(error: BaseException) -> bool:
    """Whether an error that is only a text, such as DuckDB's, says that a disk is full."""
    return any(os.strerror(number) in str(error) for number in _FULL)


def disk_error(error: OSError, place: Path) -> RunError:
    """What a disk refused, in plain words; `place` says where if the error does not."""
    remedy = "free some space there" if error.errno in _FULL else "make it writable"
    return RunError(
        f"{error.filename or place} cannot be written ({error.strerror or error}): {remedy} and run again. "
        "Nothing is lost: the next run goes on from what was committed."
    )


def keep_heap_small() -> None:
    """Let threads share their heaps: glibc gives each one of its own, and a long load's pages would fragment them all.

    Does nothing where the C library is another one.
    """
    mallopt = _c_function("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)


def give_back_memory() -> None:
    """Let go of what allocators keep for later: what comes next needs memory of another kind."""
    pa.default_memory_pool().release_unused()
    trim = _c_function("malloc_trim")
    if trim is not None:
        trim(0)


def _c_function(name: str) -> Any:
    """A function of glibc's; None where the C library is another one."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


class Journal:
    """Facts that wait on this machine for the next load package, in one small JSON file.

    `pending`: the newest cursors of polls that found nothing, with a fingerprint of the committed walks they continue.
    `runs`: records of runs that no package has carried yet, by run id.
    `base`: the warehouse's state that the package now on its way was extracted from.
    `alert_marks`: until when the alerts were looked through for each route; goes with every package, and stays.
    `alerts_due_at`: when to look at them again, if nothing happens before.
    `mark`: what the warehouse's file looked like when its state was last found to be `base`.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "journal.json"
        self._facts: dict[str, Any] = {}
        try:
            self._facts = orjson.loads(self._path.read_bytes())
        except (OSError, ValueError):
            # Nothing waits, or a power cut took it: the cursors in the warehouse are older and still good.
            self._facts = {}

    def get(self, key: str) -> Any:
        """A fact, or None."""
        return self._facts.get(key)

    def put(self, **facts: Any) -> None:
        """Set facts (None removes one) and write the file in one step."""
        for key, value in facts.items():
            if value is None:
                self._facts.pop(key, None)
            else:
                self._facts[key] = value
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        # Not synced to the disk: a power cut may take it, which costs less than waiting for the disk at every poll.
        partial.write_bytes(orjson.dumps(self._facts))
        partial.replace(self._path)

    def runs(self) -> dict[str, dict[str, Any]]:
        """Run records that wait, by run id."""
        return dict(self._facts.get("runs") or {})

    def put_run(self, record: Mapping[str, Any]) -> None:
        """Add or replace a run's record."""
        self.put(runs={**self.runs(), record["run_id"]: dict(record)})

    def drop_runs(self, carried: Iterable[Mapping[str, Any]]) -> None:
        """Forget records that a package has carried, unless they have changed since."""
        gone = {record["run_id"]: dict(record) for record in carried}
        self.put(runs={run_id: kept for run_id, kept in self.runs().items() if gone.get(run_id) != kept} or None)
