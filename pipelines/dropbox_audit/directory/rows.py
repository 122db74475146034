"""Records of Dropbox's directory to rows; pure functions.

A record is decoded only as far as the columns need. Unknown fields and tags do no harm: the complete record is kept
beside the columns as JSON text.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa

from dropbox_audit.directory.values import (
    as_dict,
    as_flag,
    as_list,
    as_tag,
    as_text,
    as_time,
    as_whole,
    digest_of,
)
from dropbox_audit.events import TIMESTAMP

Record = dict[str, Any]
Row = dict[str, Any]

_EVERY_ROW = (("snapshot_id", pa.string()), ("taken_at", TIMESTAMP), ("is_gone", pa.bool_()))
_PRESENTATION = frozenset({"profile_photo_url"})
"""An address that is made anew each time is no change of the record."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A list of the directory.

    Attributes:
        name: of its table.
        scopes: what the token needs for it.
        what: for a sentence, in plain words.
        key: the columns that tell its records apart.
        columns: its own columns; `_EVERY_ROW`, `row_hash` and `record` come with each.
        rows: makes rows of one item of the list.
    """

    name: str
    scopes: tuple[str, ...]
    what: str
    key: tuple[str, ...]
    columns: tuple[tuple[str, pa.DataType], ...]
    rows: Callable[[Record], Iterable[tuple[Row, Record]]]

    @property
    def schema(self) -> pa.Schema:
        """Its table's."""
        return pa.schema([*_EVERY_ROW, *self.columns, ("row_hash", pa.string()), ("record", pa.string())])

    def key_of(self, row: Row) -> str:
        """The key as one text."""
        return "\n".join(str(row[name]) for name in self.key)

    def from_records(self, records: Iterable[Record]) -> dict[str, Row]:
        """Rows by key; of records with the same key (the documentation allows duplicates) the last one counts."""
        found = {}
        for item in records:
            for row, record in self.rows(item):
                if all(row[name] for name in self.key):
                    row["row_hash"] = digest_of(row)
                    row["record"] = orjson.dumps(record, option=orjson.OPT_SORT_KEYS).decode()
                    found[self.key_of(row)] = row
        return found

    def gone(self, key: str) -> Row:
        """The row that says that a record is listed no more."""
        return {"is_gone": True, **dict(zip(self.key, key.split("\n"), strict=True))}


def table_of(resource: Resource, rows: Iterable[Row], snapshot_id: str, taken_at: datetime) -> pa.Table:
    """Rows as an Arrow table of one snapshot."""
    common = {"snapshot_id": snapshot_id, "taken_at": taken_at}
    return pa.Table.from_pylist([{"is_gone": False, **row, **common} for row in rows], resource.schema)


def fingerprint(row: Row) -> str:
    """What changes whenever anything of the record does."""
    record = orjson.loads(row["record"])
    return digest_of({key: value for key, value in record.items() if key not in _PRESENTATION})


# -- one function for each list -----------------------------------------------------------------------------------


def _member(item: Record) -> Iterator[tuple[Row, Record]]:
    profile = as_dict(item.get("profile"))
    name, status = as_dict(profile.get("name")), as_tag(profile.get("status"))
    roles = [as_text(as_dict(role).get("name")) or "" for role in as_list(item.get("roles"))]
    tags = sorted(filter(None, map(_role, roles)))
    groups = sorted(text for group in as_list(profile.get("groups")) if (text := as_text(group)))
    yield (
        {
            "team_member_id": as_text(profile.get("team_member_id")),
            "account_id": as_text(profile.get("account_id")),
            "external_id": as_text(profile.get("external_id")),
            "email": as_text(profile.get("email")),
            "is_email_verified": as_flag(profile.get("email_verified")),
            "name": as_text(name.get("display_name")),
            "given_name": as_text(name.get("given_name")),
            "surname": as_text(name.get("surname")),
            "status": status,
            "role": "team_admin" if "team_admin" in tags else next(iter(tags), "member_only"),
            "roles": ", ".join(tags) or None,
            "membership_type": as_tag(profile.get("membership_type")),
            "invited_on": as_time(profile.get("invited_on")),
            "joined_on": as_time(profile.get("joined_on")),
            "suspended_on": as_time(profile.get("suspended_on")),
        },
        {
            **item,
            "profile": {key: value for key, value in profile.items() if key not in _PRESENTATION} | {"groups": groups},
        },
    )


