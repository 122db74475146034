"""What to be alarmed about, whether the log is complete, what there is to read, and a query as the last resort."""

import json
import math
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import BaseModel, Field

from dropbox_audit.errors import RunError
from dropbox_audit.mcp_server.answers import (
    CUT,
    MOST_CHARACTERS,
    MOST_ROWS,
    Answer,
    Json,
    Period,
    Row,
    readable,
    readable_json,
)
from dropbox_audit.mcp_server.desk import Desk
from dropbox_audit.mcp_server.guard import MOST_CHARACTERS as MOST_CHARACTERS_OF_A_QUERY
from dropbox_audit.mcp_server.guard import QueryRefusedError, checked_query
from dropbox_audit.mcp_server.select import Select
from dropbox_audit.mcp_server.tools.arguments import DEFAULT_PERIOD, Limit, Person, Since, Until
from dropbox_audit.status import gaps_of
from dropbox_audit.warehouse import VIEWS_DATASET, Door, NoSuchRelationError, is_there, read_catalogue
from dropbox_audit.wording import visible

_LONGEST_ADVICE = 2000
_LONGEST_VALUE = 1000
_MOST_COLUMNS = 100

Severity = Literal["critical", "high", "medium", "low", "info"]
_MOST_RUNS = 5
_NO_ALERTS = (
    "This warehouse has no view {view}: its views were built by a version without alerts. Run "
    "`dropbox-audit transform --all` with one that has them."
)


class Alert(Row):
    """A raised alert."""

    alert_id: str
    rule_id: str
    rule_name: str | None = None
    severity: str | None = None
    title: str | None = None
    occurred_at: datetime | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None
    user_email: str | None = None
    subject: str | None = None
    event_count: int | None = None
    item_count: int | None = None
    evidence: Json = Field(default=None, description="What was counted, and the ids of events behind it.")

    later: ClassVar[frozenset[str]] = frozenset({"evidence"})


class AlertsAnswer(Answer[Alert]):
    """Alerts, and what to do about them."""

    runbooks: dict[str, str] = Field(
        default_factory=dict, description="What to do about the alerts of a rule, by its rule_id."
    )


_WORST_FIRST = (
    "case severity when 'critical' then 0 when 'high' then 1 when 'medium' then 2 when 'low' then 3 else 4 end, "
    "occurred_at desc, alert_id"
)


def list_alerts(
    desk: Desk,
    since: Since = None,
    until: Until = None,
    severity: Annotated[Severity | None, Field(description="Only of this severity or a higher one.")] = None,
    person: Person = None,
    rule_id: Annotated[str | None, Field(description="Only of this rule: see list_alert_rules.", max_length=60)] = None,
    limit: Limit = 30,
) -> AlertsAnswer:
    """What the alert rules have found, the worst first, then the newest.

    What happened, who did it, how much of it, with the evidence and the runbook that says what to do now. Start
    here for "is anything wrong". Looks at the last 90 days unless `since` says otherwise.
    """
    period = desk.period(since, until, DEFAULT_PERIOD)
    with desk.open() as door:
        _require(door, "alerts")
        question = Select("alerts", Alert).within(period).one_of("rule_id", rule_id and [rule_id])
        if severity is not None:
            order: list[str] = ["critical", "high", "medium", "low", "info"]
            question.one_of("severity", order[: order.index(severity) + 1])
        if person is not None:
            condition, parameters = desk.person(door, person).acted("user_id", "user_email")
            question.where(condition, *parameters)
        found = desk.answer(door, question, _WORST_FIRST, limit, period, is_default=since is None, kind=AlertsAnswer)
        answer = cast("AlertsAnswer", found)
        _add_evidence(door, answer)
        return answer


def _require(door: Door, view: str) -> None:
    if not is_there(door, f"{VIEWS_DATASET}.{view}"):
        raise RunError(_NO_ALERTS.format(view=view))


