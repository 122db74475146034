"""The words of the alert rules: docs/alerts.md is fresh, and what a rule tells its readers to look at exists."""

from __future__ import annotations

import csv
import importlib.util
import re
from pathlib import Path
from string import Formatter

import pytest

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "sql" / "seeds"

with (SEEDS / "alert_rules.csv").open(encoding="utf-8", newline="") as lines:
    RULES = list(csv.DictReader(lines))
with (SEEDS / "event_types.csv").open(encoding="utf-8", newline="") as lines:
    EVENT_TYPES = {row["event_type"] for row in csv.DictReader(lines)}

PLACEHOLDERS = {
    *("actor", "target", "count", "threshold", "minutes", "item"),
    *("place", "previous", "new", "context", "ip", "event_type"),
}

by_rule = pytest.mark.parametrize("rule", RULES, ids=[rule["rule_id"] for rule in RULES])


def test_alerts_page_is_fresh() -> None:
    specification = importlib.util.spec_from_file_location("generate_alerts", ROOT / "docs" / "generate_alerts.py")
    assert specification and specification.loader
    generator = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generator)
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    assert page == generator.render(), "run: python docs/generate_alerts.py"


def test_every_rule_has_its_place_on_the_page() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    described = re.findall(r'^### <a id="\w+"></a>(\w+) (.+)$', page, re.MULTILINE)
    assert described == [(rule["rule_id"], rule["name"]) for rule in RULES]
    assert len(described) >= 83


@by_rule
def test_a_rule_says_why_it_matters_and_what_to_do(rule: dict[str, str]) -> None:
    assert rule["why"].endswith(".")
    steps = re.findall(r"(?:^| )(\d)\. ", rule["runbook"])
    assert steps == [str(number) for number in range(1, len(steps) + 1)]
    assert 2 <= len(steps) <= 4


@by_rule
def test_a_title_is_short_and_has_known_placeholders(rule: dict[str, str]) -> None:
    assert 0 < len(rule["title"]) <= 90
    assert {name for _, name, _, _ in Formatter().parse(rule["title"]) if name is not None} <= PLACEHOLDERS


@by_rule
def test_views_columns_and_commands_in_a_runbook_exist(rule: dict[str, str]) -> None:
    views = (ROOT / "docs" / "views.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    commands = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    known = set(re.findall(r"^### (\w+)$|^\| `(\w+)` \|", views, re.MULTILINE))
    known |= {("", name) for name in re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)}
    names = {name for pair in known for name in pair}
    for name in re.findall("`([^`]+)`", rule["runbook"]):
        assert name in names or f"`{name}" in commands, name


@by_rule
def test_techniques_are_written_as_attack_writes_them(rule: dict[str, str]) -> None:
    for technique in rule["mitre"].split():
        assert re.fullmatch(r"T1\d{3}(\.\d{3})?", technique)


@by_rule
def test_event_types_exist(rule: dict[str, str]) -> None:
    if rule["kind"] in ("sequence", "collector", "seats"):
        return
    for entry in rule["event_types"].split():
        assert entry.rstrip("!").partition(":")[0] in EVENT_TYPES | {"*"}
