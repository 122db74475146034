"""Ids of events against an oracle in plain Python, over random walks, pages, loads and crashes.

Hundreds of independent identities share one warehouse, so that one build checks as many cases.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from dbtproject import Warehouse
from rawlog import RawLog, event, moment

FIRST_SECOND = moment("2026-02-27T23:59:30")
IDENTITIES = 400


class Row(NamedTuple):
    load_id: str
    walk_id: str
    page_no: int
    position: int
    identity: str
    exact_hash: str


def oracle(rows: list[Row]) -> dict[str, str]:
    """`event_id` → exact hash of the row that speaks for it, straight from the definition."""
    candidates: dict[str, dict[tuple[str, int], tuple[Any, ...]]] = defaultdict(dict)
    per_walk: Counter[tuple[str, str]] = Counter()
    equals_in_walk: Counter[tuple[str, str, str]] = Counter()
    for row in sorted(rows, key=lambda row: (row.walk_id, row.page_no, row.position)):
        per_walk[row.identity, row.walk_id] += 1
        equals_in_walk[row.walk_id, row.identity, row.exact_hash] += 1
        candidate = (row.exact_hash, equals_in_walk[row.walk_id, row.identity, row.exact_hash])
        seen = (row.load_id, row.page_no, row.position, row.walk_id)
        candidates[row.identity][candidate] = min(seen, candidates[row.identity].get(candidate, seen))
    ids = {}
    for identity, first_seen in candidates.items():
        keep = max(count for (of, _), count in per_walk.items() if of == identity)
        in_order = sorted(first_seen, key=lambda candidate: first_seen[candidate])
        for number, (exact_hash, _) in enumerate(in_order[:keep], start=1):
            ids[identity if number == 1 else f"{identity}-{number}"] = exact_hash
    return ids


class RandomLog:
    """Writes a log in which the same events come again: other walks, other wording, copies, replays, crashes."""

    def __init__(self, path: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.log = RawLog(path)
        self.rows: list[Row] = []
        self._pages: Counter[str] = Counter()
        self._gathered: list[tuple[str, int, int, str, str]] = []

    def _event(self, number: int) -> dict[str, Any]:
        variant = self.random.choice([0, 0, 0, 1, 2])
        return event(
            "file_edit",
            FIRST_SECOND + dt.timedelta(seconds=number % 60),
            identity=f"{number:032x}",
            exact_hash=f"{number:030x}{variant:02x}",
        )

    def page(self, walk_id: str, events: list[dict[str, Any]], *, replayed: bool = False) -> None:
        page_no = self._pages[walk_id]
        self._pages[walk_id] += 1
        self.log.page(walk_id, events, replayed=replayed)
        if not replayed:
            self._gathered += [
                (walk_id, page_no, position, made["row"]["identity"], made["row"]["exact_hash"])
                for position, made in enumerate(events)
            ]

    def load(self, *, completed: bool = True) -> None:
        for walk in self.random.sample(range(6), 3):
            for _ in range(self.random.randrange(1, 4)):
                replayed = self.random.random() < 0.1
                numbers = self.random.choices(range(IDENTITIES), k=150)
                numbers += self.random.choices(numbers, k=40)  # twins and triplets
                self.page(f"walk-{walk}", [self._event(number) for number in numbers], replayed=replayed)
        load_id = self.log.load(completed=completed, copies=self.random.choice([1, 1, 2]))
        if completed:
            self.rows += [Row(load_id, *place) for place in self._gathered]
        self._gathered.clear()


EVENTS = "select event_id, identity, exact_hash from dropbox_audit_internal.int_dropbox__event_keys"


def ids_in(warehouse: Warehouse) -> dict[str, str]:
    rows = warehouse.rows(EVENTS)
    assert len({event_id for event_id, _, _ in rows}) == len(rows)
    return {event_id: exact_hash for event_id, _, exact_hash in rows}


def transform_step_by_step(warehouse: Warehouse) -> None:
    """Three transforms as loads come in, then one from nothing; after each the ids, and what the oracle says."""
    made = RandomLog(warehouse.path, seed=20260301)
    first, renamed = (event("file_edit", FIRST_SECOND, identity="a" * 32, exact_hash=variant * 32) for variant in "bc")
    found, expected = [], []
    for loads, special in ((2, [first]), (1, [renamed]), (3, [renamed, first])):
        made.page(f"special-{loads}", special)
        for _ in range(loads):
            made.load()
        made.load(completed=False)
        warehouse.dbt(
            "build", "--select", "+events", "+int_dropbox__load_ledger", "--exclude-resource-type", "test", "unit_test"
        )
        found.append(ids_in(warehouse))
        expected.append(oracle(made.rows))
    warehouse.dbt("run", "--select", "+events", "--full-refresh")
    results = {"found": found, "expected": expected, "rebuilt": ids_in(warehouse)}
    (warehouse.folder / "results.json").write_text(json.dumps(results))


@pytest.fixture(scope="module")
def warehouse(build_once: Any) -> Warehouse:
    built: Warehouse = build_once("event-ids", transform_step_by_step)
    return built


@pytest.fixture(scope="module")
def results(warehouse: Warehouse) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((warehouse.folder / "results.json").read_text())
    return loaded


def test_the_ids_are_those_of_the_definition(results: dict[str, Any]) -> None:
    assert results["found"] == results["expected"]
    copies = Counter(event_id.count("-") for event_id in results["found"][-1])
    assert copies[0] == IDENTITIES + 1
    assert copies[1] > IDENTITIES


def test_an_id_once_given_never_changes(results: dict[str, Any]) -> None:
    for before, after in pairwise(results["found"]):
        assert before.items() <= after.items()
        assert len(before) < len(after)


def test_a_rebuild_from_nothing_gives_the_same_ids(results: dict[str, Any]) -> None:
    assert results["rebuilt"] == results["found"][-1]


def test_a_second_variant_is_found_in_the_old_load_that_first_brought_it(
    warehouse: Warehouse, results: dict[str, Any]
) -> None:
    """N rises because a new walk delivers both variants; the newly kept one was first seen loads ago."""
    assert [ids.get("a" * 32 + "-2") for ids in results["found"]] == [None, None, "c" * 32]
    loads = "select load_id from dropbox_audit_internal.int_dropbox__event_keys where event_id = ?"
    newest = warehouse.rows("select max(load_id) from dropbox_raw._dlt_loads")
    assert warehouse.rows(loads, "a" * 32) < warehouse.rows(loads, "a" * 32 + "-2") < newest
