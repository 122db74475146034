"""For each alert rule what it must see and what it must not: events of people, files and addresses of their own.

`hit` says what the rule must make of its events, all of which it must count; `miss` holds what would fool a naive rule.
`background` is what the rule must know but not count. What a rule is called and how it words a title is not written here.
"""

from __future__ import annotations

import csv
import datetime as dt
import itertools
from dataclasses import dataclass, field
from typing import Any

from dbtproject import PROJECT
from rawlog import event, moment, person

DAY = "2026-03-10"
Event = dict[str, Any]
Person = dict[str, Any]

with (PROJECT / "seeds" / "event_types.csv").open(encoding="utf-8") as _lines:
    CATEGORIES = {line["event_type"]: line["event_category"] for line in csv.DictReader(_lines)}

WATCH_LISTS = [
    ("risky_country", "KP"),
    ("risky_ip", "198.51.100."),
    ("risky_ip", "192.0.2.1"),
    ("risky_ip", "2001:db8:bad:"),
    ("trusted_ip", "198.51.100.77"),
    ("trusted_ip", "203.0.113."),
    ("watched_folder", "/Team/Legal"),
    ("watched_group", "Finance"),
    ("allowed_domain", "ally.example"),
    ("trusted_app", "Calendar Sync"),
    ("leaver", "leah.leaver@acme.example"),
]


@dataclass(frozen=True)
class Case:
    rule: str
    name: str
    events: list[Event]
    background: list[Event] = field(default_factory=list)
    severity: str | None = None
    """Of the alert that must be raised; without one none may be."""
    crossed: int = 0
    """Which of the events, in order of time, reaches the threshold."""
    items: int | None = None
    alerts: int = 1
    shown: dict[str, str | None] = field(default_factory=dict)
    """What stands for a placeholder of the title, and so must stand in the title if the rule has that placeholder."""

    @property
    def id(self) -> str:
        return f"{self.rule}-{'hit' if self.severity else 'miss'}-{self.name.replace(',', '').replace(' ', '-')}"


CASES: list[Case] = []
_numbers = itertools.count(1000)


def hit(
    rule: str,
    name: str,
    events: list[Event],
    *,
    severity: str,
    background: list[Event] | None = None,
    crossed: int = 0,
    items: int | None = None,
    alerts: int = 1,
    **shown: str | None,
) -> None:
    CASES.append(Case(rule, name, events, background or [], severity, crossed, items, alerts, shown))


def miss(rule: str, name: str, events: list[Event]) -> None:
    CASES.append(Case(rule, name, events))


def member(name: str) -> Person:
    """Somebody of the team, in no other case."""
    number = next(_numbers)
    return person(number, email=f"{name}.{number}@acme.example", name=f"{name.title()} {number}")


def outsider(name: str, domain: str = "partner.example") -> Person:
    number = next(_numbers)
    return person(number, kind="non_team_member", email=f"{name}.{number}@{domain}", name=f"{name.title()} {number}")


def group(name: str) -> Person:
    return {"kind": "group", "id": None, "email": None, "name": name}


def address() -> str:
    number = next(_numbers)
    return f"10.1.{number // 250}.{number % 250}"


def at(clock: str, day: str = DAY) -> dt.datetime:
    return moment(f"{day}T{clock}")


def later(start: dt.datetime, **much: float) -> dt.datetime:
    return start + dt.timedelta(**much)


def day_before(days: int, clock: str = "10:00", day: str = DAY) -> dt.datetime:
    return at(clock, day) - dt.timedelta(days=days)


def tag(value: str) -> dict[str, str]:
    return {".tag": value}


def change(new: str | None, previous: str | None = None) -> dict[str, Any]:
    """Details of a setting that was changed."""
    given = {"new_value": new, "previous_value": previous}
    return {name: tag(value) for name, value in given.items() if value is not None}


