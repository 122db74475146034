"""What a team does every day, so that the stories have something to hide in."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate

from dropbox_audit.demo.library import Folder, another_name
from dropbox_audit.demo.log import timestamp
from dropbox_audit.demo.people import Outsider, Person, group_id
from dropbox_audit.demo.shapes import (
    File,
    Json,
    admin_event,
    by_outsider,
    by_session,
    event,
    file_event,
    group,
    moved,
    new_file,
    tag,
    user,
)

DAY = 86400
LINK = "https://www.dropbox.com/scl/fo/"


@dataclass(slots=True)
class World:
    """Everything that a story may use.

    Attributes:
        rng: decides everything.
        people: members, idle ones included.
        outsiders: partners.
        folders: the library by folder name.
        start: the first second of the simulated time.
        days: how long it lasts.
    """

    rng: random.Random
    people: list[Person]
    outsiders: list[Outsider]
    folders: dict[str, Folder]
    start: int
    days: int

    @property
    def busy(self) -> list[Person]:
        """Members who use their seat."""
        return [person for person in self.people if not person.is_idle and person.status == "active"]

    @property
    def admins(self) -> list[Person]:
        """Members with an admin role; the first is a team admin."""
        return [person for person in self.people if person.is_admin]

    @property
    def end(self) -> int:
        """The first second after the simulated time."""
        return self.start + self.days * DAY

    def moment(self, day: int, who: Person, hour: float) -> int:
        """A second of a day by somebody's local time.

        Day 0 is the one on which the simulated time begins, perhaps at noon; negative numbers count from its end. What
        falls outside the simulated time is left out of the log.
        """
        number = day if day >= 0 else self.days + day
        midnight = self.start - self.start % DAY + number * DAY
        return int(midnight + (hour - who.place.offset) * 3600 + self.rng.randrange(60))


def everyday(world: World) -> Iterator[Json]:
    """The working days of everybody who uses their seat."""
    rng = world.rng
    midnight = world.start - world.start % DAY
    workers = [(person, person.joined_on.timestamp()) for person in world.busy if person.joined_on]
    for day in range(world.days + 1):
        is_weekend = (midnight // DAY + day + 3) % 7 >= 5  # 1970-01-01 was a Thursday
        for person, joined in workers:
            if joined < midnight + day * DAY and rng.random() < (0.06 if is_weekend else 0.88):
                yield from _day(world, person, day, is_weekend)
    yield from _office(world)


def _day(world: World, person: Person, day: int, is_weekend: bool) -> Iterator[Json]:
    rng = world.rng
    count = 1 + int(rng.gammavariate(1.4, 1.2 if is_weekend else 3.6))
    hours = sorted(min(max(rng.gauss(13, 2.6), 6.5), 21.5) for _ in range(count))
    if rng.random() < 0.3:
        yield from _sign_in(world, person, world.moment(day, person, hours[0] - 0.1))
    for hour in hours:
        at = world.moment(day, person, hour)
        action = rng.choices(_ACTIONS, cum_weights=_WEIGHTS)[0]
        yield from action(world, person, at)
    if rng.random() < 0.04:
        at = world.moment(day, person, hours[-1] + 0.2)
        yield event(at, "logout", actor=user(person), origin=by_session(person, "web"), context=person.as_user())


def _sign_in(world: World, person: Person, at: int) -> Iterator[Json]:
    rng = world.rng
    method = tag(rng.choices(("password", "saml", "google_oauth", "passkey"), weights=(6, 3, 2, 1))[0])
    origin = by_session(person, rng.choices(("web", "mobile"), weights=(4, 1))[0])
    if rng.random() < 0.06:
        failure = {"login_method": method, "error_details": {"user_friendly_message": "Your password was not right."}}
        yield event(at - 20, "login_fail", actor=user(person), origin=origin, context=person.as_user(), details=failure)
    details = {"login_method": method, "is_emm_managed": False}
    yield event(at, "login_success", actor=user(person), origin=origin, context=person.as_user(), details=details)


def _files(
    world: World, person: Person, at: int, event_type: str, kind: str = "desktop", most: int = 1
) -> Iterator[Json]:
    rng = world.rng
    folder = world.folders[person.department]
    count = 1 if rng.random() < 0.85 else rng.randint(1, most)
    yield file_event(at, event_type, person, rng.sample(folder.files, count), kind)


def _edit(world: World, person: Person, at: int) -> Iterator[Json]:
    yield from _files(world, person, at, "file_edit")
    if world.rng.random() < 0.02:  # a program saves twice in one second: a byte-identical twin
        file = world.rng.choice(world.folders[person.department].files)
        for _ in range(world.rng.randint(2, 3)):
            yield file_event(at + 30, "file_edit", person, [file])


def _preview(world: World, person: Person, at: int) -> Iterator[Json]:
    yield from _files(world, person, at, "file_preview", "web")


def _download(world: World, person: Person, at: int) -> Iterator[Json]:
    yield from _files(world, person, at, "file_download", "web", most=4)


def _delete(world: World, person: Person, at: int) -> Iterator[Json]:
    yield from _files(world, person, at, "file_delete", "web", most=5)


def _restore(world: World, person: Person, at: int) -> Iterator[Json]:
    yield from _files(world, person, at, "file_restore", "web")


def _add(world: World, person: Person, at: int) -> Iterator[Json]:
    rng = world.rng
    folder = world.folders[person.department]
    added = [new_file(rng, another_name(rng), folder.path, folder.ns_id) for _ in range(1 if rng.random() < 0.8 else 3)]
    folder.files.extend(added)
    yield file_event(at, "file_add", person, added)


def _move(world: World, person: Person, at: int) -> Iterator[Json]:
    file = world.rng.choice(world.folders[person.department].files)
    target = replace(file, folder=f"{world.folders[person.department].path}/Archive")
    yield moved(at, "file_move", person, file, target)


def _rename(world: World, person: Person, at: int) -> Iterator[Json]:
    file = world.rng.choice(world.folders[person.department].files)
    yield moved(at, "file_rename", person, file, replace(file, name=another_name(world.rng)))


def _comment(world: World, person: Person, at: int) -> Iterator[Json]:
    text = world.rng.choice(
        ("Looks good 👍", "Please check page 3.", "=1+1", "Is this the latest?\nI have another one.")
    )
    file = world.rng.choice(world.folders[person.department].files)
    yield file_event(at, "file_add_comment", person, [file], "web", comment_text=text)


def _paper(world: World, person: Person, at: int) -> Iterator[Json]:
    rng = world.rng
    event_type = rng.choices(("paper_doc_view", "paper_doc_edit", "paper_content_create"), weights=(5, 4, 1))[0]
    title = f"{person.department} {rng.choice(('weekly', 'planning', 'retro', 'ideas'))}"
    document = {".tag": "paper_document", "doc_id": f"{person.department}-{title}".replace(" ", ""), "doc_title": title}
    yield event(
        at,
        event_type,
        actor=user(person),
        origin=by_session(person, "web"),
        context=person.as_user(),
        assets=[document],
        details={"event_uuid": f"{rng.getrandbits(128):032x}"},
    )


def _share_inside(world: World, person: Person, at: int) -> Iterator[Json]:
    other = world.rng.choice(world.busy)
    yield shared(at, person, [user(other)], world.rng.choice(world.folders[person.department].files))


def _share_outside(world: World, person: Person, at: int) -> Iterator[Json]:
    other = world.rng.choice(world.outsiders[:5])
    yield shared(at, person, [user(other)], world.rng.choice(world.folders[person.department].files), outside=True)


def shared(
    at: int, person: Person, whom: list[Json], file: File, *, outside: bool = False, level: str = "viewer"
) -> Json:
    """A ``shared_content_add_member``: a file or folder was shared with participants."""
    return event(
        at,
        "shared_content_add_member",
        actor=user(person),
        origin=by_session(person, "web"),
        context=person.as_user(),
        participants=whom,
        assets=[file.as_asset()],
        details={"shared_content_access_level": tag(level)},
        outside=outside,
    )


def _link(world: World, person: Person, at: int) -> Iterator[Json]:
    file = world.rng.choice(world.folders[person.department].files)
    yield file_event(at, "shared_link_create", person, [file], "web", shared_link_access_level=tag("reader"))


def _folder(world: World, person: Person, at: int) -> Iterator[Json]:
    folder = world.folders[person.department]
    made = File(f"Project {world.rng.randrange(1000)}", folder.path, folder.ns_id, "", 0, is_folder=True)
    yield file_event(at, "shared_folder_create", person, [made], "web", target_ns_id=str(world.rng.randrange(10**9)))


def _visit(world: World, person: Person, at: int) -> Iterator[Json]:
    """A partner looks at, or takes, what was shared with them."""
    rng = world.rng
    guest = rng.choice(world.outsiders[:5])
    file = rng.choice(world.folders[person.department].files)
    owner = {"shared_content_link": f"{LINK}{file.file_id[3:]}", "shared_content_owner": person.as_user()}
    yield event(
        at,
        rng.choice(("shared_content_view", "shared_content_view", "shared_content_download")),
        actor=user(guest),
        origin=by_outsider(guest),
        context=person.as_user(),
        assets=[file.as_asset()],
        details=owner | {"shared_content_access_level": tag("viewer")},
        outside=True,
    )


def _device(world: World, person: Person, at: int) -> Iterator[Json]:
    info = {
        ".tag": "desktop_device_session",
        "host_name": f"{person.given}'s laptop",
        "client_type": tag(world.rng.choice(("windows", "mac", "linux"))),
        "platform": "desktop",
        "is_delete_on_unlink_supported": True,
        "ip_address": person.address,
        "session_info": {"session_id": person.sessions["desktop"]},
    }
    details = {"device_session_info": info}
    origin = by_session(person, "desktop")
    yield event(at, "device_link_success", actor=user(person), origin=origin, context=person.as_user(), details=details)


def _app(world: World, person: Person, at: int) -> Iterator[Json]:
    number = world.rng.randrange(4)
    name = ("Calendar Bridge", "Scan & Sign", "Slide Deck Maker", "Notes 📓")[number]
    info = {".tag": "user_linked_app", "app_id": f"dbaid:AAsimulated{number}", "display_name": name}
    yield event(
        at,
        "app_link_user",
        actor=user(person),
        origin=by_session(person, "web"),
        context=person.as_user(),
        details={"app_info": info},
    )


def _office(world: World) -> Iterator[Json]:
    """What admins do now and then: verified domains, groups, reports, a new joiner."""
    rng = world.rng
    admin = world.admins[0]
    domains = [person.email.rpartition("@")[2] for person in world.busy]
    at = world.moment(0, admin, 10)
    details: Json = {"domain_names": sorted(set(domains)), "verification_method": "dns"}
    yield admin_event(at, "domain_verification_add_domain_success", admin, (), **details)
    for day in range(3, world.days, 7):
        who = rng.choice(world.admins)
        whom = rng.choice(world.busy)
        at = world.moment(day, who, 11)
        team = group(whom.department, group_id(whom.department))
        yield admin_event(at, "group_add_member", who, [user(whom), team], is_group_owner=False)
        at = world.moment(day + 1, who, 15)
        span = {"start_date": timestamp(at - 30 * DAY), "end_date": timestamp(at)}
        yield admin_event(at, "team_activity_create_report", who, (), **span)
    for joiner in world.busy:
        if joiner.joined_on is None or (joined_at := joiner.joined_on.timestamp()) < world.start:
            continue
        invited = {"previous_value": tag("not_joined"), "new_value": tag("invited")}
        yield admin_event(joined_at - 4000, "member_change_status", admin, [user(joiner)], **invited)
        yield event(
            joined_at,
            "member_change_status",
            actor=user(joiner),
            origin=by_session(joiner, "web"),
            context=tag("team"),
            participants=[user(joiner)],
            details={"previous_value": tag("invited"), "new_value": tag("active")},
        )


Action = Callable[[World, Person, int], Iterator[Json]]

_MIX: dict[Action, float] = {
    _edit: 30,
    _preview: 20,
    _add: 11,
    _download: 9,
    _paper: 9,
    _comment: 4,
    _visit: 4,
    _share_inside: 3,
    _delete: 2.5,
    _rename: 2,
    _move: 1.5,
    _link: 1.2,
    _share_outside: 0.6,
    _folder: 0.5,
    _restore: 0.3,
    _device: 0.25,
    _app: 0.2,
}
"""How often people do what, as parts of a whole."""

_ACTIONS = list(_MIX)
_WEIGHTS = list(accumulate(_MIX.values()))
