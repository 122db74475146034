"""What all commands share: the app, its options, signals, errors, and what is said where."""

import contextlib
import gc
import json
import logging
import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from dropbox_audit.errors import ConfigurationError, DropboxAuditError, RunError, Stopped
from dropbox_audit.wording import one_line, printable

if TYPE_CHECKING:
    from dropbox_audit.load import Loader

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


class Session:
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


session = Session()


def command() -> NoReturn:
    """Entry point of the command `dropbox-audit`, in a process of its own."""
    code: Any = 0
    try:
        main()
    except SystemExit as error:
        code = error.code
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    # Taking apart all that was imported would take longer than a poll that finds nothing, and a run may be killed at
    # any moment anyhow.
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def main() -> None:
    """The command, by the arguments of this process; ends with `SystemExit`."""
    # What is imported is no garbage: looking for some in it after every few hundred objects takes a tenth of a poll.
    gc.set_threshold(100_000, 10, 10)
    # Wherever it stands on the line: who looks for the cause of an error appends it to the command that failed.
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    session.debug = len(arguments) < len(sys.argv) - 1
    try:
        app(arguments, standalone_mode=True)
    except DropboxAuditError as error:
        sys.exit(fail(error))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        sys.exit(fail(_translated(error)))


def fail(error: DropboxAuditError) -> int:
    if session.debug:
        import traceback

        # The texts of all errors that led to this one, which may hold what a server said.
        for line in "".join(traceback.format_exception(error)).splitlines():
            print(printable(line), file=sys.stderr, flush=True)  # noqa: T201
    tell(f"Error: {error}")
    if isinstance(error, Stopped) and session.signal:
        return 128 + session.signal
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


def tell(sentence: str) -> None:
    """One line on stderr, whatever text from outside it holds."""
    print(one_line(sentence), file=sys.stderr, flush=True)  # noqa: T201


def say(text: str = "") -> None:
    """Lines on stdout; what comes from outside and must not begin a line is made `one_line` by who puts it there."""
    print(printable(text), flush=True)  # noqa: T201


def print_json(value: Any) -> None:
    say(json.dumps(value, default=str))


@app.callback()
def _common(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    session.catch_signals()
    logging.getLogger("dlt").setLevel(logging.ERROR)


def loader_for(destination: str) -> "Loader":
    from dropbox_audit.clock import Clock
    from dropbox_audit.load import Loader
    from dropbox_audit.settings import read_settings
    from dropbox_audit.warehouse import find_target

    clock = Clock()
    warn_of_open_secrets()
    settings = read_settings(clock.now())
    return Loader(find_target(destination), settings=settings, clock=clock, stop=session.stop, notice=tell)


def warn_of_open_secrets() -> None:
    from dropbox_audit.settings import open_secrets_files

    for file in open_secrets_files():
        tell(f"Warning: other users of this machine may open {file}: chmod 600 {shlex.quote(str(file))}")


@contextlib.contextmanager
def progress(loader: "Loader", *, quiet: bool) -> Iterator[None]:
    """A progress bar on a terminal, plain lines otherwise."""
    if quiet or not sys.stderr.isatty():
        loader.progress = lambda tally: tell(f"{count(tally.events, 'event')} in {count(tally.pages, 'page')} loaded")
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


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