def file(name: str, *, folder: str = "/Team", kind: str = "file", size: int | None = 10) -> dict[str, Any]:
    """A file's id goes with its name; a folder has none."""
    return {
        "kind": kind,
        "name": name,
        "path": f"{folder}/{name}",
        "file_id": f"id:{name}" if kind == "file" else None,
        "size": size,
    }


def files(of: Person | str, count: int, *, extension: str = "docx", size: int = 10) -> list[dict[str, Any]]:
    prefix = of if isinstance(of, str) else of["name"]
    return [file(f"{prefix} {number}.{extension}", size=size) for number in range(count)]


def did(event_type: str, when: dt.datetime | str, actor: Person | None = None, **more: Any) -> Event:
    when = at(when) if isinstance(when, str) else when
    more.setdefault("event_category", CATEGORIES.get(event_type))
    return event(event_type, when, actor=actor, **more)


def undescribed(event_type: str, when: str, actor: Person | None = None, **more: Any) -> Event:
    """Dropbox sometimes leaves an event's details out."""
    made = did(event_type, when, actor, **more)
    made["row"].update(details='{".tag":"missing_details"}', has_missing_details=True)
    return made


def burst(
    event_type: str,
    actor: Person | None,
    items: list[dict[str, Any]],
    *,
    start: dt.datetime | str = "10:00",
    every: float = 1,
    **more: Any,
) -> list[Event]:
    """One event for each item, so many seconds apart."""
    start = at(start) if isinstance(start, str) else start
    return [
        did(event_type, later(start, seconds=number * every), actor, assets=[item], **more)
        for number, item in enumerate(items)
    ]


def repeated(
    event_type: str,
    actor: Person | None,
    count: int,
    *,
    start: dt.datetime | str = "10:00",
    every: float = 1,
    **more: Any,
) -> list[Event]:
    start = at(start) if isinstance(start, str) else start
    return [did(event_type, later(start, seconds=number * every), actor, **more) for number in range(count)]


def habit(
    actor: Person, days: range, clocks: tuple[str, ...] = ("10:00",), kind: str = "login_success", **more: Any
) -> list[Event]:
    """What somebody does every day: `days` before the day of the case."""
    return [did(kind, day_before(days_ago, clock), actor, **more) for days_ago in days for clock in clocks]


# A  Accounts and sign-ins

ada, ben = member("ada"), member("ben")
hit(
    "A01", "an admin signs in as a member",
    [did("sign_in_as_session_start", "10:00", ada, actor_type="admin", participants=[ben], context_type="team_member",
         context_id=ben["id"], context_email=ben["email"])],
    severity="high", actor=ada["email"], target=ben["email"],
)  # fmt: skip
ada, ben = member("ada"), member("ben")
hit(
    "A01", "without details and named by the context only",
    [undescribed("sign_in_as_session_start", "10:00", ada, actor_type="admin", context_type="team_member",
                 context_id=ben["id"], context_email=ben["email"])],
    severity="high", actor=ada["email"], target=ben["email"],
)  # fmt: skip
ada, ben, cleo = member("ada"), member("ben"), member("cleo")
hit(
    "A01", "two members are two alerts",
    [did("sign_in_as_session_start", "10:00", ada, actor_type="admin", participants=[ben]),
     did("sign_in_as_session_start", "10:05", ada, actor_type="admin", participants=[cleo])],
    severity="high", alerts=2,
)  # fmt: skip
ada, ben = member("ada"), member("ben")
miss(
    "A01", "the end of a session", [did("sign_in_as_session_end", "10:00", ada, actor_type="admin", participants=[ben])]
)

mia = member("mia")
hit("A02", "ten failures within the window", repeated("login_fail", mia, 10, every=66, ip_address="192.0.2.9"),
    severity="medium", crossed=9, items=10, actor=mia["email"], count="10", ip="192.0.2.9")  # fmt: skip
mia = member("mia")
hit("A02", "over the hour and over midnight is one",
    repeated("login_fail", mia, 30, start=at("23:55"), every=20, ip_address=address()),
    severity="medium", crossed=9, items=30, actor=mia["email"])  # fmt: skip
