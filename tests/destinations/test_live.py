"""The story of test_parity.py on a real account: `make test-live DESTINATION=snowflake`, with dlt's own credentials.

It needs a project or database in which our datasets do not exist yet, and drops them when it is done.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from dlt.common.destination import Destination
from dlt.common.schema import Schema
from dropbox_audit.warehouse import INTERNAL_DATASET, RAW_DATASET, VIEWS_DATASET, find_target, is_there, open_door
from dropbox_audit.warehouse.target import credentials_of
from story import Story, tell

DESTINATION = os.environ["LIVE_DESTINATION"]
CREDENTIALS = {
    name: value
    for name, value in os.environ.items()
    if name.startswith(("DESTINATION__", "CREDENTIALS__", "GOOGLE_", "SNOWFLAKE_"))
}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The story as the account has it."""
    target = find_target(DESTINATION)
    with open_door(target) as door:
        if is_there(door, f"{RAW_DATASET}.events") or is_there(door, f"{VIEWS_DATASET}.events"):
            pytest.fail(f"{target.name} holds a log already: name an empty project or database.")
    try:
        yield tell(DESTINATION, tmp_path_factory.mktemp("live"), CREDENTIALS)
    finally:
        for dataset in (VIEWS_DATASET, INTERNAL_DATASET, RAW_DATASET):
            factory = Destination.from_reference(DESTINATION)
            with factory.client(Schema("dropbox_audit"), credentials_of(target, dataset)).sql_client as client:
                if client.has_dataset():
                    client.drop_dataset()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder: Path = tmp_path_factory.mktemp("local")
    return tell("duckdb", folder, {})


@pytest.mark.parametrize("step", ["first", "news", "again", "rebuilt"])
def test_every_view_holds_the_same_rows(live: Story, local: Story, step: str) -> None:
    assert live.views[step].keys() == local.views[step].keys()
    for relation, rows in local.views[step].items():
        assert Counter(live.views[step][relation]) == Counter(rows), relation
