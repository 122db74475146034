"""The same log gives the same views on every warehouse, row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from questions import QUESTIONS
from story import Story

STEPS = ["first", "news", "again", "rebuilt"]
"""First load; later polls; all history read again and taken in anew; everything rebuilt from raw."""


@pytest.mark.parametrize("destination", ["bigquery", "snowflake"])
@pytest.mark.parametrize("step", STEPS)
def test_every_view_holds_the_same_rows(told: Callable[[str], Story], destination: str, step: str) -> None:
    expected, found = told("duckdb").views[step], told(destination).views[step]
    assert found.keys() == expected.keys()
    different = {
        relation: (missing.most_common(2), extra.most_common(2))
        for relation in expected
        for missing, extra in [compared(expected[relation], found[relation])]
        if missing or extra
    }
    assert not different, "by relation: rows that only DuckDB has, rows that it does not have"


@pytest.mark.parametrize("destination", ["bigquery", "snowflake"])
def test_every_question_of_an_assistant_has_the_same_answer(told: Callable[[str], Story], destination: str) -> None:
    expected, found = told("duckdb").answers, told(destination).answers
    assert len(found) >= len(QUESTIONS)
    assert {name: answer for name, answer in found.items() if answer != expected[name]} == {}


@pytest.mark.parametrize("step", STEPS)
def test_the_story_puts_rows_into_every_view(told: Callable[[str], Story], step: str) -> None:
    assert [relation for relation, rows in told("duckdb").views[step].items() if not rows] == []


def test_reading_everything_again_and_rebuilding_change_no_view_of_events(told: Callable[[str], Story]) -> None:
    views = told("duckdb").views
    for relation in views["news"].keys() - {"log_completeness", "pipeline_runs"}:
        assert views["news"][relation] == views["again"][relation] == views["rebuilt"][relation], relation


def compared(expected: list[str], found: list[str]) -> tuple[Counter[str], Counter[str]]:
    return Counter(expected) - Counter(found), Counter(found) - Counter(expected)
