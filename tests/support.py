"""What several test files share: time that tests move, events, an isolated working place, and the identity rule.

The identity rule is written here a second time, in plain Python and from DESIGN's words, so that a mistake in the
product's SQL or cursor code does not hide in its own oracle.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dropbox_audit.clock import Clock
from dropbox_audit.demo import ACCESS_TOKEN, APP_KEY, REFRESH_TOKEN
from dropbox_audit.load import Loader
from dropbox_audit.settings import Settings
from dropbox_audit.warehouse import duckdb_target

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
GET_EVENTS = "team_log/get_events"
CONTINUE = "team_log/get_events/continue"
ROUTES_OF_THE_LOG = (GET_EVENTS, CONTINUE)


# -- time -------------------------------------------------------------------------------------------------------


class VirtualClock(Clock):
    """Time that passes only while somebody waits, or when a test says so.

    Attributes:
        waits: the seconds of every wait, in order.
        on_wait: called with the number of the wait (from 1) when it begins; a test may set the stop event there.
    """

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start
        self._monotonic = 1000.0
        self._lock = threading.Lock()
        self.waits: list[float] = []
        self.on_wait: Callable[[int], None] = lambda _: None

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        with self._lock:
            self.waits.append(seconds)
            number = len(self.waits)
        self.on_wait(number)
        if stop.is_set():
            return True
        self.advance(seconds)
        return stop.is_set()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._monotonic += seconds

    def set_wall_clock(self, now: datetime) -> None:
        """What an administrator or a time server does: the wall clock jumps, the monotonic one does not."""
        self._now = now


# -- events -----------------------------------------------------------------------------------------------------


def stamp(moment: datetime) -> str:
    """A time as Dropbox writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def person(number: int, **changes: Any) -> dict[str, Any]:
    """A team member as a union member of actor, context and participants."""
    return {
        ".tag": "team_member",
        "account_id": f"dbid:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA{number:02d}",
        "display_name": f"Person {number}",
        "email": f"person{number}@acme.example",
        "team_member_id": f"dbmid:member-{number}",
        **changes,
    }


def file_asset(name: str, **changes: Any) -> dict[str, Any]:
    """A file as an asset."""
    return {
        ".tag": "file",
        "path": {
            "contextual": f"/Team/{name}",
            "namespace_relative": {"ns_id": "42", "relative_path": f"/{name}", "is_shared_namespace": True},
        },
        "display_name": name,
        "file_id": f"id:{name}",
        "file_size": 1234,
        **changes,
    }


def make_event(number: int = 0, *, at: datetime | None = None, **changes: Any) -> dict[str, Any]:
    """A complete event in the order of keys in which the API serves them; `number` makes it unlike others.

    Args:
        number: its place in time (a minute apart) and in `details`.
        at: when; `NOON` less a day, plus `number` minutes, unless given.
        changes: keys to replace; None takes one out.
    """
    moment = at or NOON - timedelta(days=1) + timedelta(minutes=number)
    event = {
        "timestamp": stamp(moment),
        "event_category": {".tag": "file_operations"},
        "actor": {".tag": "user", "user": person(number % 7)},
        "origin": {
            "geo_location": {"city": "Cork", "region": "Munster", "country": "IE", "ip_address": "192.0.2.7"},
            "access_method": {".tag": "end_user", "end_user": {".tag": "web", "session_id": "dbwsid:1"}},
        },
        "involve_non_team_member": False,
        "context": person(number % 7),
        "participants": [],
        "assets": [file_asset(f"report {number}.pdf")],
        "event_type": {".tag": "file_add", "description": "Added files and/or folders"},
        "details": {".tag": "file_add_details", "number": number},
    }
    return {key: value for key, value in (event | changes).items() if value is not None}


def make_log(count: int, *, start: datetime | None = None) -> list[dict[str, Any]]:
    """`count` different events, a minute apart, with a pair of twins and a pair of near-twins in every hundred."""
    start = start or NOON - timedelta(days=1)
    events = [make_event(number, at=start + timedelta(minutes=number % 1400)) for number in range(count)]
    for place in range(10, count - 1, 100):
        events[place] = json.loads(json.dumps(events[place - 1]))
    for place in range(60, count - 1, 100):
        events[place] = events[place - 1] | {"details": {".tag": "file_add_details", "number": -place}}
    return events


