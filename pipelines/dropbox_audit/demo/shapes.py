"""Events and their parts in the exact form in which the API serves them (the specification's union rules included)."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dropbox_audit.demo.catalogue import catalogue
from dropbox_audit.demo.log import timestamp
from dropbox_audit.demo.people import Outsider, Person, Place, token

Json = dict[str, Any]
Who = Person | Outsider


@dataclass(slots=True)
class File:
    """A file (or, with ``is_folder``, a folder) in a namespace."""

    name: str
    folder: str
    ns_id: str
    file_id: str
    size: int
    is_folder: bool = False

    @property
    def path(self) -> str:
        """The path that people see."""
        return f"{self.folder}/{self.name}"

    def as_asset(self) -> Json:
        """The file as an event's asset."""
        _, _, relative = self.path.lstrip("/").partition("/")
        path = {
            "contextual": self.path,
            "namespace_relative": {"ns_id": self.ns_id, "relative_path": f"/{relative}", "is_shared_namespace": True},
        }
        asset: Json = {".tag": "file", "path": path, "display_name": self.name, "file_id": self.file_id}
        if self.is_folder:
            return {".tag": "folder", "path": path, "display_name": self.name}
        return asset | {"file_size": self.size}


def tag(name: str) -> Json:
    """A union member without fields."""
    return {".tag": name}


def user(who: Who) -> Json:
    """A participant (or an actor) who is a person."""
    return {".tag": "user", "user": who.as_user()}


def admin(who: Person) -> Json:
    """An actor who acts as an admin."""
    return {".tag": "admin", "admin": who.as_user()}


def group(name: str, group_id: str) -> Json:
    """A participant that is a group."""
    return {".tag": "group", "group_id": group_id, "display_name": name}


def place(at: Place, ip_address: str) -> Json:
    """Where from."""
    return {"city": at.city, "region": at.region, "country": at.country, "ip_address": ip_address}


def by_session(who: Person, kind: str, at: Place | None = None, ip_address: str | None = None) -> Json:
    """An origin: somebody's ``web``, ``desktop`` or ``mobile`` session."""
    session = {".tag": kind, "session_id": who.sessions[kind]}
    method = {".tag": "end_user", "end_user": session}
    return {"geo_location": place(at or who.place, ip_address or who.address), "access_method": method}


def by_admin_console(who: Person) -> Json:
    """An origin: the admin console."""
    method = {".tag": "admin_console", "session_id": who.sessions["web"]}
    return {"geo_location": place(who.place, who.address), "access_method": method}


def by_api(rng: random.Random, who: Person) -> Json:
    """An origin: a call of the API, whose request id several events may share."""
    method = {".tag": "api", "request_id": f"{rng.getrandbits(128):032x}"}
    return {"geo_location": place(who.place, who.address), "access_method": method}


def by_outsider(who: Outsider) -> Json:
    """An origin outside the team: no session is told."""
    method = {".tag": "end_user", "end_user": {".tag": "web"}}
    return {"geo_location": place(who.place, who.address), "access_method": method}


def event(
    at: float,
    event_type: str,
    *,
    actor: Json | None = None,
    origin: Json | None = None,
    context: Json | None = None,
    participants: Iterable[Json] | None = None,
    assets: Iterable[Json] | None = None,
    details: Json | None = None,
    outside: bool | None = False,
) -> Json:
    """An event, its keys in the order in which the API serves them.

    Args:
        at: when, in seconds since 1970.
        event_type: a known type; its category, description and details tag come from the catalogue.
        actor: who; keys that are None are absent from the event, as they are in reality.
        origin: where from.
        context: whose.
        participants: whom it concerned. An empty list is served as ``[]``.
        assets: what it was about, in an order that ``details`` may refer to.
        details: fields of the details, without their tag.
        outside: ``involve_non_team_member``.
    """
    kind = catalogue()[event_type]
    parts: list[tuple[str, Any]] = [
        ("timestamp", timestamp(at)),
        ("event_category", tag(kind.category)),
        ("actor", actor),
        ("origin", origin),
        ("involve_non_team_member", outside),
        ("context", context),
        ("participants", None if participants is None else list(participants)),
        ("assets", None if assets is None else list(assets)),
        ("event_type", {".tag": event_type, "description": kind.description}),
        ("details", tag(kind.details[".tag"]) | (details or {})),
    ]
    return {key: value for key, value in parts if value is not None}


def file_event(
    at: float, event_type: str, who: Person, files: Sequence[File], kind: str = "desktop", **details: Any
) -> Json:
    """What a member did with files."""
    return event(
        at,
        event_type,
        actor=user(who),
        origin=by_session(who, kind),
        context=who.as_user(),
        participants=[],
        assets=[file.as_asset() for file in files],
        details=details,
    )


def moved(at: float, event_type: str, who: Person, source: File, target: File) -> Json:
    """A ``file_move`` or ``file_rename``: details refer to assets by their place."""
    relocation = [{"src_asset_index": 0, "dest_asset_index": 1}]
    return file_event(at, event_type, who, [source, target], relocate_action_details=relocation)


def admin_event(at: float, event_type: str, who: Person, whom: Iterable[Json] = (), **details: Any) -> Json:
    """What an admin did in the console, to whom."""
    return event(
        at,
        event_type,
        actor=admin(who),
        origin=by_admin_console(who),
        context=tag("team"),
        participants=whom,
        details=details,
    )


def new_file(rng: random.Random, name: str, folder: str, ns_id: str) -> File:
    """A file with an id of its own and a size between a note and a film."""
    size = int(min(rng.lognormvariate(11.5, 2.2), 4e9))
    return File(name, folder, ns_id, f"id:{token(rng, 22)}", size)
