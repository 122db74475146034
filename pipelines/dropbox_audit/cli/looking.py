"""Commands that show what is there, and the demo."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dropbox_audit.cli import common
from dropbox_audit.cli.common import (
    Destination,
    Json,
    Since,
    Until,
    app,
    loader_for,
    print_json,
    say,
    tell,
    warn_of_open_secrets,
)


@app.command()
def export(
    output: Annotated[Path, typer.Option("--output", help="File to write: .csv, .parquet or .jsonl.")],
    since: Since = None,
    until: Until = None,
    user: Annotated[list[str] | None, typer.Option("--user", help="E-mail or account id of the actor.")] = None,
    event_type: Annotated[list[str] | None, typer.Option("--event-type", help="For instance file_delete.")] = None,
    destination: Destination = "duckdb",
) -> None:
    """Write events, filtered, to CSV, Parquet or JSON lines."""
    from dropbox_audit.clock import Clock
    from dropbox_audit.export import export_events
    from dropbox_audit.filters import Filter
    from dropbox_audit.settings import instant
    from dropbox_audit.warehouse import find_target

    warn_of_open_secrets()
    now = Clock().now()
    chosen = Filter(
        since=instant(since, "--since", now) if since is not None else None,
        until=instant(until, "--until", now) if until is not None else None,
        users=tuple(user or ()),
        event_types=tuple(event_type or ()),
    )
    count = export_events(find_target(destination), chosen, output)
    say(f"{count:,} events written to {output}.")


@app.command()
def status(destination: Destination = "duckdb", as_json: Json = False) -> None:
    """Show last runs, lag, cursor age, request budget and gaps."""
    from dropbox_audit.status import read_status

    loader = loader_for(destination)
    found = read_status(loader, loader.clock)
    if as_json:
        print_json(asdict(found))
        return
    from dropbox_audit.screen import status_screen

    say(status_screen(found))


@app.command()
def seats(destination: Destination = "duckdb", as_json: Json = False) -> None:
    """Show seats bought, used and idle, what they cost, the next renewal, and what leavers still own."""
    from dropbox_audit.seats import read_seats
    from dropbox_audit.warehouse import find_target

    found = read_seats(find_target(destination))
    if as_json:
        print_json(asdict(found))
        return
    from dropbox_audit.screen import seats_screen

    say(seats_screen(found))


@app.command()
def dashboard(
    destination: Destination = "duckdb",
    host: Annotated[str, typer.Option("--host", help="Beyond loopback it requires a sign-in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port of the pages.", min=1, max=65535)] = 8501,
) -> None:
    """Serve pages over the views: activity, deletes, shares, sign-ins, alerts, seats and more."""
    from dropbox_audit.dashboard.serve import serve
    from dropbox_audit.warehouse import find_target

    warn_of_open_secrets()
    serve(find_target(destination), host, port, say)


@app.command()
def demo(
    serve: Annotated[bool, typer.Option("--serve", help="Only run the simulated API, for your own client.")] = False,
    port: Annotated[
        int, typer.Option("--port", help="Port of the simulated API with --serve.", min=0, max=65535)
    ] = 8765,
) -> None:
    """Load a simulated team into DuckDB and answer questions in SQL; needs no account and no network."""
    from dropbox_audit.demo import tour

    if serve:
        tour.serve(port, say)
    else:
        tour.give(common.session.stop, say, tell)
