"""Filtered events to a file, each format equal to the view."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dropbox_audit.errors import ConfigurationError, RunError
from dropbox_audit.export import export_events
from dropbox_audit.filters import Filter
from dropbox_audit.warehouse import Target, duckdb_target

START = datetime(2026, 11, 1, 22, tzinfo=UTC)

_TEXTS = (
    *("event_type", "event_category", "description", "actor_type", "actor_id", "actor_member_id", "actor_email"),
    *("actor_name", "context_type", "context_id", "context_email", "ip_address", "city", "region", "country"),
    *("access_method", "session_id"),
)
COLUMNS = {
    "event_id": "varchar",
    "occurred_at": "timestamptz",
    "occurred_on": "date",
    **dict.fromkeys(_TEXTS, "varchar"),
    "involves_non_team_member": "boolean",
    "asset_count": "bigint",
    "participant_count": "bigint",
    "details": "varchar",
    "has_missing_details": "boolean",
    "event": "varchar",
    "loaded_at": "timestamptz",
}
"""The contract of the view."""


def view_row(number: int, **changes: Any) -> dict[str, Any]:
    at = START + timedelta(minutes=number)
    row = dict.fromkeys(COLUMNS) | {
        "event_id": f"{number:032x}",
        "occurred_at": at,
        "occurred_on": at.date(),
        "event_type": ("file_add", "login_success", "file_delete")[number % 3],
        "actor_id": f"dbid:{number % 4}",
        "actor_member_id": f"dbmid:{number % 4}",
        "actor_email": f"Person{number % 4}@acme.example",
        "actor_name": f'Ann "A", the {number}th\nnew line 🙂',
        "involves_non_team_member": number % 2 == 0,
        "asset_count": number,
        "participant_count": 0,
        "details": '{".tag": "x"}',
        "has_missing_details": False,
        "event": json.dumps({"number": number, "name": "ü,;\"'"}),
        "loaded_at": START + timedelta(days=1, microseconds=number),
    }
    return row | changes


def make_view(folder: Path, rows: list[dict[str, Any]]) -> Target:
    path = folder / "dropbox.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema dropbox_audit")
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        connection.execute(f"create table dropbox_audit.events ({columns})")
        connection.register("given", pa.Table.from_pylist(rows))
        connection.execute(f"insert into dropbox_audit.events select {', '.join(COLUMNS)} from given")
    return duckdb_target(path)


ROWS = [view_row(number) for number in (7, 3, 250, 0, 121, 119, 120, 9)]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    return make_view(tmp_path_factory.mktemp("export"), ROWS)


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def numbers(path: Path) -> list[int]:
    return [json.loads(json.loads(line)["event"])["number"] for line in path.read_text().splitlines()]


# -- formats ----------------------------------------------------------------------------------------------------------

SORTED = sorted(ROWS, key=lambda row: row["occurred_at"])


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".JSONL"])
def test_json_lines_equal_the_view(suffix: str, target: Target, tmp_path: Path) -> None:
    output = tmp_path / f"events{suffix}"
    assert export_events(target, Filter(), output) == len(ROWS)
    expected = [
        {
            **row,
            "occurred_at": iso(row["occurred_at"]),
            "occurred_on": row["occurred_on"].isoformat(),
            "loaded_at": iso(row["loaded_at"]),
        }
        for row in SORTED
    ]
    assert [json.loads(line) for line in output.read_bytes().splitlines()] == expected


def test_parquet_equals_the_view(target: Target, tmp_path: Path) -> None:
    output = tmp_path / "events.parquet"
    assert export_events(target, Filter(), output) == len(ROWS)
    table = pq.read_table(output)
    assert table.column_names == list(COLUMNS)
    assert table.to_pylist() == SORTED
    assert str(table.schema.field("occurred_at").type).startswith("timestamp[us, tz=")
    assert str(table.schema.field("occurred_on").type) == "date32[day]"


def test_csv_equals_the_view(target: Target, tmp_path: Path) -> None:
    output = tmp_path / "events.csv"
    assert export_events(target, Filter(), output) == len(ROWS)

    def cell(value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, datetime):
            return iso(value)
        return "" if value is None else str(value)

    with output.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == list(COLUMNS)
    assert rows[1:] == [[cell(value) for value in row.values()] for row in SORTED]


@pytest.mark.parametrize("name", ["events.txt", "events", "events.xlsx", ".csv"])
def test_another_format_is_refused_with_those_there_are(name: str, target: Target, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\.parquet"):
        export_events(target, Filter(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


# -- formulas ---------------------------------------------------------------------------------------------------------

FORMULAS = [
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=cmd|"/c calc"!A1'),
    *(" =1", "\n\n +1", "\u00a0@x", "\u3000-1", "\ufeff=1", "\u200b=1", "\x00=1", "\x1b=1", "\u202e=1"),
    *("\tx", "\rx", "\nx"),
    *("\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", " \uff1d1", "\ufe621", "\ufe631", "\ufe661", "\ufe6bx", "\u22121"),
]
HARMLESS = [
    *(
        "",
        "a=1",
        "1+1",
        "ann@acme.example",
        "{}",
        "'=1",
        '"=1',
        "Ü",
        "🙂=",
        ".hidden",
        "(=1)",
        "a\n=1",
        'a","=1',
        "a;b",
    ),
]


def test_no_cell_of_a_csv_is_taken_for_a_formula(tmp_path: Path) -> None:
    names = [*FORMULAS, *HARMLESS]
    texts = ("actor_name", "actor_email", "city", "event_type", "description", "session_id", "details")
    rows = [view_row(number, **dict.fromkeys(texts, name)) for number, name in enumerate(names)]
    output = tmp_path / "events.csv"
    export_events(make_view(tmp_path, rows), Filter(), output)
    with output.open(newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    expected = [f"'{name}" for name in FORMULAS] + HARMLESS
    for text in texts:
        assert [line[header.index(text)] for line in lines] == expected
    assert [len(line) for line in lines] == [len(COLUMNS)] * len(names), "no name makes cells or lines of its own"
    signs = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
    assert [cell for line in lines for cell in line if cell.strip().startswith(tuple(signs))] == []


def test_the_other_formats_keep_such_names_as_they_are(tmp_path: Path) -> None:
    rows = [view_row(number, actor_name=name) for number, name in enumerate(FORMULAS)]
    target = make_view(tmp_path, rows)
    export_events(target, Filter(), tmp_path / "events.parquet")
    export_events(target, Filter(), tmp_path / "events.jsonl")
    assert pq.read_table(tmp_path / "events.parquet")["actor_name"].to_pylist() == FORMULAS
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["actor_name"] for line in lines] == FORMULAS


# -- filters ----------------------------------------------------------------------------------------------------------


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Filter(since=at(119)), [119, 120, 121, 250]),
        (Filter(until=at(119)), [0, 3, 7, 9]),
        (Filter(since=at(3), until=at(121)), [3, 7, 9, 119, 120]),
        (Filter(since=at(120), until=at(120)), []),
        (Filter(event_types=("file_add",)), [0, 3, 9, 120]),
        (Filter(event_types=("file_add", "file_delete")), [0, 3, 9, 119, 120]),
        (Filter(event_types=("file",)), []),
        (Filter(users=("dbid:3",)), [3, 7, 119]),
        (Filter(users=("dbmid:3",)), [3, 7, 119]),
        (Filter(users=("PERSON3@acme.example", "dbid:2")), [3, 7, 119, 250]),
        (Filter(users=("nobody@acme.example",)), []),
        (Filter(users=("' or true --",)), []),
        (Filter(users=("dbid:3",), event_types=("login_success",), since=at(5)), [7]),
    ],
    ids=str,
)
def test_filters(chosen: Filter, expected: list[int], target: Target, tmp_path: Path) -> None:
    output = tmp_path / "events.jsonl"
    assert export_events(target, chosen, output) == len(expected)
    assert numbers(output) == expected


def test_a_person_is_found_under_any_address_they_ever_had(tmp_path: Path) -> None:
    rows = [
        view_row(0, actor_id="dbid:1", actor_email="old@acme.example"),
        view_row(1, actor_id="dbid:1", actor_email="new@acme.example"),
        view_row(2, actor_id="dbid:2", actor_email="other@acme.example"),
        view_row(3, actor_id=None, actor_email="old@acme.example"),
    ]
    export_events(make_view(tmp_path, rows), Filter(users=("Old@Acme.example",)), tmp_path / "events.jsonl")
    assert numbers(tmp_path / "events.jsonl") == [0, 1, 3]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_nothing_chosen_is_an_empty_file_with_its_columns(suffix: str, target: Target, tmp_path: Path) -> None:
    output = tmp_path / f"events{suffix}"
    assert export_events(target, Filter(event_types=("none",)), output) == 0
    if suffix == ".csv":
        assert output.read_text().split() == [",".join(COLUMNS)]
    elif suffix == ".parquet":
        assert pq.read_table(output).column_names == list(COLUMNS)
    else:
        assert output.read_bytes() == b""


def test_many_rows_come_in_order(tmp_path: Path) -> None:
    rows = [view_row(number, event_id=f"{number:06}", occurred_at=START) for number in range(300)]
    output = tmp_path / "events.jsonl"
    assert export_events(make_view(tmp_path, rows[::-1]), Filter(), output) == 300
    assert numbers(output) == list(range(300))


# -- what can go wrong ------------------------------------------------------------------------------------------------


def test_a_folder_that_does_not_exist_is_told(target: Target, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="--output"):
        export_events(target, Filter(), tmp_path / "none/events.csv")


def test_an_older_file_is_replaced_in_one_step_and_no_unfinished_one_stays(target: Target, tmp_path: Path) -> None:
    output = tmp_path / "events.jsonl"
    output.write_text("old")
    export_events(target, Filter(users=("dbid:0",)), output)
    assert numbers(output) == [0, 120]
    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]


def test_a_warehouse_without_views_says_what_to_run(tmp_path: Path) -> None:
    path = tmp_path / "dropbox.duckdb"
    duckdb.connect(str(path)).close()
    with pytest.raises(ConfigurationError, match="dropbox-audit run"):
        export_events(duckdb_target(path), Filter(), tmp_path / "events.csv")
    assert not (tmp_path / "events.csv").exists()


def test_a_warehouse_that_is_not_there_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="dropbox-audit run"):
        export_events(duckdb_target(tmp_path / "dropbox.duckdb"), Filter(), tmp_path / "events.csv")
    assert list(tmp_path.iterdir()) == []


def test_days_are_utc_whatever_the_machine(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    export_events(target, Filter(since=at(119)), tmp_path / "events.jsonl")
    days = [json.loads(line)["occurred_on"] for line in (tmp_path / "events.jsonl").read_bytes().splitlines()]
    assert days == ["2026-11-01", "2026-11-02", "2026-11-02", "2026-11-02"]
    assert SORTED[-1]["occurred_on"] == date(2026, 11, 2)
