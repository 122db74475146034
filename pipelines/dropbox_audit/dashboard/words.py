"""Dropbox's names in plain words."""

import csv
from functools import cache

from dropbox_audit.transform import sql_folder

_CATEGORIES = {
    "admin_alerting": "Security alerts",
    "apps": "Apps",
    "comments": "Comments",
    "dash": "Dash",
    "data_governance": "Data governance",
    "devices": "Devices",
    "domains": "Domains",
    "encryption": "Encryption",
    "file_operations": "Files",
    "file_requests": "File requests",
    "groups": "Groups",
    "logins": "Sign-ins",
    "members": "Members",
    "paper": "Paper",
    "passwords": "Passwords",  # pragma: allowlist secret
    "protect": "Protect",
    "reports": "Reports",
    "sharing": "Sharing",
    "showcase": "Showcase",
    "signatures": "Signatures",
    "sso": "Single sign-on",
    "team_folders": "Team folders",
    "team_policies": "Team policies",
    "team_profile": "Team profile",
    "tfa": "Two-step verification",
    "trusted_teams": "Trusted teams",
}

_ACTORS = {"dropbox": "Dropbox", "anonymous": "Somebody without an account", "reseller": "A reseller", "app": "An app"}

_METHODS = {
    "end_user": "Their own client",
    "api": "Through the API",
    "sign_in_as": "Signed in as the member",
    "admin_console": "Admin console",
    "content_manager": "Content manager",
    "enterprise_console": "Enterprise console",
}


def category(name: str) -> str:
    """A category of events."""
    return _CATEGORIES.get(name) or spaced(name) or "Other"


def event_type(name: str, sentence: str | None = None) -> str:
    """A kind of event: Dropbox's own sentence for it."""
    return sentence or _sentences().get(name) or spaced(name) or "Unknown"


def actor(kind: str | None, name: str | None, email: str | None) -> str:
    """Who acted."""
    return name or email or _ACTORS.get(kind or "", "") or spaced(kind or "") or "Not said"


def access_method(name: str | None) -> str:
    """How something was done."""
    return _METHODS.get(name or "") or spaced(name or "") or "Not said"


def place(city: str | None, country: str | None) -> str:
    """City and country, as far as they are known."""
    return ", ".join(filter(None, (city, country)))


def spaced(name: str) -> str:
    """`team_member` as `Team member`."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def count(number: int, noun: str) -> str:
    """`1 event`, `1,234 events`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


@cache
def _sentences() -> dict[str, str]:
    with (sql_folder() / "seeds/event_types.csv").open(encoding="utf-8", newline="") as file:
        return {row["event_type"]: row["description"] for row in csv.DictReader(file)}
