"""Commands about alerts."""

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dropbox_audit.cli.common import (
    Destination,
    Json,
    app,
    loader_for,
    print_json,
    say,
    session,
    warn_of_open_secrets,
)
from dropbox_audit.errors import ConfigurationError, RunError

if TYPE_CHECKING:
    from dropbox_audit.alerts.plan import Due, Plan
    from dropbox_audit.load import Loader

alert_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(alert_app, name="alert")


@alert_app.callback()
def alert(
    context: typer.Context,
    destination: Destination = "duckdb",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be delivered, and where.")] = False,
    as_json: Json = False,
) -> None:
    """Deliver new alerts to the configured routes."""
    if context.invoked_subcommand is not None:
        return
    from dropbox_audit.alerts.deliver import AlertsNotDelivered, deliver, trouble_in
    from dropbox_audit.alerts.routes import read_routes
    from dropbox_audit.alerts.screen import results_text
    from dropbox_audit.runs import new_run_id

    loader = loader_for(destination)
    if dry_run:
        _show(loader, as_json=as_json)
        return
    routes = read_routes()
    if not routes.usable and not routes.problems:
        raise ConfigurationError(
            "No alert route is configured: `dropbox-audit alert --dry-run` shows what is new, and how to name one."
        )
    with loader.alone():
        results = deliver(loader, new_run_id(loader.clock.now()))
    if as_json:
        print_json({"warehouse": loader.target.name, "routes": [asdict(result) for result in results]})
    else:
        say(results_text(results))
    if trouble := trouble_in(results):
        raise AlertsNotDelivered(trouble)


def _show(loader: "Loader", *, as_json: bool) -> None:
    """What would be delivered. Nothing is sent, and nothing noted."""
    from dropbox_audit.alerts.deliver import look
    from dropbox_audit.alerts.routes import Route, read_routes
    from dropbox_audit.alerts.screen import HOW_TO_ROUTE, alert_lines, plans_screen

    routes = read_routes()
    everything = Route("", "", "info", ("*",), None, timedelta())
    found = look(loader, routes.usable or [everything])
    if as_json:
        shown = [_plan_json(plan) for plan in found.plans]
        print_json(
            {"warehouse": loader.target.name, "routes": shown if routes.usable else [], "problems": routes.problems}
            | ({} if routes.usable else {"alerts": shown[0]["now"] + shown[0]["together"]})
        )
    elif routes.usable:
        say(plans_screen(found))
    else:
        new = found.plans[0].due
        say("\n".join(["New alerts (UTC)", *alert_lines(new), ""] if new else ["No new alerts.", ""]))
        if not routes.problems:
            say(HOW_TO_ROUTE)
    routes.require()


def _plan_json(plan: "Plan") -> dict[str, Any]:
    def alerts(items: "list[Due]") -> list[dict[str, Any]]:
        return [
            {**asdict(due.alert), "evidence": due.alert.evidence_values(), "is_update": due.is_update} for due in items
        ]

    return {
        "route": plan.route.name,
        "now": alerts(plan.single),
        "together": alerts(plan.many),
        "digest": alerts(plan.gathered),
        "waiting": plan.waiting,
        "failed": plan.failing,
    }


@alert_app.command("test")
def test_route(
    rule: Annotated[str, typer.Argument(help="Which rule's sample, for instance F01.")],
    route: Annotated[str | None, typer.Option("--route", help="Only there, whatever that route takes.")] = None,
) -> None:
    """Send a sample of a rule's alert through the routes that take it."""
    from dropbox_audit.alert_settings import packaged_rules
    from dropbox_audit.alerts import message
    from dropbox_audit.alerts.plan import Due
    from dropbox_audit.alerts.routes import RoutesError, read_routes
    from dropbox_audit.alerts.sample import sample_of
    from dropbox_audit.alerts.send import Sender
    from dropbox_audit.clock import Clock

    warn_of_open_secrets()
    rules, routes = packaged_rules(), read_routes()
    if rule.upper() not in rules:
        raise ConfigurationError(f"{rule!r} is no rule: docs/alerts.md lists them.")
    known = rules[rule.upper()]
    if route is not None:
        chosen = [each for each in routes.usable if each.name == route.lower()]
    else:
        chosen = [each for each in routes.usable if each.takes(known["rule_id"], known["severity"])]
    if not chosen:
        routes.require()
        names = ", ".join(each.name for each in routes.usable) or "none"
        which = f"is called {route}" if route is not None else f"takes {known['rule_id']} ({known['severity']})"
        raise ConfigurationError(f"No alert route {which}; configured: {names}.")
    sample = sample_of(known, Clock().now())
    send, reasons, refused = Sender(session.stop), {sample.rule_id: known["why"]}, []
    for each in chosen:
        try:
            error = send(each, message.one(Due(sample), reasons))
        except RoutesError as trouble:
            routes.problems.append(str(trouble))
            continue
        if error is None:
            say(f"The route {each.name} has taken it.")
        else:
            refused.append(f"The route {each.name} has not taken it: {error}.")
    if refused:
        raise RunError(" ".join([*refused, *routes.problems]))
    routes.require()


@alert_app.command()
def backtest(
    rule: Annotated[str, typer.Option("--rule", help="Which rule, for instance F01.")],
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter to try, for instance threshold=50; again for more.")
    ] = None,
    since: Annotated[str, typer.Option("--since", help="From here on: a date, a timestamp or 30d.")] = "90d",
    destination: Destination = "duckdb",
    as_json: Json = False,
) -> None:
    """Show how many alerts a rule would have raised with other parameters. Nothing is stored or delivered."""
    from dropbox_audit.alerts.backtest import backtest as try_out
    from dropbox_audit.alerts.screen import backtest_screen
    from dropbox_audit.settings import instant

    wanted = {}
    for change in changes or []:
        name, equals, value = change.partition("=")
        if not equals:
            raise ConfigurationError(f"--set {change!r} names no value: write it like threshold=50.")
        wanted[name.strip().lower()] = value.strip()
    loader = loader_for(destination)
    with loader.alone():
        found = try_out(loader, rule.upper(), wanted, instant(since, "--since", loader.clock.now()))
    if as_json:
        print_json(asdict(found))
    else:
        say(backtest_screen(found))
