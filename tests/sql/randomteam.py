"""A small team at random: renames, guests, apps, a domain that comes and goes, deletes without assets, new types."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from rawlog import event, file, moment, person

START = moment("2026-03-08T21:00:00")
LENGTH = dt.timedelta(hours=54)  # touches four UTC days
RENAMED_AT = START + LENGTH / 2
VERIFIED_AT = START + LENGTH / 4
REMOVED_AT = START + LENGTH * 3 / 4

DELETES = {
    "file_delete": False,
    "file_permanently_delete": True,
    "paper_content_archive": False,
    "showcase_permanently_deleted": True,
    "dash_deleted_stack": False,
}
GRANTS = ["shared_content_add_member", "shared_content_add_invitees", "shared_link_share", "showcase_add_member"]
LINKS = ["shared_link_change_visibility", "shared_link_settings_change_audience", "media_hub_shared_link_created"]
OTHER_SHARES = ["shared_link_create", "shared_content_remove_member", "shared_link_disable", "shared_folder_create"]
PLAIN = ["file_preview", "file_edit", "file_move", "group_add_member", "something_dropbox_added_last_week"]
LOGINS = ["login_success", "login_success", "login_fail", "logout", "sso_error"]


def member(number: int, at: dt.datetime) -> dict[str, Any]:
    if number == 1:  # one member changes her name and address half-way
        return person(1, email="new@acme.example" if at >= RENAMED_AT else "old@acme.example", name="Ada")
    if number == 2:  # one uses a private address, one has none
        return person(2, email="bob@gmail.com")
    return person(number, email=None) if number == 3 else person(number)


def guest(number: int) -> dict[str, Any]:
    domain = ["partner.example", "Partner.example", "gmail.com", "late.example", "acme.example"][number % 5]
    kind = "trusted_non_team_member" if number % 3 == 0 else "non_team_member"
    return person(100 + number, kind=kind, email=f"guest{number}@{domain}" if number % 7 else None)


def someone(rnd: random.Random, at: dt.datetime) -> dict[str, Any]:
    return member(rnd.randrange(1, 9), at) if rnd.random() < 0.5 else guest(rnd.randrange(20))


def _actor(rnd: random.Random, at: dt.datetime) -> dict[str, Any]:
    draw = rnd.random()
    if draw < 0.75:
        return {"actor": member(rnd.randrange(1, 7), at), "actor_type": rnd.choice(["user", "user", "admin"])}
    if draw < 0.85:
        return {"actor": guest(rnd.randrange(20)), "actor_type": "user"}
    if draw < 0.92:
        app = {"kind": "team_linked_app", "id": "dbaid:sync", "email": None, "name": "Sync"}
        return {"actor": app, "actor_type": "app"}
    return {"actor_type": rnd.choice(["anonymous", "dropbox"])}


def random_event(rnd: random.Random) -> dict[str, Any]:
    at = START + dt.timedelta(seconds=rnd.randrange(int(LENGTH.total_seconds())))
    event_type = rnd.choice(
        [*rnd.choice([list(DELETES), GRANTS, GRANTS, LINKS, OTHER_SHARES, PLAIN, LOGINS]), *(["file_edit"] * 2)]
    )
    details: dict[str, Any] = {}
    participants = []
    assets = [file(f"file-{rnd.randrange(99)}.txt") for _ in range(rnd.randrange(4))]
    if event_type in ("shared_content_add_member", "showcase_add_member", "shared_content_remove_member"):
        participants = [someone(rnd, at) for _ in range(rnd.randrange(4))]
        participants += [{"kind": "group", "name": "Everyone", "id": "g:1"}] * rnd.randrange(2)
    if event_type == "shared_content_add_invitees":
        details["invitees"] = [f"guest{rnd.randrange(9)}@Late.example", "bob@gmail.com", "carol@gmail.com"][
            : rnd.randrange(4)
        ]
        participants = [{**someone(rnd, at)}] if rnd.random() < 0.3 else []
    if event_type == "shared_link_share":
        details["external_users"] = [
            {"user_identifier": f"guest{rnd.randrange(9)}@partner.example", "identifier_type": {".tag": "email"}}
            for _ in range(rnd.randrange(3))
        ]
    if event_type in LINKS:
        setting = {".tag": rnd.choice(["public", "public", "team_only", "no_one"])}
        details["audience" if event_type.endswith("created") else "new_value"] = setting
        details["previous_value"] = {".tag": rnd.choice(["public", "team_only"])}
    if event_type.startswith("login"):
        details["login_method"] = {".tag": "password"}
    unknown_fields = rnd.choice([*([None] * 30), "origin.host", "agent,origin.host"])
    place = rnd.choice([("10.0.0.1", "DE"), ("10.0.0.2", "DE"), ("2001:db8::1", "US"), (None, None)])
    return event(
        event_type, at, assets=assets, participants=participants, details=details,
        ip_address=place[0], country=place[1], unknown_fields=unknown_fields, **_actor(rnd, at),
    )  # fmt: skip


def domain_events() -> list[dict[str, Any]]:
    """The second domain is verified and removed again by an administrator who never signs in with it."""
    admin = {"actor": person(2, email="bob@gmail.com"), "actor_type": "admin"}
    return [
        event(
            "domain_verification_add_domain_success", VERIFIED_AT, details={"domain_names": ["Late.example"]}, **admin
        ),
        event("domain_verification_remove_domain", REMOVED_AT, details={"domain_names": ["late.example"]}, **admin),
    ]


def random_events(seed: int, count: int) -> list[dict[str, Any]]:
    """Distinct events in the order in which they arrive, which is not that of their times."""
    rnd = random.Random(seed)
    events = {made["row"]["identity"]: made for made in (random_event(rnd) for _ in range(count))}
    return [*events.values(), *domain_events()]
