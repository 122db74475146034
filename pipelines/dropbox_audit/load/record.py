"""One run's record: what it did so far, kept in the journal until a load package carries it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Protocol

import pyarrow as pa

from dropbox_audit.api import DropboxClient
from dropbox_audit.clock import Clock
from dropbox_audit.local import Journal
from dropbox_audit.runs import RUNS, new_run_id
from dropbox_audit.walks import LogReader


@dataclass
class LoadResult:
    """What one run did; times in seconds, instants as ISO 8601."""

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
    repaired_events: int = 0
    directory: dict[str, int | None] | None = None
    """Records per list where the directory was read; None for a list that was skipped."""
    cursor_age_seconds: float | None = None
    seconds: float = 0.0
    error: str | None = None


class Asker(Protocol):
    """Whoever asks Dropbox through a client."""

    client: DropboxClient


class RunRecord:
    """The record of one run.

    Args:
        command: that runs.
        journal: where the record waits.
        clock: source of time.
    """

    def __init__(self, command: str, journal: Journal, clock: Clock) -> None:
        self.started_at = clock.now()
        self.result = LoadResult(new_run_id(self.started_at))
        self.if_it_fails: list[Mapping[str, pa.Table]] = []
        """Tables that go with the record of a run that failed."""
        self._command = command
        self._journal = journal
        self._clock = clock
        self._began = clock.monotonic()
        self._readers: list[LogReader] = []
        self._askers: list[Asker] = []

    def count(self, reader: LogReader) -> None:
        """Count what a reader asks for and what it takes."""
        self._readers.append(reader)
        self._askers.append(reader)

    def count_requests(self, asker: Asker) -> None:
        """Count only what is asked for: what it brings is not loaded, or is no part of the log."""
        self._askers.append(asker)

    def drop(self, reader: LogReader) -> None:
        """What a reader took was not loaded after all."""
        self._readers.remove(reader)

    def write(self, outcome: str, error: str | None = None) -> None:
        """Write the record as it stands into the journal.

        Args:
            outcome: running, loaded, nothing_new, interrupted or failed.
            error: in one line, where there is one.
        """
        self._journal.put_run(self._record(outcome, error))

    def for_package(self, outcome: str) -> dict[str, Any]:
        """The record as the package that is being extracted carries it.

        The journal goes on saying `running` until the run has ended: one that is killed has not succeeded, whatever
        its last package said.
        """
        record = self._record(outcome)
        self._journal.put_run({**record, "outcome": "running", "finished_at": None})
        return record

    def _record(self, outcome: str, error: str | None = None) -> dict[str, Any]:
        result, now = self.result, self._clock.now()
        tallies, traffics = [r.tally for r in self._readers], [r.client.traffic for r in self._askers]
        for name in ("pages", "events", "rejected_events", "resets", "replayed_pages"):
            setattr(result, name, sum(getattr(tally, name) for tally in tallies))
        result.requests = sum(traffic.requests for traffic in traffics)
        result.retries = sum(traffic.retries for traffic in traffics)
        result.waited_seconds = round(sum(traffic.waited_seconds for traffic in traffics), 3)
        result.outcome, result.error = outcome, error
        result.seconds = round(self._clock.monotonic() - self._began, 3)
        counted = {key: value for key, value in asdict(result).items() if key in RUNS.names}
        return {
            **counted,
            "command": self._command,
            "version": version("dropbox-audit"),
            "started_at": self.started_at.isoformat(),
            "finished_at": None if outcome == "running" else now.isoformat(),
            "recorded_at": now.isoformat(),
        }
