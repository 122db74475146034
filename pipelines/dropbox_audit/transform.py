"""Bring the views up to date: `dbt build` as a subprocess, with the pipeline's own credentials.

A transform costs what is new. It asks the warehouse which completed loads the views have not taken in, and which days
those touch; without any, and with unchanged models, dbt is not even started. With new loads only the models that hold
rows are built and tested, limited to those days. Everything is built when the SQL or the settings it depends on have
changed since this machine last did so, or on request.
"""

import functools
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dropbox_audit.clock import Clock
from dropbox_audit.errors import ConfigurationError, RunError, Stopped
from dropbox_audit.load import Loader
from dropbox_audit.warehouse import (
    INTERNAL_DATASET,
    LEDGER,
    RAW_DATASET,
    Target,
    dbt_environment,
    is_there,
    open_door,
    wait_for_file,
)

_MOST_DAYS = 400
"""With more touched days than this a list of literals is no longer worth its length."""
_LOCK_PATIENCE = 30.0
_PORTION_EVENTS = 500_000
"""DuckDB works out the alerts of so many events at a time, with some 3 GB of memory for them: they take the most."""
_IN_PORTIONS = "tag:in_portions"


@dataclass(frozen=True, slots=True)
class Pending:
    """What the views have not taken in: completed loads, and the UTC days they touch (None: too many to list)."""

    loads: int
    days: list[str] | None
    is_first: bool
    """Nothing was ever built here to its end."""
    events: Mapping[str, int] = field(default_factory=dict)
    """How many events the raw tables hold, by UTC day."""
    new_events: Mapping[str, int] = field(default_factory=dict)
    """How many of them came with those loads; only days that have any."""


@dataclass
class TransformResult:
    """What a transform did: `built` everything, `updated` what new loads touch, or found all `up_to_date`."""

    outcome: str
    loads: int = 0
    days: list[str] | None = field(default_factory=list)
    seconds: float = 0.0


