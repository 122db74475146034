"""What is due where, and what waits for what. Pure: alerts, ledger and time go in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dropbox_audit.alerts.alert import Alert
from dropbox_audit.alerts.ledger import Known, Ledger
from dropbox_audit.alerts.routes import Route, rank
from dropbox_audit.cursor import parse

SINCE, GATHERS_SINCE, GATHERED_AT = "since", "gathers_since", "gathered_at"
Marks = Mapping[str, Mapping[str, str]]
"""By route, as ISO text: from when on an alert that the ledger does not know is due, at once or with the digest, and
when the last digest went."""
MOST_SINGLE = 10
"""So many messages to a route at a time; what is due beyond that goes into one, so that nobody is flooded."""


@dataclass(frozen=True, slots=True)
class Due:
    """An alert to be sent now; `is_update` if it has been before and went on, or got worse.

    `failures` says how often in a row it was not taken.
    """

    alert: Alert
    is_update: bool = False
    failures: int = 0


@dataclass(slots=True)
class Plan:
    """What a route gets now: `single` each in a message of its own, `many` in one, `gathered` in the digest."""

    route: Route
    single: list[Due] = field(default_factory=list)
    many: list[Due] = field(default_factory=list)
    gathered: list[Due] = field(default_factory=list)
    waiting: int = 0
    """Alerts for the next digest, for another try, or gone on within the quiet time."""
    failing: int = 0
    """Alerts whose last attempt failed, due again or not."""
    error: str | None = None
    """Why the last one that failed was not taken."""
    again_at: datetime | None = None
    """When something that waits is due."""
    is_digest_due: bool = False
    is_held_up: bool = False
    """Messages of many wait for another try, and something that is due with them."""
    failures_of_many: int = 0

    @property
    def due(self) -> list[Due]:
        """All that it gets now, the worst first."""
        return [*self.single, *self.many, *self.gathered]

    def wait(self, until: datetime, count: int = 1) -> None:
        """So many alerts are due then."""
        self.waiting += count
        self.look_again(until)

    def look_again(self, moment: datetime) -> None:
        """Something is due then."""
        self.again_at = moment if self.again_at is None else min(self.again_at, moment)


def since(routes: Iterable[Route], known: Marks, now: datetime, max_age: timedelta) -> datetime:
    """From when on alerts may be due on any route."""
    horizons = [_horizon(known, route, key, now - max_age) for route in routes for key in _keys(route)]
    return min(horizons, default=now)


def make_plan(
    route: Route, alerts: Iterable[Alert], ledger: Ledger, known: Marks, now: datetime, max_age: timedelta
) -> Plan:
    """What a route gets now."""
    many = ledger.of_many(route)
    plan = Plan(route, failures_of_many=many.failures, error=many.failed.error if many.failed else None)
    many_at = many.retry_at or now
    last_digest = parse(known.get(route.name, {}).get(GATHERED_AT))
    digest_at = many_at
    if route.digest is not None and last_digest is not None:
        digest_at = max(digest_at, last_digest + route.digest)
    plan.is_digest_due = route.digest is not None and digest_at <= now
    due: list[Due] = []
    for alert in sorted(alerts, key=lambda alert: (rank(alert.severity), alert.occurred_at, alert.alert_id)):
        if not route.takes(alert.rule_id, alert.severity):
            continue
        facts, gathers = ledger.of(alert.alert_id, route), route.gathers(alert.severity)
        if facts.failed is not None:
            plan.failing += 1
            plan.error = facts.failed.error
        horizon = _horizon(known, route, GATHERS_SINCE if gathers else SINCE, now - max_age)
        if facts.delivered is None and facts.failed is None and alert.occurred_at < horizon:
            continue
        due_at = _due_at(alert, facts, route, now)
        if due_at is None:
            continue
        due_at = max(due_at, digest_at) if gathers else due_at
        if due_at > now:
            plan.wait(due_at)
        else:
            item = Due(alert, facts.delivered is not None, facts.failures)
            (plan.gathered if gathers else due).append(item)
    plan.single, rest = due[:MOST_SINGLE], due[MOST_SINGLE:]
    if many_at <= now:
        plan.many = rest
    elif rest:
        plan.is_held_up = True
        plan.wait(many_at, len(rest))
    return plan


def _due_at(alert: Alert, facts: Known, route: Route, now: datetime) -> datetime | None:
    """When an alert is due by itself; None if it has arrived and nothing is new about it."""
    before, earliest = facts.delivered, facts.retry_at or now
    if before is None:
        return earliest
    if before.severity is not None and rank(alert.severity) < rank(before.severity):
        return earliest
    is_longer = before.last_at is not None and alert.last_at > before.last_at
    # What is no more than a state, such as idle seats, goes on with every look at it, and that is no news.
    if alert.event_count and (is_longer or alert.event_count > (before.event_count or 0)):
        return max(earliest, before.attempted_at + route.quiet)
    return None


def _keys(route: Route) -> tuple[str, ...]:
    return (SINCE,) if route.digest is None else (SINCE, GATHERS_SINCE)


def _horizon(known: Marks, route: Route, key: str, otherwise: datetime) -> datetime:
    return parse(known.get(route.name, {}).get(key)) or otherwise
