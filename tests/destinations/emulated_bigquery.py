"""An emulated BigQuery in a process of its own, Google's own engine in another; both end with the tests."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud import bigquery
from google.oauth2.credentials import Credentials

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".venv-bqemulator" / "bin" / "python"


@dataclass(frozen=True)
class BigQuery:
    """Google's cloud; a project is there as soon as somebody names it."""

    url: str

    def environment(self, name: str) -> dict[str, str]:
        """What a user would set so that dlt finds a project of this name, with the key of a service account."""
        project = project_of(name)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        account = {
            "type": "service_account",
            "project_id": project,
            "private_key": key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode(),
            "client_email": f"loader@{project}.example",
            # Where it gets its access token, so that no client ever calls Google.
            "token_uri": f"{self.url}/token",
        }
        return {
            "BIGQUERY_EMULATOR_HOST": self.url,
            "DESTINATION__BIGQUERY__CREDENTIALS": json.dumps(account),
            "NO_GCE_CHECK": "true",
        }

    def application_default(self, name: str, folder: Path) -> dict[str, str]:
        """The same with the file that `gcloud auth application-default login` writes, and a token that lasts."""
        file = folder / "application_default_credentials.json"
        user = {"type": "authorized_user", "client_id": "x", "client_secret": "x", "refresh_token": "x"}
        token = {"token": "emulator", "expiry": "2099-01-01T00:00:00Z", "quota_project_id": project_of(name)}
        file.write_text(json.dumps({**user, **token}))
        return {
            "BIGQUERY_EMULATOR_HOST": self.url,
            "GOOGLE_APPLICATION_CREDENTIALS": str(file),
            "GOOGLE_CLOUD_PROJECT": project_of(name),
            "NO_GCE_CHECK": "true",
        }

    def client(self, name: str) -> bigquery.Client:
        """Google's own client."""
        return bigquery.Client(
            project=project_of(name),
            credentials=Credentials(token="emulator"),
            client_options={"api_endpoint": self.url},
        )


def project_of(name: str) -> str:
    """Google wants six characters or more."""
    return f"{name}-project"


@contextmanager
def running_bigquery(folder: Path) -> Iterator[BigQuery]:
    """Start the emulator; its uploads and what it says lie in `folder`."""
    require_environment()
    port, other_port = free_port(), free_port()
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [
                *(str(PYTHON), "-W", "ignore", str(HERE / "bigquery" / "emulator.py"), "start"),
                *("--rest-port", str(port), "--grpc-port", str(other_port), "--log-level", "warning"),
            ],
            env={
                **os.environ,
                "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false",
                "BQEMU_UPLOAD_STAGING_DIR": str(folder / "uploads"),
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while not answers(url):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The emulator did not start: {(folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.1)
        yield BigQuery(url)
    finally:
        server.terminate()
        server.wait(20)


def require_environment() -> None:
    if not PYTHON.exists():
        raise FileNotFoundError(f"{PYTHON} is missing: run `make test-destinations`.")


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


class GoogleSql:
    """Google's own analyser and reference engine; bigquery/google_sql.py is the other side."""

    def __init__(self) -> None:
        require_environment()
        self._process = subprocess.Popen(
            [str(PYTHON), "-W", "ignore", str(HERE / "bigquery" / "google_sql.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """The answer to one request; its `error` is what Google says against the SQL."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
