"""Look for alerts that are due, send them, and write down what became of each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dropbox_audit import cursor
from dropbox_audit.alerts import message
from dropbox_audit.alerts.alert import read_alerts, read_reasons
from dropbox_audit.alerts.ledger import (
    DELIVERED,
    FAILED,
    GROUPED,
    Attempt,
    Ledger,
    Waiting,
    read_attempts,
    read_failing,
    read_last_grouped,
    table_of,
)
from dropbox_audit.alerts.plan import GATHERED_AT, GATHERS_SINCE, SINCE, Due, Plan, make_plan, since
from dropbox_audit.alerts.routes import Route, RoutesError, rank, read_routes
from dropbox_audit.alerts.send import Send, Sender
from dropbox_audit.errors import ConfigurationError, RunError, Stopped
from dropbox_audit.load import Loader
from dropbox_audit.load.packages import WarehouseMovedError
from dropbox_audit.settings import duration
from dropbox_audit.transform import is_due as is_transform_due
from dropbox_audit.warehouse import NoSuchRelationError, open_door

_LOOK_EVERY = timedelta(hours=1)
"""Some rules wait for nothing but time."""
_MOST_REFUSALS = 2
"""So many messages in a row that a target refuses mean that it will refuse all of them now."""


class AlertsNotDelivered(RunError):
    """Some alerts were not taken; they are tried again."""


@dataclass
class RouteResult:
    """What became of a route's alerts. Counts are of alerts, not of messages."""

    route: str
    delivered: int = 0
    grouped: int = 0
    failed: int = 0
    waiting: int = 0
    """For the next digest, for another try, for the quiet time to end."""
    error: str | None = None
    alerts: list[dict[str, Any]] = field(default_factory=list)
    """Each one that was sent or tried, with its outcome."""


@dataclass
class Look:
    """What a look at the alerts found: each route's plan, and what the messages need."""

    now: datetime
    max_age: timedelta
    current_at: datetime | None
    """Up to when the views hold the log; None if they lag behind."""
    plans: list[Plan]
    reasons: dict[str, str]
    marks: dict[str, dict[str, str]]


def is_due(loader: Loader, *, has_built: bool) -> bool:
    """Whether there may be something to deliver, or to say about a route; asks the warehouse nothing."""
    routes = read_routes()
    if not routes.usable:
        return bool(routes.problems)
    next_at = cursor.parse(loader.journal.get("alerts_due_at"))
    return (
        has_built
        or bool(routes.problems)
        or next_at is None
        or next_at <= loader.clock.now()
        or Waiting(loader.folder).has_any
    )


def look(loader: Loader, routes: Sequence[Route]) -> Look:
    """Read the alerts that may be due and decide what goes where. Sends and changes nothing.

    Raises:
        ConfigurationError: there are no alerts to look at yet.
        RunError: the warehouse cannot be read.
    """
    target, now = loader.target, loader.clock.now()
    max_age = duration(loader.settings.alert_max_age, "alert_max_age")
    marks = _marks(loader)
    if target.path is not None and not target.path.exists():
        raise ConfigurationError(f"{target.path} does not exist yet: run `dropbox-audit run` first.")
    ledger = Ledger()
    with open_door(target, stop=loader.stop, notice=loader.notice) as door:
        try:
            ledger.take([*read_failing(door), *read_last_grouped(door), *Waiting(loader.folder).read()])
            failing = [attempt.alert_id for attempt in ledger.failing() if attempt.alert_id is not None]
            alerts = read_alerts(door, since(routes, marks, now, max_age), failing)
            reasons = read_reasons(door) if alerts else {}
        except NoSuchRelationError:
            raise ConfigurationError(
                f"{target.name} has no alerts yet: run `dropbox-audit run` (or `transform`) first."
            ) from None
        ledger.take(read_attempts(door, [alert.alert_id for alert in alerts]))
    plans = [make_plan(route, alerts, ledger, marks, now, max_age) for route in routes]
    return Look(now, max_age, _current_at(loader), plans, reasons, marks)