def _add_evidence(door: Door, answer: AlertsAnswer) -> None:
    if not answer.rows:
        return
    rows = {row.alert_id: row for row in answer.rows}
    found = Select("alerts").one_of("alert_id", list(rows))
    tail, parameters = found.tail()
    for alert_id, text, runbook in door.rows(f"select alert_id, evidence, runbook {tail}", parameters):
        evidence, is_cut = readable_json(text, MOST_CHARACTERS // 10)
        answer.truncated |= is_cut
        rows[alert_id].evidence = evidence
        if runbook:
            answer.runbooks[rows[alert_id].rule_id] = readable(runbook, _LONGEST_ADVICE)
    total = answer.total_rows
    answer.fitted(answer.rows, len(answer.rows))
    answer.total_rows = total
    shown = [row.evidence for row in answer.rows if isinstance(row.evidence, dict)]
    answer.cite(str(event_id) for evidence in shown for event_id in _list(evidence.get("event_ids")))


def _list(value: Json) -> list[Any]:
    return value if isinstance(value, list) else []


class AlertRule(Row):
    """A rule that raises alerts."""

    rule_id: str
    name: str | None = None
    kind: str | None = None
    severity: str | None = None
    is_enabled: bool | None = None
    event_types: str | None = None
    counted: str | None = None
    threshold: int | None = None
    window_minutes: int | None = None
    title: str | None = None
    why: str | None = None
    runbook: str | None = None
    mitre: str | None = None

    longest: ClassVar[int] = _LONGEST_ADVICE


def list_alert_rules(
    desk: Desk,
    text: Annotated[
        str | None, Field(description="Only rules that hold this text in their name or reason.", max_length=200)
    ] = None,
    severity: Annotated[Severity | None, Field(description="Only rules of this severity.")] = None,
    limit: Limit = 100,
) -> Answer[AlertRule]:
    """Which alert rules there are, as this team has set them.

    What each watches, from which number on, why it matters, and what to do when it fires. For alerts that were
    raised use list_alerts.
    """
    with desk.open() as door:
        _require(door, "alert_rules")
        question = Select("alert_rules", AlertRule).holding(text, "rule_id", "name", "why", "event_types")
        question.one_of("severity", severity and [severity])
        return desk.answer(door, question, "rule_id", limit, Period())


class DayOfLog(Row):
    """A day of the log that has a gap, or of which something else is to be said."""

    day: date
    status: str
    events: int
    is_covered: bool | None = None
    missing_events: int | None = None
    extra_events: int | None = None
    repaired_events: int | None = None
    rejected_events: int | None = None
    resets: int | None = None
    last_verified_at: datetime | None = None
    last_verification_result: str | None = None
    unknown_event_types: str | None = None


class PipelineRun(Row):
    """A run of the pipeline."""

    started_at: datetime
    command: str | None = None
    outcome: str | None = None
    error: str | None = None
    event_count: int | None = None
    finished_at: datetime | None = None


class CompletenessAnswer(Answer[DayOfLog]):
    """Whether the log is complete. The rows are days with a gap, and others of which something is to be said."""

    verdict: str
    days: dict[str, int] = Field(description="Days of the period by status: complete, not verified, gap.")
    events: int = Field(default=0, description="Events of the period.")
    lateness_seconds: dict[str, float] = Field(
        default_factory=dict,
        description="Within which time events arrived, the worst day of the period: p50, p95, p99.",
    )
    gaps: list[str] = Field(default_factory=list, description="Each gap, and the command that mends it.")
    runs: list[PipelineRun] = Field(default_factory=list, description="The newest runs of the pipeline.")


def log_completeness(desk: Desk, since: Since = None, until: Until = None, limit: Limit = 40) -> CompletenessAnswer:
    """Whether the log is complete for a period; ask it before saying that something did not happen.

    How many days were read completely, compared with Dropbox and found equal, which were not, how late events
    arrive, and what the last runs of the pipeline did. Looks at the whole log unless `since` says otherwise.
    """
    period = desk.period(since, until)
    with desk.open() as door:
        every = Select("log_completeness").on_days_of(period)
        tail, parameters = every.tail()
        days = {"complete": 0, "not verified": 0, "gap": 0}
        events = 0
        lateness: dict[str, float] = {}
        names = ("p50", "p95", "p99")
        columns = ", ".join(f"max(lateness_{name}_seconds)" for name in names)
        for status, number, counted, *late in door.rows(
            f"select status, count(*), sum(events), {columns} {tail} group by status order by status", parameters
        ):
            days[status] = int(number)
            events += int(counted or 0)
            for name, seconds in zip(names, late, strict=True):
                if seconds is not None:
                    lateness[name] = max(lateness.get(name, 0.0), round(float(seconds), 1))
        open_days = Select("log_completeness", DayOfLog).on_days_of(period)
        open_days.where(
            "status = 'gap' or missing_events > 0 or extra_events > 0 or rejected_events > 0 or resets > 0 "
            "or unknown_events > 0"
        )
        rows = [
            DayOfLog.of(row)
            for row in door.rows(*open_days.rows("case when status = 'gap' then 0 else 1 end, day desc", limit + 1))
        ]
        gap_days = door.rows(f"select day, status, is_covered {tail} order by day", parameters)
        runs = Select("pipeline_runs", PipelineRun)
        answer: CompletenessAnswer = desk.empty(
            door,
            period,
            ["log_completeness", "pipeline_runs"],
            kind=CompletenessAnswer,
            verdict=_verdict(days),
            days=days,
            events=events,
            lateness_seconds=lateness,
            gaps=gaps_of(gap_days)[:20],
            runs=[PipelineRun.of(row) for row in door.rows(*runs.rows("started_at desc, run_id", _MOST_RUNS))],
        )
        answer.hints = [hint for hint in answer.hints if "log_completeness" not in hint]
        answer.hints.append(
            "Events arrive up to a day late, so the last day may still grow. `dropbox-audit verify` with --since and "
            "--until compares a period with Dropbox."
        )
        return answer.fitted(rows, limit)


def _verdict(days: dict[str, int]) -> str:
    total = sum(days.values())
    if not total:
        return "The log holds no day of this period."
    if days["gap"]:
        return f"Not complete: {days['gap']} of {total} days have a gap."
    read = f"All {total} days were read completely"
    if not days["not verified"]:
        return f"{read}, compared with Dropbox, and equal."
    if not days["complete"]:
        return f"{read}; none of them was compared with Dropbox yet."
    return f"{read}; {days['complete']} of them were compared with Dropbox and equal, {days['not verified']} not yet."


class ColumnOfView(BaseModel):
    """A column of a view."""

    name: str
    type: str
    meaning: str | None = None


class ViewOfWarehouse(Row):
    """A view, and what one row of it is."""

    name: str
    meaning: str | None = None
    columns: list[ColumnOfView] | None = Field(default=None, description="Where one view was asked for.")

    later: ClassVar[frozenset[str]] = frozenset({"columns"})


def describe_views(
    desk: Desk,
    view: Annotated[
        str | None,
        Field(description="A view, for what its columns mean; without it, the list of views.", max_length=100),
    ] = None,
) -> Answer[ViewOfWarehouse]:
    """Which views the warehouse has, and for one of them what each of its columns means.

    Read it before run_query.
    """
    with desk.open() as door:
        views = read_catalogue(door, desk.target)
        answer: Answer[ViewOfWarehouse] = desk.empty(door, Period(), [])
        if view is None:
            rows = [ViewOfWarehouse(name=found.name, meaning=readable(found.description)) for found in views.values()]
            return answer.fitted(rows, MOST_ROWS)
        wanted = view.strip().lower().removeprefix(f"{VIEWS_DATASET}.")
        if wanted not in views:
            raise RunError(f"There is no view {visible(view)!r}; there are: {', '.join(views)}.")
        found = views[wanted]
        columns = [
            ColumnOfView(name=column.name, type=column.data_type.lower(), meaning=readable(column.description, 1000))
            for column in found.columns
        ]
        answer.evidence.views = [wanted]
        row = ViewOfWarehouse(name=found.name, meaning=readable(found.description, 1000), columns=columns)
        return answer.fitted([row], 1)


class Line(BaseModel):
    """A row of a result, in the order of `columns`."""

    values: list[Json]


class QueryAnswer(Answer[Line]):
    """The result of a query."""

    columns: list[str]
    sql: str = Field(description="What was run: the query as it was understood, with its limit.")


def run_query(
    desk: Desk,
    sql: Annotated[
        str,
        Field(
            description="One select over the views of dropbox_audit, in the SQL of this warehouse. Name them with or "
            "without the schema. No other schema, no table functions, no statements that change anything.",
            min_length=1,
            max_length=MOST_CHARACTERS_OF_A_QUERY,
        ),
    ],
    limit: Limit = 100,
) -> QueryAnswer:
    """The last resort, where no other tool answers: one read-only SQL query over the views.

    Read describe_views first. It is stopped after 20 seconds; filter by `occurred_on` or `day`, and select
    event_id where there is one, as evidence.
    """
    try:
        query, views = checked_query(sql, desk.target.destination, limit + 1)
    except QueryRefusedError as error:
        raise RunError(str(error)) from error
    with desk.open() as door:
        try:
            columns, result = door.table(query)
        except NoSuchRelationError as error:
            raise RunError(f"{desk.target.destination} answers: {visible(str(error))}") from error
        # Snowflake writes names large that nobody has put in quotes.
        columns = [visible(name.lower() if name.isupper() else name)[:100] for name in columns]
        if len(columns) > _MOST_COLUMNS:
            raise RunError(f"The result has {len(columns)} columns: select at most {_MOST_COLUMNS}.")
        longest = min(_LONGEST_VALUE, MOST_CHARACTERS // len(columns))
        rows, is_cut = [], False
        size = 0
        for values in result:
            row = Line(values=[_value(value, longest) for value in values])
            is_cut |= any(_is_cut(value) for value in row.values)
            rows.append(row)
            size += len(row.model_dump_json())
            if size > 2 * MOST_CHARACTERS:
                break
        answer: QueryAnswer = desk.empty(door, Period(), views, kind=QueryAnswer, columns=columns, sql=query)
        answer.truncated = is_cut
        answer.fitted(rows, limit, ())
        if "event_id" in columns:
            place = columns.index("event_id")
            answer.cite(str(row.values[place]) for row in answer.rows if row.values[place])
        # The query may have a limit of its own.
        answer.total_rows = None
        return answer


def _value(value: Any, longest: int) -> Json:
    """A value of a result, no longer than `longest` characters; a list shows as many of its items as fit in."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list | tuple):
        items: list[Json] = []
        left = longest
        for inner in value:
            item = _value(inner, longest)
            left -= len(json.dumps(item))
            if left < 0:
                return [*items, CUT]
            items.append(item)
        return items
    text: str = readable(str(value), longest)
    return text


def _is_cut(value: Json) -> bool:
    last = value[-1] if isinstance(value, list) and value else value
    return isinstance(last, str) and last.endswith(CUT)
