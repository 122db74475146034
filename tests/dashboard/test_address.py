"""The filter in the address: it comes back as it went, and whatever else an address holds does no harm."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

from dropbox_audit.dashboard import address
from dropbox_audit.filters import KINDS, Filter, start_of
from hypothesis import given
from hypothesis import strategies as some

TODAY = date(2026, 11, 25)

words = some.text(min_size=1, max_size=20).map(str.strip).filter(bool)
lists = some.lists(words, max_size=3, unique=True).map(tuple)
days = some.dates(date(2000, 1, 1), date(2100, 1, 1)).map(start_of)


@given(
    some.builds(
        Filter,
        since=some.none() | days,
        until=some.none() | days,
        users=lists,
        event_types=lists,
        event_categories=lists,
        countries=lists,
        event_ids=lists,
        person=some.just("") | words,
        item=some.just("") | words,
        file_id=some.just("") | words,
        ip_address=some.just("") | words,
        domain=some.just("") | words,
        has_outsiders=some.booleans(),
        kind=some.sampled_from(["", *KINDS]),
    )
)
def test_a_filter_comes_back_from_its_address(chosen: Filter) -> None:
    query = urlencode(address.write(chosen), doseq=True)
    assert address.parse(parse_qs(query), TODAY) == chosen


@given(some.dictionaries(some.sampled_from(["since", "until", "days", "kind", "type", "person"]) | words,
                         some.lists(some.text(max_size=12), max_size=3)))  # fmt: skip
def test_any_address_is_some_filter(parameters: dict[str, list[str]]) -> None:
    address.parse(parameters, TODAY).where()


def test_days_count_today() -> None:
    def since(**parameters: Any) -> Any:
        return address.parse({name: [value] for name, value in parameters.items()}, TODAY).since

    assert since(days="1") == start_of(TODAY)
    assert since(days="30") == start_of(TODAY - timedelta(days=29))
    assert since(days="30", since="2026-01-02") == start_of(date(2026, 1, 2))
    assert since(days="0") is None
    assert since(days="-3") is None
    assert since(since="0001-01-01") is None
