"""Every fault at every place of a walk, in one table, through real HTTP and into a real warehouse.

A row of the table is a fault and what it must lead to; the columns are where in the walk it strikes. To save loads, one
test takes a row through the places of one walk and a poll after it, another through parallel history. What is promised:

*waits*: trouble that passes. The run succeeds with exactly the right rows, says what it waited for, and waits as long
as the server asked, with a delay that doubles up to ten minutes.
*goes on*: nothing to wait for. The run succeeds with exactly the right rows without waiting.
*stops*: trouble that does not pass by itself. The run ends at once with a plain sentence and the right exit code,
what was received before is committed with its cursor, and once the fault is gone the next load has the right rows.
*gives up*: trouble that outlasts `give_up_after`. As *stops*, after as long a wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any, Literal

import pytest
from dropbox_audit import walks
from dropbox_audit.demo import (
    ACCESS_TOKEN,
    APP_KEY,
    APP_SECRET,
    FAULTS,
    REFRESH_TOKEN,
    Clock,
    Fault,
    SimulatedDropbox,
    SimulatedLog,
)
from dropbox_audit.demo.faults import (
    html_error,
    json_error,
    rate_limited,
    rate_limited_text,
    route_error,
    slow_drip,
    stall,
    text_error,
)
from dropbox_audit.demo.server import SimulatedRequest
from dropbox_audit.errors import ConfigurationError, DropboxAuditError, RunError
from support import CONTINUE, GET_EVENTS, NOON, VirtualClock, Workspace, make_event, multiset, stamp

TOKEN = "oauth2/token"
PAGE = 50
LASTING = {"access_token": None, "app_key": APP_KEY, "refresh_token": REFRESH_TOKEN}

# -- where ------------------------------------------------------------------------------------------------------------

Place = Literal["first page", "middle", "last page", "poll", "parallel history"]
IN_ONE_WALK: tuple[Place, ...] = ("first page", "middle", "last page")
WITH_A_CURSOR: tuple[Place, ...] = ("middle", "last page", "poll", "parallel history")

PAGES_BEFORE: dict[Place, int] = {"first page": 0, "middle": 2, "last page": 5, "poll": 6}
"""How many pages come before a place; with parallel readers it depends on chance."""


def make_team_log(count: int, apart: timedelta) -> list[Any]:
    """Events that end an hour before `NOON`, with twins within a page and across the border of two."""
    events = [make_event(number, at=NOON - timedelta(hours=1) - apart * (count - number)) for number in range(count)]
    for place in (10, 49, 50, 51, 120, count - 1):
        events[place] = events[place - 1]
    return events


SHORT = make_team_log(6 * PAGE, timedelta(minutes=1))
LONG = make_team_log(27 * PAGE, timedelta(minutes=30))
NEWS = [make_event(7000 + number, at=NOON - timedelta(minutes=10)) for number in range(PAGE + 9)]


def is_at(place: Place, request: SimulatedRequest, log: SimulatedLog) -> bool:
    """Whether a request is the one for the page at this place."""
    if place == "first page":
        return request.route == GET_EVENTS
    if request.route != CONTINUE:
        return False
    position = log.position(request.argument["cursor"])
    if place == "parallel history":
        return position.selection.end is not None
    return position.next == PAGES_BEFORE[place] * PAGE


# -- what -------------------------------------------------------------------------------------------------------------

Promise = Literal["waits", "goes on", "stops", "gives up"]
Deed = Callable[[SimulatedDropbox], None]


@dataclass(frozen=True)
class Row:
    """A fault, and what it must lead to.

    Attributes:
        promise: see above.
        fault: what strikes the requests for the page, or those for a token; None where the deed does it all.
        times: how often in a row; None: from then on every request to the log.
        asked: seconds that the server asks to wait.
        deed: done to the server when the page is asked for.
        at_token: the fault strikes the token endpoint, at the place where the deed makes a new token necessary.
        exit_code: of a run that ends.
        says: what the error says, or a notice where the cursor was lost.
        settings: other than the usual ones.
        places: where it can happen.
    """

    promise: Promise
    fault: Fault | None = None
    times: int | None = 3
    asked: float = 0.0
    deed: Deed | None = None
    at_token: bool = False
    exit_code: int = 2
    says: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    places: tuple[Place, ...] = (*IN_ONE_WALK, "poll", "parallel history")


def waits(fault: Fault, asked: float = 0.0, **more: Any) -> Row:
    return Row("waits", fault, asked=asked, **more)


def stops(fault: Fault, says: str, **more: Any) -> Row:
    return Row("stops", fault, **{"times": None, **more}, says=says)


LOST = "no longer knows the cursor"


def worded(fault: Fault, says: str) -> Row:
    """A refusal that differs from another row in its words only, which stands for it at the other places."""
    return stops(fault, says, places=("middle",))


def lost(fault: Fault | None = None, **more: Any) -> Row:
    return Row("goes on", fault, times=1, says=LOST, places=WITH_A_CURSOR, **more)


def expire(server: SimulatedDropbox) -> None:
    server.tokens.expire()


def oauth_error(reason: str) -> Fault:
    return Fault(status=400, body=b'{"error":"%s"}' % reason.encode(), headers=(("content-type", "application/json"),))


WAITS = {
    "429_json_header": waits(rate_limited(7), 7),
    "429_json_body": waits(rate_limited(7, in_body=True), 7),
    "429_json_bare": waits(FAULTS["429_json_bare"]),
    "429_json_float": waits(rate_limited(6.5), 6.5),
    "429_write_operations": waits(rate_limited(7, tag="too_many_write_operations"), 7),
    "429_text_header": waits(rate_limited_text(7), 7),
    "429_text_bare": waits(FAULTS["429_text_bare"]),
    "429 that asks for long": waits(rate_limited(1000), 1000, settings={"give_up_after": "24h"}),
    "500_html": waits(FAULTS["500_html"]),
    "500_json": waits(FAULTS["500_json"]),
    "500 json with retry-after": waits(json_error(500, {".tag": "internal_error"}, retry_after="7"), 7),
    "502_html": waits(FAULTS["502_html"]),
    "502 text with retry-after": waits(text_error(502, "Bad Gateway", retry_after="7.5"), 7.5),
    "503_html": waits(FAULTS["503_html"]),
    "503_html_header": waits(html_error(503, retry_after="7"), 7),
    "503_text": waits(FAULTS["503_text"]),
    "503 for an hour": waits(FAULTS["503_html"], times=13, settings={"give_up_after": "24h"}),
    "400_html": waits(FAULTS["400_html"]),
    "truncated": waits(FAULTS["truncated"]),
    "reset": waits(FAULTS["reset"]),
    "refused": waits(FAULTS["refused"]),
    "stall": waits(stall(20), times=1),
    "429 to a token": waits(rate_limited(7), 7, at_token=True, deed=expire, settings=LASTING),
    "500 to a token": waits(FAULTS["500_html"], at_token=True, deed=expire, settings=LASTING),
    "token truncated": waits(FAULTS["truncated"], at_token=True, deed=expire, settings=LASTING),
    "token refused": waits(FAULTS["refused"], at_token=True, deed=expire, settings=LASTING),
}

GOES_ON = {
    "drip": Row("goes on", slow_drip(0.1), times=1),
    "401_expired": Row("goes on", FAULTS["401_expired"], times=1, settings=LASTING),
    "401_expired_charset": Row("goes on", FAULTS["401_expired_charset"], times=1, settings=LASTING),
    "every token expired": Row("goes on", deed=expire, settings=LASTING, places=WITH_A_CURSOR),
    "409_bad_cursor": lost(FAULTS["409_bad_cursor"]),
    "409_reset": lost(FAULTS["409_reset"]),
    "reset to long before the truth": lost(route_error("reset", reset=stamp(NOON - timedelta(days=400)))),
    "reset to shortly before the truth": lost(route_error("reset", reset=stamp(NOON - timedelta(days=3)))),
    "reset to after the truth": lost(route_error("reset", reset=stamp(NOON + timedelta(days=400)))),
    "reset to no time": lost(route_error("reset")),
    "every cursor reset": lost(deed=lambda server: server.log.reset_cursors()),
    "every cursor forgotten": lost(deed=lambda server: server.log.forget_cursors()),
    "replay": Row("goes on", FAULTS["replay"], times=1, places=WITH_A_CURSOR),
    "stuck": Row("goes on", FAULTS["stuck"], times=1, places=WITH_A_CURSOR),
    "stuck twice": Row("goes on", FAULTS["stuck"], times=2, places=WITH_A_CURSOR),
}

STOPS = {
    "stuck for ever": stops(FAULTS["stuck"], "3 times", exit_code=1, places=WITH_A_CURSOR),
    "400_text": stops(FAULTS["400_text"], "malformed"),
    "400_app_lacks_scope": stops(FAULTS["400_app_lacks_scope"], r"events\.read"),
    "400_user_token": worded(FAULTS["400_user_token"], "admin of the team"),
    "401_missing_scope": stops(FAULTS["401_missing_scope"], r"events\.read"),
    "401_invalid": stops(FAULTS["401_invalid"], "invalid_access_token"),
    "401_suspended": stops(FAULTS["401_suspended"], "user_suspended"),
    "401_select_user": worded(FAULTS["401_select_user"], "invalid_select_user"),
    "401_other": worded(FAULTS["401_other"], "token"),
    "401_text": worded(FAULTS["401_text"], "Unauthorized"),
    "403_account_type": stops(FAULTS["403_account_type"], "invalid_account_type"),
    "403_team_access": worded(FAULTS["403_team_access"], "team_access_denied"),
    "403_no_permission": worded(FAULTS["403_no_permission"], "no_permission"),
    "409_account_id_not_found": worded(FAULTS["409_account_id_not_found"], "account_id_not_found"),
    "409_invalid_time_range": worded(FAULTS["409_invalid_time_range"], "invalid_time_range"),
    "409_invalid_filters": worded(FAULTS["409_invalid_filters"], "invalid_filters"),
    "409_other": stops(FAULTS["409_other"], "other"),
    "409_unknown_tag": worded(FAULTS["409_unknown_tag"], "cursor_too_heavy"),
    "422_path_root": stops(FAULTS["422_path_root"], "invalid_root"),
    "expired without a refresh token": stops(FAULTS["401_expired"], "dropbox-audit auth"),
    "refresh token revoked": stops(
        oauth_error("invalid_grant"), "dropbox-audit auth", at_token=True, deed=expire, settings=LASTING
    ),
    "app unknown": stops(
        oauth_error("invalid_client"), "app_key", at_token=True, deed=expire, settings=LASTING, places=("middle",)
    ),
}

GIVES_UP = {
    "503 for ever": Row("gives up", FAULTS["503_html"], times=None, exit_code=1, says="503"),
    "429 for longer than we wait": Row(
        "gives up", rate_limited(7200), times=None, exit_code=1, says="7200", asked=7200
    ),
    "refused for ever": Row("gives up", FAULTS["refused"], times=None, exit_code=1, says="connection|network"),
}

TABLE = {**WAITS, **GOES_ON, **STOPS, **GIVES_UP}


def rows(*promises: Promise, place: Place = "middle") -> Any:
    """The rows of the table with these promises, as far as they can happen at a place, as parameters."""
    names = [name for name, row in TABLE.items() if row.promise in promises and place in row.places]
    return pytest.mark.parametrize("name", names)


# -- how --------------------------------------------------------------------------------------------------------------


class SharedTime(Clock):
    """The simulator lives in the client's time, so that its journal says how long a client waited."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._shared = clock

    def seconds(self) -> float:
        return self._shared.now().timestamp()


