"""What the README and the demo promise of the dashboard."""

from __future__ import annotations

import re
from pathlib import Path

from support import DemoRun

ROOT = Path(__file__).parents[2]


def test_the_pages_of_the_readme_are_those_there_are() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.search(r"pages over the same views: (.*?)\.", " ".join(text.split()))
    assert listed is not None
    named = re.split(r", ", listed[1])
    app = (ROOT / "pipelines/dropbox_audit/dashboard/app.py").read_text(encoding="utf-8")
    pages = re.findall(r'screens/(\w+)\.py"', app)
    assert len(named) == len(pages)
    titles = {"logins": "sign-ins", "seats": "seats and renewals", "apps": "apps and devices"}
    assert named == [titles.get(page, page) for page in pages]


def test_the_demo_offers_the_dashboard(demo_run: DemoRun) -> None:
    assert re.search(
        r"^  DESTINATION__DUCKDB__CREDENTIALS=dropbox_demo\.duckdb dropbox-audit dashboard$", demo_run.output, re.M
    )