def canonical(value: Any) -> str:
    """JSON values compare as equal text exactly when they are equal; 1 and 1.0 differ."""
    return json.dumps(value, sort_keys=True)


def multiset(values: Iterable[Any]) -> Counter[str]:
    """JSON values with their number of occurrences."""
    return Counter(canonical(value) for value in values)


# -- DESIGN's identity rule ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sighting:
    """A raw row as far as the rule looks at it; sightings are given in the order in which they were stored."""

    walk_id: str
    identity: str
    exact_hash: str
    event: Any


def kept_events(sightings: Iterable[Sighting]) -> list[Any]:
    """The events that the rule keeps: per identity the first N candidates, N being the largest count in one walk.

    A candidate is (identity, exact hash, ordinal among exact equals in the walk), in first-seen order.
    """
    in_walk: Counter[tuple[str, str]] = Counter()
    exact_in_walk: Counter[tuple[str, str]] = Counter()
    candidates: dict[str, dict[tuple[str, int], Any]] = defaultdict(dict)
    for seen in sightings:
        in_walk[seen.walk_id, seen.identity] += 1
        exact_in_walk[seen.walk_id, seen.exact_hash] += 1
        candidates[seen.identity].setdefault(
            (seen.exact_hash, exact_in_walk[seen.walk_id, seen.exact_hash]), seen.event
        )
    most: Counter[str] = Counter()
    for (_, identity), count in in_walk.items():
        most[identity] = max(most[identity], count)
    return [event for identity, found in candidates.items() for event in list(found.values())[: most[identity]]]


# -- a working place ----------------------------------------------------------------------------------------------