def sql_folder() -> Path:
    """The dbt project: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "sql", package.parents[1] / "sql"):
        if (folder / "dbt_project.yml").is_file():
            return folder
    raise ConfigurationError("The SQL project is missing from this installation: install dropbox-audit again.")


def transform(
    loader: Loader,
    *,
    everything: bool = False,
    full_refresh: bool = False,
    is_repair: bool = False,
    is_tested: bool = True,
) -> TransformResult:
    """Build what has to be built in the loader's warehouse. Call it within `loader.alone()`.

    Args:
        loader: knows the warehouse, the settings that the SQL depends on, and with which SQL this machine last built.
        everything: also rebuild unchanged models and run every test.
        full_refresh: rebuild from raw.
        is_repair: rows that were lost have been loaded again: let them take the place of what remains of them.
        is_tested: run the data tests of what is built.

    Raises:
        ConfigurationError: nothing was ever loaded, or the destination has no views.
        RunError: dbt failed; the text names the first model or test that did.
        Stopped: the loader was stopped; the next run completes the views.
    """
    began = time.monotonic()
    target, journal, team_domains = loader.target, loader.journal, loader.settings.team_domains
    if target.destination not in {"duckdb", "bigquery", "snowflake"}:
        raise ConfigurationError(f"There are no views for {target.destination}, only for duckdb, bigquery, snowflake.")
    pending = find_pending(target)
    fingerprint = _fingerprint(team_domains)
    everything = everything or full_refresh or pending.is_first or journal.get("built") != fingerprint
    if not everything and not is_repair and pending.days == []:
        # No event is new: what else a load brings, like records of runs, the views read from raw by themselves.
        journal.put(transform_due=None)
        return TransformResult("up_to_date", seconds=round(time.monotonic() - began, 3))
    variables: dict[str, Any] = {}
    if team_domains:
        variables["team_domains"] = [domain.lower() for domain in team_domains]
    if pending.days is not None and not full_refresh and target.destination == "bigquery":
        # BigQuery prunes on literals only. Elsewhere dbt looks the days up itself: other variables than last time make
        # it parse the whole project again, which takes longer.
        variables["touched_days"] = pending.days
    if is_repair:
        variables["is_repair"] = True
    build = _Build(
        loader,
        variables,
        everything=everything,
        full_refresh=full_refresh,
        excluded=["unit_test", *([] if is_tested else ["test"]), *([] if everything else ["seed"])],
    )
    # Only DuckDB works in this machine's memory.
    portions = _portions(pending.events if full_refresh else pending.new_events) if target.is_local else []
    if len(portions) > 1:
        build.in_portions(portions)
    else:
        build.at_once()
    journal.put(built=fingerprint, transform_due=None)
    return TransformResult(
        "built" if everything else "updated", pending.loads, pending.days, round(time.monotonic() - began, 3)
    )


@dataclass(frozen=True, slots=True)
class _Build:
    """What dbt is told to build: everything, or what holds rows."""

    loader: Loader
    variables: Mapping[str, Any]
    everything: bool
    full_refresh: bool
    excluded: Sequence[str]
    """Types of resources."""

    def at_once(self) -> None:
        self._run(self._selected(), full_refresh=self.full_refresh)

    def in_portions(self, portions: Sequence[list[str]]) -> None:
        """Build what takes much memory portion by portion, after what it reads and before what reads it.

        The ledger of loads comes last of all: if this ends early, the next build begins anew.
        """
        last = [f"{_IN_PORTIONS}+", f"{LEDGER}+"]
        self._run([*self._selected(), "--exclude", *last], full_refresh=self.full_refresh)
        for number, days in enumerate(portions, 1):
            self.loader.notice(f"Looking through {days[0]} to {days[-1]} for alerts ({number} of {len(portions)})")
            # A full refresh would take away the portions before, and after a kill those still to come.
            self._run(["--select", _IN_PORTIONS], full_refresh=False, portion=days)
        rest = ["--select", *(last if self.everything else [LEDGER]), "--exclude", _IN_PORTIONS]
        self._run(rest, full_refresh=self.full_refresh)

    def _selected(self) -> list[str]:
        return [] if self.everything else ["--select", "config.materialized:incremental", "config.materialized:table"]

    def _run(self, selection: Sequence[str], *, full_refresh: bool, portion: list[str] | None = None) -> None:
        options = ["--exclude-resource-type", *self.excluded, *(["--full-refresh"] if full_refresh else [])]
        portioned = {} if portion is None else {"is_portion": True, "touched_days": portion}
        _dbt(self.loader, ["build", *options, *selection, "--vars", json.dumps({**self.variables, **portioned})])


def _portions(events: Mapping[str, int]) -> list[list[str]]:
    """Days in order, cut where their events become too many to be looked through at once."""
    portions: list[list[str]] = []
    room = 0
    for day, count in events.items():
        if count > room:
            portions.append([])
            room = _PORTION_EVENTS
        portions[-1].append(day)
        room -= count
    return portions


def find_pending(target: Target) -> Pending:
    """Which completed loads the views have not taken in."""
    if target.path is not None and not target.path.exists():
        raise ConfigurationError(f"{target.path} does not exist yet: run `dropbox-audit load` first.")
    with open_door(target) as door:
        if not is_there(door, f"{RAW_DATASET}._dlt_loads") or not is_there(door, f"{RAW_DATASET}.load_days"):
            raise ConfigurationError(f"{target.name} holds no Dropbox log yet: run `dropbox-audit load` first.")
        ledger = f"{INTERNAL_DATASET}.{LEDGER}"
        has_ledger = is_there(door, ledger)
        new_loads = f"select load_id from {RAW_DATASET}._dlt_loads where status = 0" + (
            f" and load_id not in (select load_id from {ledger})" if has_ledger else ""
        )
        [(loads,)] = door.rows(f"select count(*) from ({new_loads}) as new_loads")
        days = door.rows(
            f"select day, sum(event_count), sum(case when _dlt_load_id in ({new_loads}) then event_count end) "
            f"from {RAW_DATASET}.load_days group by day order by day"
        )
    events = {str(day): int(count) for day, count, _ in days}
    new_events = {str(day): int(new) for day, _, new in days if new is not None}
    listed = list(new_events) if len(new_events) <= _MOST_DAYS else None
    return Pending(loads, listed, not has_ledger, events, new_events)


def is_due(loader: Loader) -> bool:
    """Whether this machine knows of something to transform, without asking the warehouse."""
    journal = loader.journal
    return bool(journal.get("transform_due")) or journal.get("built") != _fingerprint(loader.settings.team_domains)


@functools.cache
def _sql_digest() -> str:
    digest = hashlib.sha256()
    folder = sql_folder()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in {".sql", ".yml", ".csv"} and path.relative_to(folder).parts[0] != "target":
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _fingerprint(team_domains: Sequence[str] | None) -> str:
    return hashlib.sha256(f"{_sql_digest()} {sorted(team_domains or [])}".encode()).hexdigest()


# -- dbt as a command -------------------------------------------------------------------------------------------

# It ends with the process that started it, however that ends: its stdin is a pipe which then closes. A dbt that went on
# by itself would hold the warehouse's file, and build views beside the next run's.
_DBT = """
import os, runpy, threading
threading.Thread(target=lambda: os.read(0, 1) or os._exit(1), daemon=True).start()
runpy.run_module("dbt.cli.main", run_name="__main__", alter_sys=True)
"""


def ask_dbt(loader: Loader, question: str, variables: dict[str, Any], folder: Path) -> str:
    """The rows that a query of the project's own models gives, as dbt's JSON; nothing is built.

    Args:
        loader: knows the warehouse. Call it within `loader.alone()`.
        question: the query, in the project's SQL.
        variables: of the project.
        folder: where dbt works. Other variables than a transform's make it parse anew, so not in the transform's.

    Raises:
        RunError: dbt failed.
        Stopped: the loader was stopped.
    """
    arguments = ["show", "--inline", question, "--limit", "-1", "--output", "json", "--vars", json.dumps(variables)]
    output = _dbt(loader, arguments, folder, "The question could not be answered")
    return output[output.index("{") :]


def _dbt(
    loader: Loader, arguments: list[str], folder: Path = Path("target"), failed: str = "The views could not be built"
) -> str:
    """Run a command of dbt; what it says."""
    sql, target = sql_folder(), loader.target
    target.check_usable()
    command = [
        *(sys.executable, "-W", "ignore", "-c", _DBT, "--no-use-colors", "--no-version-check", "--quiet"),
        *arguments,
        *("--project-dir", str(sql), "--profiles-dir", str(sql), "--target", target.destination),
        *("--target-path", str(folder.resolve()), "--log-path", str(Path("logs").resolve())),
    ]
    environment = {
        **os.environ,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
        **dbt_environment(target),
    }
    deadline = time.monotonic() + _LOCK_PATIENCE
    while True:
        wait_for_file(target.path, Clock(), loader.stop, loader.notice)
        code, output = _run(command, environment, loader.stop)
        if code == 0:
            return output
        if "Conflicting lock" not in output or time.monotonic() > deadline:
            break
    reason = _reason(output) if code > 0 else f"dbt was ended by signal {-code}"
    raise RunError(f"{failed}: {reason}. logs/dbt.log has the whole story.")


def _run(command: list[str], environment: dict[str, str], stop: threading.Event) -> tuple[int, str]:
    lifeline, held = os.pipe()
    try:
        return _run_with(lifeline, command, environment, stop)
    finally:
        os.close(lifeline)
        os.close(held)


def _run_with(lifeline: int, command: list[str], environment: dict[str, str], stop: threading.Event) -> tuple[int, str]:
    try:
        # A session of its own, so that a Ctrl-C on the terminal reaches dbt once and from us only.
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=lifeline,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise RunError(f"dbt could not be started ({error.strerror}).") from error
    while True:
        try:
            output, _ = process.communicate(timeout=0.2)
        except subprocess.TimeoutExpired:
            if stop.is_set():
                process.terminate()
                try:
                    process.communicate(timeout=5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                raise Stopped("stopped while building the views; the next run completes them") from None
            continue
        except BaseException:
            process.kill()
            process.communicate()
            raise
        return process.returncode, output


def _reason(output: str) -> str:
    """The first line of dbt's output that names a failure, with its cause."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        if "Error" in line or "Failure" in line or "FAIL" in line:
            rest = next(iter(lines[number + 1 : number + 2]), "")
            return f"{line} {rest}".strip().rstrip(".")[:300]
    return (lines[-1] if lines else "dbt said nothing").rstrip(".")[:300]
