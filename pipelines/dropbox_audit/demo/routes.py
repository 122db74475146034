"""The simulated routes: what each needs, takes and answers, in the form of the public API specification."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dropbox_audit.demo import arguments as arg
from dropbox_audit.demo.answers import Answer, bad_request, error, success
from dropbox_audit.demo.catalogue import catalogue, categories
from dropbox_audit.demo.cursors import BadCursorError, Selection
from dropbox_audit.demo.directory import Directory, Record
from dropbox_audit.demo.log import CursorResetError, Mode, Page

if TYPE_CHECKING:
    from dropbox_audit.demo.oauth import Token
    from dropbox_audit.demo.server import SimulatedDropbox


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a route, after authorisation.

    Attributes:
        server: whose log and directory it is about.
        route: e.g. ``team_log/get_events``.
        argument: as parsed.
        token: which authorised it.
        member: the team member id that a user route was called for.
        mode: how the log is to answer, when a fault says so.
    """

    server: SimulatedDropbox
    route: str
    argument: Any
    token: Token
    member: str
    mode: Mode


@dataclass(frozen=True, slots=True)
class Route:
    """A route: the function that answers, its argument, its scope, and whether it acts for one member."""

    answer: Callable[[Call], Answer]
    argument: type[arg.Argument]
    scope: str = ""
    is_for_user: bool = False


def get_events(call: Call) -> Answer:
    """``team_log/get_events``."""
    a: arg.GetEvents = call.argument
    category = arg.tag(call.route, "category", a.category)
    event_type = arg.tag(call.route, "event_type", a.event_type)
    time = a.time or arg.TimeRange()
    start = arg.seconds(call.route, "time.start_time", time.start_time)
    end = arg.seconds(call.route, "time.end_time", time.end_time)
    if category is not None and category not in categories():
        raise bad_request(call.route, f"request body: category: invalid tag {category!r}")
    if event_type is not None and event_type not in catalogue():
        raise bad_request(call.route, f"request body: event_type: invalid tag {event_type!r}")
    if a.account_id is not None and len(a.account_id) != 40:
        raise bad_request(call.route, f"request body: account_id: {a.account_id!r} must be exactly 40 characters")
    if category is not None and event_type is not None:
        raise error(409, "invalid_filters")
    if start is not None and end is not None and start > end:
        raise error(409, "invalid_time_range")
    server = call.server
    if a.account_id is not None and not (
        server.directory.has_account(a.account_id) or server.log.mentions(a.account_id)
    ):
        raise error(409, "account_id_not_found")
    selection = Selection(start, end, category, event_type, a.account_id, not server.has_team_file_events)
    return _events(server.log.first_page(selection, a.limit, server.clock.seconds()))


def get_events_continue(call: Call) -> Answer:
    """``team_log/get_events/continue``."""
    server = call.server
    try:
        return _events(server.log.next_page(call.argument.cursor, server.clock.seconds(), call.mode))
    except CursorResetError as reset:
        raise error(409, "reset", reset=reset.timestamp) from reset
    except BadCursorError as problem:
        raise error(409, "bad_cursor") from problem


def get_info(call: Call) -> Answer:
    """``team/get_info``."""
    return success(call.server.directory.info)


def get_authenticated_admin(call: Call) -> Answer:
    """``team/token/get_authenticated_admin``."""
    directory = call.server.directory
    member = directory.member(directory.admin)
    if member is None:
        raise error(409, "mapping_not_found")
    if member["profile"]["status"][".tag"] != "active":
        raise error(409, "admin_not_active")
    return success({"admin_profile": member["profile"]})


def features_get_values(call: Call) -> Answer:
    """``team/features/get_values``."""
    if not call.argument.features:
        raise error(409, "empty_features_list")
    has_file_events = call.server.has_team_file_events
    known: dict[str, Record] = {
        "upload_api_rate_limit": {".tag": "limit", "limit": 25000},
        "has_team_shared_dropbox": {".tag": "has_team_shared_dropbox", "has_team_shared_dropbox": False},
        "has_team_file_events": {".tag": "enabled", "enabled": has_file_events},
        "has_team_selective_sync": {".tag": "has_team_selective_sync", "has_team_selective_sync": True},
        "has_distinct_member_homes": {".tag": "has_distinct_member_homes", "has_distinct_member_homes": True},
    }
    wanted = [arg.tag(call.route, "features", feature) or "" for feature in call.argument.features]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise bad_request(call.route, f"request body: features: invalid tag {unknown[0]!r}")
    return success({"values": [{".tag": name, name: known[name]} for name in wanted]})


