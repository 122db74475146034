"""What the tests of BigQuery work with: the emulator, Google's own engine, dbt, and the product's loader."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud import bigquery

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PROJECT = ROOT / "sql"
PYTHON = ROOT / ".venv-bqemulator" / "bin" / "python"
"""Of the environment that is made from requirements.lock."""
GOOGLE_PROJECT = "test-project"


@contextmanager
def running_emulator(folder: Path) -> Iterator[str]:
    """A BigQuery of one's own; gives its address."""
    port, other_port = free_port(), free_port()
    log = folder / "emulator.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(str(PYTHON), "-W", "ignore", str(HERE / "emulator.py"), "start", "--project", GOOGLE_PROJECT),
                *("--rest-port", str(port), "--grpc-port", str(other_port), "--log-level", "warning"),
            ],
            env={
                **os.environ,
                "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false",
                "BQEMU_UPLOAD_STAGING_DIR": str(folder / "uploads"),
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"The emulator did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=1):
            return True
    except OSError:
        return False


def credentials(url: str) -> dict[str, str]:
    """The environment of whoever uses this BigQuery with a service account's key, the way dlt documents it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    account = {
        "type": "service_account",
        "project_id": GOOGLE_PROJECT,
        "private_key": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        "client_email": f"loader@{GOOGLE_PROJECT}.example",
        "token_uri": f"{url}/token",
    }
    return {
        "BIGQUERY_EMULATOR_HOST": url,
        "DESTINATION__BIGQUERY__CREDENTIALS": json.dumps(account),
        "NO_GCE_CHECK": "true",
    }


def application_default(folder: Path) -> str:
    """The file that `gcloud auth application-default login` would write, with a token that has not run out."""
    file = folder / "application_default_credentials.json"
    file.write_text(
        json.dumps(
            {
                "type": "authorized_user",
                "client_id": "x",
                "client_secret": "x",
                "refresh_token": "x",
                "token": "emulator",
                "expiry": "2099-01-01T00:00:00Z",
                "quota_project_id": GOOGLE_PROJECT,
            }
        )
    )
    return str(file)


class BigQuery:
    """Reads what is in the emulator, with Google's own client."""

    def __init__(self, url: str, folder: Path) -> None:
        from google.oauth2.credentials import Credentials

        self.url = url
        self.folder = folder
        self.client = bigquery.Client(
            project=GOOGLE_PROJECT, credentials=Credentials(token="emulator"), client_options={"api_endpoint": url}
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.client.query(sql).result()]

    def statements(self) -> list[str]:
        """The SQL of every query job so far."""
        return [job.query for job in self.client.list_jobs(max_results=100_000) if job.job_type == "query"]

    def empty(self) -> None:
        """Take out every dataset."""
        for dataset in list(self.client.list_datasets()):
            self.client.delete_dataset(dataset.reference, delete_contents=True)

    def dbt(self, *arguments: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run one dbt command; gives the manifest that it leaves behind."""
        finished = subprocess.run(
            [
                *(sys.executable, "-W", "ignore", "-m", "dbt.cli.main", *arguments),
                *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target", "bigquery"),
                *("--target-path", str(self.folder / "target"), "--log-path", str(self.folder / "logs")),
                *("--vars", json.dumps(variables or {})),
            ],
            env={
                **os.environ,
                "BIGQUERY_EMULATOR_HOST": self.url,
                "GOOGLE_APPLICATION_CREDENTIALS": application_default(self.folder),
                "DROPBOX_AUDIT_BIGQUERY_PROJECT": GOOGLE_PROJECT,
                "NO_GCE_CHECK": "true",
            },
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode != 0:
            pytest.fail(f"dbt {arguments[0]} returned {finished.returncode}\n{finished.stdout}\n{finished.stderr}")
        manifest: dict[str, Any] = json.loads((self.folder / "target" / "manifest.json").read_text())
        return manifest


class GoogleSql:
    """Google's own analyser and reference engine; google_sql.py is the other side."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [str(PYTHON), "-W", "ignore", str(HERE / "google_sql.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """The answer to one request; its `error` is what Google says against the SQL."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
