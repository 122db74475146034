"""The directory of the simulated team: what the people, folders and stories amount to, as the API lists them."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from dropbox_audit.demo.background import World
from dropbox_audit.demo.directory import Directory, Record, team_info
from dropbox_audit.demo.library import Folder
from dropbox_audit.demo.people import DEPARTMENTS, TEAM_NAME, Person, group_id
from dropbox_audit.demo.shapes import File, tag

EVERYONE = f"Everyone at {TEAM_NAME}"

_ROLES = {
    "team_admin": "Team",
    "user_management_admin": "User management",
    "support_admin": "Support",
    "billing_admin": "Billing",
    "security_admin": "Security",
}


def make_directory(world: World, rng: random.Random, until: datetime) -> Directory:
    """The team as it is at ``until``; a quarter more seats are paid for than given out."""
    seats = [person for person in world.people if person.status != "removed"]
    members = [{"profile": _profile(person), "roles": _roles(person)} for person in world.people]
    groups, group_members = _groups(seats)
    return Directory(
        info=team_info(TEAM_NAME, round(len(seats) * 1.25), len(seats)),
        admin=world.admins[0].member_id,
        members=members,
        groups=groups,
        group_members=group_members,
        devices=[_devices(rng, person, until) for person in seats if person.status == "active"],
        linked_apps=[
            _apps(person, number, until - timedelta(days=200))
            for number, person in enumerate(seats)
            if person.status == "active"
        ],
        namespaces=_namespaces(world, seats),
        team_folders=[_team_folder(folder) for folder in world.folders.values() if folder.path.count("/") == 1],
        quotas={person.member_id: 50 * (1 + number % 4) for number, person in enumerate(seats) if number % 9 == 0},
        shared_links=_links(world, seats, until - timedelta(days=90)),
    )


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _profile(person: Person) -> Record:
    status: Record = tag(person.status)
    if person.status == "removed":
        status |= {"is_recoverable": True, "is_disconnected": False}
    profile: Record = {
        "team_member_id": person.member_id,
        "account_id": person.account_id,
        "email": person.email,
        "email_verified": person.status != "invited",
        "status": status,
        "name": {
            "given_name": person.given,
            "surname": person.surname,
            "familiar_name": person.given,
            "display_name": person.display_name,
            "abbreviated_name": person.given[:1] + person.surname[:1],
        },
        "membership_type": tag("full"),
        "groups": [group_id(person.department), group_id(EVERYONE)],
        "member_folder_id": str(int(person.sessions["web"][7:16]) + 4_000_000_000),
        "root_folder_id": str(int(person.sessions["web"][7:16]) + 5_000_000_000),
    }
    if person.status == "invited":
        del profile["account_id"]
    dates = (("invited_on", person.invited_on), ("joined_on", person.joined_on), ("suspended_on", person.suspended_on))
    profile |= {key: _time(moment) for key, moment in dates if moment is not None}
    return profile | ({"external_id": person.external_id} if person.external_id else {})


def _roles(person: Person) -> list[Record]:
    if not person.is_admin:
        return []
    name = _ROLES[person.role]
    return [{"role_id": f"pid_dbtmr:{person.role}", "name": name, "description": f"{name} administration"}]


def _groups(seats: list[Person]) -> tuple[list[Record], dict[str, list[Record]]]:
    members: dict[str, list[Record]] = defaultdict(list)
    for person in seats:
        profile = {
            k: v for k, v in _profile(person).items() if k not in ("groups", "member_folder_id", "root_folder_id")
        }
        access = tag("owner" if person.is_admin else "member")
        for name in (person.department, EVERYONE):
            members[group_id(name)].append({"profile": profile, "access_type": access})
    groups: list[Record] = []
    for name in (*DEPARTMENTS, EVERYONE):
        group: Record = {"group_name": name, "group_id": group_id(name)}
        kind = "system_managed" if name == EVERYONE else "company_managed"
        group |= {"group_management_type": tag(kind), "member_count": len(members[group_id(name)])}
        groups.append(group)
    return groups, dict(members)


def _devices(rng: random.Random, person: Person, until: datetime) -> Record:
    """Sessions; those of an idle member were last used months ago, if there are any."""
    record: Record = {"team_member_id": person.member_id}
    if person.is_idle and rng.random() < 0.5:
        return record
    used = until - timedelta(
        days=rng.randrange(35, 400) if person.is_idle else rng.randrange(0, 3), minutes=rng.randrange(900)
    )
    made = used - timedelta(days=rng.randrange(5, 300))
    common: Record = {
        "ip_address": person.address,
        "country": {"IE": "Ireland", "DE": "Germany", "US": "United States"}[person.place.country],
        "created": _time(made),
        "updated": _time(used),
    }
    record["desktop_clients"] = [
        {
            "session_id": person.sessions["desktop"],
            **common,
            "host_name": f"{person.given}'s laptop",
            "client_type": tag(rng.choice(("windows", "mac", "linux"))),
            "client_version": "231.4.5770",
            "platform": rng.choice(("Windows 11", "macOS 15.1", "Ubuntu 24.04")),
            "is_delete_on_unlink_supported": True,
        }
    ]
    if rng.random() < 0.6:
        session = {"session_id": person.sessions["web"], **common, "user_agent": "Mozilla/5.0", "os": "Windows"}
        record["web_sessions"] = [session | {"browser": "Firefox", "expires": _time(used + timedelta(days=30))}]
    if rng.random() < 0.3:
        phone = {"session_id": person.sessions["mobile"], **common, "device_name": f"{person.given}'s phone"}
        record["mobile_clients"] = [phone | {"client_type": tag("iphone"), "client_version": "410.2"}]
    return record


def _apps(person: Person, number: int, since: datetime) -> Record:
    names = (("Calendar Bridge", "Orbit Tools"), ("Scan & Sign", "Paperless Bureau"), ("Notes 📓", "Inkwell"))
    apps: list[Record] = []
    for index, (name, publisher) in enumerate(names):
        if number % (7 + index * 6) == 0:
            app: Record = {"app_id": f"dbaid:AAsimulated{index}", "app_name": name, "publisher": publisher}
            apps.append(app | {"is_app_folder": index == 2, "linked": _time(since)})
    if number == 23:
        shadow: Record = {"app_id": "dbaid:AAsimulatedShadow", "app_name": "Free PDF Merger 4U", "is_app_folder": False}
        apps.append(shadow | {"linked": _time(since + timedelta(days=170))})
    return {"team_member_id": person.member_id, "linked_api_apps": apps}


def _namespaces(world: World, seats: list[Person]) -> list[Record]:
    """Every namespace; one folder comes twice, because the documentation says that happens."""
    found: list[Record] = []
    for folder in world.folders.values():
        kind = "team_folder" if folder.path.count("/") == 1 else "shared_folder"
        found.append({"name": folder.name, "namespace_id": folder.ns_id, "namespace_type": tag(kind), "quota_limit": 0})
    for person in seats:
        home: Record = {
            "name": person.display_name or person.email,
            "namespace_id": _profile(person)["member_folder_id"],
        }
        home |= {"namespace_type": tag("team_member_folder"), "team_member_id": person.member_id, "quota_limit": 0}
        found.append(home)
    return [*found, found[0], found[-1]]


def _team_folder(folder: Folder) -> Record:
    return {
        "team_folder_id": folder.ns_id,
        "name": folder.name,
        "status": tag("active"),
        "is_team_shared_dropbox": False,
        "sync_setting": tag("default"),
        "content_sync_settings": [],
    }


def _links(world: World, seats: list[Person], since: datetime) -> dict[str, list[Record]]:
    links: dict[str, list[Record]] = {}
    for number, person in enumerate(seats):
        if (number % 4 == 0 or person.removed_on is not None) and person.status == "active":
            files = world.folders[person.department].files[number % 20 :: 37]
            links[person.member_id] = [
                _link(file, person, since, is_public=index == 0) for index, file in enumerate(files)
            ]
    return links


def _link(file: File, person: Person, since: datetime, *, is_public: bool) -> Record:
    permissions: Record = {
        "can_revoke": True,
        "resolved_visibility": tag("public" if is_public else "team_only"),
        "visibility_policies": [],
        "can_set_expiry": True,
        "can_remove_expiry": False,
        "allow_download": True,
        "can_allow_download": True,
        "can_disallow_download": True,
        "allow_comments": True,
        "team_restricts_comments": False,
    }
    link: dict[str, Any] = {
        ".tag": "file",
        "url": f"https://www.dropbox.com/scl/fi/{file.file_id[3:]}?dl=0",
        "id": file.file_id,
        "name": file.name,
        "path_lower": file.path.lower(),
        "link_permissions": permissions,
        "client_modified": _time(since),
        "server_modified": _time(since),
        "rev": "5f3a1c10ce0dd78000000",
        "size": file.size,
    }
    team = {"id": "dbtid:AAASimulatedTeam", "name": TEAM_NAME}
    return link | {
        "team_member_info": {"team_info": team, "display_name": person.display_name, "member_id": person.member_id}
    }
