"""The dashboards as code: every query of them runs on the demo's warehouse and gives what its panel shows."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
import yaml
from dressedwarehouse import rows
from dropbox_audit.warehouse import Target

BI = Path(__file__).parents[2] / "docs/bi"
GRAFANA = json.loads((BI / "grafana/dropbox-audit.json").read_text(encoding="utf-8"))
PANELS = {panel["title"]: panel for panel in GRAFANA["panels"]}
SOURCES = {path.stem: path.read_text() for path in sorted((BI / "evidence/sources/dropbox_audit").glob("*.sql"))}
PAGES = {path.stem: path.read_text() for path in sorted((BI / "evidence/pages").glob("*.md"))}


def as_grafana_sends_it(sql: str) -> str:
    until = datetime.now(UTC)
    sql = sql.replace("${__from:date:YYYY-MM-DD}", f"{until - timedelta(days=30):%Y-%m-%d}")
    return sql.replace("${__to:date:YYYY-MM-DD}", f"{until:%Y-%m-%d}")


@pytest.mark.parametrize("title", PANELS)
def test_each_panel_of_grafana_has_something_to_show(title: str, dressed: Target) -> None:
    panel = PANELS[title]
    [target] = panel["targets"]
    sql = as_grafana_sends_it(target["rawSql"])
    assert "$" not in sql
    with duckdb.connect(str(dressed.path), read_only=True) as connection:
        result = connection.execute(sql)
        names = [column[0] for column in result.description]
        found = result.fetchall()
    assert found
    if panel["type"] == "stat":
        assert (len(found), len(names)) == (1, 1)
        assert found[0][0] is not None
    if panel["type"] == "timeseries":
        assert names[0] == "time"
        assert [row[0] for row in found] == sorted(row[0] for row in found)
    for dialect in ("bigquery", "snowflake"):
        sqlglot.parse_one(sql, read=dialect)


def test_grafana_can_load_the_dashboard() -> None:
    assert len({panel["id"] for panel in GRAFANA["panels"]}) == len(GRAFANA["panels"])
    [variable] = GRAFANA["templating"]["list"]
    assert variable["type"] == "datasource"
    places = set()
    for panel in GRAFANA["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not places & cells, panel["title"]
        places |= cells


@pytest.fixture(scope="module")
def extracted(dressed: Target, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What Evidence makes of the sources: a table for each query, in a schema of the source's name."""
    with duckdb.connect(str(tmp_path_factory.mktemp("evidence") / "extracted.duckdb")) as connection:
        connection.execute(f"attach '{dressed.path}' as warehouse (read_only)")
        connection.execute("create schema dropbox_audit")
        for name, sql in SOURCES.items():
            theirs = sql.replace("dropbox_audit.", "warehouse.dropbox_audit.")
            connection.execute(f"create table dropbox_audit.{name} as {theirs}")
        connection.execute("detach warehouse")
        yield connection


@pytest.mark.parametrize("page", PAGES)
def test_each_query_of_evidence_has_something_to_show(page: str, extracted: Any) -> None:
    text = PAGES[page]
    queries = dict(re.findall(r"```sql (\w+)\n(.*?)```", text, re.DOTALL))
    assert queries
    used = set(re.findall(r"data=\{(\w+)\}", text))
    assert used == set(queries)
    for name, sql in queries.items():
        result = extracted.execute(sql)
        columns = {column[0] for column in result.description}
        assert result.fetchall(), name
        for component in re.findall(rf"<\w+ data=\{{{name}\}}[^>]*>", text):
            for column in re.findall(r"\b(?:x|y|value)=(\w+)|'(\w+)'", component):
                assert "".join(column) in columns, component


def test_evidence_counts_what_the_warehouse_counts(dressed: Target, extracted: Any) -> None:
    [(events,)] = rows(dressed, "select count(*) from dropbox_audit.events")
    assert extracted.execute("select sum(events) from dropbox_audit.activity_per_day").fetchone() == (events,)


def test_the_connection_of_evidence_is_of_its_folder() -> None:
    connection = yaml.safe_load((BI / "evidence/sources/dropbox_audit/connection.yaml").read_text())
    assert connection["name"] == "dropbox_audit"
    assert connection["type"] == "duckdb"


def test_the_page_about_bi_names_what_is_there() -> None:
    text = (BI.parent / "bi.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (BI.parent / link).exists(), link
    for folder in BI.iterdir():
        assert f"bi/{folder.name}" in text
