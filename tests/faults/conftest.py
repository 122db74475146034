from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doomed import Team, Zygote, new_team
from dropbox_audit.demo import SimulatedLog

MakeTeam = Callable[..., Team]


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """One for each worker."""
    started = Zygote()
    yield started
    started.close()


@pytest.fixture
def make_team(zygote: Zygote, tmp_path: Path, serve: Any) -> MakeTeam:
    """Makes teams, each with a simulator and a warehouse of its own: `make_team(log, **settings)`."""
    count = 0

    def make(log: SimulatedLog, **settings: str) -> Team:
        nonlocal count
        count += 1
        server, url = serve(log=log)
        return new_team(zygote, server, url, tmp_path / str(count), **settings)

    return make