class Strike:
    """A row of the table at a place: plans it in the server, and knows afterwards which requests it struck."""

    def __init__(self, row: Row, place: Place, server: SimulatedDropbox) -> None:
        self.row, self.place, self.server = row, place, server
        # An object of its own, by which the journal tells this strike from others.
        self.fault = replace(row.fault or Fault("none"))
        self.page: tuple[str, bytes] | None = None
        """The request for the page at the place, once it has come: route and body."""
        server.faults.when(self._is_struck, self.fault, times=row.times if row.fault else 1)

    def _is_struck(self, request: SimulatedRequest) -> bool:
        if self.page is None and is_at(self.place, request, self.server.log):
            self.page = (request.route, request.body)
            if self.row.deed is not None and not (self.row.at_token and self.place == "first page"):
                self.row.deed(self.server)
        if self.row.at_token:
            # The very first page needs a token before it is asked for.
            return request.route == TOKEN and (self.page is not None or self.place == "first page")
        if self.row.times is None:
            return self.page is not None and request.route in {GET_EVENTS, CONTINUE}
        return (request.route, request.body) == self.page

    @property
    def requests(self) -> list[SimulatedRequest]:
        """Those that the fault struck."""
        return [request for request in self.server.requests if request.fault is self.fault]

    def check_it_happened(self) -> None:
        """A fault that was planned and never struck proves nothing."""
        assert self.requests, f"the fault never struck at: {self.place}"
        assert self.server.faults.is_spent, f"the fault did not strike as often as planned at: {self.place}"

    def check_the_waits(self, delays: list[float]) -> None:
        """What was struck was asked for again after these delays, or later, and answered in the end."""
        place = self.server.requests.index(self.requests[0])
        body = None if self.row.at_token else self.requests[0].body
        later = [request for request in self.server.requests[place:] if request.route == self.requests[0].route]
        attempts = [request for request in later if body in (None, request.body)][: len(delays) + 1]
        assert [request.fault is self.fault for request in attempts] == [True] * len(delays) + [False]
        for (failed, retried), delay in zip(pairwise(attempts), delays, strict=True):
            assert (retried.arrived - failed.arrived).total_seconds() >= delay


