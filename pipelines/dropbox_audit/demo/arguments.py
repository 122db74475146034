"""Arguments of the simulated routes, and how Dropbox complains about them: 400, plain text, one sentence."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
import orjson

from dropbox_audit.demo.answers import bad_request

Tag = str | dict[str, Any]
Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class Argument(msgspec.Struct, forbid_unknown_fields=True):
    """What a route is called with. Unknown fields are refused."""


class TimeRange(Argument):
    """``start_time`` is inclusive, ``end_time`` exclusive."""

    start_time: str | None = None
    end_time: str | None = None


class GetEvents(Argument):
    """``team_log/get_events``."""

    limit: Limit = 1000
    account_id: str | None = None
    time: TimeRange | None = None
    category: Tag | None = None
    event_type: Tag | None = None


class Continue(Argument):
    """Every ``…/continue``."""

    cursor: str


class Page(Argument):
    """``groups/list``, ``namespaces/list``, ``team_folder/list``."""

    limit: Limit = 1000


class MembersList(Argument):
    """``members/list_v2``."""

    limit: Limit = 1000
    include_removed: bool = False


class GroupMembersList(Argument):
    """``groups/members/list``."""

    group: dict[str, Any]
    limit: Limit = 1000


class Devices(Argument):
    """``devices/list_members_devices``."""

    cursor: str | None = None
    include_web_sessions: bool = True
    include_desktop_clients: bool = True
    include_mobile_clients: bool = True


class Apps(Argument):
    """``linked_apps/list_members_linked_apps``."""

    cursor: str | None = None


class Features(Argument):
    """``features/get_values``."""

    features: list[Tag]


class Users(Argument):
    """``member_space_limits/get_custom_quota``."""

    users: list[dict[str, Any]]


class SharedLinks(Argument):
    """``sharing/list_shared_links``."""

    path: str | None = None
    cursor: str | None = None
    direct_only: bool | None = None


class Echo(Argument):
    """``check/user``."""

    query: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Void(Argument):
    """Routes without an argument: ``null``."""


A = TypeVar("A", bound=Argument)


def parse(route: str, body: bytes, kind: type[A]) -> A:
    """The argument in a request's body.

    Raises:
        AnswerError: 400 as text.
    """
    if kind is Void:
        if body.strip() not in (b"", b"null"):
            raise bad_request(route, "request body: expected null, got something else")
        return kind()
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise bad_request(route, "request body: could not decode input as JSON") from problem
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as problem:
        raise bad_request(route, f"request body: {_sentence(str(problem))}") from problem


def seconds(route: str, name: str, text: str | None) -> int | None:
    """A DropboxTimestamp in seconds since 1970. The one format is ``%Y-%m-%dT%H:%M:%SZ``.

    Raises:
        AnswerError: 400 as text.
    """
    if text is None:
        return None
    try:
        return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError as problem:
        sentence = f"request body: {name}: time data {text!r} does not match format '%Y-%m-%dT%H:%M:%SZ'"
        raise bad_request(route, sentence) from problem


def tag(route: str, name: str, value: Tag | None) -> str | None:
    """The tag of a union member without fields, which may come as a bare string.

    Raises:
        AnswerError: 400 as text.
    """
    found = value.get(".tag") if isinstance(value, dict) else value
    if value is not None and not isinstance(found, str):
        raise bad_request(route, f"request body: {name}: missing '.tag' key")
    return found


def _sentence(problem: str) -> str:
    """A message of msgspec the way Dropbox puts it: the field first, quotes instead of backticks."""
    text, _, where = problem.partition(" - at `$")
    field = where.rstrip("`").lstrip(".")
    text = re.sub(r"^Object contains unknown field `(.*)`$", r"unknown field '\1'", text)
    text = re.sub(r"^Object missing required field `(.*)`$", r"missing required field '\1'", text)
    return f"{field}: {text.replace('`', chr(39))}" if field else text.replace("`", "'")