def check_user(call: Call) -> Answer:
    """``check/user``: says back what it was told."""
    return success({"result": call.argument.query})


def members_list(call: Call) -> Answer:
    """``team/members/list_v2``."""
    return _members(call, None, call.argument.include_removed)


def members_list_continue(call: Call) -> Answer:
    """``team/members/list/continue_v2``."""
    try:
        query = Directory.query("members", call.argument.cursor)
    except BadCursorError as problem:
        raise error(409, "invalid_cursor") from problem
    return _members(call, call.argument.cursor, query["include_removed"])


def groups_list(call: Call) -> Answer:
    """``team/groups/list`` and its ``/continue``."""
    return _list(call, "groups", call.server.directory.groups)


def group_members_list(call: Call) -> Answer:
    """``team/groups/members/list``."""
    group = call.argument.group
    group_id = group.get("group_id") if group.get(".tag") == "group_id" else None
    if group_id not in call.server.directory.group_members:
        raise error(409, "group_not_found")
    return _list(call, "members", call.server.directory.group_members[group_id], group_id=group_id)


def group_members_list_continue(call: Call) -> Answer:
    """``team/groups/members/list/continue``."""
    try:
        group_id = Directory.query(_GROUP_MEMBERS, call.argument.cursor)["group_id"]
    except BadCursorError as problem:
        raise error(409, "invalid_cursor") from problem
    return _list(call, "members", call.server.directory.group_members.get(group_id, []))


def devices_list(call: Call) -> Answer:
    """``team/devices/list_members_devices``: the cursor goes to the same route, and only comes while there is more."""
    a: arg.Devices = call.argument
    wanted = {"team_member_id"}
    wanted |= {"web_sessions"} if a.include_web_sessions else set()
    wanted |= {"desktop_clients"} if a.include_desktop_clients else set()
    wanted |= {"mobile_clients"} if a.include_mobile_clients else set()
    records = [{key: value for key, value in item.items() if key in wanted} for item in call.server.directory.devices]
    return _same_route(call, "devices", records)


def linked_apps_list(call: Call) -> Answer:
    """``team/linked_apps/list_members_linked_apps``."""
    return _same_route(call, "apps", call.server.directory.linked_apps)


def namespaces_list(call: Call) -> Answer:
    """``team/namespaces/list`` and its ``/continue``; the limit has no effect, and duplicates occur."""
    return _list(call, "namespaces", call.server.directory.namespaces, limit=1000)


def team_folders_list(call: Call) -> Answer:
    """``team/team_folder/list`` and its ``/continue``."""
    return _list(call, "team_folders", call.server.directory.team_folders)


def get_custom_quota(call: Call) -> Answer:
    """``team/member_space_limits/get_custom_quota``: one result per user asked for."""
    users = call.argument.users
    if len(users) > 1000:
        raise error(409, "too_many_users")
    directory = call.server.directory
    results: list[Record] = []
    for user in users:
        member = _selected(directory, user)
        if member is None:
            results.append({".tag": "invalid_user", "invalid_user": user})
            continue
        result: Record = {".tag": "success", "user": user}
        quota = directory.quotas.get(member["profile"]["team_member_id"])
        results.append(result if quota is None else result | {"quota_gb": quota})
    return success(results)


def shared_links_list(call: Call) -> Answer:
    """``sharing/list_shared_links`` for the member in ``Dropbox-API-Select-User``."""
    records = call.server.directory.shared_links.get(call.member, [])
    if call.argument.path is not None:
        path = call.argument.path.lower()
        return success({"links": [r for r in records if r.get("path_lower") == path], "has_more": False})
    return _same_route(call, "links", records)


