"""The team's own small file about its alerts: `alert_settings.csv`.

    rule_id,setting,value
    F01,threshold,200
    A09,enabled,false
    ,risky_country,Narnia
    ,watched_folder,/Legal/Contracts

A line with a rule sets one of that rule's parameters. A line without one is an entry of a watch list.
"""

import csv
import difflib
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path

import pyarrow as pa

from dropbox_audit.csvfile import CsvFile, Layout, Row, said
from dropbox_audit.events import TIMESTAMP

ALERT_SETTINGS = pa.schema(
    [
        ("snapshot_id", pa.string()),
        ("taken_at", TIMESTAMP),
        ("line_no", pa.int64()),
        ("rule_id", pa.string()),
        ("setting", pa.string()),
        ("value", pa.string()),
    ]
)
"""One row per line and reading of the file; the newest reading counts. A watch list's entry has no `rule_id`."""

SEVERITIES = ("critical", "high", "medium", "low", "info")
"""From the worst to the least."""
_MOST = {"threshold": 10**15, "window_minutes": 24 * 60, "baseline_days": 400}
_LONGEST_SEQUENCE = 366 * 24 * 60
"""Minutes from one alert to the next; a window over events reaches back by a day at most."""
_LONGEST = 500

Rules = Mapping[str, Mapping[str, str]]
"""The lines of the seed `alert_rules.csv`, by rule id."""


def read_alert_settings(path: Path, seed: Path | None = None) -> CsvFile | None:
    """The lines of the file; None where there is none.

    Args:
        path: of the file.
        seed: that lists the rules; the packaged one unless given.

    Raises:
        CsvFileError: for each bad line, what to do about it.
    """
    # Not needed where there is no file.
    rules = cache(lambda: packaged_rules() if seed is None else _rules(seed))
    layout = Layout(
        setting="alert_settings",
        schema=ALERT_SETTINGS,
        columns=("rule_id", "setting", "value"),
        row=lambda given: _row(rules(), given),
        key=_key,
    )
    return layout.read(path)


def packaged_rules() -> Rules:
    """The rules as they are shipped."""
    # It brings the loader along, which knows this module's table.
    from dropbox_audit.transform import sql_folder

    return _rules(sql_folder() / "seeds" / "alert_rules.csv")


def _rules(seed: Path) -> Rules:
    with seed.open(encoding="utf-8", newline="") as lines:
        return {line["rule_id"]: line for line in csv.DictReader(lines)}


def _key(row: Row) -> str:
    return f"{row['rule_id']} {row['setting']}" if row["rule_id"] else f"{row['setting']} {row['value']!r}"


def _row(rules: Rules, given: dict[str, str]) -> Row:
    """A line's values; raises `ValueError` with what is wrong and what to write."""
    rule_id, setting, value = given["rule_id"].upper(), given["setting"].lower(), given["value"]
    if not value or len(value) > _LONGEST:
        raise ValueError(f"value {said(value)} is {'too long' if value else 'missing'}: write what {setting} should be")
    if rule_id:
        if rule_id not in rules:
            raise ValueError(f"rule_id {said(given['rule_id'])} is no rule{_like(rule_id, rules)}")
        if setting not in _OF_A_RULE:
            is_list = setting in _LISTS
            remedy = ": a watch list, so leave out the rule_id" if is_list else _like(setting, _OF_A_RULE)
            raise ValueError(f"setting {said(setting)} is none of a rule's{remedy}")
        return {"rule_id": rule_id, "setting": setting, "value": _OF_A_RULE[setting](rules[rule_id], value)}
    if setting not in _LISTS:
        remedy = ": give its rule_id first" if setting in _OF_A_RULE else _like(setting, _LISTS)
        raise ValueError(f"setting {said(setting)} is no watch list{remedy}")
    return {"rule_id": None, "setting": setting, "value": _LISTS[setting](value)}


def _like(name: str, names: Iterable[str]) -> str:
    names = list(names)
    close = difflib.get_close_matches(name, names, 1)
    return f": did you mean {close[0]}?" if close else f": write one of {', '.join(names)}" if len(names) < 10 else ""


# -- of a rule ----------------------------------------------------------------------------------------------------


def _enabled(_: Mapping[str, str], text: str) -> str:
    if text.lower() not in {"true", "false"}:
        raise ValueError(f"enabled {said(text)} is neither: write true or false")
    return text.lower()


def _severity(_: Mapping[str, str], text: str) -> str:
    if text.lower() not in SEVERITIES:
        raise ValueError(f"severity {said(text)} is unknown: write {', '.join(SEVERITIES[:-1])} or {SEVERITIES[-1]}")
    return text.lower()


def _number(name: str, rule: Mapping[str, str], text: str) -> str:
    if not rule[name] or (name == "threshold" and rule["kind"] == "event"):
        raise ValueError(f"rule {rule['rule_id']} has no {name}: take the line out")
    most = _LONGEST_SEQUENCE if rule["kind"] == "sequence" and name == "window_minutes" else _MOST[name]
    if not re.fullmatch("[0-9]{1,16}", text) or not 1 <= int(text) <= most:
        raise ValueError(f"{name} {said(text)} is no whole number from 1 to {most}: write it like {rule[name]}")
    return str(int(text))


def read_parameter(rule: Mapping[str, str], name: str, text: str) -> str:
    """A rule's number as text; raises `ValueError` with what is wrong and what to write."""
    if name not in _MOST:
        raise ValueError(f"{said(name)} is no parameter of a rule{_like(name, _MOST)}")
    return _number(name, rule, text)


_OF_A_RULE: dict[str, Callable[[Mapping[str, str], str], str]] = {
    "enabled": _enabled,
    "severity": _severity,
    **{name: partial(_number, name) for name in _MOST},
}


# -- of a watch list ----------------------------------------------------------------------------------------------


def _address(name: str, text: str) -> str:
    """An IP address, or its beginning up to a dot or a colon."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        is_beginning = re.fullmatch(r"(\d{1,3}\.){1,3}|([0-9a-f]{1,4}:){1,7}", text.lower())
        if is_beginning and all(int(part) < 256 for part in text.split(".")[:-1] if part.isdigit()):
            return text.lower()
    raise ValueError(f"{name} {said(text)} is no address: write it whole, or its beginning like 203.0.113.")


def _domain(text: str) -> str:
    domain = text.lower().removeprefix("@")
    if not re.fullmatch(r"([^\s@./]+\.)+[^\s@./]{2,}", domain):
        raise ValueError(f"allowed_domain {said(text)} is no domain: write it like partner.example")
    return domain


def _email(text: str) -> str:
    if not re.fullmatch(r"[^\s@]+@[^\s@]+", text):
        raise ValueError(f"leaver {said(text)} is no e-mail address: write it like jo@acme.example")
    return text.lower()


def _path(text: str) -> str:
    if not text.startswith("/") or text.strip("/") == "":
        raise ValueError(f"watched_folder {said(text)} is no path of a folder: write it like /Legal/Contracts")
    return text.rstrip("/")


_LISTS: dict[str, Callable[[str], str]] = {
    "risky_country": str,
    "risky_ip": partial(_address, "risky_ip"),
    "trusted_ip": partial(_address, "trusted_ip"),
    "watched_folder": _path,
    "watched_group": str,
    "allowed_domain": _domain,
    "leaver": _email,
    "trusted_app": str,
}
