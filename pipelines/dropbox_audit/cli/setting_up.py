"""Commands that set things up, and tell whether they are in order."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from dropbox_audit.cli import common
from dropbox_audit.cli.common import Destination, Json, app, loader_for, print_json, say, tell, warn_of_open_secrets
from dropbox_audit.errors import ConfigurationError
from dropbox_audit.wording import one_line


@app.command()
def auth(
    app_key: Annotated[str | None, typer.Option("--app-key", help="Of your app in Dropbox's App Console.")] = None,
) -> None:
    """Let a team admin approve the app once; keeps the refresh token in .dlt/secrets.toml."""
    from dropbox_audit.auth import SECRETS_FILE, authorize
    from dropbox_audit.clock import Clock
    from dropbox_audit.settings import read_settings

    warn_of_open_secrets()
    settings = read_settings(Clock().now())
    key = app_key or settings.app_key
    if not key:
        raise ConfigurationError(
            "No app key: create an app at https://www.dropbox.com/developers/apps and give its key with --app-key."
        )

    def ask(address: str) -> str:
        tell("1. Open this address in a browser, as a team admin:")
        tell(address)
        tell("2. Approve, copy the code that Dropbox shows, paste it here and press Enter:")
        return sys.stdin.readline()

    scopes = authorize(settings, key, ask)
    say(f"Access granted; the refresh token is in {SECRETS_FILE} (readable by you alone).")
    if scopes:
        say(f"Scopes: {', '.join(scopes)}")
    say("Next: dropbox-audit check")


@app.command()
def check(destination: Destination = "duckdb", as_json: Json = False) -> None:
    """Test token, scopes, plan features and warehouse."""
    from dropbox_audit import local
    from dropbox_audit.api import DropboxClient
    from dropbox_audit.check import check as look

    loader = loader_for(destination)
    client = DropboxClient(
        loader.settings,
        budget=local.request_budget(loader.settings, loader.clock),
        stop=common.session.stop,
        notice=tell,
    )
    findings = look(client, loader.target, shared_links=loader.settings.shared_links)
    if as_json:
        print_json(asdict(findings))
    else:
        say(f"Team        {one_line(str(findings.team or 'unknown'))}")
        say(f"Scopes      {', '.join(findings.granted_scopes) or 'none'}")
        say(f"Missing     {', '.join(findings.missing_scopes) or 'none'}")
        superfluous = findings.superfluous_scopes
        say(f"Superfluous {'Dropbox does not tell' if superfluous is None else ', '.join(superfluous) or 'none'}")
        plan = {True: "yes", False: "no", None: "unknown"}[findings.has_file_events]
        say(f"File events {plan}")
        say(f"Warehouse   {findings.warehouse}")
        for warning in findings.warnings:
            tell(f"Warning: {warning}")
        for problem in findings.problems:
            tell(f"Error: {problem}")
    if findings.exit_code:
        raise typer.Exit(findings.exit_code)
