"""Asks Dropbox for the lists of its directory, page by page.

Routes and arguments are the `dropbox` package's own, which checks and encodes them. What is sent goes through our
client, with its retries, request budget and stop, and what is answered is read as it came: the package's decoder would
lose unknown data, and a whole page over one odd record.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import orjson
from dropbox import sharing, team
from stone.backends.python_rsrc import stone_serializers

from dropbox_audit.api import CursorLost, DropboxClient
from dropbox_audit.directory.rows import Record
from dropbox_audit.errors import RunError

_encode: Callable[[Any, Any], str] = stone_serializers.json_encode
_PAGE = 1000
_MOST_USERS = 1000
_MOST_ATTEMPTS = 3
"""How often a list is begun again whose cursor Dropbox takes back."""
_MOST_PAGES = 100_000


class Listing:
    """Reads lists of one team through one client.

    Each method gives the items of a list as Dropbox gives them; those that hang on another record carry its id.
    """

    def __init__(self, client: DropboxClient) -> None:
        self.client = client

    def team_info(self) -> list[Record]:
        """The team itself, as the only item."""
        return [self._ask("team", team.get_info, None)]

    def members(self) -> list[Record]:
        """Members, removed ones too."""
        first = ("team", team.members_list_v2, team.MembersListArg(limit=_PAGE, include_removed=True))
        return self._pages("members", first, team.members_list_continue_v2, team.MembersListContinueArg) or []

    def groups(self) -> list[Record]:
        """Groups."""
        first = ("team", team.groups_list, team.GroupsListArg(limit=_PAGE))
        return self._pages("groups", first, team.groups_list_continue, team.GroupsListContinueArg) or []

    def group_members(self, group_ids: Sequence[str]) -> Iterator[Record]:
        """The members of these groups; a group that is gone by now has none."""
        for group_id in group_ids:
            first = team.GroupsMembersListArg(group=team.GroupSelector.group_id(group_id), limit=_PAGE)
            found = self._pages(
                "members",
                ("team", team.groups_members_list, first),
                team.groups_members_list_continue,
                team.GroupsMembersListContinueArg,
                gone=("group_not_found",),
            )
            yield from ({**item, "group_id": group_id} for item in found or ())

    def devices(self) -> list[Record]:
        """An item per member with its sessions."""
        route = team.devices_list_members_devices
        first = ("team", route, team.ListMembersDevicesArg())
        return self._pages("devices", first, route, team.ListMembersDevicesArg) or []

    def linked_apps(self) -> list[Record]:
        """An item per member with its apps."""
        route = team.linked_apps_list_members_linked_apps
        first = ("team", route, team.ListMembersAppsArg())
        return self._pages("apps", first, route, team.ListMembersAppsArg) or []

    def member_quotas(self, team_member_ids: Sequence[str]) -> Iterator[Record]:
        """An item for each of these members; without a limit of its own, its `quota_gb` is missing."""
        for start in range(0, len(team_member_ids), _MOST_USERS):
            users = [team.UserSelectorArg.team_member_id(name) for name in team_member_ids[start : start + _MOST_USERS]]
            argument = team.CustomQuotaUsersArg(users=users)
            answer = self._ask("team", team.member_space_limits_get_custom_quota, argument, is_list=True)
            yield from (item for item in answer if isinstance(item, dict))

    def shared_links(self, team_member_id: str) -> list[Record] | None:
        """One member's shared links; None where Dropbox shows none because the member is no longer active."""
        route = sharing.list_shared_links
        found = self._pages(
            "links",
            ("sharing", route, sharing.ListSharedLinksArg()),
            route,
            sharing.ListSharedLinksArg,
            member=team_member_id,
            gone=("user_suspended", "invalid_select_user"),
        )
        return None if found is None else [{**item, "team_member_id": team_member_id} for item in found]

    def _pages(
        self,
        key: str,
        first: tuple[str, Any, Any],
        following: Any,
        argument: Callable[..., Any],
        *,
        member: str | None = None,
        gone: Collection[str] = (),
    ) -> list[Record] | None:
        """All items of a list, begun anew when Dropbox takes its cursor back; None if the list is gone.

        Args:
            key: under which a page has them.
            first: namespace, route and argument of the first page.
            following: route of the others.
            argument: kind of argument of the others.
            member: for whom a user's route is called.
            gone: refusals which say that there is no such list any more.
        """
        namespace, route, opening = first
        for _ in range(_MOST_ATTEMPTS):
            items: list[Record] = []
            try:
                page = self._ask(namespace, route, opening, member, gone)
                items += _items(page, key)
                for _ in range(_MOST_PAGES):
                    if not page.get("has_more"):
                        return items
                    page = self._ask(namespace, following, argument(cursor=str(page.get("cursor") or "")), member, gone)
                    items += _items(page, key)
            except CursorLost as lost:
                if lost.tag in gone:
                    return None
        raise RunError(f"Dropbox does not come to the end of {namespace}/{route.name}: it takes its cursor back.")

    def _ask(
        self,
        namespace: str,
        route: Any,
        argument: Any,
        member: str | None = None,
        facts: Collection[str] = (),
        *,
        is_list: bool = False,
    ) -> Any:
        name = f"{namespace}/{route.name}" + (f"_v{route.version}" if route.version > 1 else "")
        encoded = orjson.loads(_encode(route.arg_type, argument))
        headers = {"Dropbox-API-Select-User": member} if member else None
        body = self.client.call(name, encoded, headers=headers, facts=facts, is_list=is_list)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            # Half of a surrogate pair in somebody's name: what no column can hold becomes a question mark.
            return orjson.loads(json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace"))


def _items(page: Any, key: str) -> list[Record]:
    items = page.get(key) if isinstance(page, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
