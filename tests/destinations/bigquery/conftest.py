from __future__ import annotations

from collections.abc import Iterator

import pytest
from emulated_bigquery import HERE, PYTHON, BigQuery, GoogleSql, running_emulator


@pytest.fixture(scope="session")
def bigquery_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of this session's BigQuery."""
    if not PYTHON.exists():
        pytest.fail(f"Run `make test-destinations`, which makes {PYTHON.parents[1].name} from {HERE.name}.")
    with running_emulator(tmp_path_factory.mktemp("bigquery")) as url:
        yield url


@pytest.fixture(scope="module")
def bigquery(bigquery_url: str, tmp_path_factory: pytest.TempPathFactory) -> BigQuery:
    """This session's BigQuery, emptied."""
    made = BigQuery(bigquery_url, tmp_path_factory.mktemp("dbt"))
    made.empty()
    return made


@pytest.fixture
def google_sql() -> Iterator[GoogleSql]:
    """Google's own engine, with no table."""
    engine = GoogleSql()
    yield engine
    engine.close()
