"""An emulated Snowflake account, in a process of its own that ends with the tests."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".venv-fakesnow" / "bin" / "python"


@dataclass(frozen=True)
class Snowflake:
    """The account; a database is there as soon as somebody connects to it."""

    port: int

    def environment(self, database: str) -> dict[str, str]:
        """What a user would set so that dlt finds this database."""
        account = f"tester:secret@emulated/{database}"  # pragma: allowlist secret
        where = f"host=127.0.0.1&port={self.port}&protocol=http"
        url = f"snowflake://{account}?warehouse=compute&network_timeout=10&{where}"
        return {"DESTINATION__SNOWFLAKE__CREDENTIALS": url}


@contextmanager
def running_snowflake(folder: Path) -> Iterator[Snowflake]:
    """Start the emulator; its staged files and what it says lie in `folder`."""
    if not PYTHON.exists():
        raise FileNotFoundError(f"{PYTHON} is missing: run `make test-destinations`.")
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [str(PYTHON), str(HERE / "snowflake" / "emulator.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={"TMPDIR": str(folder), "PATH": "/usr/bin:/bin"},
        )
    assert server.stdin is not None and server.stdout is not None
    try:
        first_line = server.stdout.readline()
        if not first_line:
            raise RuntimeError(f"The emulator did not start: {(folder / 'server.log').read_text()[-2000:]}")
        yield Snowflake(int(first_line))
    finally:
        server.stdin.close()
        server.wait(10)
