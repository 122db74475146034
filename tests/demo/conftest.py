"""A running simulator, a plain client that sees every byte, and Dropbox's own client as the independent judge."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from dropbox_audit.demo import APP_KEY, REFRESH_TOKEN, Clock, SimulatedDropbox, Team, running, simulate_team

from .support import UNTIL, Client, LoopbackAdapter, made


@pytest.fixture
def serve() -> Iterator[Callable[..., Client]]:
    """Starts a simulator and returns a client for it."""
    with contextlib.ExitStack() as stack:

        def start(server: SimulatedDropbox) -> Client:
            url = stack.enter_context(running(server))
            return Client(url, server, stack.enter_context(requests.Session()))

        yield start


@pytest.fixture(scope="session")
def small_team() -> Team:
    return simulate_team(seed=3, people=40, days=30, until=UNTIL, every_type=True)


@pytest.fixture(scope="session")
def full_team() -> Team:
    return simulate_team(until=UNTIL)


@pytest.fixture
def later() -> Clock:
    """A day after the simulated time's end: everything has arrived."""
    return Clock(UNTIL + timedelta(days=1))


@pytest.fixture
def official() -> Callable[..., Any]:
    """The official client (a DropboxTeam), connected to a simulator; its import takes a second."""
    import dropbox

    def connect(url: str, **options: Any) -> Any:
        session = dropbox.create_session()
        session.mount("https://", LoopbackAdapter(url))
        credentials = options or {"oauth2_refresh_token": REFRESH_TOKEN, "app_key": APP_KEY}
        return dropbox.DropboxTeam(session=session, **credentials)

    return connect


@pytest.fixture
def make() -> Callable[..., dict[str, Any]]:
    return made