mia = member("mia")
hit("A02", "a success afterwards is worse", repeated("login_fail", mia, 12, every=10, ip_address=address()),
    background=[did("login_success", "10:06", mia, ip_address=address())],
    severity="high", crossed=9, items=12)  # fmt: skip
mia = member("mia")
hit("A02", "a success before is none afterwards", repeated("login_fail", mia, 10, every=10, ip_address=address()),
    background=[did("login_success", "09:58", mia, ip_address=address())],
    severity="medium", crossed=9)  # fmt: skip
sprayed, source = [member("sprayed") for _ in range(10)], address()
hit("A02", "one address against many people",
    [did("login_fail", at(f"10:00:{n:02d}"), who, ip_address=source) for n, who in enumerate(sprayed)],
    severity="medium", crossed=9, items=10, count="10", ip=source)  # fmt: skip
source = address()
hit("A02", "nobody knows who",
    repeated("login_fail", None, 11, every=20, ip_address=source, actor_type="anonymous"),
    severity="medium", crossed=9, items=11, ip=source)  # fmt: skip
mia = member("mia")
miss(
    "A02",
    "nine and a success",
    [*repeated("login_fail", mia, 9, ip_address=address()), did("login_success", "10:01", mia)],
)
mia = member("mia")
miss("A02", "the tenth a second too late",
     [*repeated("login_fail", mia, 9, ip_address=address()), did("login_fail", "10:10:01", mia)])  # fmt: skip
source, mia = address(), [member("mia") for _ in range(9)]
miss("A02", "nine people behind one office address",
     [did("login_fail", at(f"10:00:{n:02d}"), mia[n % 9], ip_address=source) for n in range(18)])  # fmt: skip

lou = member("lou")
hit("A03", "locked by Dropbox",
    [did("account_lock_or_unlocked", "10:00", None, actor_type="dropbox", participants=[lou],
         details=change("locked", "unlocked"))],
    severity="medium", target=lou["email"])  # fmt: skip
lou = member("lou")
hit("A03", "locked by their own failures",
    [did("account_lock_or_unlocked", "10:00", lou, details=change("locked", "unlocked"))],
    severity="medium", target=lou["email"])  # fmt: skip
ada, lou = member("ada"), member("lou")
miss("A03", "unlocked, or nobody knows which",
     [did("account_lock_or_unlocked", "10:00", ada, actor_type="admin", participants=[lou],
          details=change("unlocked", "locked")),
      undescribed("account_lock_or_unlocked", "10:05", ada, actor_type="admin", participants=[lou]),
      did("account_lock_or_unlocked", "10:10", ada, participants=[lou], details=change("half_open", "locked"))])  # fmt: skip

kim = member("kim")
hit("A04", "from a listed country",
    [did("login_success", "10:00", kim, country="KP", city="Pyongyang", ip_address=address())],
    severity="high", actor=kim["email"], place="Pyongyang, KP")  # fmt: skip
kim = member("kim")
miss("A04", "from elsewhere, or nobody knows where",
     [did("login_success", "10:00", kim, country="KR", city="Seoul"), did("login_success", "10:05", kim),
      did("login_fail", "10:06", kim, country="KP")])  # fmt: skip

vera = member("vera")
hit("A05", "new for the team, too", [did("login_success", "11:00", vera, country="IS", ip_address=address())],
    background=habit(vera, range(1, 30), country="DE"),
    severity="high", actor=vera["email"], item="IS")  # fmt: skip
vera, nils = member("vera"), member("nils")
hit("A05", "new for the person, not for the team", [did("file_download", "11:00", vera, country="NO", ip_address=address())],
    background=[*habit(vera, range(1, 30), country="DE"), *habit(nils, range(5, 10), country="NO")],
    severity="medium", actor=vera["email"], item="NO")  # fmt: skip
