"""A directory made by hand, record by record, as Dropbox's documentation shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dropbox_audit.demo import Directory
from dropbox_audit.demo.directory import team_info
from support import stamp

Record = dict[str, Any]


def member_id(number: int) -> str:
    return f"dbmid:member-{number}"


def account_id(number: int) -> str:
    """As `support.person` has it, so that events and members meet."""
    return f"dbid:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA{number:02d}"


def member(number: int, status: str = "active", *roles: str, **profile: Any) -> Record:
    """An item of `team/members/list_v2`; `roles` as their names read."""
    return {
        "profile": {
            "team_member_id": member_id(number),
            "account_id": account_id(number),
            "email": f"person{number}@acme.example",
            "email_verified": True,
            "status": {".tag": status},
            "name": {"given_name": "Person", "surname": str(number), "display_name": f"Person {number}"},
            "membership_type": {".tag": "full"},
            "joined_on": "2020-01-01T09:00:00Z",
            "groups": ["g:sales"],
            "profile_photo_url": f"https://photos.example/{number}",
            **profile,
        },
        "roles": [{"role_id": f"pid_dbtmr:{name}", "name": name, "description": name} for name in roles],
    }


def session(number: int, used: datetime, kind: str = "web_sessions") -> Record:
    """An item of `team/devices/list_members_devices` with one session."""
    common = {"session_id": f"dbwsid:{number}", "ip_address": "192.0.2.7", "country": "Ireland", "updated": stamp(used)}
    return {
        "team_member_id": member_id(number),
        kind: [{**common, "user_agent": "x", "os": "Linux", "browser": "Firefox"}],
    }


def app(number: int, name: str, **changes: Any) -> Record:
    """An item of `team/linked_apps/list_members_linked_apps` with one app."""
    linked = {"app_id": f"dbaid:{name}", "app_name": name, "is_app_folder": False, "linked": "2026-10-01T09:00:00Z"}
    return {"team_member_id": member_id(number), "linked_api_apps": [{**linked, **changes}]}


def link(name: str, audience: str = "public", **changes: Any) -> Record:
    """An item of `sharing/list_shared_links`."""
    return {
        ".tag": "file",
        "url": f"https://www.dropbox.com/scl/fi/{name}",
        "id": f"id:{name}",
        "name": name,
        "path_lower": f"/{name}",
        "link_permissions": {"can_revoke": True, "resolved_visibility": {".tag": audience}, "allow_download": True},
        **changes,
    }


def directory(*members: Record, licensed: int = 10, **lists: Any) -> Directory:
    """A team of these members, all of them in the group Sales as far as they are not removed."""
    present = [item for item in members if item["profile"]["status"][".tag"] != "removed"]
    inside = [{"profile": item["profile"], "access_type": {".tag": "member"}} for item in present]
    group = {"group_id": "g:sales", "group_name": "Sales", "group_management_type": {".tag": "company_managed"}}
    return Directory(
        info=team_info("Acme", licensed, len(present)),
        admin=member_id(1),
        members=list(members),
        groups=[{**group, "member_count": len(inside)}],
        group_members={"g:sales": inside},
        **lists,
    )
