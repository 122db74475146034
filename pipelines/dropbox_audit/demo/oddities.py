"""Events that a careless reader chokes on: strange but valid ones, invalid ones, and one of every known type."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from dropbox_audit.demo.background import World
from dropbox_audit.demo.catalogue import catalogue
from dropbox_audit.demo.library import DEEP_NAME, STRANGE_NAMES
from dropbox_audit.demo.log import timestamp
from dropbox_audit.demo.shapes import (
    Json,
    admin,
    admin_event,
    by_admin_console,
    by_api,
    by_session,
    event,
    file_event,
    tag,
    user,
)


def strange(world: World) -> Iterator[Json]:
    """Events that the specification allows and that occur in reality; the official client reads them all."""
    rng = world.rng
    person, boss = world.busy[12], world.admins[0]
    at = float(world.moment(world.days // 2, person, 10))
    files = world.folders[person.department].files

    lost = file_event(at, "file_edit", person, [])
    lost["details"] = {".tag": "missing_details"}
    yield lost

    for number, name in enumerate(("quantum_lock_engaged", "dash_agent_hired", "dash_agent_hired")):
        unknown = admin_event(at + 60 + number, "group_create", boss)
        unknown["event_type"] = {".tag": name, "description": "Did something that is new this month"}
        unknown["details"] = {".tag": f"{name}_details", "level": number, "nested": {"tags": [1, {"a": None}]}}
        yield unknown
    yield unknown | {"timestamp": timestamp(at + 70), "event_category": tag("agents")}

    unheard = file_event(at + 80, "file_preview", person, files[:1])
    unheard["origin"]["host"] = {"host_id": 1234567890123}  # seen in reality, though no specification has it
    unheard["assets"].append({".tag": "hologram", "hologram_id": "h:1"})
    unheard["participants"].append({".tag": "robot", "robot": {"serial": 7}})
    unheard["tenant"] = "eu-1"
    yield unheard

    yield event(at + 90, "login_success", actor={".tag": "satellite", "satellite": {"orbit": "low"}}, details=_METHOD)
    yield event(at + 100, "logout", outside=None)  # not one optional key
    yield event(at + 110, "file_add", actor=user(person), participants=[], assets=[], outside=None)
    anonymous = event(at + 120, "shared_link_view", actor=tag("anonymous"), assets=[files[0].as_asset()], outside=True)
    yield anonymous
    yield event(at + 130, "file_edit", actor=tag("dropbox"), context=person.as_user(), assets=[files[1].as_asset()])
    reseller = {".tag": "reseller", "reseller_name": "Cloud Corner", "reseller_email": "desk@cloud-corner.example"}
    yield event(at + 140, "reseller_support_session_start", actor=reseller, context=tag("team"))
    ally = {
        ".tag": "trusted_non_team_member",
        "trusted_non_team_member_type": tag("multi_instance_admin"),
        "email": "al@ly.example",
    }
    yield event(at + 150, "shared_content_view", actor={".tag": "user", "user": ally}, details=_VIEW, outside=True)
    yield event(
        at + 160,
        "file_download",
        actor=user(person),
        origin=by_api(rng, person),
        context={".tag": "organization_team", "display_name": "Larkfield Group"},
        assets=[_bare_folder()],
    )
    many = [file.as_asset() for file in files[:60]]
    yield event(at + 170, "file_download", actor=user(person), origin=by_session(person, "mobile"), assets=many)
    named = (file for folder in world.folders.values() for file in folder.files)
    for number, file in enumerate(file for file in named if file.name in (*STRANGE_NAMES, DEEP_NAME)):
        yield file_event(at + 175 + number, "file_preview", person, [file], "web")
    for _ in range(3):  # three times the same within one second
        yield file_event(at + 180, "file_edit", person, files[2:3])


def invalid(world: World) -> Iterator[Any]:
    """Events that break the specification, as real logs and broken servers do; the official client rejects them."""
    person = world.busy[13]
    at = float(world.moment(world.days // 2 + 1, person, 10))
    file = world.folders[person.department].files[:1]

    def odd(number: int, **changes: Any) -> Json:
        made = file_event(at + number, "file_preview", person, file) | changes
        return {key: value for key, value in made.items() if value is not _ABSENT}

    yield odd(0, timestamp=timestamp(at).replace("Z", ".250Z"))
    yield odd(1, timestamp=timestamp(at + 1).replace("Z", "+00:00"))
    yield odd(2, details=_ABSENT)
    yield odd(3, event_type={".tag": "file_preview"})
    yield odd(4, event_category=tag("other"), event_type={".tag": "other"}, details=tag("other"))
    yield odd(5, actor={".tag": "user", "user": person.as_user() | {"email": f"{'long' * 70}@larkfield.example"}})
    yield odd(6, actor={".tag": "user", "user": person.as_user() | {"account_id": "dbid:short"}})
    yield odd(7, actor={".tag": "user", "user": {"account_id": person.account_id}})
    yield odd(8, origin=None, participants=None, assets=None)
    yield odd(9, event_type="file_preview", event_category="file_operations", details=None)
    yield odd(10, assets={"0": file[0].as_asset()}, involve_non_team_member="no")
    yield odd(11, actor=[], context="team", participants=[None, 7, "x"])
    yield odd(
        12,
        details={".tag": "file_preview_details", "big": 2**70, "small": -1e-320, "exact": 1.0, "null\u0000": "\u0000"},
    )
    half = [{".tag": "file", "display_name": "half a smile \ud83d.txt", "path": {"contextual": "/\udc00"}}]
    yield odd(12, assets=half)
    yield odd(13, timestamp="2026-02-30T00:00:00Z")
    yield odd(14, timestamp=_ABSENT)
    yield odd(15, timestamp=None)
    yield odd(16, event_type=_ABSENT)
    yield {}
    yield None
    yield "not an event"
    yield [1, 2, 3]


def every_type(world: World) -> Iterator[Json]:
    """One event of each known type, over the whole time, with the specification's own examples as details."""
    boss = world.admins[0]
    names = list(catalogue())
    step = world.days * 86400 / (len(names) + 1)
    for number, name in enumerate(names, 1):
        details = _indexed(copy.deepcopy(catalogue()[name].details))
        files = world.folders["Legal"].files
        yield event(
            world.start + number * step,
            name,
            actor=admin(boss),
            origin=by_admin_console(boss),
            context=tag("team"),
            participants=[user(world.busy[number % len(world.busy)])],
            assets=[files[0].as_asset(), files[1].as_asset()],
            details=details,
        )


_ABSENT = object()

_METHOD = {"login_method": tag("retina_scan"), "is_emm_managed": False}

_VIEW = {"shared_content_link": "https://www.dropbox.com/scl/fo/x", "shared_content_access_level": tag("viewer")}


def _bare_folder() -> Json:
    """A folder as old events have it: no ``file_id``, a relative path without its slash."""
    path = {"contextual": "/Sales/Archive", "namespace_relative": {"ns_id": "3141592650", "relative_path": "Archive"}}
    return {".tag": "folder", "path": path, "display_name": "Archive"}


def _indexed(value: Any) -> Any:
    """The examples refer to a fourth asset: let them refer to the two that are there."""
    if isinstance(value, list):
        return [_indexed(item) for item in value]
    if not isinstance(value, dict):
        return value
    places = {key: int(key.startswith("dest")) for key in value if key.endswith(("asset_index", "location_asset"))}
    return {key: places.get(key, _indexed(item)) for key, item in value.items()}