vera = member("vera")
hit("A05", "not there for more than ninety days",
    [did("login_success", "11:00", vera, country="FI", ip_address=address())],
    background=[*habit(vera, range(1, 130, 3), country="DE"), *habit(vera, range(91, 130), country="FI")],
    severity="high", item="FI")  # fmt: skip
vera = member("vera")
miss("A05", "been there ninety days ago",
     [did("login_success", "11:00", vera, country="EE"), *habit(vera, range(1, 130, 3), country="DE"),
      *habit(vera, range(90, 129), country="EE")])  # fmt: skip
vera = member("vera")
miss("A05", "over the team's VPN, or nobody knows where",
     [did("login_success", "11:00", vera, country="LV", ip_address="203.0.113.9"), did("login_success", "11:30", vera),
      *habit(vera, range(1, 30), country="DE")])  # fmt: skip
vera = member("vera")
miss("A05", "known for less than two weeks",
     [did("login_success", "11:00", vera, country="LT"), *habit(vera, range(1, 13), country="DE")])  # fmt: skip
vera, nils = member("vera"), member("nils")
miss("A05", "back after half a year where the team is",
     [did("login_success", "11:00", vera, country="DE"), *habit(vera, range(180, 200), country="DE"),
      *habit(nils, range(1, 3), country="DE")])  # fmt: skip

tom = member("tom")
hit("A06", "from Berlin to Tokyo in two hours",
    [did("login_success", "12:00", tom, city="Tokyo", country="JP", ip_address="10.9.0.2")],
    background=[did("login_success", "10:00", tom, city="Berlin", country="DE", ip_address="10.9.0.1")],
    severity="high", actor=tom["email"], place="Tokyo, JP", item="Berlin, DE")  # fmt: skip
tom = member("tom")
hit("A06", "to a country, no city, over midnight",
    [did("file_download", at("00:30", "2026-03-11"), tom, country="JP", ip_address="10.9.0.4", assets=[file("trip")])],
    background=[did("login_success", "23:30", tom, city="Berlin", country="DE", ip_address="10.9.0.3")],
    severity="high", actor=tom["email"], place="JP", item="Berlin, DE")  # fmt: skip
tom = member("tom")
miss("A06", "another city of the country by train",
     [did("login_success", "10:00", tom, city="Berlin", country="DE", ip_address="10.9.0.5"),
      did("login_success", "11:00", tom, city="Hamburg", country="DE", ip_address="10.9.0.6"),
      did("login_success", "11:01", tom, country="DE", ip_address="10.9.0.7")])  # fmt: skip
tom = member("tom")
miss("A06", "a flight takes as long",
     [did("login_success", "08:00", tom, city="Berlin", country="DE", ip_address="10.9.0.8"),
      did("login_success", "19:00", tom, city="Tokyo", country="JP", ip_address="10.9.0.9")])  # fmt: skip
tom, bot = member("tom"), member("bot")
miss("A06", "the team's VPN, one address in two places, and an app",
     [did("login_success", "10:00", tom, city="Berlin", country="DE", ip_address="10.9.0.10"),
      did("login_success", "10:05", tom, city="Tokyo", country="JP", ip_address="203.0.113.1"),
      did("login_success", "10:10", tom, city="Sydney", country="AU", ip_address="10.9.0.10"),
      did("file_download", "10:00", bot, city="Berlin", country="DE", ip_address="10.9.0.11", actor_type="app"),
      did("file_download", "10:05", bot, city="Tokyo", country="JP", ip_address="10.9.0.12", actor_type="app")])  # fmt: skip

tor = member("tor")
hit("A07", "an address under a listed prefix", [did("login_success", "10:00", tor, ip_address="198.51.100.9")],
    severity="high", actor=tor["email"], ip="198.51.100.9")  # fmt: skip
