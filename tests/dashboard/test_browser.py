"""The dashboard as a person has it: the command, a real Chromium, a mouse and a keyboard, and no network but loopback.

Screenshots of every page, in both themes and at both widths, are left in tests/screenshots/ for whoever wants to look.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import requests
from chromium import FLAGS, find
from drawn import PAGES
from dressedwarehouse import HOSTILE, rows
from dropbox_audit.warehouse import Target

pytestmark = pytest.mark.skipif(find() is None, reason="no Chromium on this machine (apt-get install chromium)")

SCREENSHOTS = Path(__file__).parents[1] / "screenshots"
ROW = 35
"""Height of a table's row in pixels."""
PHONE = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36"


@pytest.fixture(scope="session")
def served(dressed: Target, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the dressed warehouse that a test may write to."""
    assert dressed.path is not None
    return Path(shutil.copy(dressed.path, tmp_path_factory.mktemp("served") / "served.duckdb"))


@pytest.fixture(scope="session")
def address(served: Path) -> Iterator[str]:
    """`dropbox-audit dashboard`, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = served.parent
    process = subprocess.Popen(
        [sys.executable, "-m", "dropbox_audit.cli", "dashboard", "--port", str(port)],
        cwd=folder,
        env={
            **os.environ,
            "DLT_DATA_DIR": str(folder),
            "HOME": str(folder),
            "DESTINATION__DUCKDB__CREDENTIALS": str(served),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        assert process.stdout is not None
        assert url in process.stdout.readline()
        deadline = time.monotonic() + 60
        while True:
            try:
                requests.get(f"{url}/_stcore/health", timeout=5).raise_for_status()
                break
            except requests.RequestException:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=find(), args=list(FLAGS))
        yield started
        started.close()


class Visitor:
    """A browser's page that may ask this machine only, and what else it wanted."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.address = address
        self.refused: list[str] = []
        self.dialogs: list[str] = []
        self._context = browser.new_context(accept_downloads=True, **options)
        self.downloads: list[Any] = []
        self._context.route("**/*", self._decide)
        # A link that downloads opens a page of its own for a moment.
        self._context.on("page", lambda page: page.on("download", self._keep))
        self.page = self._context.new_page()
        self.page.on("dialog", self._dismiss)
        self.page.set_default_timeout(30_000)

    def _decide(self, route: Any) -> None:
        if route.request.url.startswith((self.address, "data:", "blob:")):
            route.continue_()
        else:
            self.refused.append(route.request.url)
            route.abort()

    def _keep(self, download: Any) -> None:
        self.downloads.append(download)

    def _dismiss(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def go(self, path: str) -> Any:
        self.page.goto(f"{self.address}/{path}")
        return self.settle()

    def settle(self) -> Any:
        """Wait until the page has been drawn to its end."""
        self.page.wait_for_selector("h1")
        self.page.wait_for_function(
            "!document.querySelector('[data-testid=stStatusWidget]')"
            " && !document.querySelector('[data-stale=true]') && !document.querySelector('[data-testid=stSkeleton]')"
        )
        return self.page

    def tick(self, table: int, row: int) -> None:
        """Click the box of a row, the first one being 0."""
        box = self.page.get_by_test_id("stDataFrame").nth(table).bounding_box()
        self.page.mouse.click(box["x"] + 16, box["y"] + ROW * (row + 1) + ROW / 2)

    def close(self) -> None:
        self._context.close()


@pytest.fixture
def visitor(browser: Any, address: str) -> Iterator[Visitor]:
    """Asks nobody but the dashboard, and is shown no alert."""
    visitor = Visitor(browser, address, viewport={"width": 1280, "height": 900})
    yield visitor
    visitor.close()
    assert visitor.refused == []
    assert visitor.dialogs == []


def number_of_events(page: Any) -> int:
    return int(page.locator("strong").filter(has_text="event").first.inner_text().split()[0].replace(",", ""))


def test_a_person_is_found_as_one_types(visitor: Visitor, dressed: Target) -> None:
    page = visitor.go("activity")
    everybody = number_of_events(page)
    page.get_by_label("Person", exact=True).press_sequentially("emma", delay=30)
    page.wait_for_url(re.compile(r"person=emma$"))
    sql = "select count(*) from dropbox_audit.events where lower(actor_name || ' ' || actor_email) like '%emma%'"
    [(expected,)] = rows(dressed, sql)
    page.locator("strong", has_text=f"{expected:,} events").wait_for()
    assert expected < everybody

    # The address alone brings the same view back, to whomever it is sent.
    other = visitor.go("activity?person=emma")
    assert number_of_events(other) == expected
    assert other.get_by_label("Person", exact=True).input_value() == "emma"


def test_a_row_opens_everything_about_its_event(visitor: Visitor, dressed: Target) -> None:
    page = visitor.go("activity?item=onerror")
    visitor.tick(0, 0)
    panel = page.get_by_role("dialog")
    panel.wait_for()
    [(event_id, day)] = rows(
        dressed,
        "select event_id, occurred_on from dropbox_audit.events where event_id in "
        "(select event_id from dropbox_audit.event_assets where name like '%onerror%') "
        "order by occurred_at desc, event_id desc limit 1",
    )
    page.wait_for_url(re.compile(f"event={event_id}&on={day}"))
    panel.get_by_text(event_id, exact=True).wait_for()
    panel.get_by_role("tab", name="Complete JSON").click()
    shown = panel.get_by_test_id("stCode")
    shown.wait_for()
    assert "<img src=x onerror=alert(1)>" in shown.inner_text()
    assert page.locator("img[src='x']").count() == 0

    # The keyboard closes it, and opens another one.
    page.keyboard.press("Escape")
    panel.wait_for(state="detached")
    page.wait_for_url(re.compile(r"item=onerror$"))


def test_the_keyboard_alone_reaches_and_opens_a_row(visitor: Visitor) -> None:
    page = visitor.go("activity?days=7")
    page.get_by_label("File or folder").focus()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.testid") == "data-grid-canvas":
            break
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Space")
    page.get_by_role("dialog").wait_for()
    assert "event=" in page.url


def test_what_a_stranger_calls_themselves_stays_text(visitor: Visitor, dressed: Target) -> None:
    [(event_id, day)] = rows(
        dressed,
        "select event_id, occurred_on from dropbox_audit.events where actor_name = ? "
        "order by occurred_at desc, event_id desc limit 1",
        HOSTILE,
    )
    page = visitor.go(f"activity?event={event_id}&on={day}")
    panel = page.get_by_role("dialog")
    panel.wait_for()
    panel.get_by_text(HOSTILE).first.wait_for()
    page = visitor.go(f"alerts?alert={0:032x}")
    panel = page.get_by_role("dialog")
    panel.wait_for()
    panel.get_by_text(HOSTILE).first.wait_for()
    for selector in ("img[src*='evil']", "img[src='x']", "a[href^='javascript']", ".katex"):
        assert page.locator(selector).count() == 0


def test_a_bar_leads_to_what_it_counts(visitor: Visitor) -> None:
    page = visitor.go("deletes?days=7")
    bars = page.get_by_test_id("stVegaLiteChart").first.locator("[aria-roledescription=bar]")
    bars.first.wait_for(state="attached")
    box = max((bar.bounding_box() for bar in bars.all()), key=lambda box: box["height"])
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(re.compile(r"/activity\?since=(.*)&until=\1&kind=deletes"))


def test_a_number_leads_to_its_events_and_back(visitor: Visitor, dressed: Target) -> None:
    page = visitor.go("deletes")
    page.get_by_role("link", name="See events").nth(1).click()
    page.wait_for_url(re.compile(r"/activity\?.*kind=permanent-deletes"))
    visitor.settle()
    page.get_by_text("Only deletes for good").wait_for()
    sql = "select count(distinct event_id) from dropbox_audit.deletes where is_permanent"
    assert number_of_events(page) == rows(dressed, sql)[0][0]
    page.go_back()
    page.wait_for_url(re.compile(r"/deletes"))


@pytest.mark.parametrize("name", ["CSV", "Parquet", "JSON lines"])
def test_an_export_is_what_was_filtered(name: str, visitor: Visitor, dressed: Target, tmp_path: Path) -> None:
    page = visitor.go("activity?category=logins&country=DE")
    expected = rows(
        dressed,
        "select event_id from dropbox_audit.events where event_category = 'logins' and country = 'DE' "
        "order by occurred_at, event_id",
    )
    page.get_by_role("link", name=f"Export {name}").click()
    deadline = time.monotonic() + 30
    while not visitor.downloads and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    [download] = visitor.downloads
    assert re.fullmatch(r"dropbox-events-[0-9-]+\.(csv|jsonl|parquet)", download.suggested_filename)
    output = tmp_path / download.suggested_filename
    download.save_as(output)
    if name == "CSV":
        with output.open(newline="", encoding="utf-8") as file:
            found = [row["event_id"] for row in csv.DictReader(file)]
    elif name == "Parquet":
        found = pq.read_table(output)["event_id"].to_pylist()
    else:
        found = [json.loads(line)["event_id"] for line in output.read_text(encoding="utf-8").splitlines()]
    assert [(event_id,) for event_id in found] == expected
    assert expected


def test_a_new_event_appears_without_a_reload(visitor: Visitor, served: Path) -> None:
    page = visitor.go("activity?person=just+arrived")
    page.get_by_text("No event matches this filter.").wait_for()
    deadline = time.monotonic() + 20
    while True:
        try:
            connection = duckdb.connect(str(served))
            break
        except duckdb.IOException:
            # The dashboard is reading just now.
            assert time.monotonic() < deadline
            time.sleep(0.02)
    with connection:
        connection.execute(
            "insert into dropbox_audit.events select * replace (repeat('f', 32) as event_id, "
            "'Just Arrived' as actor_name) from dropbox_audit.events order by occurred_at desc limit 1"
        )
    page.get_by_test_id("stDataFrame").wait_for()
    page.locator("strong", has_text="1 event").wait_for()
    visitor.tick(0, 0)
    page.get_by_role("dialog").get_by_text("Just Arrived", exact=True).wait_for()


def test_a_download_that_no_page_has_signed_is_refused(address: str) -> None:
    for query in ("format=csv", "format=csv&expires=2999-01-01T00&signature=" + "0" * 64, ""):
        assert requests.get(f"{address}/export?{query}", timeout=20).status_code == 403


def test_another_sites_name_for_this_machine_is_refused(address: str) -> None:
    assert requests.get(address, headers={"Host": "evil.example"}, timeout=20).status_code == 400


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_both_widths_in_both_themes(name: str, visitor: Visitor) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page = visitor.go("" if name == "overview" else name)
    backgrounds = set()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": width, "height": min(max(height, 900), 3000)})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            visitor.settle()
            page.wait_for_timeout(300)
            page.screenshot(path=str(SCREENSHOTS / f"{name}-{theme}-{width}.png"))
            backgrounds.add(page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor"))
        # Nothing is wider than the screen: tables scroll within themselves.
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert len(backgrounds) == 2
    assert page.get_by_test_id("stException").count() == 0


def test_on_a_phone_what_matters_comes_first(browser: Any, address: str) -> None:
    visitor = Visitor(browser, address, user_agent=PHONE, viewport={"width": 390, "height": 900})
    page = visitor.go("activity")
    table = page.get_by_test_id("stDataFrame").first
    # The grid's own words for whoever hears it come a moment after its picture.
    table.locator("th").first.wait_for(state="attached")
    headings = table.locator("th").all_text_contents()
    visitor.close()
    assert [heading for heading in headings if heading][:3] == ["UTC", "Who", "What happened"]
