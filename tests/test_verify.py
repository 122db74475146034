"""Proof of completeness: what a verification finds, what a repair loads, what the standing rescan catches."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from dropbox_audit.comparison import EVIDENCE, VIEW, Comparison
from dropbox_audit.demo import FAULTS, SimulatedLog
from dropbox_audit.errors import ConfigurationError, RunError
from dropbox_audit.events import Tables, decode_events
from dropbox_audit.run import load_once
from dropbox_audit.walks import WALKS
from hypothesis import given, settings
from hypothesis import strategies as st
from support import CONTINUE, GET_EVENTS, NOON, VirtualClock, Workspace, for_simulator, make_event, make_log, multiset

SINCE, UNTIL = NOON - timedelta(days=2), NOON

# -- the comparison ---------------------------------------------------------------------------------------------------


def id_of(identity: str, copy: int) -> str:
    return identity if copy == 1 else f"{identity}-{copy}"


def tables_of(walk_id: str, pages: list[list[dict[str, Any]]]) -> list[dict[str, pa.Table]]:
    tables = []
    for page_no, events in enumerate(pages):
        collected = Tables()
        rows = decode_events([json.dumps(event).encode() for event in events])
        collected.add(rows, walk_id=walk_id, page_no=page_no, is_replayed=False, received_at=NOON)
        tables.append(collected.take())
    return tables


def identity_and_row(number: int) -> tuple[str, dict[str, Any]]:
    [table] = tables_of("any", [[make_event(number)]])
    [row] = table["events"].to_pylist()
    return row["identity"], row


def batches(rows: list[dict[str, Any]], schema: pa.Schema) -> list[pa.RecordBatch]:
    return pa.Table.from_pylist(rows, schema).to_batches(max_chunksize=2)


@settings(max_examples=60)
@given(
    copies=st.lists(st.integers(1, 3), min_size=1, max_size=6),
    gone=st.sets(st.tuples(st.integers(0, 5), st.integers(1, 3)), max_size=8),
    lost=st.dictionaries(st.integers(0, 5), st.integers(0, 2), max_size=4),
    forged=st.sets(st.integers(20, 23), max_size=2),
    altered=st.sets(st.integers(0, 5), max_size=2),
    doubled=st.sets(st.integers(0, 5), max_size=2),
    reads_twice=st.booleans(),
)
def test_exactly_the_differences_are_found(
    copies: list[int],
    gone: set[tuple[int, int]],
    lost: dict[int, int],
    forged: set[int],
    altered: set[int],
    doubled: set[int],
    reads_twice: bool,
) -> None:
    """Rows deleted from the view, from raw, put in, changed and doubled, in every combination."""
    identities = [identity_and_row(number) for number in range(len(copies))]
    read = [[make_event(number)] * count for number, count in enumerate(copies)]
    view, evidence, missing, extra = [], [], set[str](), Counter[str]()
    for number, ((identity, row), count) in enumerate(zip(identities, copies, strict=True)):
        left = max(0, count - lost.get(number, 0))
        if left:
            evidence.append({**row, "copies": left})
        for copy in range(1, count + 1):
            event_id = id_of(identity, copy)
            if copy > left:
                missing.add(event_id)
            if (number, copy) in gone:
                missing.add(event_id)
                continue
            held = {**row, "event_id": event_id}
            if copy == 1 and number in altered:
                held["event"] = held["event"].replace("report", "rapport")
                missing.add(event_id)
                extra[event_id] += 1
            view.append(held)
            if copy == 1 and number in doubled:
                view.append(held)
                extra[event_id] += 1
    for number in forged:
        identity, row = identity_and_row(number)
        view.append({**row, "event_id": identity})
        extra[identity] += 1
    with (
        TemporaryDirectory() as folder,
        Comparison(Path(folder) / "scratch.duckdb", SINCE, UNTIL, keeps_rows=True) as comparison,
    ):
        for walk_id in ("one", "two")[: 1 + reads_twice]:
            for tables in tables_of(walk_id, read):
                comparison.add_reading(tables)
        comparison.add_warehouse(batches(evidence, EVIDENCE), batches(view, VIEW))
        comparison.compare()
        assert {event["event_id"] for event in comparison.missing()} == missing
        assert Counter(event["event_id"] for event in comparison.extra()) == extra
        counted = [day for day in comparison.days() if day.dropbox_events]
        assert sum(day.dropbox_events for day in counted) == sum(copies)
        assert sum(day.missing_events for day in counted) == len(missing)
        # A repair brings all copies of what is missing as one walk saw them, and nothing else.
        repaired = [row for tables in comparison.repair() for row in tables.get("events", pa.table({})).to_pylist()]
        names = {identity: count for (identity, _), count in zip(identities, copies, strict=True)}
        wanted = Counter({event_id[:32]: names[event_id[:32]] for event_id in missing})
        assert Counter(row["identity"] for row in repaired) == wanted
        assert len({(row["walk_id"], row["page_no"], row["position"]) for row in repaired}) == len(repaired)
        # Once the warehouse holds everything, nothing is missing, and the findings of before stand.
        whole = [
            {**row, "event_id": id_of(key, n + 1)}
            for (key, row), k in zip(identities, copies, strict=True)
            for n in range(k)
        ]
        every = [{**row, "copies": count} for (_, row), count in zip(identities, copies, strict=True)]
        comparison.add_warehouse(batches(every, EVIDENCE), batches(whole, VIEW))
        comparison.look_again()
        assert comparison.missing() == []
        assert Counter(event["event_id"] for event in comparison.extra()) == extra


def compare(
    tmp_path: Path, read: list[dict[str, Any]], held: list[dict[str, Any]], *, with_view: bool = True
) -> Comparison:
    comparison = Comparison(tmp_path / "scratch.duckdb", SINCE, UNTIL, keeps_rows=False)
    for tables in tables_of("walk", [read]):
        comparison.add_reading({**tables, "walks": WALKS.empty_table()})
    rows = [row for tables in tables_of("held", [held]) for row in tables["events"].to_pylist()]
    counts = Counter(row["identity"] for row in rows)
    evidence = list({row["identity"]: {**row, "copies": counts[row["identity"]]} for row in rows}.values())
    view, seen = [], Counter[str]()
    for row in rows:
        seen[row["identity"]] += 1
        view.append({**row, "event_id": id_of(row["identity"], seen[row["identity"]])})
    comparison.add_warehouse(batches(evidence, EVIDENCE), batches(view, VIEW) if with_view else None)
    comparison.compare()
    return comparison


@pytest.mark.parametrize("with_view", [True, False])
def test_other_names_and_descriptions_are_no_difference(tmp_path: Path, with_view: bool) -> None:
    held = make_event(1)
    read = json.loads(json.dumps(held).replace("Person 1", "Person One").replace("Added files", "Created files"))
    assert read != held
    with compare(tmp_path, [read], [held], with_view=with_view) as comparison:
        assert (comparison.missing(), comparison.extra()) == ([], [])


@pytest.mark.parametrize("with_view", [True, False])
@pytest.mark.parametrize("is_late", [True, False], ids=["details came later", "details failed this time"])
def test_details_that_once_could_not_be_given_are_no_difference(tmp_path: Path, is_late: bool, with_view: bool) -> None:
    whole, poor = make_event(1), make_event(1, details={".tag": "missing_details"})
    read, held = ([whole], [poor, whole]) if is_late else ([poor], [whole])
    with compare(tmp_path, read, held, with_view=with_view) as comparison:
        assert (comparison.missing(), comparison.extra()) == ([], [])
        assert comparison.count("superseded") == 1


def test_an_event_without_details_and_without_its_like_is_a_difference(tmp_path: Path) -> None:
    poor = make_event(1, details={".tag": "missing_details"})
    with compare(tmp_path, [make_event(2)], [poor, make_event(2)]) as comparison:
        assert [event["event_type"] for event in comparison.extra()] == ["file_add"]


def test_an_event_outside_the_window_is_not_looked_at(tmp_path: Path) -> None:
    inside = make_event(1, at=SINCE)
    with compare(tmp_path, [inside, make_event(2, at=UNTIL)], [inside]) as comparison:
        assert comparison.missing() == []
        assert [(str(day.day), day.is_whole_day, day.dropbox_events) for day in comparison.days()] == [
            ("2026-10-30", False, 1),
            ("2026-10-31", True, 0),
            ("2026-11-01", False, 0),
        ]


# -- the command, with views, a real file and real HTTP ---------------------------------------------------------------


def test_what_was_deleted_behind_our_back_is_found_and_put_back(outside: Workspace, serve: Any) -> None:
    """One long story, because building the views takes seconds."""
    events = make_log(300)
    server, url = serve(log=SimulatedLog.of(events, page_limit=70, rewording=True))
    environment = for_simulator(url, requests_per_hour="0")

    def run(*arguments: str, code: int = 0) -> str:
        done = outside.run(*arguments, **environment)
        assert done.returncode == code, done.stderr
        return done.stdout

    def verify(*arguments: str, code: int = 0) -> dict[str, Any]:
        return json.loads(run("verify", "--json", *arguments, code=code))

    def ids(found: list[dict[str, Any]]) -> list[str]:
        assert all(set(event) == {"event_id", "occurred_at", "event_type"} for event in found)
        return sorted(event["event_id"] for event in found)

    def content() -> list[Any]:
        return outside.rows("select * exclude (loaded_at) from dropbox_audit.events order by event_id")

    def change(*statements: str) -> None:
        with duckdb.connect(str(outside.path)) as connection:
            for statement in statements:
                connection.execute(statement)

    # Before anything was loaded a verification loads it; after it, all is equal and one day is proven.
    found = verify()
    assert (found["result"], found["dropbox_events"], found["warehouse_events"]) == ("equal", 300, 300)
    before = content()
    assert run("verify").splitlines()[-1] == "Equal: the warehouse holds every event of this window, once."

    # Something new has arrived in between: it is polled first and not called missing.
    server.log.append([make_event(900)])
    assert verify()["result"] == "equal"
    before = content()

    # Rows disappear from the view: half of a pair of twins, too.
    twin = outside.rows("select event_id from dropbox_audit.events where event_id like '%-2' order by 1 limit 1")[0][0]
    gone = [row[0] for row in outside.rows("select event_id from dropbox_audit.events order by hash(event_id) limit 4")]
    gone = sorted({*gone, twin})
    listed = ", ".join(f"'{event_id}'" for event_id in gone)
    change(
        f"delete from dropbox_audit.events where event_id in ({listed})",
        f"delete from dropbox_audit.event_assets where event_id in ({listed})",
    )
    found = verify(code=1)
    assert (found["result"], ids(found["missing"]), found["extra"]) == ("different", gone, [])
    assert [day["missing_events"] for day in found["days"] if day["missing_events"]] == [len(gone)]
    shown = run("verify", code=1)
    assert all(event_id in shown for event_id in gone)
    assert max(map(len, shown.splitlines())) <= 80
    # Only the window counts.
    assert verify("--since", "2026-11-02")["result"] == "equal"
    repaired = verify("--repair")
    assert (repaired["result"], ids(repaired["missing"]), repaired["repaired_events"]) == ("equal", gone, len(gone))
    assert content() == before
    assert verify()["result"] == "equal"

    # Rows disappear from raw and from the view, with a whole pair of twins.
    identity = twin[:32]
    change(
        f"delete from dropbox_raw.events where identity = '{identity}'",
        f"delete from dropbox_audit.events where event_id in ('{identity}', '{twin}')",
    )
    assert ids(verify(code=1)["missing"]) == sorted([identity, twin])
    assert verify("--repair")["result"] == "equal"
    assert [row[0] for row in content()] == [row[0] for row in before]
    run("transform", "--full-refresh")
    assert [row[0] for row in content()] == [row[0] for row in before]

    # Somebody has put in an event that never was: it is found, and no repair hides it.
    change(
        "insert into dropbox_audit.events select * replace('deadbeefdeadbeefdeadbeefdeadbeef' as event_id) "
        "from dropbox_audit.events limit 1"
    )
    found = verify("--repair", code=1)
    assert (found["result"], ids(found["extra"])) == ("different", ["deadbeefdeadbeefdeadbeefdeadbeef"]), found

    # Evidence: each verification left its rows, the runs say what was repaired, and what could not be finished fails.
    kept = outside.rows(
        "select result, sum(missing_events), sum(repaired_events), sum(extra_events) from dropbox_raw.verifications "
        "where day = '2026-10-31' group by verification_id, result order by verification_id"
    )
    assert [row[0] for row in kept] == [
        *("equal", "equal", "equal", "different", "different", "equal", "equal", "different", "equal", "different")
    ]
    assert sum(row[2] for row in kept) == len(gone) + 2
    repaired = outside.rows(
        "select sum(repaired) from (select max(repaired_events) as repaired from dropbox_raw.runs group by run_id)"
    )
    assert repaired == [(len(gone) + 2,)]
    server.faults.always(GET_EVENTS, FAULTS["403_no_permission"])
    failed = verify(code=2)
    assert (failed["result"], failed["missing"], failed["extra"]) == ("failed", [], [])
    assert outside.rows(
        "select outcome from dropbox_raw.runs where command = 'verify' order by recorded_at desc limit 1"
    ) == [("failed",)]
    assert outside.rows("select day, until is not null from dropbox_raw.verifications where result = 'failed'") == [
        (None, True)
    ]


# -- the standing rescan ----------------------------------------------------------------------------------------------


def lose(workspace: Workspace, count: int) -> list[Any]:
    """What a cursor that does not deliver late events would leave: rows that never came."""
    lost = [
        row[0] for row in workspace.rows("select event from dropbox_raw.events order by hash(event) limit ?", count)
    ]
    with duckdb.connect(str(workspace.path)) as connection:
        connection.execute("delete from dropbox_raw.events where event in (select unnest(?))", [lost])
    return [json.loads(event) for event in lost]


def load_new(workspace: Workspace, url: str, clock: VirtualClock, **settings: Any) -> Any:
    loader = workspace.loader(url, clock=clock, **settings)
    with loader.alone():
        return load_once(loader)


def test_the_rescan_loads_once_a_day_what_never_arrived(workspace: Workspace, serve: Any, clock: VirtualClock) -> None:
    events = make_log(120)
    _, url = serve(log=SimulatedLog.of(events, page_limit=50))
    notices: list[str] = []
    options = {"rescan": "3d", "notice": notices.append}
    load_new(workspace, url, clock, **options)
    lost = lose(workspace, 3)
    clock.advance(23 * 3600)
    assert load_new(workspace, url, clock, **options).requests == 1
    assert len(workspace.events()) == 120 - len(lost)
    clock.advance(3600)
    result = load_new(workspace, url, clock, **options)
    assert result.repaired_events == len(lost)
    assert any("3 events that the cursor had not delivered" in notice for notice in notices)
    assert multiset(workspace.events()) == multiset(events)
    stored = workspace.rows("select count(*) from dropbox_raw.events")
    # Not again before a day is over, and a machine that knows nothing keeps to that too.
    clock.advance(3600)
    assert load_new(workspace, url, clock, **options).requests == 1
    workspace.forget_home()
    assert load_new(workspace, url, clock, **options).requests == 1
    clock.advance(24 * 3600)
    assert load_new(workspace, url, clock, **options).requests > 1
    assert workspace.rows("select count(*) from dropbox_raw.events") == stored, "what is there was loaded again"
    whole_days = workspace.rows(
        "select day::varchar, result, missing_events from dropbox_raw.verifications where is_whole_day order by 1, 3"
    )
    assert ("2026-10-31", "equal", len(lost)) in whole_days


def test_without_the_setting_nothing_is_read_again(workspace: Workspace, serve: Any, clock: VirtualClock) -> None:
    server, url = serve(make_log(20))
    load_new(workspace, url, clock)
    clock.advance(40 * 24 * 3600)
    load_new(workspace, url, clock)
    assert server.count(GET_EVENTS) == 1


def test_a_rescan_that_fails_is_made_up_for_by_the_next_run(
    workspace: Workspace, serve: Any, clock: VirtualClock
) -> None:
    events = make_log(20)
    server, url = serve(events)
    load_new(workspace, url, clock, rescan="2d")
    lose(workspace, 2)
    clock.advance(25 * 3600)
    server.faults.next(GET_EVENTS, FAULTS["403_no_permission"])
    with pytest.raises(ConfigurationError):
        load_new(workspace, url, clock, rescan="2d")
    clock.advance(300)
    server.faults.always(CONTINUE, FAULTS["503_html"])
    with pytest.raises(RunError):
        load_new(workspace, url, clock, rescan="2d", give_up_after="1s")
    server.faults.clear()
    clock.advance(300)
    assert load_new(workspace, url, clock, rescan="2d").repaired_events == 2
    assert multiset(workspace.events()) == multiset(events)


def test_a_rescan_of_less_than_a_day_is_refused(workspace: Workspace) -> None:
    with pytest.raises(ConfigurationError, match="rescan"):
        workspace.settings("http://127.0.0.1:1", rescan="3h")
