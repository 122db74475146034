"""Tests against emulators of the other warehouses. They need `make test-destinations`, which installs what they use."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

HERE = Path(__file__).parent
IS_INSTALLED = all(importlib.util.find_spec(package) for package in ("dbt.adapters.snowflake", "dbt.adapters.bigquery"))


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """The ordinary tests run without the packages of the other warehouses, and so without these."""
    return True if HERE in collection_path.parents and not IS_INSTALLED else None


def pytest_configure(config: pytest.Config) -> None:
    is_asked_for = any(Path(argument.split("::")[0]).resolve().is_relative_to(HERE) for argument in config.args)
    if is_asked_for and not IS_INSTALLED:
        raise pytest.UsageError("Run `make test-destinations`: these tests need dbt-bigquery and dbt-snowflake.")
