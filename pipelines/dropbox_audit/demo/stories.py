"""What an admin would want to find in two months of a team's log. Each story is one function.

A story returns who it is about, when it happened and its events; tests and the demo find them in ``Team.stories``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dropbox_audit.demo.background import DAY, LINK, World, shared
from dropbox_audit.demo.library import CONTRACTS
from dropbox_audit.demo.people import ABROAD, Person
from dropbox_audit.demo.shapes import (
    Json,
    admin,
    admin_event,
    by_admin_console,
    by_session,
    event,
    file_event,
    place,
    tag,
    user,
)

AT_LUNCH = 12.2


@dataclass(slots=True)
class Story:
    """One thing that happened.

    Attributes:
        name: the function's name.
        title: in a sentence.
        actor: the e-mail of who did it; empty for what nobody did.
        target: the e-mail of whom it was done to, or who was let in.
        events: all that was logged of it, oldest first.
    """

    name: str
    title: str
    actor: str
    target: str = ""
    events: list[Json] = field(default_factory=list)


def leaver_downloads_a_departments_folder(world: World) -> Story:
    """Somebody in Sales takes the department's folder home one evening; four days later they are removed."""
    leaver = _someone(world, "Sales")
    start = world.moment(-9, leaver, 20.5)
    folder = world.folders["Sales"]
    origin = by_session(leaver, "web")
    events = [
        event(
            start - 300, "login_success", actor=user(leaver), origin=origin, context=leaver.as_user(), details=_METHOD
        )
    ]
    at = start
    for file in folder.files[:160]:
        at += world.rng.randrange(4, 17)
        events.append(file_event(at, "file_download", leaver, [file], "web"))
    boss = world.admins[0]
    gone = world.moment(-5, boss, 9.5)
    events.append(
        admin_event(
            gone,
            "member_change_status",
            boss,
            [user(leaver)],
            previous_value=tag("active"),
            new_value=tag("removed"),
            action={".tag": "remove_action", "remove_action": tag("offboard")},
        )
    )
    leaver.status, leaver.removed_on = "removed", datetime.fromtimestamp(gone, UTC)
    return Story("leaver_downloads_a_departments_folder", "A leaver downloads a folder", leaver.email, "", events)


def outsider_is_invited_to_a_contract_folder(world: World) -> Story:
    """Somebody in Legal gives a stranger with a free e-mail address the right to edit the contracts."""
    host, guest = _someone(world, "Legal"), world.outsiders[-1]
    at = world.moment(-12, host, 16)
    folder = world.folders[CONTRACTS].as_file()
    invite = event(
        at,
        "shared_content_add_invitees",
        actor=user(host),
        origin=by_session(host, "web"),
        context=host.as_user(),
        participants=[user(guest)],
        assets=[folder.as_asset()],
        details={"shared_content_access_level": tag("editor"), "invitees": [guest.email]},
        outside=True,
    )
    added = shared(at + 1, host, [user(guest)], folder, outside=True, level="editor")
    name = "outsider_is_invited_to_a_contract_folder"
    return Story(name, "A stranger may edit the contracts", host.email, guest.email, [invite, added])


def burst_of_deletions(world: World) -> Story:
    """A designer deletes some two hundred files within a quarter of an hour, some for good."""
    person = _someone(world, "Design")
    at = start = world.moment(-6, person, 11)
    files = world.folders["Design"].files
    events: list[Json] = []
    for number in range(120):
        at = min(at + world.rng.randrange(2, 9), start + 840)
        first = number * 3 % (len(files) - 6)
        batch = files[first : first + world.rng.choice((1, 1, 1, 2, 6))]
        events.append(file_event(at, "file_delete", person, batch, "web"))
    for step in range(5):
        file = files[step]
        events.append(file_event(start + 850 + step, "file_permanently_delete", person, [file], "web"))
    return Story("burst_of_deletions", "A burst of deletions", person.email, "", events)


def failed_sign_ins_then_success_from_a_new_country(world: World) -> Story:
    """Fourteen wrong passwords within two minutes, two of them in one second, then the right one, from Brazil."""
    person = _someone(world, "Finance")
    at = world.moment(-4, person, 3.2)
    origin = by_session(person, "web") | {"geo_location": place(ABROAD, f"{ABROAD.network}1f03")}
    failure = {
        "login_method": tag("password"),
        "error_details": {"user_friendly_message": "Your password was not right."},
    }
    offsets = (0, 7, 15, 15, 24, 33, 41, 41, 41, 60, 72, 88, 97, 110)  # some are byte-identical twins
    events = [
        event(at + o, "login_fail", actor=user(person), origin=origin, context=person.as_user(), details=failure)
        for o in offsets
    ]
    events.append(
        event(at + 140, "login_success", actor=user(person), origin=origin, context=person.as_user(), details=_METHOD)
    )
    name = "failed_sign_ins_then_success_from_a_new_country"
    return Story(name, "A guessed password", person.email, "", events)


def admin_role_is_granted(world: World) -> Story:
    """Late in the evening, one team admin makes a colleague from Marketing another."""
    boss, favourite = world.admins[1], _someone(world, "Marketing")
    at = world.moment(-8, boss, 22)
    granted = admin_event(
        at,
        "member_change_admin_role",
        boss,
        [user(favourite)],
        previous_value=tag("member_only"),
        new_value=tag("team_admin"),
    )
    favourite.role = "team_admin"
    return Story("admin_role_is_granted", "An admin role is granted", boss.email, favourite.email, [granted])


