"""Load what is new, bring the views up to date, deliver new alerts: once, or again and again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dropbox_audit.alert_settings import read_alert_settings
from dropbox_audit.alerts import deliver as delivery
from dropbox_audit.contracts import read_contracts
from dropbox_audit.csvfile import CsvFile, CsvFileError
from dropbox_audit.directory.snapshot import keep_up
from dropbox_audit.errors import DeferredError, DropboxAuditError, RunError, Stopped
from dropbox_audit.load import Loader, LoadResult, RunRecord
from dropbox_audit.settings import Settings
from dropbox_audit.transform import TransformResult, is_due, transform


@dataclass
class RunResult:
    """What one round did; `transform` is None where the views were up to date."""

    load: LoadResult
    transform: TransformResult | None = None
    alerts: list[delivery.RouteResult] = field(default_factory=list)


def load_once(loader: Loader, command: str = "load") -> LoadResult:
    """Load what is new, with the directory and the standing rescan when they are due. Call it within `loader.alone()`.

    Raises:
        CsvFileError: a file of the team's own is wrong; everything else was done.
        DropboxAuditError: a part of it failed or was stopped; what was received before is committed.
    """
    with loader.recorded(command) as run:
        trouble = _load(loader, run)
        if trouble is not None:
            raise trouble
    return run.result


def run_once(loader: Loader, done: Callable[[RunResult], object] = lambda _: None) -> RunResult:
    """Load what is new, bring the views up to date and deliver alerts, as one run. Call it within `loader.alone()`.

    Args:
        loader: of the warehouse.
        done: called with the result, also where something is raised although everything else was done.

    Raises:
        DeferredError: a file of the team's own is wrong, or an alert route; everything else was done.
        AlertsNotDelivered: a target did not take some alerts; everything else was done.
        DropboxAuditError: a part of it failed or was stopped; what was received before is committed.
    """
    results: list[RunResult] = []
    try:
        with loader.recorded("run") as run:
            try:
                trouble: DropboxAuditError | None = _load(loader, run)
                built = transform(loader) if is_due(loader) else None
            except Stopped:
                raise
            except DropboxAuditError:
                # That nothing is loaded any more may be an alert itself.
                _, unsent = _deliver(loader, run, has_built=False)
                if unsent is not None:
                    loader.notice(str(unsent))
                raise
            sent, unsent = _deliver(loader, run, has_built=built is not None and built.outcome != "up_to_date")
            results.append(RunResult(run.result, built, sent))
            if trouble is not None and unsent is not None:
                loader.notice(str(unsent))
            if trouble is not None or unsent is not None:
                raise trouble or unsent  # type: ignore[misc]
    finally:
        # Now that the run's own record says how it ended.
        for result in results:
            done(result)
    return results[0]


def _deliver(
    loader: Loader, run: RunRecord, *, has_built: bool
) -> tuple[list[delivery.RouteResult], DropboxAuditError | None]:
    """Deliver alerts if any may be due; what went wrong can wait until everything else is done."""
    if not delivery.is_due(loader, has_built=has_built):
        return [], None
    try:
        results = delivery.deliver(loader, run.result.run_id)
    except Stopped:
        raise
    except DropboxAuditError as error:
        return [], error
    sentence = delivery.trouble_in(results)
    return results, delivery.AlertsNotDelivered(sentence) if sentence else None


def _load(loader: Loader, run: RunRecord) -> CsvFileError | None:
    """Load all there is; what is wrong with the team's own files can wait until that is done."""
    loader.target.check_usable()
    loader.poll(run)
    if loader.settings.rescan is not None:
        # Comparing takes more to import than a quiet poll costs.
        from dropbox_audit.verify import rescan_if_due

        rescan_if_due(loader, run)
    files: dict[str, CsvFile] = {}
    troubles: list[str] = []
    for name, read in _FILES.items():
        path = getattr(loader.settings, name)
        try:
            file = read(Path(path))
        except CsvFileError as error:
            troubles.append(str(error))
            continue
        if file is not None:
            files[name] = file
        elif path != getattr(Settings, name):
            troubles.append(f"{path} does not exist: mend the setting {name}.")
    keep_up(loader, run, files)
    return CsvFileError(" ".join(troubles)) if troubles else None


_FILES: dict[str, Callable[[Path], CsvFile | None]] = {
    "contracts": read_contracts,
    "alert_settings": read_alert_settings,
}
"""The team's own, by the settings that name them, which are the names of their raw tables too."""


def keep_running(
    loader: Loader, seconds: float, once: Callable[[], object], *, failed: Callable[[DropboxAuditError], object]
) -> None:
    """A round every so many seconds until the loader is stopped. Call it within `loader.alone()`.

    Args:
        loader: whose clock and stop event decide.
        seconds: from the beginning of one round to that of the next; a longer round delays the next one.
        once: does one round.
        failed: called with what made a round fail but may be over at the next one.

    Raises:
        ConfigurationError: someone has to act, so going on makes no sense. What nothing else depends on is only told.
    """
    while not loader.stop.is_set():
        began = loader.clock.monotonic()
        try:
            once()
        except Stopped:
            return
        except (RunError, DeferredError) as error:
            failed(error)
        loader.clock.wait(loader.stop, max(0.0, seconds - (loader.clock.monotonic() - began)))
