"""What the simulated team looks like apart from its log: the facts behind the directory routes.

All records are in the form in which the API serves them, so this module only cuts lists into pages.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dropbox_audit.demo.cursors import BadCursorError

Record = dict[str, Any]


@dataclass(slots=True)
class Directory:
    """The team as it is now.

    Attributes:
        info: the result of ``team/get_info``.
        admin: the team member id of the admin who linked the app.
        members: items of ``team/members/list_v2``, removed ones included.
        groups: items of ``team/groups/list``.
        group_members: items of ``team/groups/members/list`` by group id.
        devices: items of ``team/devices/list_members_devices``.
        linked_apps: items of ``team/linked_apps/list_members_linked_apps``.
        namespaces: items of ``team/namespaces/list``; the documentation allows duplicates.
        team_folders: items of ``team/team_folder/list``.
        quotas: custom quotas in gigabytes by team member id.
        shared_links: items of ``sharing/list_shared_links`` by team member id.
        page_limit: no page of any list is longer.
    """

    info: Record
    admin: str
    members: list[Record] = field(default_factory=list)
    groups: list[Record] = field(default_factory=list)
    group_members: dict[str, list[Record]] = field(default_factory=dict)
    devices: list[Record] = field(default_factory=list)
    linked_apps: list[Record] = field(default_factory=list)
    namespaces: list[Record] = field(default_factory=list)
    team_folders: list[Record] = field(default_factory=list)
    quotas: dict[str, int] = field(default_factory=dict)
    shared_links: dict[str, list[Record]] = field(default_factory=dict)
    page_limit: int = 1000

    def member(self, team_member_id: str) -> Record | None:
        """The member with this id, removed or not."""
        return next((m for m in self.members if m["profile"]["team_member_id"] == team_member_id), None)

    def has_account(self, account_id: str) -> bool:
        """Whether any member has or had this account."""
        return any(m["profile"].get("account_id") == account_id for m in self.members)

    def page(
        self, name: str, records: Sequence[Record], limit: int, cursor: str | None = None, **query: Any
    ) -> tuple[Sequence[Record], str, bool]:
        """A page of a list.

        Args:
            name: whose cursors these are.
            records: the whole list.
            limit: the page size that was asked for.
            cursor: where to go on; None for the first page.
            query: what a later page must know of the first request; ``query`` gives it back.

        Returns:
            The records, the cursor and whether more follow.
        """
        start = 0
        if cursor is not None:
            start, limit, query = _open(name, cursor)
        stop = start + min(limit, self.page_limit)
        text = f"{name}:".encode() + msgspec.msgpack.encode((stop, limit, query))
        return records[start:stop], base64.urlsafe_b64encode(text).decode(), stop < len(records)

    @staticmethod
    def query(name: str, cursor: str) -> dict[str, Any]:
        """What the first request of a list said.

        Raises:
            BadCursorError: it is no cursor of this list.
        """
        return _open(name, cursor)[2]


def small_directory() -> Directory:
    """A team of one admin, for servers whose team does not matter."""
    member: Record = {
        "profile": {
            "team_member_id": "dbmid:AAASimulatedAdminOfTheTeam0000000001",
            "account_id": "dbid:AAASimulatedAdminOfTheTeam000000001",
            "email": "admin@acme.example",
            "email_verified": True,
            "status": {".tag": "active"},
            "name": {
                "given_name": "Ada",
                "surname": "Admin",
                "familiar_name": "Ada",
                "display_name": "Ada Admin",
                "abbreviated_name": "AA",
            },
            "membership_type": {".tag": "full"},
            "joined_on": "2020-01-01T09:00:00Z",
            "groups": [],
            "member_folder_id": "1001",
            "root_folder_id": "1002",
        },
        "roles": [
            {"role_id": "pid_dbtmr:1", "name": "Team", "description": "Manage everything and access all permissions"}
        ],
    }
    return Directory(team_info("Acme", 5, 1), member["profile"]["team_member_id"], [member])


def team_info(name: str, licensed: int, used: int, provisioned: int | None = None) -> Record:
    """A result of ``team/get_info``."""
    policies: Record = {
        "sharing": {
            "shared_folder_member_policy": {".tag": "anyone"},
            "shared_folder_join_policy": {".tag": "from_anyone"},
            "shared_link_create_policy": {".tag": "default_public"},
            "group_creation_policy": {".tag": "admins_only"},
            "shared_folder_link_restriction_policy": {".tag": "anyone"},
            "enforce_link_password_policy": {".tag": "optional"},
            "default_link_expiration_days_policy": {".tag": "none"},
            "shared_link_default_permissions_policy": {".tag": "default"},
        },
        "emm_state": {".tag": "disabled"},
        "office_addin": {".tag": "disabled"},
        "suggest_members_policy": {".tag": "enabled"},
        "top_level_content_policy": {".tag": "admin_only"},
    }
    return {
        "name": name,
        "team_id": "dbtid:AAASimulatedTeam",
        "num_licensed_users": licensed,
        "num_provisioned_users": used if provisioned is None else provisioned,
        "num_used_licenses": used,
        "policies": policies,
    }


def _open(name: str, cursor: str) -> tuple[int, int, dict[str, Any]]:
    try:
        found, _, rest = base64.urlsafe_b64decode(cursor.encode("ascii")).partition(b":")
        if found == name.encode():
            return msgspec.msgpack.decode(rest, type=tuple[int, int, dict[str, Any]])
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadCursorError(cursor) from error
    raise BadCursorError(cursor)
