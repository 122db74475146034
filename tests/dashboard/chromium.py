"""A real Chromium: found on this machine or installed by apt where that is possible, never downloaded otherwise.

`python tests/dashboard/chromium.py` installs it where it is missing; `make test` does so first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


def find() -> str | None:
    """Where it is."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def install() -> None:
    """Install it from Debian's packages, for root and where there is apt; says in a line what came of it."""
    if find() is not None:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print("No Chromium here, and no way to install it: the tests in a real browser will be skipped.")  # noqa: T201
        return
    print("Installing Chromium for the tests in a real browser ...", flush=True)  # noqa: T201
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
            failed, said = done.returncode != 0, done.stderr.strip().splitlines()
        except subprocess.TimeoutExpired:
            failed, said = True, ["it took longer than five minutes"]
        if failed:
            reason = (said or ["no reason given"])[-1]
            print(f"Chromium could not be installed ({reason}): the tests in a real browser will be skipped.")  # noqa: T201
            return


if __name__ == "__main__":
    sys.exit(install())