def deliver(loader: Loader, run_id: str, send: Send | None = None) -> list[RouteResult]:
    """Deliver what is due, and load what became of it. Call it within `loader.alone()`.

    Args:
        loader: whose warehouse and state it is.
        run_id: of the run that this is a part of.
        send: hands a message over; through Apprise unless given.

    Returns:
        What became of each route's alerts; targets that took none are no exception.

    Raises:
        RoutesError: a route cannot be used; the others were.
        ConfigurationError: there are no alerts to look at yet.
        Stopped: what was sent until then is written down.
        RunError: the warehouse cannot be read or loaded.
    """
    routes = read_routes()
    loader.begin()
    if not routes.usable:
        routes.require()
        return []
    is_first = not _marks(loader)
    # Whatever ends this one early, the next run looks again.
    loader.journal.put(alerts_due_at=None)
    found = look(loader, routes.usable)
    send = send or Sender(loader.stop)
    if any(plan.due for plan in found.plans):
        Waiting(loader.folder).check()
    results = []
    try:
        for plan in found.plans:
            delivery = _Delivery(loader, plan, found, run_id, send)
            results.append(delivery.result)
            try:
                delivery.make()
            except RoutesError as error:
                routes.problems.append(str(error))
    finally:
        loader.journal.put(alert_marks=found.marks)
        _load(loader, is_first=is_first)
    again = [plan.again_at for plan in found.plans if plan.again_at is not None]
    loader.journal.put(alerts_due_at=min([found.now + _LOOK_EVERY, *again]).isoformat())
    if routes.problems:
        raise RoutesError(" ".join(filter(None, (*routes.problems, trouble_in(results)))))
    return results


def trouble_in(results: Iterable[RouteResult]) -> str:
    """What was not delivered, a sentence for each route; nothing if all was."""
    return " ".join(
        f"{result.failed:,} alert{' was' if result.failed == 1 else 's were'} not taken by the route {result.route} "
        f"({result.error}): the next runs try again."
        for result in results
        if result.error is not None
    )


def _current_at(loader: Loader) -> datetime | None:
    """When the log was last read to its end, if the views have taken it in since.

    While they lag behind, something that happened long ago may still come as news.
    """
    if is_transform_due(loader):
        return None
    caught_up = [cursor.parse(walk.caught_up_at) for walk in loader.walks().values() if walk.kind == "live"]
    return min((moment for moment in caught_up if moment is not None), default=None)


def _marks(loader: Loader) -> dict[str, dict[str, str]]:
    """By route the later of what this machine and the warehouse know."""
    own, stored = loader.journal.get("alert_marks") or {}, cursor.alert_marks(loader.pipeline)
    return {
        name: {
            key: max(filter(None, (marks.get(name, {}).get(key) for marks in (own, stored))))
            for key in {**own.get(name, {}), **stored.get(name, {})}
        }
        for name in {**own, **stored}
    }


def _load(loader: Loader, *, is_first: bool) -> None:
    """Load what is written down. The first time also without any: whoever comes next must know when that was."""
    waiting = Waiting(loader.folder)
    attempts = waiting.read()
    if not attempts and not is_first:
        return
    # This package holds nothing that a view would have to take in.
    is_transform_due = loader.journal.get("transform_due")
    try:
        loader.commit([{"alert_deliveries": table_of(attempts)}], walks=loader.walks)
    except WarehouseMovedError:
        loader.notice("The warehouse is not as the last run left it: what was delivered is loaded with the next run")
        loader.restore()
        return
    waiting.clear()
    loader.journal.put(transform_due=is_transform_due)


