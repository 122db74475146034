"""How things stand: last runs, lag, cursor age, request budget, gaps."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dropbox_audit import cursor, local
from dropbox_audit.alerts.deliver import look
from dropbox_audit.alerts.routes import read_routes
from dropbox_audit.clock import Clock
from dropbox_audit.errors import ConfigurationError
from dropbox_audit.load import Loader
from dropbox_audit.runs import RUNS
from dropbox_audit.warehouse import RAW_DATASET, VIEWS_DATASET, Door, NoSuchRelationError, open_door

_LAST_RUNS = 10
_DRIFT_DAYS = 30


@dataclass
class Status:
    """The state of one warehouse. Ages and lags in seconds; instants as ISO 8601 in UTC."""

    warehouse: str
    events: int = 0
    """Rows received, repeated reading included; the view `events` holds each event once."""
    last_occurred_at: str | None = None
    last_loaded_at: str | None = None
    lag_seconds: float | None = None
    """Since Dropbox last answered that there is nothing more, or since the last answer at all."""
    cursor_age_seconds: float | None = None
    open_walks: list[dict[str, Any]] = field(default_factory=list)
    is_history_complete: bool = False
    requests_per_hour: int = 0
    requests_left: int | None = None
    rejected_events: int = 0
    resets: int = 0
    gaps: list[str] = field(default_factory=list)
    days: dict[str, int] | None = None
    """Days of the log by their status in `log_completeness`; None while there are no views."""
    last_verified_at: str | None = None
    last_verification_result: str | None = None
    unknown_event_types: list[str] = field(default_factory=list)
    """Of the last 30 days with any; likewise `unknown_fields`."""
    unknown_fields: list[str] = field(default_factory=list)
    alerts: list[dict[str, Any]] | None = None
    """For each route how many alerts are `pending`, how many of them `failed` at least once, and the last `error`; None
    where no route is configured, or the views hold no alerts yet."""
    alert_problems: list[str] = field(default_factory=list)
    """What is wrong with routes that cannot be used."""
    runs: list[dict[str, Any]] = field(default_factory=list)


def read_status(loader: Loader, clock: Clock) -> Status:
    """Read it from the warehouse and from what waits on this machine; makes no request."""
    now = clock.now()
    status = Status(loader.target.name, requests_per_hour=loader.settings.requests_per_hour)
    if loader.settings.requests_per_hour:
        status.requests_left = int(local.request_budget(loader.settings, clock).level())
    runs = loader.journal.runs()
    if loader.target.path is None or loader.target.path.exists():
        for row in _read_warehouse(loader, status):
            runs.setdefault(row["run_id"], row)
        _read_alerts(loader, status)
    status.runs = sorted(runs.values(), key=lambda run: run["started_at"], reverse=True)[:_LAST_RUNS]
    for walk in loader.walks().values():
        answered = cursor.parse(walk.answered_at)
        age = round((now - answered).total_seconds(), 1) if answered else None
        status.open_walks.append(
            {"walk_id": walk.walk_id, "kind": walk.kind, "pages": walk.page_no, "cursor_age_seconds": age}
        )
        if walk.kind == "live" and age is not None:
            status.cursor_age_seconds = status.lag_seconds = age
    status.is_history_complete = any(run["outcome"] in {"loaded", "nothing_new"} for run in runs.values())
    if status.rejected_events:
        status.gaps.append(f"{status.rejected_events} items were no events: see {RAW_DATASET}.rejected_events")
    status.gaps += [
        f"history before {walk.end_time} is not read to its end: run `dropbox-audit load`"
        for walk in loader.walks().values()
        if walk.kind == "window"
    ]
    return status


def _read_warehouse(loader: Loader, status: Status) -> list[dict[str, Any]]:
    loader.target.stored_state(loader.pipeline_name)
    with open_door(loader.target) as door:
        try:
            return _read_raw(door, status)
        except NoSuchRelationError:
            # Nothing was ever loaded to its end.
            return []
        finally:
            _read_views(door, status)


def _read_raw(door: Door, status: Status) -> list[dict[str, Any]]:
    """What was loaded, told by small tables only: asking costs the same whatever the log holds."""
    [(events, newest, loaded, rejected, resets)] = door.rows(
        f"""
        select
            (select sum(event_count) from {RAW_DATASET}.load_days where _dlt_load_id in (
                select load_id from {RAW_DATASET}._dlt_loads where status = 0
            )),
            (select max(last_occurred_at) from {RAW_DATASET}.walks),
            (select max(inserted_at) from {RAW_DATASET}._dlt_loads where status = 0),
            (select count(*) from (
                select distinct walk_id, page_no, position from {RAW_DATASET}.rejected_events
            ) as rejected),
            (select count(distinct walk_id) from {RAW_DATASET}.walks where state = 'reset')
        """
    )
    status.events, status.rejected_events, status.resets = int(events or 0), int(rejected), int(resets)
    status.last_occurred_at, status.last_loaded_at = _iso(newest), _iso(loaded)
    verified = door.rows(
        f"select verified_at, result from {RAW_DATASET}.verifications "
        f"where verified_at = (select max(verified_at) from {RAW_DATASET}.verifications) order by result"
    )
    for moment, result in verified[:1]:
        status.last_verified_at, status.last_verification_result = _iso(moment), result
    rows = door.rows(
        f"""
        select {", ".join(RUNS.names)} from (
            select *, row_number() over (partition by run_id order by recorded_at desc) as recency
            from {RAW_DATASET}.runs
        ) as records
        where recency = 1 order by started_at desc limit {_LAST_RUNS}
        """
    )
    return [
        {key: _iso(value) if isinstance(value, datetime) else value for key, value in zip(RUNS.names, row, strict=True)}
        for row in rows
    ]


def _read_views(door: Door, status: Status) -> None:
    """What proves that the log has no holes, or shows one."""
    try:
        days = door.rows(
            f"select day, status, is_covered, unknown_event_types, unknown_fields "
            f"from {VIEWS_DATASET}.log_completeness order by day"
        )
    except NoSuchRelationError:
        return
    status.days = {"complete": 0, "not verified": 0, "gap": 0}
    for _, kind, *_ in days:
        status.days[kind] += 1
    status.gaps += gaps_of([row[:3] for row in days])
    for name, place in (("unknown_event_types", 3), ("unknown_fields", 4)):
        lists = [row[place] for row in days if row[place]][-_DRIFT_DAYS:]
        setattr(status, name, sorted({item.strip() for text in lists for item in text.split(",")}))


def gaps_of(days: list[tuple[Any, ...]]) -> list[str]:
    """A sentence for each gap, with the command that mends it, of rows of (day, status, is_covered)."""
    gaps = []
    for first, last, is_covered in _stretches(days):
        window = f"--since {first} --until {last + timedelta(days=1)}"
        gaps.append(
            f"{first} to {last}: the last verification found differences: run `dropbox-audit verify {window} --repair`"
            if is_covered
            else f"{first} to {last}: not read: run `dropbox-audit load {window}`"
        )
    return gaps


def _read_alerts(loader: Loader, status: Status) -> None:
    """What waits to be delivered, or could not be."""
    routes = read_routes()
    status.alert_problems = routes.problems
    if not routes.usable:
        return
    try:
        plans = look(loader, routes.usable).plans
    except ConfigurationError:
        # No alerts yet.
        return
    status.alerts = [
        {
            "route": plan.route.name,
            "pending": plan.waiting + len(plan.due),
            "failed": plan.failing,
            "error": plan.error,
        }
        for plan in plans
    ]


def _stretches(days: list[tuple[Any, ...]]) -> list[tuple[date, date, bool]]:
    """The gaps as first and last day, and whether a walk has covered them."""
    found: list[tuple[date, date, bool]] = []
    for day, kind, is_covered, *_ in days:
        if kind != "gap":
            continue
        if found and found[-1][1:] == (day - timedelta(days=1), is_covered):
            found[-1] = (found[-1][0], day, is_covered)
        else:
            found.append((day, day, is_covered))
    return found


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
