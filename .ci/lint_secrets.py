"""Fail when a file of this repository holds what looks like a credential; made-up ones carry an allowlist pragma.

detect-secrets looks for the usual kinds; the plugin beside this file adds Dropbox's tokens.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NO_SOURCE = {".git", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", "target", "logs", "dist"}
HASHES = {"requirements.lock"}


def files(root: Path) -> list[str]:
    """What git keeps or would keep; without git all but what the make targets leave, and the user's own secrets."""
    try:
        command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
        found = [root / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in root.rglob("*") if not NO_SOURCE & set(path.relative_to(root).parts)]
        found = [path for path in found if path != root / ".dlt/secrets.toml"]
    return sorted(str(path.relative_to(root)) for path in found if path.is_file() and path.name not in HASHES)


def main(root: Path) -> int:
    """The exit code of detect-secrets: 0 when nothing was found."""
    hook = [sys.executable, "-m", "detect_secrets.pre_commit_hook", "--no-verify"]
    return subprocess.run(
        [*hook, "-p", str(ROOT / ".ci/dropbox_tokens.py"), *files(root)], cwd=root, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(ROOT))