@dataclass
class Scene:
    """A simulated team, a warehouse, and a row of the table."""

    workspace: Workspace
    server: SimulatedDropbox
    url: str
    row: Row
    clock: VirtualClock
    notices: list[str] = field(default_factory=list)

    def strike(self, *places: Place) -> list[Strike]:
        """Plan the row's fault at those of these places where it can happen."""
        self.server.faults.clear()
        self.clock.waits.clear()
        self.notices.clear()
        return [Strike(self.row, place, self.server) for place in places if place in self.row.places]

    def load(self) -> Any:
        return self.workspace.load(self.url, clock=self.clock, notice=self.notices.append, **self.row.settings)

    def tokens(self) -> int:
        return self.server.count(TOKEN)

    def holds(self, count: int | None = None) -> bool:
        """Whether the warehouse holds exactly the first so many events of the log; all of them unless given."""
        return self.stored() == multiset(self.server.log.events()[:count])

    def stored(self) -> Counter[str]:
        return multiset(self.workspace.events()) if self.workspace.path.exists() else Counter()


@pytest.fixture
def scene(
    workspace: Workspace, serve: Any, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, list[Any]], Scene]:
    # Readers look up from an empty queue more often: a fifth of a second at the end of each load is most of a test.
    monkeypatch.setattr(walks, "_TICK", 0.01)

    def make(name: str, events: list[Any]) -> Scene:
        if name == "stall":
            monkeypatch.setattr("dropbox_audit.api.client._READ_TIMEOUT", 0.5)
        server, url = serve(log=SimulatedLog.of(events, page_limit=PAGE), clock=SharedTime(clock))
        return Scene(workspace, server, url, TABLE[name], clock)

    return make