def token_revoke(call: Call) -> Answer:
    """``auth/token/revoke``."""
    call.server.tokens.revoke(call.token.refresh_token)
    return Answer(200, b"null")


_GROUP_MEMBERS = "team/groups/members/list"

ROUTES: dict[str, Route] = {
    "team_log/get_events": Route(get_events, arg.GetEvents, "events.read"),
    "team_log/get_events/continue": Route(get_events_continue, arg.Continue, "events.read"),
    "team/get_info": Route(get_info, arg.Void, "team_info.read"),
    "team/token/get_authenticated_admin": Route(get_authenticated_admin, arg.Void, "team_info.read"),
    "team/features/get_values": Route(features_get_values, arg.Features, "team_info.read"),
    "team/members/list_v2": Route(members_list, arg.MembersList, "members.read"),
    "team/members/list/continue_v2": Route(members_list_continue, arg.Continue, "members.read"),
    "team/groups/list": Route(groups_list, arg.Page, "groups.read"),
    "team/groups/list/continue": Route(groups_list, arg.Continue, "groups.read"),
    "team/groups/members/list": Route(group_members_list, arg.GroupMembersList, "groups.read"),
    "team/groups/members/list/continue": Route(group_members_list_continue, arg.Continue, "groups.read"),
    "team/devices/list_members_devices": Route(devices_list, arg.Devices, "sessions.list"),
    "team/linked_apps/list_members_linked_apps": Route(linked_apps_list, arg.Apps, "sessions.list"),
    "team/namespaces/list": Route(namespaces_list, arg.Page, "team_data.member"),
    "team/namespaces/list/continue": Route(namespaces_list, arg.Continue, "team_data.member"),
    "team/team_folder/list": Route(team_folders_list, arg.Page, "team_data.content.read"),
    "team/team_folder/list/continue": Route(team_folders_list, arg.Continue, "team_data.content.read"),
    "team/member_space_limits/get_custom_quota": Route(get_custom_quota, arg.Users, "members.read"),
    "sharing/list_shared_links": Route(shared_links_list, arg.SharedLinks, "sharing.read", is_for_user=True),
    "check/user": Route(check_user, arg.Echo, "account_info.read", is_for_user=True),
    "auth/token/revoke": Route(token_revoke, arg.Void),
}


def _events(page: Page) -> Answer:
    return Answer(200, page.body)


def _members(call: Call, cursor: str | None, include_removed: bool) -> Answer:
    directory = call.server.directory
    records = [m for m in directory.members if include_removed or m["profile"]["status"][".tag"] != "removed"]
    limit = getattr(call.argument, "limit", 1000)
    found, after, has_more = directory.page("members", records, limit, cursor, include_removed=include_removed)
    return success({"members": found, "cursor": after, "has_more": has_more})


def _list(call: Call, key: str, records: list[Record], *, limit: int = 0, **query: Any) -> Answer:
    """A page of a list whose cursor goes to ``…/continue``."""
    name = call.route.removesuffix("/continue")
    cursor = getattr(call.argument, "cursor", None)
    wanted: int = limit or getattr(call.argument, "limit", 1000)
    try:
        found, after, has_more = call.server.directory.page(name, records, wanted, cursor, **query)
    except BadCursorError as problem:
        raise error(409, "invalid_cursor") from problem
    return success({key: found, "cursor": after, "has_more": has_more})


def _same_route(call: Call, key: str, records: list[Record]) -> Answer:
    """A page of a list whose cursor goes to the same route, and comes only while there is more."""
    # A colon ends the name in a cursor, and a member's id holds one.
    name = f"{call.route} {call.member}".replace(":", " ")
    try:
        found, after, has_more = call.server.directory.page(name, records, 1000, call.argument.cursor)
    except BadCursorError as problem:
        raise error(409, "reset") from problem
    result: Record = {key: found, "has_more": has_more}
    return success(result | {"cursor": after} if has_more else result)


def _selected(directory: Directory, user: Record) -> Record | None:
    key = user.get(".tag")
    field = {"team_member_id": "team_member_id", "email": "email", "external_id": "external_id"}.get(str(key))
    return next((m for m in directory.members if field and m["profile"].get(field) == user.get(field)), None)
