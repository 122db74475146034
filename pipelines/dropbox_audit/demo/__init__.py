"""A simulated Dropbox: an API server on loopback over real HTTP, and a team that never existed.

    from dropbox_audit.demo import SimulatedDropbox, SimulatedLog, running, simulate_team

    team = simulate_team(seed=7)          # 120 people, 60 days; team.stories, team.directory
    server = SimulatedDropbox(team.log(short_pages=0.2), directory=team.directory)
    with running(server) as url:          # http://127.0.0.1:<port>
        ...                               # Authorization: Bearer demo-access-token
    print([request.route for request in server.requests])

    tiny = SimulatedDropbox(SimulatedLog.of([{"timestamp": "2026-11-01T09:00:00Z", ...}, ...]))

The long-lived credentials are ``APP_KEY`` and ``REFRESH_TOKEN`` (no secret needed, as with PKCE); ``ACCESS_TOKEN`` is
a token that does not expire. Tokens granted by ``/oauth2/token`` last four hours on the server's ``Clock``, which tests
can move. ``server.faults`` decides what goes wrong, the options of ``SimulatedLog`` how the log behaves,
``server.log.append`` takes more events at any time, and ``server.requests`` is the journal.

Nothing but the command line and the tests imports this package: it sits beside the flow.
"""

from dropbox_audit.demo.clock import Clock
from dropbox_audit.demo.directory import Directory
from dropbox_audit.demo.faults import FAULTS, Fault, Faults
from dropbox_audit.demo.log import LoggedEvent, SimulatedLog
from dropbox_audit.demo.oauth import ACCESS_TOKEN, ALL_SCOPES, APP_KEY, APP_SECRET, REFRESH_TOKEN
from dropbox_audit.demo.serve import running, serve_forever
from dropbox_audit.demo.server import SimulatedDropbox, SimulatedRequest
from dropbox_audit.demo.stories import Story
from dropbox_audit.demo.team import Team, simulate_team

__all__ = [
    "ACCESS_TOKEN",
    "ALL_SCOPES",
    "APP_KEY",
    "APP_SECRET",
    "FAULTS",
    "REFRESH_TOKEN",
    "Clock",
    "Directory",
    "Fault",
    "Faults",
    "LoggedEvent",
    "SimulatedDropbox",
    "SimulatedLog",
    "SimulatedRequest",
    "Story",
    "Team",
    "running",
    "serve_forever",
    "simulate_team",
]
