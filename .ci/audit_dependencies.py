"""Ask a vulnerability service about every package in requirements.lock; a finding that nobody has judged fails.

A machine that reaches only a package registry has no such service. That is said in one line and is no failure, but it
is never called clean either. Judged findings stand in accepted_vulnerabilities.toml, each with a reason and a date.
"""

import json
import subprocess
import sys
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LOCK = HERE.parent / "requirements.lock"
ACCEPTED = HERE / "accepted_vulnerabilities.toml"
SERVICES = ("pypi", "osv")
UNREACHABLE = ("ConnectionError", "Could not connect", "Timeout", "ProxyError", "SSLError", "HTTPError")


def ask(service: str) -> tuple[dict[str, Any] | None, str]:
    """What pip-audit reports, or None and its complaint."""
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", service, "--requirement", str(LOCK)]
    command += ["--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout), ""
    except ValueError:
        return None, done.stderr.strip()


def is_unreachable(complaint: str) -> bool:
    """Whether pip-audit failed because nobody answered, and not because of what it was given."""
    return any(word in complaint for word in UNREACHABLE)


def was_answered(report: dict[str, Any]) -> bool:
    """Whether the service knew any package at all: a mirror without its data knows none and reports no finding."""
    return any("skip_reason" not in package for package in report["dependencies"])


def judge(report: dict[str, Any], accepted: list[dict[str, Any]], today: date) -> tuple[int, list[str]]:
    """An exit code and what to say about a service's report.

    Args:
        report: pip-audit's JSON.
        accepted: entries of accepted_vulnerabilities.toml.
        today: an entry counts up to and including its date `until`.
    """
    known = {(entry["package"], entry["id"]) for entry in accepted if entry["reason"] and entry["until"] >= today}
    packages = report["dependencies"]
    unchecked = [package["name"] for package in packages if "skip_reason" in package]
    said = []
    for package in packages:
        for found in package.get("vulns", []):
            names = {found["id"], *found.get("aliases", [])}
            if not any((package["name"], name) in known for name in names):
                fixed = ", ".join(found["fix_versions"]) or "no version yet"
                said.append(f"{package['name']} {package['version']}: {found['id']}, fixed in {fixed}")
    code = 1 if said else 0
    said.append(f"pip-audit: {len(packages) - len(unchecked)} packages checked, {len(said)} findings.")
    if unchecked:
        said.append(f"pip-audit: NOT CHECKED, unknown to the service: {', '.join(unchecked)}.")
    return code, said


def main() -> int:
    """Ask one service after the other until one answers."""
    accepted = tomllib.loads(ACCEPTED.read_text()).get("accepted", [])
    for service in SERVICES:
        report, complaint = ask(service)
        if report is not None and was_answered(report):
            code, said = judge(report, accepted, datetime.now(UTC).date())
            print("\n".join(said))
            return code
        if report is None and not is_unreachable(complaint):
            print(f"pip-audit failed:\n{complaint}")
            return 1
    print(
        "pip-audit: NOT CHECKED: no vulnerability service answers from here; nothing is known about requirements.lock."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
