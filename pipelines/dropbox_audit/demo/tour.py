"""What `dropbox-audit demo` does: the real loader and the real views, on a team that never existed."""

import shutil
import textwrap
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dropbox_audit import local
from dropbox_audit.clock import Clock
from dropbox_audit.demo.clock import Clock as ServerClock
from dropbox_audit.demo.oauth import APP_KEY, REFRESH_TOKEN
from dropbox_audit.demo.serve import running, serve_forever
from dropbox_audit.demo.server import SimulatedDropbox
from dropbox_audit.demo.team import BEFORE, simulate_team
from dropbox_audit.load import DEMO_PIPELINE_NAME, Loader
from dropbox_audit.run import load_once
from dropbox_audit.screen import seats_screen
from dropbox_audit.seats import read_seats
from dropbox_audit.settings import Settings
from dropbox_audit.transform import transform
from dropbox_audit.warehouse import RAW_DATASET, Target, connect, duckdb_target
from dropbox_audit.wording import one_line

DEMO_FILE = Path("dropbox_demo.duckdb")

QUESTIONS = {
    "What should somebody look at?": """
        select severity, rule_id as rule, left(title, 60) as title
        from dropbox_audit.alerts
        where severity in ('critical', 'high')
        order by occurred_at desc limit 8
        """,
    "Who deleted the most?": """
        select user_email, sum(deleted_items) as deleted,
            sum(permanently_deleted_items) as for_good, max(day) as last_day
        from dropbox_audit.deletes_per_user
        group by all order by deleted desc limit 5
        """,
    "Who shared with outsiders, or made links public?": """
        select user_email, sum(external_shares) as outside,
            sum(links_created) as links, sum(public_links) as public
        from dropbox_audit.shares_per_user
        group by all order by outside desc, public desc limit 5
        """,
    "Whose sign-ins failed, and did they get in?": """
        select user_email, sum(failed_logins) as failed,
            sum(successful_logins) as successful, max(distinct_countries) as countries
        from dropbox_audit.logins_per_user
        group by all order by failed desc limit 5
        """,
    "Which outside domains reach our files?": """
        select domain, people_count as people, external_shares as shares,
            sharing_user_count as shared_by, last_seen_at::date as last_seen
        from dropbox_audit.external_domains
        order by shares desc limit 5
        """,
    "What did administrators change last?": """
        select occurred_on as day, actor_name as who, event_type
        from dropbox_audit.admin_actions
        order by occurred_at desc limit 5
        """,
}
"""Questions an admin would ask, as the SQL that answers them on the demo's views."""


def give(stop: threading.Event, say: Callable[[str], None], tell: Callable[[str], None]) -> None:
    """Load a simulated team into `dropbox_demo.duckdb`, build the views and answer some questions.

    Args:
        stop: the event that ends it.
        say: prints a line of the result.
        tell: prints a line about progress.
    """
    target = duckdb_target(DEMO_FILE)
    target.check_usable()
    target.stored_state(DEMO_PIPELINE_NAME)  # refuses a real team's file
    _forget(target)
    team = simulate_team()
    say(f"A simulated team: {len(team.people)} people, {len(team.events):,} events; no account, no network.")
    server = SimulatedDropbox(
        team.log(cursor_ttl=30 * 86400),
        directory=team.directory_before,
        clock=ServerClock(Clock().now() - BEFORE, ticking=True),
    )
    with running(server) as url:
        settings = Settings(app_key=APP_KEY, refresh_token=REFRESH_TOKEN, api_url=url, shared_links=True)
        settings.contracts = str(_write(target, "contracts.csv", _contracts(team.until)))
        # Not the user's own, which may lie here.
        settings.alert_settings = str(_write(target, "alert_settings.csv", "rule_id,setting,value\n"))
        settings.validated(Clock().now())
        results = []
        for clock in (_TenDaysAgo(), Clock()):
            loader = Loader(target, DEMO_PIPELINE_NAME, clock, stop, tell, settings=settings)
            with loader.alone():
                results.append(load_once(loader, "demo"))
            # What has happened since: somebody left, somebody else was promoted.
            server.directory = team.directory
            server.clock.advance(BEFORE.total_seconds())
        events, requests = sum(result.events for result in results), sum(result.requests for result in results)
        say(f"Received {events:,} events in {sum(r.seconds for r in results):.1f} s, {requests} requests.")
        with loader.alone():
            built = transform(loader)
    with connect(DEMO_FILE) as connection:
        events = sum(row[0] for row in connection.execute("select count(*) from dropbox_audit.events").fetchall())
    say(f"Views built in {built.seconds:.1f} s: {events:,} events, each counted once.")
    _answer()
    say("")
    say("What do our seats cost, and what have leavers left behind?   dropbox-audit seats")
    say("")
    say(seats_screen(read_seats(target)))
    say("")
    say(f"Everything is in {DEMO_FILE}: open it with any DuckDB client, read-only for a start.")
    say("The same in your browser (needs the extra `dashboard`; this is one line):")
    say(f"  DESTINATION__DUCKDB__CREDENTIALS={DEMO_FILE} dropbox-audit dashboard")
    say("A simulated API for your own client:   dropbox-audit demo --serve")
    say("Your own team, in four steps:          README.md, From demo to your own team")


