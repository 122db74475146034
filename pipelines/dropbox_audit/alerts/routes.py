"""Where alerts go: the routes of `sources.dropbox_audit.alert_routes`, as dlt's providers give them.

They are read past dlt's own resolution on purpose: that would note the addresses for the trace of a load, say one back
that is malformed, and look for a key like `url` in sections that are not ours.
"""

import fnmatch
import os
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from dropbox_audit.alert_settings import SEVERITIES
from dropbox_audit.csvfile import said
from dropbox_audit.errors import ConfigurationError, DeferredError
from dropbox_audit.settings import SECTION, configure_dlt, duration
from dropbox_audit.wording import keep_secret, one_line

_KEY = "alert_routes"
_DEFAULTS = {"min_severity": "low", "rules": "*", "digest": "24h", "quiet": "4h"}
_FIELDS = ("url", *_DEFAULTS)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_OFF = {"off", "0", "false"}
GATHERED = frozenset({"low", "info"})
"""What a digest gathers."""


class RoutesError(DeferredError):
    """A route cannot be used as it is configured."""


@dataclass(frozen=True)
class Route:
    """A place that alerts go to. `url` is a secret; `digest` is None where nothing is gathered."""

    name: str
    url: str
    min_severity: str
    rules: tuple[str, ...]
    digest: timedelta | None
    quiet: timedelta

    def __repr__(self) -> str:
        return f"Route({self.name!r})"

    def takes(self, rule_id: str, severity: str) -> bool:
        """Whether an alert of this rule and severity goes here."""
        if rank(severity) > rank(self.min_severity):
            return False
        chosen = [pattern for pattern in self.rules if not pattern.startswith("-")]
        left_out = [pattern[1:] for pattern in self.rules if pattern.startswith("-")]
        is_chosen = not chosen or any(fnmatch.fnmatchcase(rule_id, pattern) for pattern in chosen)
        return is_chosen and not any(fnmatch.fnmatchcase(rule_id, pattern) for pattern in left_out)

    def gathers(self, severity: str) -> bool:
        """Whether alerts of this severity wait here for a digest."""
        return self.digest is not None and severity in GATHERED


def rank(severity: str) -> int:
    """0 for the worst; one that is not known is taken for the worst, so that it is not lost."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


class Routes(NamedTuple):
    """The routes that can be used, by name, and what is wrong with the others; no text says an address."""

    usable: list[Route]
    problems: list[str]

    def require(self) -> None:
        """Raise `RoutesError` where any of them cannot be used."""
        if self.problems:
            raise RoutesError(" ".join(self.problems))


def read_routes() -> Routes:
    """The configured routes. One that cannot be used keeps no other from being used."""
    configure_dlt()
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    routes = Routes([], [])
    for provider in Container()[PluggableRunContext].providers.providers:
        value, _ = provider.get_value(_KEY, dict, "", *SECTION)
        try:
            tables = _tables(value)
        except RoutesError as error:
            routes.problems.append(str(error))
            continue
        for name, fields in tables.items():
            known = found[name]
            for field, text in fields.items():
                # Providers come in the order in which they win.
                known.setdefault(field, text)
    for name, fields in _from_environment().items():
        found[name].update(fields)
    for name, fields in sorted(found.items()):
        try:
            routes.usable.append(_route(name, fields))
        except RoutesError as error:
            routes.problems.append(str(error))
    return routes


def _tables(value: Any) -> dict[str, dict[str, Any]]:
    if value is None:
        return {}
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except ValueError:
            # What stands there may hold an address.
            raise RoutesError(f'{_KEY} is no JSON: write {{"security": {{"url": "..."}}}}.') from None
    if not isinstance(value, Mapping) or not all(isinstance(fields, Mapping) for fields in value.values()):
        raise RoutesError(f"{_KEY} is no table of routes: write [{'.'.join(SECTION)}.{_KEY}.security], then url = ...")
    return {str(name).lower(): {str(k).lower(): v for k, v in fields.items()} for name, fields in value.items()}


def _from_environment() -> dict[str, dict[str, Any]]:
    """Routes, or fields of them, as variables like `SOURCES__DROPBOX_AUDIT__ALERT_ROUTES__SECURITY__URL`."""
    prefix = "__".join((*SECTION, _KEY, "")).upper()
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for variable, value in os.environ.items():
        name, _, field = variable.removeprefix(prefix).lower().rpartition("__")
        if variable.startswith(prefix) and name:
            found[name][field] = value
    return found


def _route(name: str, fields: Mapping[str, Any]) -> Route:
    place = f"The alert route {one_line(name)[:40]}"
    url = fields.get("url")
    if isinstance(url, str):
        _keep_secret(url)
    if not _NAME.fullmatch(name):
        raise RoutesError(f"{place} needs another name: letters, digits, - and _ only.")
    if unknown := [field for field in fields if field not in _FIELDS]:
        raise RoutesError(f"{place}: {said(unknown[0])} is unknown: write {', '.join(_FIELDS)}.")
    if not isinstance(url, str) or not re.match(r"[A-Za-z0-9+.-]+://\S", url) or "\n" in url.strip():
        raise RoutesError(
            f"{place} has no usable url: write an address of Apprise's, such as mailto://... or slack://..."
        )
    given = {field: _text(fields.get(field, default)) for field, default in _DEFAULTS.items()}
    severity = given["min_severity"].lower()
    if severity not in SEVERITIES:
        raise RoutesError(f"{place}: min_severity {said(severity)} is unknown: write {', '.join(SEVERITIES)}.")
    rules = tuple(given["rules"].upper().replace(",", " ").split())
    if wrong := [pattern for pattern in rules if not re.fullmatch(r"-?[A-Z0-9*?]+", pattern)]:
        raise RoutesError(f'{place}: rules {said(wrong[0])} names no rule: write for instance "A* B01 -A09".')
    try:
        digest = None if given["digest"].lower() in _OFF else duration(given["digest"], "digest")
        quiet = duration(given["quiet"], "quiet")
    except ConfigurationError as error:
        raise RoutesError(f"{place}: {error}") from None
    return Route(name, url.strip(), severity, rules, digest, quiet)


def _text(value: Any) -> str:
    """A field's value; a list, such as of rules, as words."""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value).strip()


def _keep_secret(url: str) -> None:
    """The address is never said, nor what looks like a token in it; plain words, hosts and people stay sayable."""
    keep_secret(url.strip())
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return
    # With a user name alone, that is the token.
    keep_secret(parts.password or (parts.username if not parts.scheme.startswith("mail") else None))
    for piece in re.split(r"[/?&=#:,;]", url):
        has_both = re.search("[0-9]", piece) and re.search("[A-Za-z]", piece)
        if len(piece) >= 8 and "." not in piece and "@" not in piece and (has_both or len(piece) >= 20):
            keep_secret(piece)
