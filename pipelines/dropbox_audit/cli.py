"""The command line: parse, call, print. Everything else lives in the modules it calls.

Imports are inside the commands on purpose: a poll that finds nothing should cost little more than starting Python.
"""

import contextlib
import json
import logging
import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dropbox_audit.errors import ConfigurationError, DropboxAuditError, RunError, Stopped
from dropbox_audit.wording import one_line, printable

if TYPE_CHECKING:
    from dropbox_audit.load import Loader, LoadResult, Window
    from dropbox_audit.transform import TransformResult

app = typer.Typer(
    help="Every Dropbox team event in your warehouse, exactly once, readable as plain views.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Destination = Annotated[str, typer.Option("--destination", help="duckdb, bigquery or snowflake.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")]
Since = Annotated[str | None, typer.Option("--since", help="From here on: a date, a timestamp or 30d.")]
Until = Annotated[str | None, typer.Option("--until", help="Up to here, exclusive.")]


class _Session:
    """What one invocation shares: the stop event and the signal that set it, and whether tracebacks are wanted."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.signal = 0
        self.debug = False

    def catch_signals(self) -> None:
        def handle(number: int, _frame: object) -> None:
            if self.signal:
                os._exit(128 + number)
            self.signal = number
            self.stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, handle)


_session = _Session()


def main() -> None:
    """Entry point of the command `dropbox-audit`."""
    # Wherever it stands on the line: who looks for the cause of an error appends it to the command that failed.
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    _session.debug = len(arguments) < len(sys.argv) - 1
    try:
        app(arguments, standalone_mode=True)
    except DropboxAuditError as error:
        sys.exit(_fail(error))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        sys.exit(_fail(_translated(error)))


def _fail(error: DropboxAuditError) -> int:
    if _session.debug:
        import traceback

        # The texts of all errors that led to this one, which may hold what a server said.
        for line in "".join(traceback.format_exception(error)).splitlines():
            print(printable(line), file=sys.stderr, flush=True)  # noqa: T201
    _tell(f"Error: {error}")
    if isinstance(error, Stopped) and _session.signal:
        return 128 + _session.signal
    return error.exit_code


def _translated(error: Exception) -> DropboxAuditError:
    """What a library raised, in one line."""
    from dlt.common.configuration.exceptions import ConfigurationException

    from dropbox_audit import local
    from dropbox_audit.settings import first_line, in_one_line

    translated: DropboxAuditError
    if isinstance(error, ConfigurationException) or type(error).__name__ == "TOMLKitError":
        translated = ConfigurationError(f"The configuration cannot be read: {in_one_line(error)}")
    elif isinstance(error, OSError) and local.is_disk_error(error):
        translated = local.disk_error(error, local.data_dir())
    elif isinstance(error, OSError):
        translated = RunError(f"{error.strerror or error} ({error.filename or 'no file'}).")
    else:
        translated = RunError(f"{type(error).__name__}: {first_line(error)} (--debug shows where).")
    translated.__cause__ = error
    return translated


def _tell(sentence: str) -> None:
    """One line on stderr, whatever text from outside it holds."""
    print(one_line(sentence), file=sys.stderr, flush=True)  # noqa: T201


def _say(text: str = "") -> None:
    """Lines on stdout; what comes from outside and must not begin a line is made `one_line` by who puts it there."""
    print(printable(text), flush=True)  # noqa: T201


def _print_json(value: Any) -> None:
    _say(json.dumps(value, default=str))


@app.callback()
def _common(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    _session.catch_signals()
    logging.getLogger("dlt").setLevel(logging.ERROR)


# -- loading ----------------------------------------------------------------------------------------------------


def _loader(destination: str) -> "Loader":
    from dropbox_audit.clock import Clock
    from dropbox_audit.load import Loader
    from dropbox_audit.settings import read_settings
    from dropbox_audit.warehouse import find_target

    clock = Clock()
    _warn_of_open_secrets()
    settings = read_settings(clock.now())
    return Loader(find_target(destination), settings=settings, clock=clock, stop=_session.stop, notice=_tell)


def _warn_of_open_secrets() -> None:
    from dropbox_audit.settings import open_secrets_files

    for file in open_secrets_files():
        _tell(f"Warning: other users of this machine may open {file}: chmod 600 {shlex.quote(str(file))}")


@contextlib.contextmanager
def _progress(loader: "Loader", *, quiet: bool) -> Iterator[None]:
    """A progress bar on a terminal, plain lines otherwise."""
    if quiet or not sys.stderr.isatty():
        loader.progress = lambda tally: _tell(
            f"{_count(tally.events, 'event')} in {_count(tally.pages, 'page')} loaded"
        )
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading the log", total=None)
        loader.progress = lambda tally: bar.update(
            task, description=f"{tally.events:,} events in {tally.pages:,} pages loaded"
        )
        loader.notice = lambda sentence: bar.console.print(one_line(sentence), markup=False, highlight=False)
        yield


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _describe_load(result: "LoadResult", name: str) -> str:
    if result.outcome == "nothing_new":
        return f"Nothing new ({_count(result.requests, 'request')})."
    odd = f", {_count(result.rejected_events, 'item')} that cannot be an event" if result.rejected_events else ""
    what = f"{_count(result.events, 'event')} ({_count(result.pages, 'page')}{odd})"
    return f"Received {what} into {name} in {result.seconds:.1f} s.{_describe_directory(result)}"


def _describe_directory(result: "LoadResult") -> str:
    if result.directory is None:
        return ""
    skipped = [name for name, count in result.directory.items() if count is None]
    read = _count(sum(count or 0 for count in result.directory.values()), "record")
    return f" The team's directory: {read}{', without ' + ', '.join(skipped) if skipped else ''}."


def _describe_transform(result: "TransformResult") -> str:
    if result.outcome == "up_to_date":
        return "The views are up to date."
    days = "" if result.days is None else f", {_count(len(result.days), 'day')} touched"
    return f"Views {result.outcome} in {result.seconds:.1f} s ({_count(result.loads, 'new load')}{days})."


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

    loader = _loader(destination)
    window = None if since is None and until is None else _window(since, until)
    if window is not None and full_refresh:
        raise ConfigurationError("--full-refresh reads everything: leave out --since and --until.")
    with loader.alone(), _progress(loader, quiet=as_json):
        if window is None and not full_refresh:
            result = load_once(loader)
        else:
            loader.target.check_usable()
            result = loader.load("load", window=window, full_refresh=full_refresh)
    if as_json:
        _print_json({**asdict(result), "warehouse": loader.target.name})
    else:
        _say(_describe_load(result, loader.target.name))


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

    loader = _loader(destination)
    with loader.alone():
        result = build(loader, everything=all_models, full_refresh=full_refresh)
    _say(_describe_transform(result))


@app.command()
def run(
    destination: Destination = "duckdb",
    every: Annotated[str | None, typer.Option("--every", help="Keep going, once in this time: 5m, 1h.")] = None,
    as_json: Json = False,
) -> None:
    """Load what is new, then bring the views up to date."""
    from dropbox_audit.run import keep_running, run_once
    from dropbox_audit.settings import duration

    seconds = duration(every, "--every").total_seconds() if every is not None else None
    if seconds is not None and seconds < 1:
        raise ConfigurationError("--every is too short: the least is 1s.")
    loader = _loader(destination)

    def once() -> None:
        with _progress(loader, quiet=as_json):
            result = run_once(loader)
        if as_json:
            views = asdict(result.transform) if result.transform else {"outcome": "up_to_date"}
            _print_json({**asdict(result.load), "warehouse": loader.target.name, "transform": views})
            return
        _say(_describe_load(result.load, loader.target.name))
        if result.transform is not None and result.transform.outcome != "up_to_date":
            _say(_describe_transform(result.transform))

    with loader.alone():
        if seconds is None:
            once()
            return
        keep_running(loader, seconds, once, failed=_fail)
    _tell("Stopped.")


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

    loader = _loader(destination)
    window = _window(since, until)
    with loader.alone():
        loader.target.check_usable()
        try:
            with _progress(loader, quiet=as_json):
                found = compare(loader, window, repair=repair)
        except DropboxAuditError as error:
            if as_json:
                _print_json({"result": "failed", "error": str(error), "missing": [], "extra": []})
            raise
    if as_json:
        _print_json({**asdict(found), "warehouse": loader.target.name})
    else:
        from dropbox_audit.screen import verification_screen

        _say(verification_screen(found))
    if found.result != "equal":
        raise typer.Exit(1)


# -- setting up -------------------------------------------------------------------------------------------------


@app.command()
def auth(
    app_key: Annotated[str | None, typer.Option("--app-key", help="Of your app in Dropbox's App Console.")] = None,
) -> None:
    """Let a team admin approve the app once; keeps the refresh token in .dlt/secrets.toml."""
    from dropbox_audit.auth import SECRETS_FILE, authorize
    from dropbox_audit.clock import Clock
    from dropbox_audit.settings import read_settings

    _warn_of_open_secrets()
    settings = read_settings(Clock().now())
    key = app_key or settings.app_key
    if not key:
        raise ConfigurationError(
            "No app key: create an app at https://www.dropbox.com/developers/apps and give its key with --app-key."
        )

    def ask(address: str) -> str:
        _tell("1. Open this address in a browser, as a team admin:")
        _tell(address)
        _tell("2. Approve, copy the code that Dropbox shows, paste it here and press Enter:")
        return sys.stdin.readline()

    scopes = authorize(settings, key, ask)
    _say(f"Access granted; the refresh token is in {SECRETS_FILE} (readable by you alone).")
    if scopes:
        _say(f"Scopes: {', '.join(scopes)}")
    _say("Next: dropbox-audit check")


@app.command()
def check(destination: Destination = "duckdb", as_json: Json = False) -> None:
    """Test token, scopes, plan features and warehouse."""
    from dropbox_audit import local
    from dropbox_audit.api import DropboxClient
    from dropbox_audit.check import check as look

    loader = _loader(destination)
    client = DropboxClient(
        loader.settings,
        budget=local.request_budget(loader.settings, loader.clock),
        stop=_session.stop,
        notice=_tell,
    )
    findings = look(client, loader.target, shared_links=loader.settings.shared_links)
    if as_json:
        _print_json(asdict(findings))
    else:
        _say(f"Team        {one_line(str(findings.team or 'unknown'))}")
        _say(f"Scopes      {', '.join(findings.granted_scopes) or 'none'}")
        _say(f"Missing     {', '.join(findings.missing_scopes) or 'none'}")
        superfluous = findings.superfluous_scopes
        _say(f"Superfluous {'Dropbox does not tell' if superfluous is None else ', '.join(superfluous) or 'none'}")
        plan = {True: "yes", False: "no", None: "unknown"}[findings.has_file_events]
        _say(f"File events {plan}")
        _say(f"Warehouse   {findings.warehouse}")
        for warning in findings.warnings:
            _tell(f"Warning: {warning}")
        for problem in findings.problems:
            _tell(f"Error: {problem}")
    if findings.exit_code:
        raise typer.Exit(findings.exit_code)


# -- looking ----------------------------------------------------------------------------------------------------


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
    from dropbox_audit.export import Filter, export_events
    from dropbox_audit.settings import instant
    from dropbox_audit.warehouse import find_target

    _warn_of_open_secrets()
    now = Clock().now()
    chosen = Filter(
        since=instant(since, "--since", now) if since is not None else None,
        until=instant(until, "--until", now) if until is not None else None,
        users=tuple(user or ()),
        event_types=tuple(event_type or ()),
    )
    count = export_events(find_target(destination), chosen, output)
    _say(f"{count:,} events written to {output}.")


@app.command()
def status(destination: Destination = "duckdb", as_json: Json = False) -> None:
    """Show last runs, lag, cursor age, request budget and gaps."""
    from dropbox_audit.status import read_status

    loader = _loader(destination)
    found = read_status(loader, loader.clock)
    if as_json:
        _print_json(asdict(found))
        return
    from dropbox_audit.screen import status_screen

    _say(status_screen(found))


@app.command()
def seats(destination: Destination = "duckdb", as_json: Json = False) -> None:
    """Show seats bought, used and idle, what they cost, the next renewal, and what leavers still own."""
    from dropbox_audit.seats import read_seats
    from dropbox_audit.warehouse import find_target

    found = read_seats(find_target(destination))
    if as_json:
        _print_json(asdict(found))
        return
    from dropbox_audit.screen import seats_screen

    _say(seats_screen(found))


@app.command()
def demo(
    serve: Annotated[bool, typer.Option("--serve", help="Only run the simulated API, for your own client.")] = False,
    port: Annotated[int, typer.Option("--port", help="Port of the simulated API with --serve.")] = 8765,
) -> None:
    """Load a simulated team into DuckDB and answer questions in SQL; needs no account and no network."""
    from dropbox_audit.demo import tour

    if serve:
        tour.serve(port, _say)
    else:
        tour.give(_session.stop, _say, _tell)


if __name__ == "__main__":
    main()