@dataclass
class _Delivery:
    """A route's part of a delivery."""

    loader: Loader
    plan: Plan
    found: Look
    run_id: str
    send: Send

    def __post_init__(self) -> None:
        self.result = RouteResult(self.plan.route.name, waiting=self.plan.waiting)
        self._waiting = Waiting(self.loader.folder)
        self._refusals = 0

    def make(self) -> None:
        plan, found = self.plan, self.found
        marks = found.marks.setdefault(plan.route.name, {})
        # From the first look on, whatever becomes of it: what a target does not take must not grow too old meanwhile.
        for key in (SINCE, GATHERS_SINCE):
            marks.setdefault(key, (found.now - found.max_age).isoformat())
        is_through = not plan.is_held_up
        for number, due in enumerate(plan.single):
            if self._refusals >= _MOST_REFUSALS:
                self._put_off(plan.single[number:])
                is_through = False
                break
            self._send_one(due)
        if self._send_many(plan.many, "more alert") and is_through:
            self._move_on(marks, SINCE)
        if plan.is_digest_due and self._send_many(plan.gathered, "minor alert", " since the last digest"):
            self._move_on(marks, GATHERS_SINCE)
            marks[GATHERED_AT] = found.now.isoformat()

    def _move_on(self, marks: dict[str, str], key: str) -> None:
        """All that is due by now was sent, or is in the ledger."""
        if self.found.current_at is not None:
            marks[key] = max(marks[key], (self.found.current_at - self.found.max_age).isoformat())

    def _send_one(self, due: Due) -> None:
        error = self._send(message.one(due, self.found.reasons))
        outcome = FAILED if error else DELIVERED
        self._note([due], outcome, [Attempt.of(due.alert, **self._facts(outcome, due.failures + 1, error))])

    def _send_many(self, items: Sequence[Due], what: str, when: str = "") -> bool:
        """Whether they arrived; also where there are none."""
        if not items:
            return True
        if self._refusals >= _MOST_REFUSALS:
            self._put_off(items)
            return False
        error = self._send(message.many(items, f"{what}{'' if len(items) == 1 else 's'}{when}"))
        if error is None:
            self._note(
                items, GROUPED, [Attempt.of(due.alert, **self._facts(GROUPED, due.failures + 1)) for due in items]
            )
            return True
        worst = min((due.alert.severity for due in items), key=rank)
        facts = self._facts(FAILED, self.plan.failures_of_many + 1, error)
        self._note(items, FAILED, [Attempt(severity=worst, **facts)])
        return False

    def _send(self, text: message.Message) -> str | None:
        if self.loader.stop.is_set():
            raise Stopped("stopped while delivering alerts; the next run delivers the rest")
        error = self.send(self.plan.route, text)
        self._refusals = self._refusals + 1 if error else 0
        self.result.error = error or self.result.error
        return error

    def _put_off(self, items: Sequence[Due]) -> None:
        """They are due with the next run: there is no telling when the target answers again."""
        self.result.waiting += len(items)
        self.plan.look_again(self.found.now)

    def _facts(self, outcome: str, attempt: int, error: str | None = None) -> dict[str, Any]:
        return {
            "route": self.plan.route.name,
            "outcome": outcome,
            "attempt": attempt,
            "error": error,
            "attempted_at": self.loader.clock.now(),
            "run_id": self.run_id,
        }

    def _note(self, items: Sequence[Due], outcome: str, attempts: Sequence[Attempt]) -> None:
        """Write down what became of a message, at once."""
        self._waiting.add(attempts)
        setattr(self.result, outcome, getattr(self.result, outcome) + len(items))
        self.result.alerts += [
            {
                "alert_id": due.alert.alert_id,
                "rule_id": due.alert.rule_id,
                "severity": due.alert.severity,
                "title": due.alert.title,
                "is_update": due.is_update,
                "outcome": outcome,
            }
            for due in items
        ]
        for attempt in attempts:
            if attempt.retry_at is not None:
                self.plan.look_again(attempt.retry_at)