tor = member("tor")
hit("A07", "a download over IPv6 as an episode",
    [did("file_download", "10:00", tor, ip_address="2001:db8:bad::1", assets=[file("tor one")]),
     did("file_download", "12:00", tor, ip_address="2001:db8:bad::1", assets=[file("tor two")])],
    severity="high", actor=tor["email"], ip="2001:db8:bad::1")  # fmt: skip
tor = member("tor")
miss("A07", "addresses that only look like listed ones",
     [did("login_success", "10:00", tor, ip_address="198.51.10.9"),
      did("login_success", "10:01", tor, ip_address="192.0.2.10"),
      did("login_success", "10:02", tor, ip_address="198.51.100.77"),
      did("login_success", "10:03", tor), did("login_fail", "10:04", tor, ip_address="198.51.100.9")])  # fmt: skip

ivy = member("ivy")
hit("A08", "a session at twelve addresses",
    [did("device_change_ip_web", at(f"{n:02d}:00"), ivy, ip_address=f"10.8.0.{n}", session_id="web-ivy") for n in range(12)],
    severity="medium", crossed=11, items=12, actor=ivy["email"], count="12")  # fmt: skip
ivy = member("ivy")
hit("A08", "a session that only the details name",
    [did("device_change_ip_desktop", at(f"{n:02d}:00"), ivy, ip_address=f"10.8.1.{n}",
         details={"device_session_info": {".tag": "desktop_device_session", "session_info": {"session_id": "desk-ivy"}}})
     for n in range(12)],
    severity="medium", crossed=11, items=12, actor=ivy["email"])  # fmt: skip
ivy = member("ivy")
miss("A08", "eleven addresses, and one of them a hundred times",
     [*(did("device_change_ip_mobile", at(f"{n:02d}:00"), ivy, ip_address=f"10.8.2.{n}", session_id="m") for n in range(11)),
      *repeated("device_change_ip_mobile", ivy, 100, start="11:00", ip_address="10.8.2.1", session_id="m")])  # fmt: skip
ivy = member("ivy")
miss("A08", "twelve addresses in more than a day",
     [did("device_change_ip_web", later(at("00:00"), hours=2.2 * n), ivy, ip_address=f"10.8.3.{n}", session_id="w")
      for n in range(12)])  # fmt: skip

OFFICE = ("09:00", "12:00", "17:00")
oli = member("oli")
hit("A09", "in the dead of night", [did("login_success", "03:10", oli)], background=habit(oli, range(1, 16), OFFICE),
    severity="low", actor=oli["email"])  # fmt: skip
oli = member("oli")
miss("A09", "a long day", [did("login_success", "21:10", oli), *habit(oli, range(1, 16), OFFICE)])
oli = member("oli")
miss(
    "A09",
    "past midnight for who works late",
    [did("login_success", "01:10", oli), *habit(oli, range(1, 16), ("22:00",))],
)
oli = member("oli")
miss("A09", "hours known for nine days only",
     [did("login_success", "03:10", oli), *habit(oli, range(1, 10), OFFICE), *habit(oli, range(40, 50), OFFICE)])  # fmt: skip

rip = member("rip")
hit("A10", "silent for sixty days", [did("login_success", "11:00", rip)], background=habit(rip, range(60, 80)),
    severity="medium", actor=rip["email"])  # fmt: skip
rip = member("rip")
hit("A10", "guessed at the day before", [did("login_success", "11:00", rip)],
    background=[*habit(rip, range(61, 80)), *habit(rip, range(1, 3), kind="login_fail")],
    severity="medium", actor=rip["email"])  # fmt: skip
rip = member("rip")
miss("A10", "silent for fifty-nine days", [did("login_success", "11:00", rip), *habit(rip, range(59, 80))])
rip = member("rip")
miss("A10", "worked without signing in anew",
     [did("login_success", "11:00", rip), *habit(rip, range(61, 80)), *habit(rip, range(10, 12), kind="file_download")])  # fmt: skip

