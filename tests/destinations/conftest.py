"""Tests against emulators of the other warehouses. They need `make test-destinations`, which installs what they use."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from emulated_bigquery import BigQuery
    from fake_snowflake import Snowflake
    from story import Story

HERE = Path(__file__).parent
IS_INSTALLED = all(importlib.util.find_spec(package) for package in ("dbt.adapters.snowflake", "dbt.adapters.bigquery"))


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """The ordinary tests run without the packages of the other warehouses, and so without these."""
    if collection_path.name == "test_live.py" and "LIVE_DESTINATION" not in os.environ:
        # `make test-live` asks for it: it costs money on somebody's account.
        return True
    return True if HERE in collection_path.parents and not IS_INSTALLED else None


def pytest_configure(config: pytest.Config) -> None:
    is_asked_for = any(Path(argument.split("::")[0]).resolve().is_relative_to(HERE) for argument in config.args)
    if is_asked_for and not IS_INSTALLED:
        raise pytest.UsageError("Run `make test-destinations`: these tests need dbt-bigquery and dbt-snowflake.")


@pytest.fixture(scope="session")
def snowflake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snowflake]:
    """An emulated account; each test takes a database of its own."""
    from fake_snowflake import running_snowflake

    with running_snowflake(tmp_path_factory.mktemp("snowflake")) as account:
        yield account


@pytest.fixture(scope="session")
def bigquery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQuery]:
    """An emulated Google cloud; each test takes a project of its own."""
    from emulated_bigquery import running_bigquery

    with running_bigquery(tmp_path_factory.mktemp("bigquery")) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Story]:
    """The story as a destination has it: `told("snowflake")`. Whichever worker comes first tells it, once for all."""
    from story import Story, tell

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    @functools.cache
    def tell_once(destination: str) -> Story:
        written = shared / f"story-{destination}.json"
        with FileLock(f"{written}.lock"):
            if not written.exists():
                is_local = destination == "duckdb"
                environment = {} if is_local else request.getfixturevalue(destination).environment("story")
                story = tell(destination, tmp_path_factory.mktemp(destination), environment)
                written.write_text(json.dumps(dataclasses.asdict(story)))
        return Story(**json.loads(written.read_text()))

    return tell_once