def two_factor_is_switched_off(world: World) -> Story:
    """Somebody in Finance does without the second factor, with a rescue code."""
    person = _someone(world, "Finance", 1)
    off = event(
        world.moment(-7, person, 9.3),
        "tfa_change_status",
        actor=user(person),
        origin=by_session(person, "web"),
        context=person.as_user(),
        details={"previous_value": tag("authenticator"), "new_value": tag("disabled"), "used_rescue_code": True},
    )
    return Story("two_factor_is_switched_off", "Two-factor authentication off", person.email, "", [off])


def link_is_made_public(world: World) -> Story:
    """A finance file gets a link, the link is opened to everyone, and people without a name come to look."""
    person = _someone(world, "Finance", 2)
    file = world.folders["Finance"].files[3]
    at = world.moment(-3, person, AT_LUNCH)
    link = f"{LINK}{file.file_id[3:]}"
    events = [
        file_event(at, "shared_link_create", person, [file], "web", shared_link_access_level=tag("reader")),
        file_event(
            at + 41,
            "shared_link_settings_change_audience",
            person,
            [file],
            "web",
            shared_content_access_level=tag("viewer"),
            shared_content_link=link,
            previous_value=tag("team"),
            new_value=tag("public"),
        ),
    ]
    for number in range(9):
        visit = at + 3600 + number * 1700 + world.rng.randrange(900)
        events.append(
            event(
                min(visit, world.end - 1),
                "shared_link_view" if number % 3 else "shared_link_download",
                actor=tag("anonymous"),
                origin={
                    "geo_location": {"ip_address": f"2001:db8:99::{number + 1}"},
                    "access_method": {".tag": "end_user", "end_user": {".tag": "web"}},
                },
                context=tag("anonymous"),
                assets=[file.as_asset()],
                details={"shared_link_owner": person.as_user()},
                outside=True,
            )
        )
    return Story("link_is_made_public", "A link is made public", person.email, "", events)


def third_of_the_seats_is_idle(world: World) -> Story:
    """Forty of a hundred and twenty people never appear in the log: a story of events that are not there."""
    idle = sum(person.is_idle for person in world.people)
    return Story("third_of_the_seats_is_idle", f"{idle} of {len(world.people) - 1} seats are idle", "")


def admin_signs_in_as_a_member(world: World) -> Story:
    """A support admin works in a member's account for ten minutes."""
    helper, member = world.admins[3], _someone(world, "People")
    at = world.moment(-15, helper, 14)
    session = {
        "geo_location": place(helper.place, helper.address),
        "access_method": {".tag": "sign_in_as", "session_id": helper.sessions["web"]},
    }
    events = [
        event(
            at,
            "sign_in_as_session_start",
            actor=admin(helper),
            origin=by_admin_console(helper),
            context=member.as_user(),
            participants=[user(member)],
        ),
        event(
            at + 200,
            "file_preview",
            actor=admin(helper),
            origin=session,
            context=member.as_user(),
            assets=[world.folders["People"].files[0].as_asset()],
        ),
        event(
            at + 600,
            "sign_in_as_session_end",
            actor=admin(helper),
            origin=session,
            context=member.as_user(),
            participants=[user(member)],
        ),
    ]
    return Story("admin_signs_in_as_a_member", "An admin works as a member", helper.email, member.email, events)


def app_is_linked_for_the_team(world: World) -> Story:
    """An admin links an app that may read everything; since then it works by itself."""
    boss = world.admins[0]
    at = world.moment(-20, boss, 10)
    app = {".tag": "team_linked_app", "app_id": "dbaid:AAsimulatedTeamApp", "display_name": "Backup Everything"}
    linked = event(
        at,
        "app_link_team",
        actor=admin(boss),
        origin=by_admin_console(boss),
        context=tag("team"),
        details={"app_info": app},
    )
    works = [
        event(
            at + DAY * day,
            "file_request_create",
            actor={".tag": "app", "app": app},
            origin={"access_method": {".tag": "api", "request_id": f"{world.rng.getrandbits(128):032x}"}},
            context=tag("team"),
            outside=None,
        )
        for day in range(1, 4)
    ]
    return Story("app_is_linked_for_the_team", "An app for the whole team", boss.email, "", [linked, *works])


STORIES: Sequence[Callable[[World], Story]] = (
    leaver_downloads_a_departments_folder,
    outsider_is_invited_to_a_contract_folder,
    burst_of_deletions,
    failed_sign_ins_then_success_from_a_new_country,
    admin_role_is_granted,
    two_factor_is_switched_off,
    link_is_made_public,
    third_of_the_seats_is_idle,
    admin_signs_in_as_a_member,
    app_is_linked_for_the_team,
)

_METHOD = {"login_method": tag("password"), "is_emm_managed": False}


def _someone(world: World, department: str, number: int = 0) -> Person:
    """A busy member of a department without an admin role, always the same one; moved there if too few are."""
    found = [person for person in world.busy if person.department == department and not person.is_admin]
    if number < len(found):
        return found[number]
    spare = [
        person for person in world.busy if person.department not in ("Finance", department) and not person.is_admin
    ]
    chosen = spare[-1 - number]
    chosen.department = department
    return chosen