ada, gus = member("ada"), member("gus")
hit("A11", "a suspended member downloads",
    [did("file_download", "11:00", gus, assets=[file("gus plan")])],
    background=[did("member_change_status", "10:00", ada, actor_type="admin", participants=[gus],
                    details=change("suspended", "active"))],
    severity="critical", actor=gus["email"])  # fmt: skip
gus = member("gus")
hit("A11", "a type that nobody knows, after leaving by oneself",
    [undescribed("file_teleported", "11:00", gus)],
    background=[did("member_change_status", "10:00", gus, details=change("removed", "active"))],
    severity="critical", actor=gus["email"])  # fmt: skip
LISTED_AS_REMOVED, LISTED_TOO_LONG = member("rhea"), member("stan")
hit("A11", "removed by the directory only", [did("file_delete", "11:00", LISTED_AS_REMOVED, assets=[file("rhea")])],
    severity="critical", actor=LISTED_AS_REMOVED["email"])  # fmt: skip
ada = member("ada")
miss("A11", "taken back, which the directory has not seen yet",
     [did("member_change_status", day_before(3), ada, actor_type="admin", participants=[LISTED_TOO_LONG],
          details=change("suspended", "active")),
      did("member_change_status", "10:00", ada, actor_type="admin", participants=[LISTED_TOO_LONG],
          details=change("active", "suspended")),
      did("file_download", "11:00", LISTED_TOO_LONG, assets=[file("stan")])])  # fmt: skip
ada, gus = member("ada"), member("gus")
miss("A11", "before it, failing after it, and an invitation withdrawn",
     [did("file_download", "09:59", gus, assets=[file("gus before")]),
      did("member_change_status", "10:00", gus, details=change("removed", "active")),
      did("login_fail", "10:30", gus),
      did("member_change_status", "09:00", ada, actor_type="admin", participants=[ada],
          details=change("removed", "invited")),
      did("file_download", "11:00", ada, assets=[file("ada after")])])  # fmt: skip

IPHONE = {
    "device_session_info": {".tag": "mobile_device_session", "client_type": tag("iphone"), "device_name": "Dee's"}
}
WINDOWS = {"device_session_info": {".tag": "desktop_device_session", "client_type": tag("windows"), "host_name": "PC1"}}
dee = member("dee")
hit("A12", "the first of its platform", [did("device_link_success", "11:00", dee, details=IPHONE)],
    background=habit(dee, range(15, 20), kind="device_link_success", details=WINDOWS),
    severity="low", actor=dee["email"], item="iphone")  # fmt: skip
dee = member("dee")
miss("A12", "another of a platform, or nobody knows of which",
     [did("device_link_success", "11:00", dee, details=WINDOWS), undescribed("device_link_success", "11:05", dee),
      *habit(dee, range(15, 20), kind="device_link_success", details=WINDOWS)])  # fmt: skip

ada, dot = member("ada"), member("dot")
hit("A13", "files stay on a device",
    [did("device_delete_on_unlink_fail", "10:00", ada, actor_type="admin", participants=[dot],
         details={"num_failures": 3, "display_name": "Dot's laptop"})],
    severity="high", target=dot["email"])  # fmt: skip
dot = member("dot")
hit("A13", "without details", [undescribed("device_delete_on_unlink_fail", "10:00", dot)],
    severity="high", target=dot["email"])  # fmt: skip
dot = member("dot")
miss("A13", "the device was wiped", [did("device_delete_on_unlink_success", "10:00", dot)])

ada, mel = member("ada"), member("mel")
hit("A14", "an admin changes it to a private one",
    [did("member_change_email", "10:00", ada, actor_type="admin", participants=[mel],
         details={"new_value": "mel@gmail.com", "previous_value": mel["email"]})],
    severity="high", target=mel["email"], new="mel@gmail.com")  # fmt: skip