def test_the_table_has_every_fault_of_the_simulator() -> None:
    assert sorted(set(FAULTS) - set(TABLE)) == []


# -- trouble that passes ----------------------------------------------------------------------------------------------


@rows("waits", "goes on")
def test_trouble_that_passes_in_a_walk_and_in_a_poll(name: str, scene: Any) -> None:
    there = scene(name, SHORT)
    load_and_check(there, there.strike(*IN_ONE_WALK))
    there.server.log.append(NEWS)
    there.clock.advance(300)
    load_and_check(there, there.strike("poll"))


@rows("waits", "goes on", place="parallel history")
def test_trouble_that_passes_in_parallel_history(name: str, scene: Any) -> None:
    there = scene(name, LONG)
    load_and_check(there, there.strike("parallel history"))


def load_and_check(there: Scene, strikes: list[Strike]) -> None:
    row, tokens = there.row, there.tokens()
    result = there.load()
    for strike in strikes:
        strike.check_it_happened()
    assert there.holds()
    delays = [max(row.asked, min(600.0, 2.0**attempt)) for attempt in range(row.times or 0)]
    if row.promise == "goes on":
        delays = []
    all_delays = delays * len(strikes)
    # It waited as long as the server asked, and longer each time.
    for strike in strikes if delays else ():
        strike.check_the_waits(delays)
    is_parallel = strikes[0].place == "parallel history"
    assert there.clock.waits == all_delays or (is_parallel and delays)
    assert result.waited_seconds >= sum(all_delays)
    assert (result.retries, result.error) == (len(all_delays), None)
    # And it says so.
    told = [notice.rpartition("trying again in ")[2] for notice in there.notices if "trying again in" in notice]
    assert told == [f"{delay:.0f} s" for delay in all_delays]
    is_lost = row.says == LOST
    assert any(LOST in notice for notice in there.notices) == is_lost
    assert (result.resets >= len(strikes)) if is_lost else (result.resets == 0)
    if row.settings == LASTING:
        refused = len(all_delays) if row.at_token else 0
        is_token_due = [strike.place != "first page" or not row.at_token for strike in strikes]
        # However many readers there are, one token serves them all.
        assert there.tokens() - tokens == 1 + refused + sum(is_token_due)
    if row.fault is FAULTS["replay"]:
        assert result.replayed_pages == len(strikes)