def _role(name: str) -> str:
    """`User management admin` as the tag that Dropbox's log and its older routes use: `user_management_admin`."""
    tag = re.sub(r"\W+", "_", name.strip().lower()).strip("_")
    return tag if not tag or tag.endswith("admin") else f"{tag}_admin"


def _team(item: Record) -> Iterator[tuple[Row, Record]]:
    policies = item.get("policies")
    yield (
        {
            "team_id": as_text(item.get("team_id")),
            "name": as_text(item.get("name")),
            "num_licensed_users": as_whole(item.get("num_licensed_users")),
            "num_provisioned_users": as_whole(item.get("num_provisioned_users")),
            "num_used_licenses": as_whole(item.get("num_used_licenses")),
            "policies": None if policies is None else orjson.dumps(policies, option=orjson.OPT_SORT_KEYS).decode(),
        },
        item,
    )


def _group(item: Record) -> Iterator[tuple[Row, Record]]:
    yield (
        {
            "group_id": as_text(item.get("group_id")),
            "group_name": as_text(item.get("group_name")),
            "group_external_id": as_text(item.get("group_external_id")),
            "group_management_type": as_tag(item.get("group_management_type")),
            "member_count": as_whole(item.get("member_count")),
        },
        item,
    )


def _group_member(item: Record) -> Iterator[tuple[Row, Record]]:
    profile = as_dict(item.get("profile"))
    yield (
        {
            "group_id": as_text(item.get("group_id")),
            "team_member_id": as_text(profile.get("team_member_id")),
            "email": as_text(profile.get("email")),
            "access_type": as_tag(item.get("access_type")),
        },
        # Who the member is stands in `members`; a member that changes is no change of its groups.
        {key: value for key, value in item.items() if key != "profile"},
    )


_SESSIONS = (("web_sessions", "web"), ("desktop_clients", "desktop"), ("mobile_clients", "mobile"))


def _device(item: Record) -> Iterator[tuple[Row, Record]]:
    for key, kind in _SESSIONS:
        for session in map(as_dict, as_list(item.get(key))):
            version = session.get("client_version")
            yield (
                {
                    "team_member_id": as_text(item.get("team_member_id")),
                    "session_id": as_text(session.get("session_id")),
                    "device_type": kind,
                    "name": as_text(session.get("host_name") or session.get("device_name") or session.get("browser")),
                    "platform": as_text(session.get("platform") or session.get("os") or session.get("os_version")),
                    "client_type": as_tag(session.get("client_type")),
                    "client_version": as_text(version),
                    "ip_address": as_text(session.get("ip_address")),
                    "country": as_text(session.get("country")),
                    "created_at": as_time(session.get("created")),
                    "updated_at": as_time(session.get("updated")),
                    "expires_at": as_time(session.get("expires")),
                },
                session,
            )


def _linked_app(item: Record) -> Iterator[tuple[Row, Record]]:
    for app in map(as_dict, as_list(item.get("linked_api_apps"))):
        yield (
            {
                "team_member_id": as_text(item.get("team_member_id")),
                "app_id": as_text(app.get("app_id")),
                "app_name": as_text(app.get("app_name")),
                "publisher": as_text(app.get("publisher")),
                "publisher_url": as_text(app.get("publisher_url")),
                "is_app_folder": as_flag(app.get("is_app_folder")),
                "linked_at": as_time(app.get("linked")),
            },
            app,
        )


def _quota(item: Record) -> Iterator[tuple[Row, Record]]:
    if item.get(".tag") == "success":
        user = as_dict(item.get("user"))
        yield {"team_member_id": as_text(user.get("team_member_id")), "quota_gb": as_whole(item.get("quota_gb"))}, item


def _shared_link(item: Record) -> Iterator[tuple[Row, Record]]:
    permissions = as_dict(item.get("link_permissions"))
    yield (
        {
            "team_member_id": as_text(item.get("team_member_id")),
            "url": as_text(item.get("url")),
            "link_type": as_text(item.get(".tag")),
            "name": as_text(item.get("name")),
            "path_lower": as_text(item.get("path_lower")),
            "file_id": as_text(item.get("id")),
            "audience": as_tag(permissions.get("effective_audience")) or as_tag(permissions.get("resolved_visibility")),
            "has_password": as_flag(permissions.get("require_password")),
            "expires_at": as_time(item.get("expires")),
            "can_revoke": as_flag(permissions.get("can_revoke")),
        },
        {key: value for key, value in item.items() if key != "team_member_id"},
    )


