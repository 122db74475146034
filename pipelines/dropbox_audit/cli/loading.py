"""Commands that load the log and build the views."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dropbox_audit.cli.common import (
    Destination,
    Json,
    Since,
    Until,
    app,
    count,
    fail,
    loader_for,
    print_json,
    progress,
    say,
    tell,
)
from dropbox_audit.errors import ConfigurationError, DropboxAuditError

if TYPE_CHECKING:
    from dropbox_audit.load import LoadResult, Window
    from dropbox_audit.run import RunResult
    from dropbox_audit.transform import TransformResult


@app.command()
def load(
    destination: Destination = "duckdb",
    since: Since = None,
    until: Until = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Walk all history again and append; nothing is dropped.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Extract and load what is new, or a closed window of the log."""
    from dropbox_audit.run import load_once

    loader = loader_for(destination)
    window = None if since is None and until is None else _window(since, until)
    if window is not None and full_refresh:
        raise ConfigurationError("--full-refresh reads everything: leave out --since and --until.")
    with loader.alone(), progress(loader, quiet=as_json):
        if window is None and not full_refresh:
            result = load_once(loader)
        else:
            loader.target.check_usable()
            result = loader.load("load", window=window, full_refresh=full_refresh)
    if as_json:
        print_json({**asdict(result), "warehouse": loader.target.name})
    else:
        say(_describe_load(result, loader.target.name))


def _window(since: str | None, until: str | None) -> "Window":
    """The window that the two options name: from the beginning of the log, up to now, unless they say otherwise."""
    from dropbox_audit.clock import Clock
    from dropbox_audit.load import Window
    from dropbox_audit.settings import instant

    now = Clock().now()
    start = instant(since, "--since", now) if since is not None else None
    end = instant(until, "--until", now) if until is not None else now.replace(microsecond=0)
    if start is not None and start >= end:
        raise ConfigurationError(f"--since {since} is not before --until {until or 'now'}.")
    return Window(start, end)


@app.command()
def transform(
    destination: Destination = "duckdb",
    all_models: Annotated[bool, typer.Option("--all", help="Rebuild unchanged models too, run every test.")] = False,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Rebuild the views from raw.")] = False,
) -> None:
    """Bring the views up to date."""
    from dropbox_audit.transform import transform as build

    loader = loader_for(destination)
    with loader.alone():
        result = build(loader, everything=all_models, full_refresh=full_refresh)
    say(_describe_transform(result))


@app.command()
def run(
    destination: Destination = "duckdb",
    every: Annotated[str | None, typer.Option("--every", help="Keep going, once in this time: 5m, 1h.")] = None,
    as_json: Json = False,
) -> None:
    """Load what is new, bring the views up to date, deliver new alerts."""
    from dropbox_audit.run import keep_running, run_once
    from dropbox_audit.settings import duration

    seconds = duration(every, "--every").total_seconds() if every is not None else None
    if seconds is not None and seconds < 1:
        raise ConfigurationError("--every is too short: the least is 1s.")
    loader = loader_for(destination)

    def once() -> None:
        results: list[RunResult] = []
        try:
            with progress(loader, quiet=as_json):
                run_once(loader, results.append)
        finally:
            for result in results:
                report(result)

    def report(result: "RunResult") -> None:
        if as_json:
            views = asdict(result.transform) if result.transform else {"outcome": "up_to_date"}
            alerts = [asdict(route) for route in result.alerts]
            print_json({**asdict(result.load), "warehouse": loader.target.name, "transform": views, "alerts": alerts})
            return
        say(_describe_load(result.load, loader.target.name))
        if result.transform is not None and result.transform.outcome != "up_to_date":
            say(_describe_transform(result.transform))
        if any(route.alerts for route in result.alerts):
            from dropbox_audit.alerts.screen import results_text

            say(results_text([route for route in result.alerts if route.alerts]))

    with loader.alone():
        if seconds is None:
            once()
            return
        keep_running(loader, seconds, once, failed=fail)
    tell("Stopped.")


@app.command()
def verify(
    destination: Destination = "duckdb",
    since: Since = None,
    until: Until = None,
    repair: Annotated[bool, typer.Option("--repair", help="Load what is missing.")] = False,
    as_json: Json = False,
) -> None:
    """Read a window of the log again and compare it with the warehouse."""
    from dropbox_audit.verify import verify as compare

    loader = loader_for(destination)
    window = _window(since, until)
    with loader.alone():
        loader.target.check_usable()
        try:
            with progress(loader, quiet=as_json):
                found = compare(loader, window, repair=repair)
        except DropboxAuditError as error:
            if as_json:
                print_json({"result": "failed", "error": str(error), "missing": [], "extra": []})
            raise
    if as_json:
        print_json({**asdict(found), "warehouse": loader.target.name})
    else:
        from dropbox_audit.screen import verification_screen

        say(verification_screen(found))
    if found.result != "equal":
        raise typer.Exit(1)


def _describe_load(result: "LoadResult", name: str) -> str:
    if not result.batches:
        return f"Nothing new ({count(result.requests, 'request')})."
    odd = f", {count(result.rejected_events, 'item')} that cannot be an event" if result.rejected_events else ""
    what = f"{count(result.events, 'event')} ({count(result.pages, 'page')}{odd})"
    return f"Received {what} into {name} in {result.seconds:.1f} s.{_describe_directory(result)}"


def _describe_directory(result: "LoadResult") -> str:
    if result.directory is None:
        return ""
    skipped = [name for name, count in result.directory.items() if count is None]
    read = count(sum(count or 0 for count in result.directory.values()), "record")
    return f" The team's directory: {read}{', without ' + ', '.join(skipped) if skipped else ''}."


def _describe_transform(result: "TransformResult") -> str:
    if result.outcome == "up_to_date":
        return "The views are up to date."
    days = "" if result.days is None else f", {count(len(result.days), 'day')} touched"
    return f"Views {result.outcome} in {result.seconds:.1f} s ({count(result.loads, 'new load')}{days})."