# -- trouble that does not --------------------------------------------------------------------------------------------


@rows("stops", "gives up")
def test_trouble_that_stays_in_a_walk_and_in_a_poll(name: str, scene: Any) -> None:
    there = scene(name, SHORT)
    asked, before = 0, None
    for place in (place for place in (*IN_ONE_WALK, "poll") if place in there.row.places):
        if place == "poll":
            recover(there)
            there.server.log.append(NEWS)
        [strike] = there.strike(place)
        fail_and_check(there, strike)
        # What had been received is committed, with its cursor.
        received = PAGES_BEFORE[place] + (there.row.fault is FAULTS["stuck"])
        assert there.holds(received * PAGE)
        check_it_went_on(there, asked, before)
        asked, before = len(there.server.requests), strike
    recover(there)
    check_it_went_on(there, asked, before)


@rows("stops", "gives up", place="parallel history")
def test_trouble_that_stays_in_parallel_history(name: str, scene: Any) -> None:
    there = scene(name, LONG)
    [strike] = there.strike("parallel history")
    fail_and_check(there, strike)
    assert multiset(LONG[: 4 * PAGE]) <= there.stored() <= multiset(LONG)
    asked = len(there.server.requests)
    recover(there)
    again = [request for request in there.server.requests[asked:] if request.route == GET_EVENTS]
    assert all("time" in request.argument for request in again), "history was read from its beginning again"


def fail_and_check(there: Scene, strike: Strike) -> None:
    row = there.row
    with pytest.raises(DropboxAuditError, match=row.says) as caught:
        there.load()
    strike.check_it_happened()
    error, text = caught.value, str(caught.value)
    # What the user reads: plain, short, with the right exit code, without any secret.
    assert isinstance(error, ConfigurationError if row.exit_code == 2 else RunError)
    assert error.exit_code == row.exit_code
    assert len(text.splitlines()) <= 2
    assert text.replace("\n", " ").isprintable()
    assert not any(secret in text for secret in (ACCESS_TOKEN, REFRESH_TOKEN, APP_SECRET, "sl.u."))
    is_parallel = strike.place == "parallel history"
    if row.promise == "stops":
        assert there.clock.waits == []
        if row.fault is FAULTS["stuck"]:
            assert len(strike.requests) >= 3
        else:
            # With parallel readers, others may have been under way.
            assert len(strike.requests) <= (5 if is_parallel else 1)
        if row.at_token:
            assert len(strike.requests) == 1, "the other readers asked for a token that was refused"
    elif row.asked:
        assert there.clock.waits == []
    elif not is_parallel:
        doubling = [2.0**attempt for attempt in range(10)] + [600.0]
        # A server that never answered at all is more likely a wrong address.
        is_first_contact = row.fault is FAULTS["refused"] and strike.place in {"first page", "poll"}
        assert there.clock.waits == (doubling[:4] if is_first_contact else doubling)


def recover(there: Scene) -> None:
    """Once the fault is gone, the next load ends with exactly the right rows."""
    there.strike()
    there.load()
    assert there.holds()


def check_it_went_on(there: Scene, since: int, before: Strike | None) -> None:
    """The first page asked for after so many requests is the one at which the run before had ended."""
    if before is not None and before.page is not None:
        pages = [(request.route, request.body) for request in there.server.requests[since:] if request.route != TOKEN]
        assert pages[0] == before.page
