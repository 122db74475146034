"""Impossible travel: two countries, one person, and less time than an airliner takes between their middles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dropbox_audit.dashboard.geography import country, distance_km
from dropbox_audit.dashboard.queries.topics import travels
from dropbox_audit.filters import Filter

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Answering:
    """A door behind which one pair of sign-ins lies."""

    def __init__(self, origin: str, destination: str, hours: float) -> None:
        after = NOON + timedelta(hours=hours)
        self._row = ("dbid:1", "Ann", origin, destination, NOON, after, after.date(), "e1", "192.0.2.1")

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return [self._row]


@pytest.mark.parametrize(
    ("origin", "destination", "hours", "is_impossible"),
    [
        ("IE", "BR", 2, True),
        ("Ireland", "Brazil", 2, True),
        ("IE", "BR", 11, False),
        ("IE", "DE", 1, True),
        ("IE", "DE", 3, False),
        ("IE", "AU", 13, False),
        ("IE", "Atlantis", 0.1, False),
        ("IE", "BR", 0, True),
    ],
)
def test_only_what_nobody_can_travel_is_told(origin: str, destination: str, hours: float, is_impossible: bool) -> None:
    found = travels(Answering(origin, destination, hours), Filter())  # type: ignore[arg-type]
    assert bool(found) is is_impossible
    if found:
        assert found[0]["minutes"] == hours * 60


def test_countries_are_found_by_code_and_by_name() -> None:
    assert country("ie") == country("Ireland")
    assert country(None) is None
    assert country("") is None
    distance = distance_km("IE", "DE")
    assert distance is not None
    assert 1000 < distance < 1500
    assert distance_km("IE", "IE") == 0
