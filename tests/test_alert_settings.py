"""The team's own file about its alerts: what a line may say, when it is loaded, and what happens to a bad one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dropbox_audit.alert_settings import packaged_rules, read_alert_settings
from dropbox_audit.csvfile import CsvFileError
from dropbox_audit.run import load_once
from dropbox_audit.source import EMPTY_ONCE
from sql.dbtproject import Warehouse
from support import VirtualClock, Workspace, for_simulator, make_event

HEADER = "rule_id,setting,value\n"
RAW = "select line_no, rule_id, setting, value from dropbox_raw.alert_settings order by taken_at, line_no"


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    """An event's rule, and one that counts; with the columns that the file's checks look at."""
    file = tmp_path / "alert_rules.csv"
    file.write_text(
        "rule_id,kind,severity,threshold,window_minutes,baseline_days,is_enabled\n"
        "A01,event,high,1,,,true\n"
        "F01,count,medium,100,60,,true\n"
        "A05,first,medium,1,,90,true\n"
    )
    return file


@pytest.fixture
def read(tmp_path: Path, seed: Path) -> Any:
    def lines(text: str) -> list[tuple[Any, ...]]:
        file = tmp_path / "alert_settings.csv"
        file.write_text(text, encoding="utf-8")
        found = read_alert_settings(file, seed)
        assert found is not None
        return [(row["line_no"], row["rule_id"], row["setting"], row["value"]) for row in found.rows]

    return lines


def test_parameters_and_watch_lists_are_read_in_one_form_however_they_are_written(read: Any) -> None:
    text = (
        HEADER
        + "f01,Threshold,0200\nA05,baseline_days,30\nA01,ENABLED,FALSE\nA01,severity,Low\n\n# a note,,\n"
        + ',risky_country,Narnia\n,risky_ip,203.0.113.\n,trusted_ip,2001:DB8::1\n,watched_folder,"/Legal, old/"\n'
        + ",watched_group,Board\n,allowed_domain,@Partner.example\n,leaver,Jo@Acme.example\n,trusted_app,Notes\n"
    )
    assert read(text) == [
        (2, "F01", "threshold", "200"),
        (3, "A05", "baseline_days", "30"),
        (4, "A01", "enabled", "false"),
        (5, "A01", "severity", "low"),
        (8, None, "risky_country", "Narnia"),
        (9, None, "risky_ip", "203.0.113."),
        (10, None, "trusted_ip", "2001:db8::1"),
        (11, None, "watched_folder", "/Legal, old"),
        (12, None, "watched_group", "Board"),
        (13, None, "allowed_domain", "partner.example"),
        (14, None, "leaver", "jo@acme.example"),
        (15, None, "trusted_app", "Notes"),
    ]
    assert read("rule_id;setting;value\n;watched_group;a,b\n") == [(2, None, "watched_group", "a,b")]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("F11,threshold,5", "rule_id 'F11' is no rule: did you mean F01?"),
        ("F01,treshold,5", "setting 'treshold' is none of a rule's: did you mean threshold?"),
        ("F01,leaver,a@b.example", "a watch list, so leave out the rule_id"),
        (",threshold,5", "setting 'threshold' is no watch list: give its rule_id first"),
        (",leavers,jo@acme.example", "did you mean leaver?"),
        ("F01,threshold,many", "threshold 'many' is no whole number from 1"),
        ("F01,threshold,0", "threshold '0' is no whole number from 1"),
        ("F01,threshold,-5", "write it like 100"),
        ("F01,window_minutes,1441", "no whole number from 1 to 1440"),
        ("F01,baseline_days,30", "rule F01 has no baseline_days: take the line out"),
        ("A01,threshold,5", "rule A01 has no threshold: take the line out"),
        ("F01,severity,urgent", "severity 'urgent' is unknown: write critical, high, medium, low or info"),
        ("F01,enabled,no", "enabled 'no' is neither: write true or false"),
        ("F01,enabled,", "value (empty) is missing: write what enabled should be"),
        (f",watched_group,{'x' * 501}", "is too long"),
        (",risky_ip,203.0.113.0/24", "is no address: write it whole, or its beginning like 203.0.113."),
        (",trusted_ip,300.1.", "is no address"),
        (",allowed_domain,partner", "is no domain: write it like partner.example"),
        (",leaver,Jo", "is no e-mail address"),
        (",watched_folder,Legal", "is no path of a folder: write it like /Legal/Contracts"),
        ("F01,threshold,1,2", "4 fields where the first line has 3"),
        ("F01,threshold,9", "F01 threshold is line 2's too: keep one of the two"),
        (",leaver,jo@acme.example", "leaver 'jo@acme.example' is line 3's too"),
    ],
)
def test_each_bad_line_is_told_with_its_number_and_remedy(line: str, told: str, read: Any) -> None:
    with pytest.raises(CsvFileError) as caught:
        read(f"{HEADER}F01,threshold,5\n,leaver,Jo@acme.example\n{line}\n")
    assert "alert_settings.csv line 4: " in str(caught.value)
    assert told in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_wrong_head_is_told(read: Any) -> None:
    with pytest.raises(CsvFileError, match=r"line 1: rule_id missing: the first line must read rule_id,setting,value"):
        read("rule,setting,value\n")


def test_every_parameter_of_the_packaged_rules_can_be_set_to_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "alert_settings.csv"
    lines = [
        f"{rule_id},{name},{rule[name]}\n"
        for rule_id, rule in packaged_rules().items()
        for name in ("severity", "threshold", "window_minutes", "baseline_days")
        if rule[name] and not (name == "threshold" and rule["kind"] == "event")
    ]
    file.write_text(HEADER + "".join(lines))
    found = read_alert_settings(file)
    assert found is not None
    assert len(found.rows) == len(lines) > 83


def test_it_is_loaded_whole_when_it_has_changed(serve: Any, workspace: Workspace, clock: VirtualClock) -> None:
    _, url = serve([make_event()])
    file = workspace.folder / "alert_settings.csv"

    def load() -> str:
        clock.advance(60)
        loader = workspace.loader(url, clock=clock)
        with loader.alone():
            return load_once(loader).outcome

    def current() -> list[tuple[Any, ...]]:
        warehouse.dbt("run", "--select", "stg_dropbox__loads", "stg_dropbox__directory_snapshots", name)
        return workspace.rows(f"select rule_id, setting, value from dropbox_audit_internal.{name} order by line_no")

    warehouse, name = Warehouse(workspace.folder), "stg_dropbox__alert_settings"
    load()
    assert current() == [], "the table is there before there is any file"
    file.write_text(HEADER + ",leaver,jo@acme.example\n,watched_group,Board\n")
    assert [load(), load()] == ["loaded", "nothing_new"]
    assert current() == [(None, "leaver", "jo@acme.example"), (None, "watched_group", "Board")]
    file.write_text(HEADER + ",leaver,sam@acme.example\n")
    assert load() == "loaded"
    assert current() == [(None, "leaver", "sam@acme.example")]
    file.unlink()
    assert load() == "nothing_new", "another machine may have the file"
    file.write_text(HEADER)
    assert load() == "loaded"
    assert current() == []
    assert [row[0] for row in workspace.rows(RAW)] == [2, 3, 2], "raw keeps what was"


def test_a_wrong_file_is_exit_code_2_and_keeps_nothing_else_from_being_done(outside: Workspace, serve: Any) -> None:
    _, url = serve([make_event()])
    (outside.folder / "alert_settings.csv").write_text(HEADER + ",leaver,Jo\n,vip,x\n")
    (outside.folder / "contracts.csv").write_text("valid_from\n")
    done = outside.run("load", **for_simulator(url))
    assert done.returncode == 2
    assert "contracts.csv line 1: " in done.stderr
    assert "alert_settings.csv line 2: leaver 'Jo' is no e-mail address" in done.stderr
    assert "line 3: setting 'vip' is no watch list" in done.stderr
    assert outside.rows("select count(*) from dropbox_raw.events") == [(1,)]
    assert outside.rows(RAW) == []


def test_a_file_that_was_named_must_be_there(serve: Any, workspace: Workspace) -> None:
    _, url = serve()
    loader = workspace.loader(url, alert_settings="mine.csv")
    with (
        loader.alone(),
        pytest.raises(CsvFileError, match=r"mine\.csv does not exist: mend the setting alert_settings"),
    ):
        load_once(loader)


def test_a_warehouse_of_an_earlier_version_gets_the_tables(
    serve: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = serve([make_event()])

    def tables() -> set[str]:
        loader = workspace.loader(url)
        with loader.alone():
            load_once(loader)
        names = "select table_name from information_schema.tables where table_schema = 'dropbox_raw'"
        return {name for (name,) in workspace.rows(names)}

    new = {"alert_settings", "alert_deliveries"}
    with monkeypatch.context() as patch:
        for name in new:
            patch.delitem(EMPTY_ONCE, name)
        assert not tables() & new
    assert tables() >= new
