"""Which file is the warehouse, and how one writer and many readers of it get along."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from dropbox_audit.clock import Clock
from dropbox_audit.errors import ConfigurationError, RunError, Stopped
from dropbox_audit.warehouse import (
    Target,
    connect,
    dbt_environment,
    duckdb_target,
    find_target,
    open_door,
    require_views,
    wait_for_file,
)
from support import VirtualClock, Workspace, isolated_dlt

ROOT = Path(__file__).parents[1]

# -- which file -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "dropbox_raw.duckdb",
        "dropbox_audit.duckdb",
        "dropbox_audit_internal.db",
        "dropbox_raw_staging.duckdb",
        "DROPBOX_AUDIT.DUCKDB",
        "dropbox_raw",
    ],
)
def test_a_file_named_like_a_dataset_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ambiguous") as caught:
        duckdb_target(tmp_path / name)
    assert caught.value.exit_code == 2
    assert "dropbox.duckdb" in str(caught.value)


@pytest.mark.parametrize("name", ["dropbox.duckdb", "my_dropbox_audit.duckdb", "dropbox_audit.backup.duckdb", "x"])
def test_any_other_name_will_do(name: str, tmp_path: Path) -> None:
    assert duckdb_target(tmp_path / name).path == tmp_path / name


def test_a_database_in_memory_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="memory"):
        duckdb_target(Path(":memory:"))


def test_one_file_is_one_warehouse_however_it_is_named(workspace: Workspace) -> None:
    (workspace.folder / "sub").mkdir()
    here = duckdb_target(Path("dropbox.duckdb"))
    assert here == duckdb_target(Path("sub/../dropbox.duckdb")) == duckdb_target(workspace.path)
    assert here.location == str(workspace.path)


def test_without_configuration_the_file_lies_in_the_working_directory(workspace: Workspace) -> None:
    assert find_target("duckdb").path == workspace.folder / "dropbox.duckdb"


@pytest.mark.parametrize("form", ["{folder}/team.duckdb", "duckdb:///{folder}/team.duckdb", "team.duckdb"])
def test_the_environment_names_the_file_as_dlt_has_it(
    form: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", form.format(folder=workspace.folder))
    assert find_target("duckdb").path == workspace.folder / "team.duckdb"


def test_a_settings_file_names_the_file_too(workspace: Workspace) -> None:
    (workspace.folder / ".dlt").mkdir()
    (workspace.folder / ".dlt/secrets.toml").write_text('[destination.duckdb]\ncredentials = "team.duckdb"\n')
    with isolated_dlt():
        assert find_target("duckdb").path == workspace.folder / "team.duckdb"


def test_a_configured_file_named_like_a_dataset_is_refused_too(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", "dropbox_raw.duckdb")
    with pytest.raises(ConfigurationError, match="ambiguous"):
        find_target("duckdb")


def test_other_destinations_are_left_to_dlt() -> None:
    assert find_target("filesystem") == Target("filesystem")
    assert not find_target("filesystem").is_local


@pytest.mark.parametrize("destination", ["bigquery", "snowflake"])
def test_credentials_that_are_missing_are_told_in_a_line(destination: str, workspace: Workspace) -> None:
    with pytest.raises(ConfigurationError, match=f"destination.{destination}.credentials") as caught:
        find_target(destination)
    assert len(str(caught.value)) < 300


def test_two_databases_of_one_kind_are_two_warehouses(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    places = []
    for database in ("ONE", "TWO"):
        credentials = f"snowflake://ann:hunter22@acme/{database}?warehouse=W"  # pragma: allowlist secret
        monkeypatch.setenv("DESTINATION__SNOWFLAKE__CREDENTIALS", credentials)
        places.append(find_target("snowflake"))
    assert places[0].location != places[1].location
    assert "hunter22" not in f"{places} {places[0].name}"


# -- can it be written? -----------------------------------------------------------------------------------------------


def test_asking_whether_a_file_can_be_written_leaves_none_behind(tmp_path: Path) -> None:
    duckdb_target(tmp_path / "new.duckdb").check_usable()
    assert list(tmp_path.iterdir()) == []


def test_asking_changes_nothing_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    duckdb.connect(str(path)).close()
    before = path.read_bytes()
    duckdb_target(path).check_usable()
    assert path.read_bytes() == before


@pytest.mark.parametrize("place", ["missing/dropbox.duckdb", "a_folder", "a_file/dropbox.duckdb"])
def test_a_place_where_no_file_can_be_is_told_in_one_line(place: str, tmp_path: Path) -> None:
    (tmp_path / "a_folder").mkdir()
    (tmp_path / "a_file").touch()
    with pytest.raises(RunError, match=r"destination\.duckdb\.credentials") as caught:
        duckdb_target(tmp_path / place).check_usable()
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.exit_code == 1


# -- reading ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "dropbox.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table numbers as select 42 as number")
    return path


def test_readers_cannot_write(path: Path) -> None:
    with connect(path) as connection:
        for statement in ("insert into numbers values (1)", "drop table numbers", "create schema x"):
            with pytest.raises(duckdb.Error, match="read-only"):
                connection.execute(statement)
        assert connection.execute("select number from numbers").fetchall() == [(42,)]


def test_readers_see_utc(path: Path) -> None:
    with connect(path) as connection:
        assert connection.execute("select current_setting('timezone')").fetchone() == ("UTC",)


def test_a_connection_is_given_back_also_after_an_error(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), connect(path):
        raise ZeroDivisionError
    duckdb.connect(str(path), read_only=False).close()


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.duckdb"
    path.write_text("Dear diary,\n" * 1000)
    with pytest.raises(RunError, match=r"notes\.duckdb") as caught, connect(path):
        pass
    assert len(str(caught.value).splitlines()) == 1


def test_reading_does_not_create_a_file(tmp_path: Path) -> None:
    with pytest.raises(RunError), connect(tmp_path / "none.duckdb"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_views_that_were_never_built_are_told_with_the_remedy(path: Path) -> None:
    target = duckdb_target(path)
    with open_door(target) as door, pytest.raises(ConfigurationError, match="dropbox-audit run"):
        require_views(door, target)


# -- waiting for each other -------------------------------------------------------------------------------------------

_HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reader")
print("open", flush=True)
sys.stdin.readline()
connection.close()
print("closed", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def hold(path: Path) -> Iterator[Callable[[str], Callable[[], None]]]:
    """Lets another process open the file; gives back what makes it close it."""
    held: list[subprocess.Popen[str]] = []

    def open_as(who: str) -> Callable[[], None]:
        process = subprocess.Popen(
            [sys.executable, "-c", _HOLDER, str(path), who], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        held.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"

        def let_go() -> None:
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "closed\n"

        return let_go

    yield open_as
    for process in held:
        process.kill()
        process.communicate()


def test_a_reader_waits_for_a_writer_and_says_so_once(path: Path, hold: Callable[[str], Callable[[], None]]) -> None:
    let_go = hold("writer")
    notices: list[str] = []

    def notice(sentence: str) -> None:
        notices.append(sentence)
        let_go()

    with connect(path, notice=notice) as connection:
        assert connection.execute("select number from numbers").fetchall() == [(42,)]
    assert len(notices) == 1
    assert "in use" in notices[0]
    assert str(path) in notices[0]


@pytest.mark.parametrize("who", ["reader", "writer"])
def test_a_writer_waits_for_any_other(path: Path, who: str, hold: Callable[[str], Callable[[], None]]) -> None:
    let_go = hold(who)
    notices: list[str] = []
    wait_for_file(path, Clock(), threading.Event(), lambda sentence: (notices.append(sentence), let_go()))
    assert len(notices) == 1
    duckdb.connect(str(path)).close()


def test_readers_do_not_wait_for_each_other(path: Path, hold: Callable[[str], Callable[[], None]]) -> None:
    hold("reader")
    notices: list[str] = []
    with connect(path, notice=notices.append) as connection:
        connection.execute("select 1")
    assert notices == []


def test_a_file_that_stays_in_use_is_told_with_the_remedy(
    path: Path, hold: Callable[[str], Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dropbox_audit.warehouse.file._PATIENCE", 0.3)
    hold("writer")
    with pytest.raises(RunError, match="close it") as caught, connect(path):
        pass
    assert len(str(caught.value).splitlines()) == 1


def test_stop_ends_the_wait_for_a_file(path: Path, hold: Callable[[str], Callable[[], None]]) -> None:
    hold("writer")
    stop = threading.Event()
    clock = VirtualClock()
    clock.on_wait = lambda _: stop.set()
    with pytest.raises(Stopped):
        wait_for_file(path, clock, stop, lambda _: None)


def test_a_file_that_does_not_exist_is_not_waited_for(tmp_path: Path) -> None:
    wait_for_file(tmp_path / "new.duckdb", Clock(), threading.Event(), lambda _: None)
    assert list(tmp_path.iterdir()) == []


# -- dlt's credentials as dbt takes them ------------------------------------------------------------------------------

SNOWFLAKE = {"host": "acme-eu1", "database": "AUDIT", "username": "LOADER", "warehouse": "LOADING", "role": "READER"}
MADE_UP = "nobody-has-this-one"
BIGQUERY = {"project_id": "acme-audit"}

CREDENTIALS: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "password": (
        "snowflake",
        {**SNOWFLAKE, "password": MADE_UP},
        {
            "DROPBOX_AUDIT_SNOWFLAKE_ACCOUNT": "acme-eu1",
            "DROPBOX_AUDIT_SNOWFLAKE_ROLE": "READER",
            "DBT_ENV_SECRET_SNOWFLAKE_PASSWORD": MADE_UP,
        },
    ),
    "key pair": (
        "snowflake",
        {**SNOWFLAKE, "private_key": MADE_UP, "private_key_passphrase": MADE_UP},
        {"DBT_ENV_SECRET_SNOWFLAKE_PRIVATE_KEY": MADE_UP, "DBT_ENV_SECRET_SNOWFLAKE_PASSPHRASE": MADE_UP},
    ),
    "snowflake's OAuth": (
        "snowflake",
        {**SNOWFLAKE, "authenticator": "oauth", "token": MADE_UP},
        {"DROPBOX_AUDIT_SNOWFLAKE_AUTHENTICATOR": "oauth", "DBT_ENV_SECRET_SNOWFLAKE_TOKEN": MADE_UP},
    ),
    "service account": (
        "bigquery",
        {**BIGQUERY, "client_email": "loader@acme.example", "private_key": MADE_UP + "\n"},
        {
            "DROPBOX_AUDIT_BIGQUERY_METHOD": "service-account-json",
            "DROPBOX_AUDIT_BIGQUERY_PROJECT": "acme-audit",
            "DROPBOX_AUDIT_BIGQUERY_CLIENT_EMAIL": "loader@acme.example",
            "DBT_ENV_SECRET_BIGQUERY_PRIVATE_KEY": MADE_UP + "\\n",
        },
    ),
    "google's OAuth": (
        "bigquery",
        {**BIGQUERY, "client_id": "app", "client_secret": MADE_UP, "refresh_token": MADE_UP},
        {
            "DROPBOX_AUDIT_BIGQUERY_METHOD": "oauth-secrets",
            "DROPBOX_AUDIT_BIGQUERY_CLIENT_ID": "app",
            "DBT_ENV_SECRET_BIGQUERY_CLIENT_SECRET": MADE_UP,
            "DBT_ENV_SECRET_BIGQUERY_REFRESH_TOKEN": MADE_UP,
        },
    ),
}


def test_a_key_file_is_read_once_and_dbt_is_given_the_key(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file = workspace.folder / "loader.p8"
    key_file.write_text(MADE_UP)
    for name, value in {**SNOWFLAKE, "private_key_path": str(key_file)}.items():
        monkeypatch.setenv(f"DESTINATION__SNOWFLAKE__CREDENTIALS__{name.upper()}", value)
    found = dbt_environment(Target("snowflake"))
    assert found["DBT_ENV_SECRET_SNOWFLAKE_PRIVATE_KEY"] == MADE_UP
    assert str(key_file) not in found.values(), "dbt takes one of the two"


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_credentials_of_each_kind_reach_dbt_with_their_secrets_hidden_from_its_logs(
    kind: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination, given, expected = CREDENTIALS[kind]
    for name, value in given.items():
        monkeypatch.setenv(f"DESTINATION__{destination.upper()}__CREDENTIALS__{name.upper()}", value)
    found = dbt_environment(Target(destination))
    assert expected.items() <= found.items()
    assert all(name.startswith("DBT_ENV_SECRET_") for name, value in found.items() if MADE_UP in value)
    assert "" not in found.values()
    assert set(found) <= set(re.findall(r"env_var\('(\w+)'", (ROOT / "sql/profiles.yml").read_text())), "all are used"