@dataclass
class Workspace:
    """A folder to work in, with dlt's data folder, and nothing of the machine's own configuration."""

    folder: Path
    home: Path
    file: str = "dropbox.duckdb"
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The DuckDB file."""
        return self.folder / self.file

    def settings(self, url: str, **changes: Any) -> Settings:
        """Settings for the simulator at `url`; the directory is read by tests of the directory only."""
        given = {
            "access_token": ACCESS_TOKEN,
            "api_url": url,
            "requests_per_hour": 0,
            "directory_every": "off",
            **changes,
        }
        return Settings(**given).validated(NOON)

    def loader(self, url: str, *, file: str | None = None, clock: Clock | None = None, **changes: Any) -> Loader:
        """A loader into `file`; `changes` are settings, except `stop`, `notice`, `progress` and `pipeline_name`.

        Without a `clock` it is `NOON`, and `make_event`'s events are too young to be read as history.
        """
        own = {key: changes.pop(key) for key in ("stop", "notice", "progress", "pipeline_name") if key in changes}
        target = duckdb_target(self.folder / (file or self.file))
        return Loader(target, settings=self.settings(url, **changes), clock=clock or VirtualClock(), **own)

    def load(self, url: str, **options: Any) -> Any:
        """One `load` with a loader of its own, as a new process would; see `loader` for options."""
        window, full_refresh = options.pop("window", None), options.pop("full_refresh", False)
        loader = self.loader(url, **options)
        with loader.alone():
            return loader.load("load", window=window, full_refresh=full_refresh)

    def rows(self, sql: str, *parameters: Any, file: str | None = None) -> list[tuple[Any, ...]]:
        """Query the DuckDB file."""
        with duckdb.connect(str(self.folder / (file or self.file)), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            return connection.execute(sql, list(parameters)).fetchall()

    def events(self, *, file: str | None = None) -> list[Any]:
        """The events that the warehouse holds by the identity rule, from completed loads only."""
        rows = self.rows(
            """
            select walk_id, identity, exact_hash, event from (
                select events.* from dropbox_raw.events
                inner join dropbox_raw._dlt_loads on load_id = _dlt_load_id and status = 0
                where not is_replayed
                qualify row_number() over (partition by walk_id, page_no, position order by _dlt_load_id) = 1
            ) order by _dlt_load_id, page_no, position, walk_id
            """,
            file=file,
        )
        return [json.loads(event) for event in kept_events(Sighting(*row) for row in rows)]

    def forget_home(self) -> None:
        """What a fresh machine knows: nothing."""
        shutil.rmtree(self.home)
        self.home.mkdir()

    # -- as a command -----------------------------------------------------------------------------------------

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start `dropbox-audit <arguments>` in this workspace."""
        return subprocess.Popen(
            [sys.executable, "-m", "dropbox_audit.cli", *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, answer: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `dropbox-audit <arguments>` to its end; `answer` is typed on its stdin."""
        process = self.start(*arguments, **environment)
        stdout, stderr = process.communicate(answer, timeout=600)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def make_workspace(folder: Path, environment: dict[str, str] | None = None) -> Workspace:
    """A workspace for commands in processes of their own."""
    home, work = folder / "home", folder / "work"
    home.mkdir()
    work.mkdir()
    return Workspace(work, home, environment={**clean_environment(home), **(environment or {})})


def clean_environment(home: Path) -> dict[str, str]:
    """The environment of a command: this machine's, less whatever configures dlt, dbt, requests or the product."""
    foreign = ("DLT_", "SOURCES__", "DESTINATION__", "DBT_", "DROPBOX_", "NORMALIZE__", "RUNTIME__", "LOAD__")
    proxies = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.upper().startswith(foreign) and key.lower() not in proxies
    }
    return kept | {"DLT_DATA_DIR": str(home), "HOME": str(home)}


def for_simulator(url: str, **settings: str) -> dict[str, str]:
    """The environment variables that point a command at a simulator, with lasting credentials, for the log alone."""
    given = {
        "api_url": url,
        "app_key": APP_KEY,
        "refresh_token": REFRESH_TOKEN,
        "directory_every": "off",
        **settings,
    }
    return {f"SOURCES__DROPBOX_AUDIT__{key.upper()}": value for key, value in given.items() if value}


@contextmanager
def entered(workspace: Workspace, patch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """This process is in a workspace: working directory, environment, dlt's settings. `patch` takes it out again."""
    for key in set(os.environ) - set(workspace.environment):
        patch.delenv(key)
    for key, value in workspace.environment.items():
        patch.setenv(key, value)
    # The product sets these for the process; a value known to the patch is taken back.
    for key in (
        "RUNTIME__DLTHUB_TELEMETRY",
        "RUNTIME__INTERCEPT_SIGNALS",
        "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID",
        "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID",
    ):
        patch.setenv(key, "false")
        patch.delenv(key)
    patch.chdir(workspace.folder)
    with isolated_dlt():
        yield workspace


@contextmanager
def isolated_dlt() -> Iterator[None]:
    """dlt with the settings of the present working directory and environment, forgotten afterwards.

    dlt keeps its settings providers and the active pipeline in a container that lives as long as the process.
    """
    from dlt.common.configuration.container import Container
    from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
    from dlt.common.pipeline import PipelineContext

    container = Container()
    container[PluggableRunContext].reload_providers()
    container[PipelineContext].deactivate()
    try:
        yield
    finally:
        container[PipelineContext].deactivate()


def columns_of(table: Any) -> list[Mapping[str, Any]]:
    """An Arrow table as a list of rows."""
    rows: list[Mapping[str, Any]] = table.to_pylist()
    return rows


@dataclass(frozen=True)
class DemoRun:
    """What `dropbox-audit demo` left behind and said; nobody writes to its warehouse."""

    folder: Path

    @property
    def path(self) -> Path:
        """The warehouse."""
        return self.folder / "dropbox_demo.duckdb"

    @property
    def output(self) -> str:
        """All that was printed, on a screen of eighty columns."""
        return (self.folder / "output.txt").read_text()


def run_demo(folder: Path) -> None:
    """Run it in a folder that exists."""
    done = subprocess.run(
        [sys.executable, "-m", "dropbox_audit.cli", "demo"],
        cwd=folder,
        env=clean_environment(folder / "home") | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (folder / "output.txt").write_text(done.stdout)
