"""The settings of section `sources.dropbox_audit`, read by dlt from `.dlt/*.toml` and the environment.

`.dlt/config.toml` lists each of them with its default and meaning; a test keeps the two in step.
"""

import ipaddress
import os
import re
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dlt.common.configuration import configspec, resolve_configuration
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.configuration.providers import ConfigProvider
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.typing import TSecretStrValue

from dropbox_audit.errors import ConfigurationError
from dropbox_audit.wording import keep_secret, one_line

SECTION = ("sources", "dropbox_audit")

_DURATION = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@configspec
class Settings(BaseConfiguration):
    """Every setting of the source; `validated()` checks what types alone cannot."""

    app_key: str | None = None
    app_secret: TSecretStrValue | None = None
    refresh_token: TSecretStrValue | None = None
    access_token: TSecretStrValue | None = None
    granted_scopes: str | None = None
    api_url: str = "https://api.dropboxapi.com"
    start_time: str | None = None
    lookback: str = "48h"
    rescan: str | None = None
    requests_per_hour: int = 1000
    team_domains: list[str] | None = None
    give_up_after: str = "30m"
    backfill_workers: int = 4
    max_pages_per_batch: int = 200
    directory_every: str = "24h"
    shared_links: bool = False
    contracts: str = "contracts.csv"
    alert_settings: str = "alert_settings.csv"
    alert_max_age: str = "24h"
    mcp_token: TSecretStrValue | None = None

    def validated(self, now: datetime) -> "Settings":
        """The same settings, or a `ConfigurationError` that names the first one that cannot be used."""
        self.api_url = _api_url(self.api_url)
        for name in ("app_key", "app_secret", "refresh_token", "access_token", "mcp_token"):
            setattr(self, name, _credential(name, getattr(self, name)))
        duration(self.lookback, "lookback")
        duration(self.give_up_after, "give_up_after")
        duration(self.alert_max_age, "alert_max_age")
        if self.rescan is not None and duration(self.rescan, "rescan") < timedelta(days=1):
            raise ConfigurationError(f"rescan = {self.rescan!r} is shorter than a day: write for instance 3d.")
        self.directory_interval()
        for name, least in (("requests_per_hour", 0), ("backfill_workers", 1), ("max_pages_per_batch", 1)):
            if getattr(self, name) < least:
                raise ConfigurationError(f"{name} = {getattr(self, name)} is too small: the least is {least}.")
        if self.start_time is not None:
            instant(self.start_time, "start_time", now)
        return self

    def directory_interval(self) -> timedelta | None:
        """From one snapshot of the directory to the next; None where none is wanted."""
        text = self.directory_every.strip().lower()
        if text in {"0", "off", "false"}:
            return None
        interval = duration(text, "directory_every")
        if interval < timedelta(minutes=1):
            raise ConfigurationError(f"directory_every = {self.directory_every!r} is too short: write 24h, or off.")
        return interval

    def has_credentials(self) -> bool:
        """Whether there is any way to ask Dropbox anything."""
        return bool(self.access_token or (self.app_key and self.refresh_token))


def configure_dlt() -> None:
    """The settings of dlt that this package relies on, whatever the working directory holds.

    Comes before dlt is asked for anything: with the first value it reads, it starts its telemetry.
    """
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__INTERCEPT_SIGNALS"] = "false"
    # dlt tells of each job that failed with a whole traceback; what matters of it is in our own error.
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")


def _providers() -> list[ConfigProvider]:
    """Where dlt reads settings from.

    Comes before dlt looks for them itself. Finding no `secrets.toml`, dlt asks a running Streamlit app for it, and
    imports Streamlit and pandas to learn whether it is in one: a third of a quiet poll. Where nobody has imported
    Streamlit there is no such app.
    """
    is_imported = "streamlit" in sys.modules
    if not is_imported:
        sys.modules["streamlit"] = None  # type: ignore[assignment]
    try:
        return Container()[PluggableRunContext].providers.providers
    finally:
        if not is_imported:
            sys.modules.pop("streamlit", None)


def read_settings(now: datetime, **overrides: Any) -> Settings:
    """The settings as dlt's providers give them, `overrides` first.

    Raises:
        ConfigurationError: a file that is not TOML, or a value that cannot be used.
    """
    configure_dlt()
    try:
        _providers()
        settings = resolve_configuration(Settings(), sections=SECTION, explicit_value=overrides or None)
    except ConfigurationException as error:
        raise ConfigurationError(f"A setting of sources.dropbox_audit cannot be read: {in_one_line(error)}") from error
    return settings.validated(now)


def open_secrets_files() -> list[Path]:
    """The files that dlt reads secrets from, the project's and the global one, as far as others may open them."""
    configure_dlt()
    if os.name != "posix":
        return []
    keepers = [provider for provider in _providers() if provider.supports_secrets]
    files = [Path(location) for provider in keepers for location in provider.locations]
    return [file for file in files if file.is_file() and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]


def first_line(error: BaseException) -> str:
    """An error's first non-empty line, for a message of one line."""
    lines = (one_line(line) for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)


def in_one_line(error: BaseException) -> str:
    """An error's whole text on one line, cut where it gets long."""
    return one_line(str(error))[:400] or type(error).__name__


def duration(text: str, name: str) -> timedelta:
    """`90s`, `30m`, `48h`, `7d` or `2w` as a timedelta; raises `ConfigurationError` naming the setting."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(f"{name} = {text!r} is not a duration: write for instance 30m, 48h or 7d.")
    try:
        return timedelta(**{_UNITS[match[2]]: int(match[1])})
    except OverflowError:
        raise ConfigurationError(f"{name} = {text!r} is longer than any calendar.") from None


def instant(text: str, name: str, now: datetime) -> datetime:
    """A date, a timestamp or a duration before `now`, as a UTC datetime on a whole second."""
    text = text.strip()
    try:
        moment = now - duration(text, name) if _DURATION.fullmatch(text) else datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{name} {text!r} is not a time: write a date (2026-11-01), a timestamp (2026-11-01T08:00:00Z) or 30d."
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(microsecond=0)


def _credential(name: str, value: str | None) -> str | None:
    """A credential without the line end that copying may add; its text is never said back."""
    value = value.strip() if value else None
    if value and not (value.isascii() and value.isprintable() and " " not in value):
        raise ConfigurationError(f"{name} holds characters that none of Dropbox's has: copy it again.")
    if name != "app_key":
        keep_secret(value)
    return value


def _api_url(url: str) -> str:
    try:
        parts = urlsplit(url.rstrip("/"))
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        raise ConfigurationError("api_url is not an address like https://api.dropboxapi.com.") from None
    if parts.username is not None:
        raise ConfigurationError("api_url must not hold a user name or a password.")
    if parts.scheme not in {"http", "https"} or not parts.hostname or not has_port:
        raise ConfigurationError(f"api_url = {url!r} is not an address like https://api.dropboxapi.com.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ConfigurationError(f"api_url = {url!r} would send the token in the clear: use https://.")
    return url.rstrip("/")


def is_encrypted(api_url: str) -> bool:
    """Whether a proxy on the way sees nothing of what is sent; what is not stays on this machine and takes no proxy."""
    return api_url.lower().startswith("https:")


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own, which no other machine reaches."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # Python's versions disagree on whether ::ffff:127.0.0.1 is one.
    return address == ipaddress.IPv6Address("::1") or (address.version == 4 and address.is_loopback)