class _TenDaysAgo(Clock):
    """The first of the demo's two loads has long been done."""

    def now(self) -> datetime:
        return super().now() - BEFORE


def _write(target: Target, name: str, text: str) -> Path:
    path = _folder(target) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _contracts(until: datetime) -> str:
    """What the simulated team pays: a price that rose in mid-month, and a deadline for notice in two weeks."""
    before, since, renewal = (f"{until + timedelta(days=days):%Y-%m-%d}" for days in (-655, -290, 75))
    return (
        "valid_from,seats,price_per_seat,currency,billing_period,renewal_date,notice_days\n"
        f"{before},130,168.00,EUR,year,{since},60\n"
        f"{since},150,180.00,EUR,year,{renewal},60\n"
    )


def serve(port: int, say: Callable[[str], None]) -> None:
    """Keep the simulated API running until interrupted; its team goes on working for another day."""
    team = simulate_team(until=Clock().now() + timedelta(days=1))
    say(f"Simulated Dropbox on http://127.0.0.1:{port}; new events keep arriving for a day. Ctrl-C ends it.")
    say(f"  SOURCES__DROPBOX_AUDIT__API_URL=http://127.0.0.1:{port}")
    say(f"  SOURCES__DROPBOX_AUDIT__APP_KEY={APP_KEY}")
    say(f"  SOURCES__DROPBOX_AUDIT__REFRESH_TOKEN={REFRESH_TOKEN}")
    serve_forever(SimulatedDropbox(team.log(), directory=team.directory), port)


def _forget(target: Target) -> None:
    """Remove an earlier demo: its team has lived on since, so its cursors belong to another log."""
    if target.path is not None:
        for path in (target.path, target.path.with_name(f"{target.path.name}.wal")):
            path.unlink(missing_ok=True)
    shutil.rmtree(_folder(target), ignore_errors=True)


def _folder(target: Target) -> Path:
    return local.warehouse_dir(DEMO_PIPELINE_NAME, target.destination, RAW_DATASET, target.location)


def _answer() -> None:
    console = Console(highlight=False, width=80 if not Console().is_terminal else None)
    with connect(DEMO_FILE) as connection:
        for question, sql in QUESTIONS.items():
            result = connection.execute(sql)
            table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
            for column in result.description:
                table.add_column(column[0], overflow="ellipsis", no_wrap=True)
            for row in result.fetchall():
                table.add_row(*(_cell(value) for value in row))
            console.print()
            console.print(Text(question, style="bold"))
            console.print(Text(textwrap.dedent(sql).strip(), style="dim"))
            console.print()
            console.print(table)


def _cell(value: object) -> Text:
    """A value as plain text: names in the log may hold markup or control characters."""
    text = "-" if value is None else f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "hour") else str(value)
    return Text(one_line(text))
