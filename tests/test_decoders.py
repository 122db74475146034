"""Decoding in other processes gives the same rows, whatever becomes of those processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest
from dropbox_audit import decoders
from dropbox_audit.decoders import Decoders
from dropbox_audit.events import Page, PageRows, decode_events, decode_page
from support import make_event


def make_page(number: int) -> Page:
    """Forty events, and two items that are none."""
    events = [orjson.dumps(make_event(each)) for each in range(number * 40, number * 40 + 40)]
    items = b",".join([*events, b"17", b'{"timestamp":"?"}'])
    return decode_page(b'{"events":[%b],"cursor":"c","has_more":true}' % items)


PAGES = [make_page(number) for number in range(12)]
EXPECTED = [decode_events(page.events) for page in PAGES]


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[Decoders]:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(decoders, "_BYTES_BEFORE_HELP", len(PAGES[0].body) + 1)
    helped = Decoders()
    yield helped
    helped.close()


def children() -> set[int]:
    """Ids of the processes that this one has started and that are alive."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    if not listed.exists():
        pytest.skip("this system does not list a process's children")
    alive = set()
    for task in Path("/proc/self/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            command = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            if b"dropbox_audit.decoders" in command:
                alive.add(child)
    return alive


def decode_all(helped: Decoders, between: Callable[[int], None] = lambda _: None) -> list[PageRows]:
    """The rows of all pages, one after the other."""
    rows = []
    for number, page in enumerate(PAGES):
        rows.append(helped.decode(page))
        between(number)
    return rows


def assert_as_expected(rows: list[PageRows]) -> None:
    for got, expected in zip(rows, EXPECTED, strict=True):
        assert {name: table.to_pylist() for name, table in got.tables.items()} == {
            name: table.to_pylist() for name, table in expected.tables.items()
        }
        assert (got.digest, got.event_count, got.rejected_count) == (expected.digest, 40, 2)
        assert (got.first_occurred_at, got.last_occurred_at) == (expected.first_occurred_at, expected.last_occurred_at)


def test_a_long_run_is_decoded_by_other_processes(two_cores: Decoders) -> None:
    seen = set()
    assert_as_expected(decode_all(two_cores, lambda _: seen.update(children())))
    assert 1 <= len(seen) <= 2
    two_cores.close()
    assert children() == set()


def test_a_short_run_starts_no_process(two_cores: Decoders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "_BYTES_BEFORE_HELP", 1 << 20)
    assert_as_expected(decode_all(two_cores))
    assert children() == set()


def test_one_core_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.setattr(decoders, "_BYTES_BEFORE_HELP", 0)
    assert_as_expected(decode_all(Decoders()))
    assert children() == set()


def test_pages_asked_for_at_once_come_back_each_with_its_own_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(decoders, "_BYTES_BEFORE_HELP", 0)
    helped = Decoders()
    try:
        with ThreadPoolExecutor(len(PAGES)) as threads:
            assert_as_expected(list(threads.map(helped.decode, PAGES)))
        assert len(children()) == 2
    finally:
        helped.close()


def test_a_process_that_is_killed_is_done_without(two_cores: Decoders) -> None:
    def kill(number: int) -> None:
        if number == 5:
            for child in children():
                os.kill(child, signal.SIGKILL)

    assert_as_expected(decode_all(two_cores, kill))


def test_a_process_that_cannot_be_started_is_done_without(two_cores: Decoders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders.sys, "executable", "/no/such/python")
    assert_as_expected(decode_all(two_cores))


def test_nothing_outlives_a_run_that_is_killed() -> None:
    run = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, time; os.cpu_count = lambda: 2\n"
            "from dropbox_audit import decoders, events\n"
            "decoders._BYTES_BEFORE_HELP = 0; helped = decoders.Decoders()\n"
            'helped.decode(events.decode_page(b\'{"events":[],"cursor":"c","has_more":false}\'))\n'
            "print(next(each._process for each in helped._processes if each._process).pid, flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    helper = int(run.stdout.readline())
    run.kill()
    run.wait()
    run.stdout.close()
    deadline = time.monotonic() + 30
    while is_alive(helper):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(process: int) -> bool:
    try:
        # A zombie has ended: it only waits for somebody to ask how.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