mel = member("mel")
hit("A14", "a second address, added and confirmed",
    [did("pending_secondary_email_added", "10:00", mel, details={"secondary_email": "mel@evil.example"}),
     did("secondary_email_verified", "10:20", mel, details={"secondary_email": "mel@evil.example"})],
    severity="high", target=mel["email"], new="mel@evil.example")  # fmt: skip
ada, mel = member("ada"), member("mel")
miss("A14", "another domain of the team, an allied one, and none known",
     [did("member_change_email", "10:00", ada, actor_type="admin", participants=[mel],
          details={"new_value": "mel@brand.example", "previous_value": mel["email"]}),
      did("secondary_email_verified", "10:10", mel, details={"secondary_email": "Mel@ACME.example"}),
      did("secondary_email_verified", "10:20", mel, details={"secondary_email": "mel@ally.example"}),
      undescribed("member_change_email", "10:30", mel)])  # fmt: skip

ada, pat = member("ada"), member("pat")
hit("A15", "somebody else's", [did("password_reset", "10:00", ada, actor_type="admin", participants=[pat])],
    severity="medium", actor=ada["email"], target=pat["email"])  # fmt: skip
ada = member("ada")
hit("A15", "everybody's", [did("password_reset_all", "10:00", ada, actor_type="admin", context_type="team")],
    severity="high", actor=ada["email"])  # fmt: skip
pat, ada = member("pat"), member("ada")
miss("A15", "one's own, as an admin and by address, too",
     [did("password_reset", "10:00", pat), did("password_reset", "10:10", ada, actor_type="admin", participants=[ada]),
      did("password_reset", "10:20", pat, participants=[{**pat, "id": None}])])  # fmt: skip

ria = member("ria")
hit("A16", "the provider warns",
    [did("risc_security_event", "10:00", None, actor_type="dropbox", participants=[ria],
         details={"event_type": "https://schemas.openid.net/secevent/risc/event-type/account-disabled",
                  "reason": "hijacking", "issuer": "https://accounts.google.com"})],
    severity="high", target=ria["email"], item="hijacking")  # fmt: skip
ria = member("ria")
hit("A16", "the provider gives no reason",
    [did("risc_security_event", "10:00", ria,
         details={"event_type": "https://schemas.openid.net/secevent/risc/event-type/sessions-revoked",
                  "issuer": "https://accounts.google.com"})],
    severity="high", target=ria["email"], item="sessions-revoked")  # fmt: skip
ria = member("ria")
miss(
    "A16", "a failure at the provider", [did("login_fail", "10:00", ria, details={"login_method": tag("google_oauth")})]
)

hit("A17", "a reseller",
    [did("reseller_support_session_start", "10:00", {"email": "help@reseller.example", "name": "Reseller"}, actor_type="reseller")],
    severity="high", actor="help@reseller.example")  # fmt: skip
eve = outsider("eve", "parent.example")
hit("A17", "an admin of the parent company",
    [did("started_enterprise_admin_session", "10:00", eve, actor_type="admin",
         details={"federation_extra_details": {".tag": "organization", "organization": "Parent"}})],
    severity="high", actor=eve["email"])  # fmt: skip
eve = outsider("eve", "other.example")
hit("A17", "an admin of a trusted team", [undescribed("guest_admin_signed_in_via_trusted_teams", "10:00", eve)],
    severity="high", actor=eve["email"])  # fmt: skip
eve = outsider("eve", "parent.example")
miss("A17", "the ends of such sessions",
     [did("reseller_support_session_end", "10:00", eve, actor_type="reseller"),
      did("ended_enterprise_admin_session", "10:05", eve, actor_type="admin"),
      did("guest_admin_signed_out_via_trusted_teams", "10:06", eve)])  # fmt: skip

val = member("val")
hit("A18", "an export", [did("dropbox_passwords_exported", "10:00", val, details={"platform": "Android"})],
    severity="high", actor=val["email"])  # fmt: skip
val = member("val")
miss(
    "A18", "a new device", [did("dropbox_passwords_new_device_enrolled", "10:00", val, details={"platform": "Android"})]
)
