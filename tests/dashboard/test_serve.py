"""`dropbox-audit dashboard`: where it serves, to whom, and what it needs."""

from __future__ import annotations

import importlib.util
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dropbox_audit.dashboard import serve
from dropbox_audit.errors import ConfigurationError, RunError
from dropbox_audit.warehouse import Target, duckdb_target
from support import Workspace

ROOT = Path(__file__).parents[2]

AUTH = """
[dashboard.auth]
redirect_uri = "https://audit.acme.example/oauth2callback"
cookie_secret = "made up for this test"  # pragma: allowlist secret
client_id = "id"
client_secret = "made up, too"  # pragma: allowlist secret
server_metadata_url = "https://login.acme.example/.well-known/openid-configuration"
allowed = ["acme.example"]
"""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What would have been served: target, host, port and sign-in."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(serve, "_start", lambda *given: calls.append(given[:4]))
    monkeypatch.setattr(serve, "_check_free", lambda *_: None)
    return calls


def test_it_serves_loopback_to_whoever_is_there(dressed: Target, started: list[Any]) -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        serve.serve(dressed, host, 8501, print)
    assert [(host, auth) for _, host, _, auth in started] == [("127.0.0.1", None), ("localhost", None), ("::1", None)]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "audit.acme.example", ""])
def test_beyond_loopback_it_refuses_without_a_sign_in(host: str, outside: Workspace) -> None:
    done = outside.run("dashboard", "--host", host)
    assert done.returncode == 2
    assert re.search(r"dashboard\.auth.* in \.dlt/secrets\.toml", done.stderr)
    assert len(done.stderr.splitlines()) == 1


def test_beyond_loopback_it_requires_a_list_of_who_may_look(
    dressed: Target, workspace: Workspace, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from support import isolated_dlt

    secrets = workspace.folder / ".dlt/secrets.toml"
    secrets.parent.mkdir()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    secrets.write_text(AUTH.replace('allowed = ["acme.example"]', ""))
    with isolated_dlt(), pytest.raises(ConfigurationError, match="allowed"):
        serve.serve(dressed, "192.0.2.7", 8501, print)
    secrets.write_text(AUTH)
    with isolated_dlt():
        serve.serve(dressed, "192.0.2.7", 8501, print)
    [(_, host, _, auth)] = started
    assert (host, auth["allowed"]) == ("192.0.2.7", ["acme.example"])


def test_without_streamlit_it_says_what_to_install(dressed: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'dropbox-audit\[dashboard\]'"):
        serve.serve(dressed, "127.0.0.1", 8501, print)


def test_no_other_command_imports_it() -> None:
    code = "import sys, dropbox_audit.cli, dropbox_audit.run, dropbox_audit.export, dropbox_audit.seats; "
    code += "sys.exit(any(name.split('.')[0] in {'streamlit', 'altair'} for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    package = ROOT / "pipelines/dropbox_audit"
    importers = [
        path
        for path in package.rglob("*.py")
        if package / "dashboard" not in path.parents
        and re.search(r"^import streamlit|^from streamlit", path.read_text(), re.M)
    ]
    assert not importers


def test_a_warehouse_that_is_not_there_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="dropbox-audit run"):
        serve.serve(duckdb_target(tmp_path / "none.duckdb"), "127.0.0.1", 8501, print)


def test_a_port_that_is_taken_is_told_before_any_address(dressed: Target) -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(RunError, match=rf"port {port} cannot be opened \(.*\): choose another one with --port"):
            serve.serve(dressed, "127.0.0.1", port, said.append)
    assert said == []


def test_streamlit_tells_nobody_anything() -> None:
    assert serve._OPTIONS["browser.gatherUsageStats"] is False
    assert serve._OPTIONS["client.showErrorDetails"] == "none"


def test_no_table_offers_a_csv_with_formulas_in_it() -> None:
    assert serve._OPTIONS["client.disableDataExport"] is True
