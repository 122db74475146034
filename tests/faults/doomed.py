"""A team whose loads are killed, and what must be true of its warehouse afterwards."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dropbox_audit.demo import ACCESS_TOKEN, SimulatedDropbox
from support import CONTINUE, ROUTES_OF_THE_LOG, Workspace, clean_environment, for_simulator, make_event, multiset


@dataclass(frozen=True)
class Done:
    """How one run of the command ended; `points` or `calls` where its plan was to watch them."""

    code: int
    stdout: str
    stderr: str
    points: list[str] = field(default_factory=list)
    calls: int = 0


class Zygote:
    """The process of zygote.py."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, workspace: Workspace, *arguments: str, plan: dict[str, Any] | None = None, **settings: str) -> Done:
        """Run `dropbox-audit <arguments>` to its end, or to where its plan ends it."""
        order = {
            "arguments": arguments,
            "folder": str(workspace.folder),
            "environment": {**workspace.environment, **settings},
            "plan": plan or {},
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the zygote has ended"
        return Done(**json.loads(answer))

    def close(self) -> None:
        """End it."""
        self._process.communicate()


@dataclass
class Team:
    """A team's log and the warehouse that it is loaded into, by runs that may be killed."""

    zygote: Zygote
    workspace: Workspace
    server: SimulatedDropbox
    environment: dict[str, str]
    news: int = 1000
    successes: set[str] = field(default_factory=set)
    """Ids of the runs that lived to say that they had succeeded."""

    def run(self, *arguments: str, plan: dict[str, Any] | None = None) -> Done:
        """Run a command that takes `--json`."""
        done = self.zygote.run(self.workspace, *arguments, "--json", plan=plan, **self.environment)
        assert "Traceback" not in done.stderr, done.stderr
        if done.code == 0:
            self.note_success(done.stdout)
        return done

    def note_success(self, stdout: str) -> None:
        """Remember the run that gave this answer."""
        self.successes.add(json.loads(stdout)["run_id"])

    def killed(self, *arguments: str, plan: dict[str, Any]) -> None:
        """Run a command that does not live to its end."""
        done = self.run(*arguments, plan=plan)
        assert done.code == -9, (plan, done)

    def let_arrive(self, count: int = 1) -> None:
        """New events, of just now; the first two of them are twins."""
        first, now = self.news, datetime.now(UTC)
        self.news += count
        self.server.log.append(make_event(max(first + 1, number), at=now) for number in range(first, self.news))

    def check(self, story: Any) -> None:
        """A plain load makes everything good, and the next one finds nothing to do.

        Args:
            story: what happened before, for the message.
        """
        done = self.run("load")
        assert done.code == 0, (story, done)
        assert multiset(self.workspace.events()) == multiset(self.server.log.events()), story
        assert self.cursor_disagrees() == [], story
        asked = len(self.server.requests)
        done = self.run("load")
        assert json.loads(done.stdout)["outcome"] == "nothing_new", story
        routes = [request.route for request in self.server.requests[asked:]]
        assert [route for route in routes if route in ROUTES_OF_THE_LOG] == [CONTINUE], story
        assert self.false_successes() == [], story

    def cursor_disagrees(self) -> list[tuple[str, int, int]]:
        """Open walks whose stored cursor claims more or fewer events than the warehouse holds of them."""
        ((packed,),) = self.workspace.rows(
            "select state from dropbox_raw._dlt_pipeline_state as state "
            "inner join dropbox_raw._dlt_loads on load_id = state._dlt_load_id and status = 0 "
            "order by load_id desc limit 1"
        )
        state = json.loads(zlib.decompress(base64.b64decode(packed)))
        walks = state["sources"]["dropbox_audit"]["resources"]["events"]["walks"]
        held = dict(
            self.workspace.rows(
                "select walk_id, count(distinct (page_no, position)) from dropbox_raw.events "
                "inner join dropbox_raw._dlt_loads on load_id = _dlt_load_id and status = 0 group by walk_id"
            )
        )
        claims = {walk_id: walk.get("event_count", 0) for walk_id, walk in walks.items()}
        return [(walk, claim, held.get(walk, 0)) for walk, claim in claims.items() if claim != held.get(walk, 0)]

    def false_successes(self) -> list[str]:
        """Runs that the warehouse takes to have succeeded though they were killed."""
        rows = self.workspace.rows(
            "select run_id from dropbox_raw.runs inner join dropbox_raw._dlt_loads "
            "on load_id = _dlt_load_id and status = 0 group by run_id "
            "having max_by(outcome, (recorded_at, _dlt_load_id)) in ('loaded', 'nothing_new')"
        )
        return sorted({run_id for (run_id,) in rows} - self.successes)


def new_team(zygote: Zygote, server: SimulatedDropbox, url: str, folder: Path, **settings: str) -> Team:
    """A team whose warehouse is in `folder`, which must not exist yet."""
    home, work = folder / "home", folder / "work"
    home.mkdir(parents=True)
    work.mkdir()
    workspace = Workspace(work, home, environment=clean_environment(home))
    given = {"app_key": "", "refresh_token": "", "access_token": ACCESS_TOKEN, **settings}
    return Team(zygote, workspace, server, for_simulator(url, **given))