_TEXT, _WHOLE, _FLAG = pa.string(), pa.int64(), pa.bool_()


def _columns(**kinds: pa.DataType) -> tuple[tuple[str, pa.DataType], ...]:
    return tuple(kinds.items())


RESOURCES = (
    Resource(
        "team_info",
        ("team_info.read",),
        "licences and the team's settings",
        ("team_id",),
        _columns(
            team_id=_TEXT,
            name=_TEXT,
            num_licensed_users=_WHOLE,
            num_provisioned_users=_WHOLE,
            num_used_licenses=_WHOLE,
            policies=_TEXT,
        ),
        _team,
    ),
    Resource(
        "members",
        ("members.read",),
        "members and their roles",
        ("team_member_id",),
        _columns(
            team_member_id=_TEXT,
            account_id=_TEXT,
            external_id=_TEXT,
            email=_TEXT,
            is_email_verified=_FLAG,
            name=_TEXT,
            given_name=_TEXT,
            surname=_TEXT,
            status=_TEXT,
            role=_TEXT,
            roles=_TEXT,
            membership_type=_TEXT,
            invited_on=TIMESTAMP,
            joined_on=TIMESTAMP,
            suspended_on=TIMESTAMP,
        ),
        _member,
    ),
    Resource(
        "groups",
        ("groups.read",),
        "groups",
        ("group_id",),
        _columns(
            group_id=_TEXT,
            group_name=_TEXT,
            group_external_id=_TEXT,
            group_management_type=_TEXT,
            member_count=_WHOLE,
        ),
        _group,
    ),
    Resource(
        "group_members",
        ("groups.read",),
        "members of groups",
        ("group_id", "team_member_id"),
        _columns(group_id=_TEXT, team_member_id=_TEXT, email=_TEXT, access_type=_TEXT),
        _group_member,
    ),
    Resource(
        "devices",
        ("sessions.list",),
        "devices and web sessions",
        ("team_member_id", "session_id"),
        _columns(
            team_member_id=_TEXT,
            session_id=_TEXT,
            device_type=_TEXT,
            name=_TEXT,
            platform=_TEXT,
            client_type=_TEXT,
            client_version=_TEXT,
            ip_address=_TEXT,
            country=_TEXT,
            created_at=TIMESTAMP,
            updated_at=TIMESTAMP,
            expires_at=TIMESTAMP,
        ),
        _device,
    ),
    Resource(
        "linked_apps",
        ("sessions.list",),
        "linked apps",
        ("team_member_id", "app_id"),
        _columns(
            team_member_id=_TEXT,
            app_id=_TEXT,
            app_name=_TEXT,
            publisher=_TEXT,
            publisher_url=_TEXT,
            is_app_folder=_FLAG,
            linked_at=TIMESTAMP,
        ),
        _linked_app,
    ),
    Resource(
        "member_quotas",
        ("members.read",),
        "members' own storage limits",
        ("team_member_id",),
        _columns(team_member_id=_TEXT, quota_gb=_WHOLE),
        _quota,
    ),
)
"""In the order in which they are asked for."""

SHARED_LINKS = Resource(
    "shared_links",
    ("sharing.read", "team_data.member"),
    "shared links",
    ("team_member_id", "url"),
    _columns(
        team_member_id=_TEXT,
        url=_TEXT,
        link_type=_TEXT,
        name=_TEXT,
        path_lower=_TEXT,
        file_id=_TEXT,
        audience=_TEXT,
        has_password=_FLAG,
        expires_at=TIMESTAMP,
        can_revoke=_FLAG,
    ),
    _shared_link,
)

SNAPSHOTS = pa.schema(
    [
        ("snapshot_id", pa.string()),
        ("taken_at", TIMESTAMP),
        ("resource", pa.string()),
        ("team_member_id", pa.string()),
        ("state", pa.string()),
        ("reason", pa.string()),
        ("is_full", pa.bool_()),
        ("record_count", pa.int64()),
        ("changed_count", pa.int64()),
    ]
)
"""One row per snapshot and list: `complete` or `skipped` with the reason. Shared links have one per member whose links
differ from the last time, and one for the list once all members are read."""

SCHEMAS: Mapping[str, pa.Schema] = {
    **{resource.name: resource.schema for resource in (*RESOURCES, SHARED_LINKS)},
    "directory_snapshots": SNAPSHOTS,
}
"""The directory's tables by name."""
