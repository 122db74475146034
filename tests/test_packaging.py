"""The built wheel carries everything it needs, wherever it is installed and whatever PATH says."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_sql_project_and_no_leftovers(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    in_checkout = {
        path.relative_to(ROOT / "sql").as_posix()
        for path in (ROOT / "sql").rglob("*")
        if path.is_file()
        and not path.name.startswith(".")
        and path.parts[len(ROOT.parts) + 1] not in {"target", "logs"}
    }
    in_wheel = {name.removeprefix("dropbox_audit/sql/") for name in names if name.startswith("dropbox_audit/sql/")}
    assert in_wheel == in_checkout
    assert not [name for name in names if name.endswith((".duckdb", ".log", "secrets.toml"))]


def test_the_installed_wheel_loads_and_builds_from_any_folder_without_path(wheel: Path, tmp_path: Path) -> None:
    site, work = tmp_path / "site", tmp_path / "work"
    work.mkdir()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(site), "PATH": "", "DLT_DATA_DIR": str(tmp_path / "dlt")}
    where = "import dropbox_audit, dropbox_audit.transform as t; print(dropbox_audit.__file__, t.sql_folder())"
    found = subprocess.run(
        [sys.executable, "-c", where], cwd=work, env=environment, check=True, capture_output=True, text=True
    )
    assert found.stdout.split() == [str(site / "dropbox_audit/__init__.py"), str(site / "dropbox_audit/sql")]
    demo = subprocess.run(
        [sys.executable, "-m", "dropbox_audit.cli", "demo"],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert demo.returncode == 0, demo.stderr
    assert "Who deleted the most?" in demo.stdout
    assert (work / "dropbox_demo.duckdb").exists()
    assert not (site / "dropbox_audit/sql/target").exists()
