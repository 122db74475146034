"""What the command `alert` shows: plain text, 80 columns wide."""

from collections.abc import Sequence

from dropbox_audit.alerts.backtest import Backtest
from dropbox_audit.alerts.deliver import Look, RouteResult
from dropbox_audit.alerts.plan import Due, Plan
from dropbox_audit.alerts.routes import Route
from dropbox_audit.wording import one_line

_WIDTH = 80
_MOST_LINES = 30

HOW_TO_ROUTE = """\
No route is configured, so nothing is delivered. Name one in .dlt/secrets.toml,
for mail, Slack, Teams, PagerDuty, a webhook or whatever Apprise knows:

[sources.dropbox_audit.alert_routes.security]
url = "slack://TokenA/TokenB/TokenC/#security"

Then try it out:   dropbox-audit alert test F01"""


def plans_screen(found: Look) -> str:
    """What would be delivered, and where."""
    return "\n\n".join("\n".join(_plan(plan)) for plan in found.plans)


def _plan(plan: Plan) -> list[str]:
    lines = [_cut(f"Route {plan.route.name}: {_filter(plan.route)}")]
    sections = (("now", plan.single), ("now, all in one message", plan.many), ("now, as the digest", plan.gathered))
    for heading, items in sections:
        if items:
            lines += [f"  {heading}", *alert_lines(items)]
    if not plan.due:
        lines.append("  nothing is due")
    if plan.waiting:
        lines.append(f"  {plan.waiting:,} waiting for a digest, another try, or the quiet time to end")
    return lines


def alert_lines(items: Sequence[Due]) -> list[str]:
    """A line for each alert."""
    lines = [
        _cut(
            f"    {due.alert.occurred_at:%Y-%m-%d %H:%M} {due.alert.severity:<8} {due.alert.rule_id:<4} "
            f"{'Update: ' if due.is_update else ''}{one_line(due.alert.title)}"
        )
        for due in items[:_MOST_LINES]
    ]
    rest = len(items) - len(lines)
    return [*lines, f"    ... and {rest:,} more: --json lists all"] if rest else lines


def results_text(results: Sequence[RouteResult]) -> str:
    """What became of the alerts, a line for each route."""
    return "\n".join(_result(result) for result in results)


def _result(result: RouteResult) -> str:
    told = [
        (result.delivered, "delivered"),
        (result.grouped, "delivered together"),
        (result.failed, "not taken"),
        (result.waiting, "waiting"),
    ]
    counts = ", ".join(f"{count:,} {what}" for count, what in told if count)
    return f"Alerts to {result.route}: {counts or 'nothing new'}."


def _filter(route: Route) -> str:
    rules = "every rule" if route.rules == ("*",) else f"rules {' '.join(route.rules)}"
    return f"{rules}, {route.min_severity}{'' if route.min_severity == 'critical' else ' and worse'}"


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..."


def backtest_screen(found: Backtest) -> str:
    """What a rule would have raised: the newest last."""
    tried = " ".join(f"{name}={value}" for name, value in found.changed.items()) or "its parameters in force"
    count = len(found.episodes)
    lines = [
        f"{found.rule_id} since {found.since:%Y-%m-%d} with {tried}:",
        f"{count:,} alert{'' if count == 1 else 's'}; the warehouse holds {found.raised:,}.",
    ]
    if count > _MOST_LINES:
        lines.append(f"The last {_MOST_LINES} of them (--json lists all):")
    return "\n".join(
        [
            *lines,
            *(
                _cut(
                    f"    {each.occurred_at:%Y-%m-%d %H:%M}  {each.item_count:>7,}  "
                    f"{one_line(each.user_email or each.subject)}"
                )
                for each in found.episodes[-_MOST_LINES:]
            ),
        ]
    )
