"""For each alert rule what it must see and what it must not: events of people, files and addresses of their own.

`hit` says what the rule must make of its events, all of which it must count; `miss` holds what would fool a naive rule.
`background` is what the rule must know but not count. How a rule words its title is not written here.
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

INVENTED = {
    "file_teleported": "file_operations",
    "hologram_shared": "sharing",
    "teleport_policy_changed": "team_policies",
}
"""Event types that Dropbox has not thought of yet."""

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
    """Of the alert that must be raised; without one its events may raise none."""
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


def miss(rule: str, name: str, events: list[Event], *, background: list[Event] | None = None) -> None:
    CASES.append(Case(rule, name, events, background or []))


def member(name: str) -> Person:
    """Somebody of the team, in no other case."""
    number = next(_numbers)
    return person(number, email=f"{name}.{number}@acme.example", name=f"{name.title()} {number}")


def outsider(name: str, domain: str = "partner.example") -> Person:
    number = next(_numbers)
    return person(number, kind="non_team_member", email=f"{name}.{number}@{domain}", name=f"{name.title()} {number}")


def listed(who: Person, status: str, **columns: Any) -> dict[str, Any]:
    """How the directory lists somebody."""
    known = {
        "team_member_id": who["member_id"],
        "account_id": who["id"],
        "email": who["email"],
        "name": who["name"],
        "role": "member_only",
    }
    return {**known, "status": status, **columns}


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
    # A name that Dropbox does not have would make a miss of anything.
    more.setdefault("event_category", INVENTED.get(event_type) or CATEGORIES[event_type])
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


def busy(actor: Person, kind: str, least: int = 28, most: int = 48) -> list[Event]:
    """Eight days on which somebody does much within an hour."""
    return [
        made
        for days in range(1, 9)
        for made in burst(
            kind, actor, files(f"{actor['name']} of {days}", least if days % 2 else most), start=day_before(days)
        )
    ]


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
tried, source = [member("tried") for _ in range(10)], address()
hit("A02", "one address against many people",
    [did("login_fail", at(f"10:00:{n:02d}"), who, ip_address=source) for n, who in enumerate(tried)],
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
source, tried = address(), [member("tried") for _ in range(9)]
miss("A02", "nine people behind one office address",
     [did("login_fail", at(f"10:00:{n:02d}"), tried[n % 9], ip_address=source) for n in range(18)])  # fmt: skip

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
miss(
    "A03",
    "unlocked, or nobody knows which",
    [
        did(
            "account_lock_or_unlocked",
            "10:00",
            ada,
            actor_type="admin",
            participants=[lou],
            details=change("unlocked", "locked"),
        ),
        undescribed("account_lock_or_unlocked", "10:05", ada, actor_type="admin", participants=[lou]),
        did("account_lock_or_unlocked", "10:10", ada, participants=[lou], details=change("half_open", "locked")),
    ],
)

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
hit(
    "A05",
    "new for the person, not for the team",
    [did("file_download", "11:00", vera, country="NO", ip_address=address())],
    background=[*habit(vera, range(1, 30), country="DE"), *habit(nils, range(5, 10), country="NO")],
    severity="medium",
    actor=vera["email"],
    item="NO",
)
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
miss(
    "A06",
    "the team's VPN, one address in two places, and an app",
    [
        did("login_success", "10:00", tom, city="Berlin", country="DE", ip_address="10.9.0.10"),
        did("login_success", "10:05", tom, city="Tokyo", country="JP", ip_address="203.0.113.1"),
        did("login_success", "10:10", tom, city="Sydney", country="AU", ip_address="10.9.0.10"),
        did("file_download", "10:00", bot, city="Berlin", country="DE", ip_address="10.9.0.11", actor_type="app"),
        did("file_download", "10:05", bot, city="Tokyo", country="JP", ip_address="10.9.0.12", actor_type="app"),
    ],
)

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

hit("A07", "somebody without an account",
    [did("file_download", "10:00", None, ip_address="198.51.100.200", assets=[file("tor three")])],
    severity="high", ip="198.51.100.200")  # fmt: skip

ivy = member("ivy")
hit(
    "A08",
    "a session at twelve addresses",
    [
        did("device_change_ip_web", at(f"{n:02d}:00"), ivy, ip_address=f"10.8.0.{n}", session_id="web-ivy")
        for n in range(12)
    ],
    severity="medium",
    crossed=11,
    items=12,
    actor=ivy["email"],
    count="12",
)
ivy = member("ivy")
hit(
    "A08",
    "a session that only the details name",
    [
        did(
            "device_change_ip_desktop",
            at(f"{n:02d}:00"),
            ivy,
            ip_address=f"10.8.1.{n}",
            details={
                "device_session_info": {".tag": "desktop_device_session", "session_info": {"session_id": "desk-ivy"}}
            },
        )
        for n in range(12)
    ],
    severity="medium",
    crossed=11,
    items=12,
    actor=ivy["email"],
)
ivy = member("ivy")
miss(
    "A08",
    "eleven addresses, and one of them a hundred times",
    [
        *(
            did("device_change_ip_mobile", at(f"{n:02d}:00"), ivy, ip_address=f"10.8.2.{n}", session_id="m")
            for n in range(11)
        ),
        *repeated("device_change_ip_mobile", ivy, 100, start="11:00", ip_address="10.8.2.1", session_id="m"),
    ],
)
ivy = member("ivy")
miss(
    "A08",
    "twelve addresses in more than a day",
    [
        did("device_change_ip_web", later(at("00:00"), hours=2.2 * n), ivy, ip_address=f"10.8.3.{n}", session_id="w")
        for n in range(12)
    ],
)

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
miss(
    "A09",
    "hours known for nine days only",
    [did("login_success", "03:10", oli), *habit(oli, range(1, 10), OFFICE), *habit(oli, range(40, 50), OFFICE)],
)

rip = member("rip")
hit("A10", "silent for sixty days", [did("login_success", "11:00", rip)], background=habit(rip, range(60, 80)),
    severity="medium", actor=rip["email"])  # fmt: skip
rip = member("rip")
hit("A10", "guessed at the day before", [did("login_success", "11:00", rip)],
    background=[*habit(rip, range(61, 80)), *habit(rip, range(1, 3), kind="login_fail")],
    severity="medium", actor=rip["email"])  # fmt: skip
JOINED_LONG_AGO, JOINED_LATELY = member("rip"), member("rip")
hit("A10", "silent since the log began", [did("login_success", "11:00", JOINED_LONG_AGO)],
    severity="medium", actor=JOINED_LONG_AGO["email"])  # fmt: skip
miss("A10", "joined fifty-nine days ago", [did("login_success", "11:00", JOINED_LATELY)])
rip = member("rip")
miss("A10", "silent for fifty-nine days", [did("login_success", "11:00", rip), *habit(rip, range(59, 80))])
rip = member("rip")
miss(
    "A10",
    "worked without signing in anew",
    [did("login_success", "11:00", rip), *habit(rip, range(61, 80)), *habit(rip, range(10, 12), kind="file_download")],
)

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

hit(
    "A17",
    "a reseller",
    [
        did(
            "reseller_support_session_start",
            "10:00",
            {"email": "help@reseller.example", "name": "Reseller"},
            actor_type="reseller",
        )
    ],
    severity="high",
    actor="help@reseller.example",
)
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

# B  Ways to prove who one is


def policy(
    rule: str,
    event_type: str,
    weaker: tuple[str, str | None],
    stronger: tuple[str, str | None],
    severity: str,
    **more: Any,
) -> None:
    """A setting of the team's: loosened by an admin, then tightened, left as it is, and set to what nobody knows."""
    ada = member("ada")
    hit(rule, f"{event_type} {weaker[1]} to {weaker[0]}",
        [did(event_type, "10:00", ada, actor_type="admin", **more, details=change(*weaker))],
        severity=severity, actor=ada["email"], new=weaker[0].replace("_", " "))  # fmt: skip
    ada = member("ada")
    miss(rule, f"{event_type} {stronger[1]} to {stronger[0]}",
         [did(event_type, "10:00", ada, actor_type="admin", **more, details=change(*stronger)),
          did(event_type, "10:01", ada, actor_type="admin", **more, details=change(weaker[0], weaker[0])),
          did(event_type, "10:02", ada, actor_type="admin", **more, details=change("not_heard_of_yet", stronger[0])),
          did(event_type, "10:03", ada, actor_type="admin", **more, details=change("other", stronger[0])),
          undescribed(event_type, "10:04", ada, actor_type="admin", **more)])  # fmt: skip


una = member("una")
hit("B01", "by oneself", [did("tfa_change_status", "10:00", una, details=change("disabled", "sms"))],
    severity="medium", actor=una["email"], target=una["email"])  # fmt: skip
una = member("una")
hit("B01", "with a rescue code",
    [did("tfa_change_status", "10:00", una, details={**change("disabled", "authenticator"), "used_rescue_code": True})],
    severity="high", actor=una["email"])  # fmt: skip
una = member("una")
miss("B01", "switched on, another factor, a rescue code for signing in",
     [did("tfa_change_status", "10:00", una, details=change("authenticator", "disabled")),
      did("tfa_change_status", "10:05", una, details={**change("sms", "authenticator"), "used_rescue_code": True}),
      undescribed("tfa_change_status", "10:10", una)])  # fmt: skip

ada, una = member("ada"), member("una")
hit("B02", "by an admin, two factors of one person",
    [did("tfa_reset", "10:00", ada, actor_type="admin", participants=[una]),
     did("passkey_remove", "10:20", ada, actor_type="admin", participants=[una])],
    severity="high", actor=ada["email"], target=una["email"])  # fmt: skip
una = member("una")
hit("B02", "one's own", [did("tfa_remove_security_key", "10:00", una)],
    severity="medium", actor=una["email"], target=una["email"])  # fmt: skip
ada = member("ada")
hit(
    "B02",
    "an admin's own",
    [undescribed("tfa_remove_backup_phone", "10:00", ada, actor_type="admin", participants=[ada], context_type="team")],
    severity="medium",
    actor=ada["email"],
    target=ada["email"],
)
una = member("una")
miss("B02", "a factor more", [did("tfa_add_security_key", "10:00", una), did("passkey_add", "10:01", una)])

policy("B03", "tfa_change_policy", ("require_tfa_disable", "require_tfa_enable"),
       ("require_tfa_enable", "require_tfa_disable"), "high")  # fmt: skip
policy("B03", "passkey_login_policy_changed", ("disabled", None), ("enabled", "disabled"), "high")
ada, una = member("ada"), member("una")
hit(
    "B03",
    "an exception for somebody",
    [did("tfa_add_exception", "10:00", ada, actor_type="admin", participants=[una])],
    severity="high",
    actor=ada["email"],
)
ada, una = member("ada"), member("una")
miss("B03", "an exception less", [did("tfa_remove_exception", "10:00", ada, actor_type="admin", participants=[una])])

policy("B04", "sso_change_policy", ("optional", "required"), ("required", "disabled"), "high")
ada = member("ada")
hit("B04", "another address",
    [did("sso_change_login_url", "10:00", ada, actor_type="admin",
         details={"new_value": "https://evil.example/saml", "previous_value": "https://idp.example/saml"})],
    severity="high", actor=ada["email"])  # fmt: skip
ada = member("ada")
hit(
    "B04",
    "another certificate and another mode are two",
    [
        undescribed("sso_change_cert", "10:00", ada, actor_type="admin"),
        did(
            "sso_change_saml_identity_mode",
            "10:05",
            ada,
            actor_type="admin",
            details={"new_value": 1, "previous_value": 3},
        ),
    ],
    severity="high",
    alerts=2,
)

policy("B05", "password_strength_requirements_change_policy", ("moderate_password", "strong_password"),
       ("strong_password", "minimal_requirements"), "medium")  # fmt: skip


def length(amount: int, unit: str) -> dict[str, Any]:
    return {".tag": "defined", "unit": tag(unit), "amount": amount}


ada = member("ada")
hit("B05", "longer in another unit",
    [did("web_sessions_change_idle_length_policy", "10:00", ada, actor_type="admin",
         details={"new_value": length(2, "days"), "previous_value": length(47, "hours")})],
    severity="medium", actor=ada["email"])  # fmt: skip
ada = member("ada")
hit("B05", "without a limit",
    [did("web_sessions_change_fixed_length_policy", "10:00", ada, actor_type="admin",
         details={"new_value": tag("undefined"), "previous_value": length(9, "weeks")})],
    severity="medium")  # fmt: skip
ada = member("ada")
hit("B05", "more sessions at a time, then any number",
    [did("web_sessions_change_active_session_limit", "10:00", ada, actor_type="admin",
         details={"new_value": "10", "previous_value": "9"}),
     did("web_sessions_change_active_session_limit", "10:10", ada, actor_type="admin",
         details={"new_value": "unlimited", "previous_value": "10"})],
    severity="medium")  # fmt: skip
ada = member("ada")
miss("B05", "shorter, fewer, and what nobody can compare",
     [did("web_sessions_change_idle_length_policy", "10:00", ada, actor_type="admin",
          details={"new_value": length(50, "minutes"), "previous_value": length(1, "hours")}),
      did("web_sessions_change_fixed_length_policy", "10:01", ada, actor_type="admin",
          details={"new_value": length(1, "days"), "previous_value": tag("undefined")}),
      did("web_sessions_change_fixed_length_policy", "10:02", ada, actor_type="admin",
          details={"new_value": length(5, "fortnights"), "previous_value": length(1, "days")}),
      did("web_sessions_change_active_session_limit", "10:03", ada, actor_type="admin",
          details={"new_value": "9", "previous_value": "10"}),
      did("web_sessions_change_active_session_limit", "10:04", ada, actor_type="admin",
          details={"new_value": "3", "previous_value": "unlimited"}),
      undescribed("web_sessions_change_active_session_limit", "10:05", ada, actor_type="admin")])  # fmt: skip

policy("B06", "emm_change_policy", ("optional", "required"), ("required", "optional"), "medium")
policy("B06", "device_approvals_change_mobile_policy", ("unlimited", None), ("limited", "unlimited"), "medium")
ada, una = member("ada"), member("una")
hit("B06", "an exception, of both kinds two",
    [did("emm_add_exception", "10:00", ada, actor_type="admin", participants=[una]),
     did("device_approvals_add_exception", "10:01", ada, actor_type="admin", participants=[una])],
    severity="medium", alerts=2)  # fmt: skip
ada, una = member("ada"), member("una")
miss("B06", "an exception less", [did("emm_remove_exception", "10:00", ada, actor_type="admin", participants=[una])])

policy("B07", "google_sso_change_policy", ("enabled", "disabled"), ("disabled", "enabled"), "medium")
policy("B07", "apple_login_change_policy", ("default", "disabled"), ("disabled", "default"), "medium")

# C  Admins, groups and the team itself

for role in ("team_admin", "support_admin", "galaxy_admin"):
    ada, roy = member("ada"), member("roy")
    hit("C01", f"made {role}",
        [did("member_change_admin_role", "10:00", ada, actor_type="admin", participants=[roy],
             details=change(role, "member_only"))],
        severity="high", actor=ada["email"], target=roy["email"], new=role.replace("_", " "))  # fmt: skip
ada, roy = member("ada"), member("roy")
miss("C01", "a role taken away, or nobody knows which",
     [did("member_change_admin_role", "10:00", ada, actor_type="admin", participants=[roy],
          details=change("member_only", "team_admin")),
      did("member_change_admin_role", "10:01", ada, actor_type="admin", participants=[roy],
          details=change(None, "team_admin")),
      did("member_change_admin_role", "10:02", ada, actor_type="admin", participants=[roy], details=change("other")),
      undescribed("member_change_admin_role", "10:03", ada, actor_type="admin", participants=[roy])])  # fmt: skip

ada = member("ada")
hit("C02", "an enterprise admin",
    [did("changed_enterprise_admin_role", "10:00", ada, actor_type="admin",
         details={**change("enterprise_admin", "not_enterprise_admin"), "team_name": "Acme"})],
    severity="high", actor=ada["email"], new="enterprise admin")  # fmt: skip
ada = member("ada")
hit("C02", "a guest admin, later a reseller one",
    [did("guest_admin_change_status", "10:00", ada, actor_type="admin", details=change("linked", "invited")),
     did("member_change_reseller_role", "10:30", ada, actor_type="admin", details=change("reseller_admin"))],
    severity="high", alerts=2)  # fmt: skip
ada = member("ada")
miss("C02", "an ordinary role", [did("member_change_admin_role", "10:00", ada, details=change("member_only"))])

ada, roy = member("ada"), member("roy")
hit("C03", "somebody joins a watched group",
    [did("group_add_member", "10:00", ada, actor_type="admin", participants=[group("FINANCE"), roy])],
    severity="medium", actor=ada["email"], item="FINANCE")  # fmt: skip
ada = member("ada")
hit("C03", "outsiders are allowed",
    [did("group_external_sharing_setting_override_changed", "10:00", ada, actor_type="admin",
         participants=[group("Lab 1")], details=change("allow", "unset"))],
    severity="medium", item="Lab 1")  # fmt: skip
ada = member("ada")
hit("C03", "anybody manages it",
    [did("group_change_management_type", "10:00", ada, actor_type="admin", participants=[group("Lab 2")],
         details=change("user_managed", "company_managed"))],
    severity="medium", item="Lab 2")  # fmt: skip
ada, roy = member("ada"), member("roy")
miss("C03", "another group, tightened, taken back, left",
     [did("group_add_member", "10:00", ada, participants=[group("Finance Club"), roy]),
      did("group_external_sharing_setting_override_changed", "10:01", ada, participants=[group("Lab 3")],
          details=change("forbid", "allow")),
      did("group_change_management_type", "10:02", ada, participants=[group("Lab 3")],
          details=change("company_managed", "user_managed")),
      did("group_remove_member", "10:03", ada, participants=[group("Finance"), roy])])  # fmt: skip

ada, una = member("ada"), member("una")
hit("C04", "one person's files, over hours",
    [did("member_folder_contents_accessed", "10:00", ada, actor_type="admin", participants=[una]),
     did("member_folder_contents_accessed", "10:50", ada, actor_type="admin", participants=[una]),
     did("member_folder_contents_accessed", "11:40", ada, actor_type="admin", participants=[una])],
    severity="medium", actor=ada["email"], target=una["email"])  # fmt: skip
ada, una = member("ada"), member("una")
miss("C04", "files of one's own", [did("file_preview", "10:00", una, assets=[file("una's")])])

policy("C05", "member_send_invite_policy_changed", ("everyone", "specific_members"), ("disabled", "everyone"), "medium")
ada = member("ada")
hit("C05", "a link for anybody", [did("create_team_invite_link", "10:00", ada, actor_type="admin")],
    severity="medium", actor=ada["email"])  # fmt: skip
ada, roy = member("ada"), outsider("roy")
hit("C05", "a request granted",
    [did("domain_invites_approve_request_to_join_team", "10:00", ada, actor_type="admin", participants=[roy])],
    severity="medium", actor=ada["email"])  # fmt: skip
ada, roy = member("ada"), outsider("roy")
miss(
    "C05",
    "a link withdrawn, a request declined",
    [
        did("delete_team_invite_link", "10:00", ada, actor_type="admin"),
        did("domain_invites_decline_request_to_join_team", "10:01", ada, actor_type="admin", participants=[roy]),
    ],
)

ada = member("ada")
hit(
    "C06",
    "a domain removed",
    [
        did(
            "domain_verification_remove_domain",
            "10:00",
            ada,
            actor_type="admin",
            details={"domain_names": ["old.example"]},
        )
    ],
    severity="critical",
    actor=ada["email"],
    item="old.example",
)
ada = member("ada")
hit("C06", "a domain added",
    [did("domain_verification_add_domain_success", "10:00", ada, actor_type="admin",
         details={"domain_names": ["fresh.example"], "verification_method": "dns"})],
    severity="critical", item="fresh.example")  # fmt: skip
ada = member("ada")
hit("C06", "a merge", [did("team_merge_from", "10:00", ada, actor_type="admin", details={"team_name": "Other Team"})],
    severity="critical", item="Other Team")  # fmt: skip
ada = member("ada")
miss(
    "C06",
    "a domain that was not verified",
    [
        did(
            "domain_verification_add_domain_fail",
            "10:00",
            ada,
            actor_type="admin",
            details={"domain_name": "x.example"},
        )
    ],
)

policy("C07", "account_capture_change_policy", ("disabled", "all_users"), ("all_users", "invited_users"), "medium")
ulf = outsider("ulf", "acme.example")
hit("C07", "somebody leaves with the account",
    [did("account_capture_relinquish_account", "10:00", ulf, details={"domain_name": "acme.example"})],
    severity="medium", actor=ulf["email"])  # fmt: skip

# D  Sharing

dan, eve = member("dan"), outsider("eve")
hit("D01", "a viewer",
    [did("shared_content_add_member", "10:00", dan, participants=[eve], assets=[file("Budget", kind="folder")],
         details={"shared_content_access_level": tag("viewer")})],
    severity="low", items=1, actor=dan["email"], target=eve["email"], item="Budget")  # fmt: skip
dan, eve = member("dan"), outsider("eve")
hit("D01", "an editor, after a viewer",
    [did("shared_content_add_member", "10:00", dan, participants=[eve], assets=[file("Plan A", kind="folder")],
         details={"shared_content_access_level": tag("viewer")}),
     did("shared_content_add_member", "10:30", dan, participants=[eve], assets=[file("Plan B", kind="folder")],
         details={"shared_content_access_level": tag("editor")})],
    severity="medium", items=1)  # fmt: skip
dan = member("dan")
hit("D01", "an invitation to a private mailbox",
    [did("shared_content_add_invitees", "10:00", dan, assets=[file("Notes", kind="folder")],
         details={"shared_content_access_level": tag("viewer"), "invitees": ["Eve.Elsewhere@gmail.com"]})],
    severity="medium", actor=dan["email"], target="eve.elsewhere@gmail.com", item="Notes")  # fmt: skip
dan, eve = member("dan"), outsider("eve")
hit("D01", "into a watched folder",
    [did("shared_content_add_member", "10:00", dan, participants=[eve],
         assets=[file("Court", folder="/team/LEGAL", kind="folder")],
         details={"shared_content_access_level": tag("viewer")})],
    severity="high", target=eve["email"], item="Court")  # fmt: skip
eve = outsider("eve")
hit("D01", "an outsider mounts", [did("shared_folder_mount", "10:00", eve, assets=[file("Mounted", kind="folder")])],
    severity="low", item="Mounted")  # fmt: skip
dan, pal = outsider("dan", "agency.example"), outsider("pal", "agency.example")
hit("D01", "an outsider lets a colleague in",
    [did("shared_content_add_member", "10:00", dan, participants=[pal], assets=[file("Agency", kind="folder")])],
    severity="low", target=pal["email"])  # fmt: skip
dan, eve = member("dan"), outsider("eve")
hit("D01", "an owner, named twice",
    [did("shared_content_add_invitees", "10:00", dan, participants=[eve], assets=[file("Handed over", kind="folder")],
         details={"shared_content_access_level": tag("owner"), "invitees": [eve["email"].upper()]})],
    severity="medium", items=1, target=eve["email"])  # fmt: skip
dan, cat, ally = member("dan"), member("cat"), outsider("ally", "ally.example")
brand = outsider("bo", "brand.example")
miss(
    "D01",
    "the team's other domain, an allied one, a member, a member who mounts",
    [
        did(
            "shared_content_add_member",
            "10:00",
            dan,
            participants=[cat, group("Everybody")],
            assets=[file("In 1", kind="folder")],
            details={"shared_content_access_level": tag("editor")},
        ),
        did("shared_content_add_member", "10:01", dan, participants=[brand], assets=[file("In 2", kind="folder")]),
        did("shared_content_add_member", "10:02", dan, participants=[ally], assets=[file("In 3", kind="folder")]),
        did("shared_folder_mount", "10:03", dan, assets=[file("Theirs", kind="folder")], involves_non_team_member=True),
    ],
)

dan = member("dan")
hit(
    "D02",
    "for anybody",
    [
        did(
            "shared_link_settings_change_audience",
            "10:00",
            dan,
            assets=[file("open 1")],
            details=change("public", "team"),
        )
    ],
    severity="medium",
    items=1,
    actor=dan["email"],
    item="open 1",
)
dan = member("dan")
hit("D02", "for anybody with an account, by both ways",
    [did("shared_link_settings_change_audience", "10:00", dan, assets=[file("open 2")],
         details=change("public_logged_in_only", "team")),
     did("shared_link_change_visibility", "10:30", dan, assets=[file("open 3")], details=change("public"))],
    severity="medium", items=2)  # fmt: skip
PUBLIC_LINK, TEAM_LINK = file("listed as public"), file("listed for the team")
dan = member("dan")
hit(
    "D02",
    "a new link that is listed as public",
    [
        did(
            "shared_link_create",
            "10:00",
            dan,
            assets=[PUBLIC_LINK],
            details={"shared_link_access_level": tag("reader")},
        )
    ],
    severity="medium",
    item="listed as public",
)
dan = member("dan")
miss(
    "D02",
    "narrower, as it was, two old ones merged, and new ones of which nobody knows",
    [
        did(
            "shared_link_settings_change_audience", "10:00", dan, assets=[file("s 1")], details=change("team", "public")
        ),
        did("shared_link_change_visibility", "10:01", dan, assets=[file("s 2")], details=change("public", "public")),
        did(
            "shared_link_change_visibility",
            "10:02",
            dan,
            assets=[file("s 3")],
            details={**change("public", "team_only"), "is_consolidation_action": True},
        ),
        did(
            "shared_link_create", "10:03", dan, assets=[TEAM_LINK], details={"shared_link_access_level": tag("reader")}
        ),
        did(
            "shared_link_create",
            "10:04",
            dan,
            assets=[file("s 4")],
            details={"shared_link_access_level": tag("reader")},
        ),
        undescribed("shared_link_settings_change_audience", "10:05", dan, assets=[file("s 5")]),
    ],
)

dan = member("dan")
hit("D03", "a password, then an expiry date, taken off two links",
    [did("shared_link_settings_remove_password", "10:00", dan, assets=[file("bare 1")]),
     undescribed("shared_link_remove_expiry", "10:10", dan, assets=[file("bare 2")])],
    severity="medium", items=2, actor=dan["email"], item="bare 1")  # fmt: skip
dan = member("dan")
miss("D03", "a password put on", [did("shared_link_settings_add_password", "10:00", dan, assets=[file("shut")])])

source = address()
hit("D04", "somebody without an account takes much",
    burst("shared_link_download", None, files("anon", 20), every=100, ip_address=source),
    severity="high", crossed=19, items=20)  # fmt: skip
eve = outsider("eve")
hit("D04", "an outsider views much across the hour",
    burst("shared_content_view", eve, files(eve, 25), start="10:50", every=60, ip_address=address()),
    severity="high", crossed=19, items=25, actor=eve["email"])  # fmt: skip
hit("D04", "a link goes round",
    [did("shared_link_view", later(at("10:00"), seconds=n), None, assets=[file("going round")], ip_address=address())
     for n in range(20)],
    severity="high", crossed=19, items=20, item="going round")  # fmt: skip
source, dan = address(), member("dan")
miss("D04", "one file a hundred times from one address, nineteen files, and a member",
     [*(did("shared_link_view", later(at("10:00"), seconds=n), None, assets=[file("popular")], ip_address=source)
        for n in range(100)),
      *burst("shared_link_download", None, files("few", 19), ip_address=address()),
      *burst("shared_content_download", dan, files(dan, 40), ip_address=address())])  # fmt: skip
miss("D04", "the twentieth a second too late",
     [*burst("shared_link_download", None, files("slow", 19), ip_address="10.7.7.7"),
      did("shared_link_download", "11:00:19", None, assets=[file("slow last")], ip_address="10.7.7.7")])  # fmt: skip

dan = member("dan")
hit("D05", "thirty items by two ways",
    [*burst("shared_link_create", dan, files(dan, 20), start="23:30", every=60),
     *burst("shared_content_add_member", dan, files(f"{dan['name']} more", 20), start="23:50:30", every=60)],
    severity="high", items=40, crossed=29, actor=dan["email"], count="40")  # fmt: skip
dan = member("dan")
miss("D05", "twenty-nine items, each shared twice",
     [*burst("shared_link_create", dan, files(dan, 29), every=60),
      *burst("shared_content_add_member", dan, files(dan, 29), start="10:00:30", every=60)])  # fmt: skip
dan = member("dan")
miss(
    "D05",
    "no more than on other days",
    burst("shared_link_create", dan, files(dan, 45)),
    background=busy(dan, "shared_link_create"),
)

dan, eve = member("dan"), outsider("eve")
hit("D06", "to an outsider",
    [did("shared_folder_transfer_ownership", "10:00", dan, assets=[file("Owned 1", kind="folder")],
         details={"new_owner_email": eve["email"], "previous_owner_email": dan["email"]})],
    severity="high", actor=dan["email"], target=eve["email"], item="Owned 1")  # fmt: skip
dan, cat = member("dan"), member("cat")
hit("D06", "to a colleague",
    [did("shared_folder_transfer_ownership", "10:00", dan, assets=[file("Owned 2", kind="folder")],
         details={"new_owner_email": cat["email"]})],
    severity="low", target=cat["email"], item="Owned 2")  # fmt: skip
dan = member("dan")
hit("D06", "to an account that nobody knows",
    [did("paper_doc_ownership_changed", "10:00", dan, assets=[file("Owned 3")],
         details={"new_owner_user_id": "dbid:stranger", "old_owner_user_id": dan["id"]})],
    severity="high", target="another account", item="Owned 3")  # fmt: skip
ada, eve = member("ada"), outsider("eve")
hit("D06", "all that somebody had, to an outsider",
    [did("member_transfer_account_contents", "10:00", ada, actor_type="admin", participants=[member("gone"), eve])],
    severity="high", actor=ada["email"], target=eve["email"])  # fmt: skip
dan, cat = member("dan"), member("cat")
miss("D06", "somebody joins, who owns nothing",
     [did("shared_content_add_member", "10:00", dan, participants=[cat], assets=[file("Owned 4", kind="folder")],
          details={"shared_content_access_level": tag("owner")})])  # fmt: skip

dan = member("dan")
hit("D07", "a transfer to outside",
    [did("file_transfers_transfer_send", "10:00", dan, assets=[file("sent")], involves_non_team_member=True,
         details={"file_transfer_id": "cap_pid_ft:1"})],
    severity="medium", actor=dan["email"], item="sent")  # fmt: skip
hit("D07", "somebody without an account fetches it",
    [did("file_transfers_transfer_download", "10:00", None, assets=[file("fetched")], ip_address=address(),
         details={"file_transfer_id": "cap_pid_ft:2"})],
    severity="medium", item="fetched")  # fmt: skip
dan = member("dan")
hit("D07", "a tracked link",
    [did("send_and_track_link_created", "10:00", dan, assets=[file("tracked")],
         details={"link_settings": {"name": "Offer", "url": "https://www.dropbox.com/secret"}})],
    severity="medium", item="Offer")  # fmt: skip
dan, eve = member("dan"), outsider("eve")
hit("D07", "a transfer to an outsider by name",
    [undescribed("file_transfers_transfer_send", "10:00", dan, participants=[eve], assets=[file("sent to eve")])],
    severity="medium", actor=dan["email"], item="sent to eve")  # fmt: skip
dan, cat = member("dan"), member("cat")
miss("D07", "a transfer to a colleague, fetched by a member",
     [did("file_transfers_transfer_send", "10:00", dan, assets=[file("inside")], participants=[cat],
          involves_non_team_member=False),
      did("file_transfers_transfer_download", "10:05", cat, assets=[file("inside")])])  # fmt: skip

dan = member("dan")
hit("D08", "with a deadline",
    [did("file_request_create", "10:00", dan, assets=[file("In", kind="folder")],
         details={"request_details": {"asset_index": 0, "deadline": {"deadline": "2026-04-01T00:00:00Z"}}})],
    severity="low", actor=dan["email"])  # fmt: skip
dan = member("dan")
hit(
    "D08",
    "without one",
    [
        did(
            "file_request_create",
            "10:00",
            dan,
            assets=[file("In", kind="folder")],
            details={"request_details": {"asset_index": 0}},
        )
    ],
    severity="medium",
)
dan = member("dan")
hit("D08", "without details", [undescribed("file_request_create", "10:00", dan, assets=[file("In", kind="folder")])],
    severity="low")  # fmt: skip
dan = member("dan")
hit(
    "D08",
    "the deadline is taken away",
    [
        did(
            "file_request_change",
            "10:00",
            dan,
            details={
                "new_details": {"asset_index": 0},
                "previous_details": {"deadline": {"deadline": "2026-04-01T00:00:00Z"}},
            },
        )
    ],
    severity="medium",
)
dan = member("dan")
miss("D08", "closed, deleted and answered",
     [did("file_request_close", "10:00", dan), did("file_request_delete", "10:01", dan),
      did("file_request_receive_file", "10:02", None)])  # fmt: skip

policy(
    "D09",
    "sharing_change_link_policy",
    ("default_public", "default_private"),
    ("only_private", "default_public"),
    "high",
)
policy(
    "D09",
    "sharing_change_folder_join_policy",
    ("from_anyone", "from_team_only"),
    ("from_team_only", "from_anyone"),
    "high",
)
policy("D09", "sharing_change_link_enforce_password_policy", ("optional", "required"), ("required", "optional"), "high")
policy("D09", "sharing_change_link_default_expiration_policy", ("none", "day_7"), ("day_7", "day_30"), "high")
ada = member("ada")
hit("D09", "a domain more that may be shared with",
    [did("team_sharing_whitelist_subjects_changed", "10:00", ada, actor_type="admin",
         details={"added_whitelist_subjects": ["new-partner.example"], "removed_whitelist_subjects": ["old.example"]})],
    severity="high", actor=ada["email"])  # fmt: skip
ada = member("ada")
miss("D09", "a domain less",
     [did("team_sharing_whitelist_subjects_changed", "10:00", ada, actor_type="admin",
          details={"added_whitelist_subjects": [], "removed_whitelist_subjects": ["old.example"]}),
      undescribed("team_sharing_whitelist_subjects_changed", "10:01", ada, actor_type="admin")])  # fmt: skip

policy("D10", "shared_folder_change_link_policy", ("anyone", "members"), ("members", "team"), "medium",
       assets=[file("Loose 1", kind="folder")])  # fmt: skip
policy("D10", "shared_folder_change_members_policy", ("team_and_approved", "team"), ("team", "anyone"), "medium",
       assets=[file("Loose 2", kind="folder")])  # fmt: skip
dan = member("dan")
hit("D10", "editors may let others in",
    [did("shared_folder_change_members_management_policy", "10:00", dan, assets=[file("Loose", kind="folder")],
         details=change("editors", "owner"))],
    severity="medium", items=1, actor=dan["email"], item="Loose", new="editors")  # fmt: skip


def dropbox_alert(
    category: str | None, severity: str | None, name: str = "Alert by Dropbox", when: str = "10:00"
) -> Event:
    details = {"alert_name": f"{name} {next(_numbers)}", "alert_instance_id": "1"}
    tags = {"alert_category": category, "alert_severity": severity}
    return did("admin_alerting_triggered_alert", when, None, actor_type="dropbox",
               details={**details, **{key: tag(value) for key, value in tags.items() if value}})  # fmt: skip


hit(
    "D11", "sensitive content", [dropbox_alert("data_loss_protection", "low")], severity="high", item="Alert by Dropbox"
)
miss("D11", "other alerts of Dropbox's",
     [dropbox_alert("malware_sharing", "high"), dropbox_alert(None, None),
      undescribed("admin_alerting_triggered_alert", "10:00", None, actor_type="dropbox")])  # fmt: skip

# E  Data that leaves

ed = member("ed")
hit("E01", "a hundred files across the hour", burst("file_download", ed, files(ed, 120), start="10:40", every=20),
    severity="medium", crossed=99, items=120, actor=ed["email"], count="120")  # fmt: skip
ed = member("ed")
hit("E01", "on both sides of midnight", burst("file_download", ed, files(ed, 260), start="23:30", every=14),
    severity="medium", crossed=99, items=260)  # fmt: skip
ed = member("ed")
hit("E01", "most of them after midnight", burst("file_download", ed, files(ed, 130), start="23:50", every=15),
    severity="medium", crossed=99, items=130)  # fmt: skip
eve = outsider("eve")
hit("E01", "all in one event, by an outsider, and again",
    [did("shared_content_download", "10:00", eve, assets=files(eve, 100)),
     did("file_download", "10:01", eve, assets=files(eve, 1))],
    severity="high", items=100, actor=eve["email"], count="100")  # fmt: skip
ed = member("ed")
hit("E01", "by an app", burst("file_download", ed, files(ed, 100), actor_type="app"),
    severity="medium", crossed=99, items=100, actor=ed["email"])  # fmt: skip
ed = member("ed")
hit("E01", "and half of them deleted the same evening", burst("file_download", ed, files(ed, 100)),
    background=burst("file_delete", ed, files(ed, 50), start="21:00", every=120),
    severity="high", crossed=99, items=100, actor=ed["email"])  # fmt: skip
ed = member("ed")
hit("E01", "and a few of them deleted", burst("file_download", ed, files(ed, 100)),
    background=burst("file_delete", ed, files(ed, 40), start="21:00", every=120),
    severity="medium", crossed=99, items=100, actor=ed["email"])  # fmt: skip
ed = member("ed")
hit("E01", "two bursts hours apart are two",
    [*burst("file_download", ed, files(f"{ed['name']} a", 100), start="09:00"),
     *burst("file_download", ed, files(f"{ed['name']} b", 100), start="14:00")],
    severity="medium", alerts=2)  # fmt: skip
ed = member("ed")
miss(
    "E01",
    "one file a hundred times and ninety-nine others",
    [*burst("file_download", ed, files(ed, 99)), *burst("file_download", ed, files(ed, 1) * 100, start="10:10")],
)
ed = member("ed")
miss("E01", "the hundredth a second too late",
     [did("file_download", "10:00", ed, assets=[file(f"{ed['name']} first")]),
      *burst("file_download", ed, files(ed, 98), start="10:30"),
      did("file_download", "11:00:01", ed, assets=[file(f"{ed['name']} last")])])  # fmt: skip
ed = member("ed")
miss("E01", "no more than on other days", burst("file_download", ed, files(ed, 140)),
     background=busy(ed, "file_download", 90, 130))  # fmt: skip

ed = member("ed")
hit("E02", "ten gigabytes in a day",
    [did("file_download", at(f"{hour:02d}:00"), ed, assets=files(f"{ed['name']} {hour}", 1, size=2_500_000_000))
     for hour in (6, 10, 14, 18)],
    severity="high", crossed=3, items=10_000_000_000, actor=ed["email"], count="10.0 GB")  # fmt: skip
ed = member("ed")
miss("E02", "one big file ten times, and folders whose size nobody knows",
     [*burst("file_download", ed, files(ed, 1, size=9_999_999_999) * 10),
      did("file_download", "11:00", ed, assets=[file("Videos", kind="folder", size=None)])])  # fmt: skip
ed = member("ed")
miss(
    "E02",
    "the rest a day and a second later",
    [
        did("file_download", "10:00", ed, assets=files(f"{ed['name']} a", 1, size=9_000_000_000)),
        did("file_download", at("10:00:01", "2026-03-11"), ed, assets=files(f"{ed['name']} b", 1, size=9_000_000_000)),
    ],
)

ed = member("ed")
hit("E03", "a new country, then a hundred files",
    [did("login_success", "11:00", ed, country="PE", ip_address=address()),
     *burst("file_download", ed, files(ed, 100), start="14:50")],
    background=habit(ed, range(1, 30), country="DE"),
    severity="critical", crossed=100, actor=ed["email"])  # fmt: skip
ed = member("ed")
hit("E03", "a new device over midnight",
    [did("device_link_success", "23:00", ed, details=IPHONE),
     *burst("file_download", ed, files(ed, 100), start=at("00:30", "2026-03-11"))],
    background=habit(ed, range(15, 20), kind="device_link_success", details=WINDOWS),
    severity="critical", crossed=100)  # fmt: skip
ed = member("ed")
hit("E03", "from the new country at once",
    burst("file_download", ed, files(ed, 100), start="11:00", country="PT", ip_address=address()),
    background=habit(ed, range(1, 30), country="DE"),
    severity="critical", crossed=99)  # fmt: skip
ed = member("ed")
hit("E03", "and the files go on past midnight",
    [did("login_success", "22:40", ed, country="PE", ip_address=address()),
     *burst("file_download", ed, files(ed, 300), start="23:40", every=6)],
    background=habit(ed, range(1, 30), country="DE"),
    severity="critical", crossed=100, items=300, actor=ed["email"])  # fmt: skip
ed = member("ed")
miss("E03", "a new device after the files, and the files five hours after a new country",
     [*burst("file_download", ed, files(f"{ed['name']} a", 100), start="09:00"),
      did("device_link_success", "09:30", ed, details=IPHONE),
      *burst("file_download", ed, files(f"{ed['name']} b", 100), start="13:31:00"),
      *habit(ed, range(15, 20), kind="device_link_success", details=WINDOWS)])  # fmt: skip

ada, ed = member("ada"), member("ed")
hit(
    "E04",
    "a public link, removed twenty-nine days later",
    [
        did(
            "shared_link_settings_change_audience",
            day_before(29),
            ed,
            assets=[file("ed's way out")],
            details=change("public"),
        ),
        did(
            "member_change_status",
            "10:00",
            ada,
            actor_type="admin",
            participants=[ed],
            details=change("removed", "active"),
        ),
    ],
    severity="high",
    crossed=1,
    actor=ed["email"],
)
leah = person(next(_numbers), email="leah.leaver@acme.example", name="Leah Leaver")
hit(
    "E04",
    "somebody on the list of leavers",
    burst("file_download", leah, files(leah, 100)),
    severity="high",
    crossed=99,
    actor=leah["email"],
)
ada, ed, ned, ira = member("ada"), member("ed"), member("ned"), member("ira")
miss(
    "E04",
    "thirty-one days before, an invitation withdrawn, and somebody else who leaves",
    [
        did("shared_link_settings_change_audience", day_before(31), ed, assets=[file("old")], details=change("public")),
        did(
            "member_change_status",
            "10:00",
            ada,
            actor_type="admin",
            participants=[ed],
            details=change("removed", "active"),
        ),
        *burst("file_download", ned, files(ned, 100), start="08:00"),
        did(
            "member_change_status",
            "10:01",
            ada,
            actor_type="admin",
            participants=[ned],
            details=change("removed", "invited"),
        ),
        did(
            "member_change_status",
            "10:02",
            ned,
            actor_type="admin",
            participants=[ira],
            details=change("suspended", "active"),
        ),
    ],
)

ed = member("ed")
hit(
    "E05",
    "half of what was taken, the next day",
    burst("file_delete", ed, files(ed, 10), start=at("01:00", "2026-03-11")),
    background=burst("file_download", ed, files(ed, 20), start="22:00"),
    severity="critical",
    crossed=9,
    items=10,
    actor=ed["email"],
    count="10",
)
ed = member("ed")
miss("E05", "nine of nine, other files, and files deleted before they were taken",
     [*burst("file_download", ed, files(ed, 9)), *burst("file_delete", ed, files(ed, 9), start="10:30"),
      *burst("file_delete", ed, files(f"{ed['name']} other", 20), start="11:00"),
      *burst("file_delete", ed, files(f"{ed['name']} third", 20), start="12:00"),
      *burst("file_download", ed, files(f"{ed['name']} third", 20), start="12:30")])  # fmt: skip
ed = member("ed")
miss("E05", "a few of very many", [*burst("file_download", ed, files(ed, 60)),
                                   *burst("file_delete", ed, files(ed, 12), start="10:30")])  # fmt: skip

eve = outsider("eve")
hit("E06", "an outsider copies", [did("shared_content_copy", "10:00", eve, assets=[file("copied")])],
    severity="medium", items=1, actor=eve["email"], item="copied")  # fmt: skip
ed = member("ed")
hit("E06", "a member copies where outsiders are",
    [did("file_save_copy_reference", "10:00", ed, assets=[file("reference")], involves_non_team_member=True)],
    severity="medium", item="reference")  # fmt: skip
ed = member("ed")
miss("E06", "within the team", [did("shared_content_copy", "10:00", ed, assets=[file("kept")]),
                                did("file_get_copy_reference", "10:01", ed, assets=[file("kept")])])  # fmt: skip

hit("E01", "somebody without an account",
    burst("shared_content_download", None, files("taken by nobody", 100), ip_address=address()),
    severity="high", crossed=99, items=100)  # fmt: skip

# F  Data that is lost

fay = member("fay")
hit("F01", "fifty items across the hour", burst("file_delete", fay, files(fay, 60), start="10:50", every=20),
    severity="medium", crossed=49, items=60, actor=fay["email"], count="60")  # fmt: skip
eve = outsider("eve")
hit("F01", "five folders by an outsider",
    burst("file_delete", eve, [file(f"{eve['name']} {n}", kind="folder") for n in range(5)]),
    severity="high", crossed=4, items=5, actor=eve["email"])  # fmt: skip
hit("F01", "somebody without an account", burst("file_delete", None, files("nobody's", 50), ip_address=address()),
    severity="high", crossed=49, items=50)  # fmt: skip
fay = member("fay")
miss(
    "F01",
    "forty-nine, and one of them a hundred times",
    [*burst("file_delete", fay, files(fay, 49)), *burst("file_delete", fay, files(fay, 1) * 100, start="10:10")],
)
fay = member("fay")
miss(
    "F01", "no more than on other days", burst("file_delete", fay, files(fay, 60)), background=busy(fay, "file_delete")
)

fay = member("fay")
hit("F02", "a hundred files", burst("file_edit", fay, files(fay, 100), every=36),
    severity="high", crossed=99, items=100, actor=fay["email"], count="100")  # fmt: skip
fay = member("fay")
miss(
    "F02",
    "one file again and again",
    [*burst("file_edit", fay, files(fay, 1) * 300), *burst("file_edit", fay, files(fay, 99))],
)


def rename(who: Person, old: str, new: str, when: dt.datetime) -> Event:
    assets = [{**file(old), "file_id": f"id:{who['id']} {old}"}, {**file(new), "file_id": f"id:{who['id']} {old}"}]
    return did("file_rename", when, who, assets=assets,
               details={"relocate_action_details": [{"src_asset_index": 0, "dest_asset_index": 1}]})  # fmt: skip


def renames(who: Person, count: int, old: str, new: str) -> list[Event]:
    return [
        rename(who, f"{who['name']} {n}{old}", f"{who['name']} {n}{new}", later(at("10:00"), seconds=n))
        for n in range(count)
    ]


rex = member("rex")
hit("F03", "fifty files get one new extension", renames(rex, 55, ".docx", ".docx.qqqx"),
    severity="critical", crossed=49, items=55, actor=rex["email"], count="55", item="qqqx")  # fmt: skip
rex = member("rex")
hit("F03", "one known extension", renames(rex, 1, ".docx", ".docx.akira"),
    severity="critical", items=1, actor=rex["email"], item="akira")  # fmt: skip
rex = member("rex")
hit("F03", "a note", [did("file_add", "10:00", rex, assets=[file("README_FOR_DECRYPT.txt")])],
    severity="critical", items=1, actor=rex["email"], item="README_FOR_DECRYPT.txt")  # fmt: skip
rex = member("rex")
miss("F03", "names within one extension, forty-nine to another, a recovery, and ordinary names",
     [*renames(rex, 60, ".docx", " final.docx"), *renames(rex, 49, ".jpg", ".webp"),
      *renames(rex, 60, ".docx.akira", ".docx"),
      did("file_add", "11:00", rex, assets=[file("readme.txt"), file("akira.docx")])])  # fmt: skip


def moves(who: Person, count: int, *, kind: str) -> list[Event]:
    made = []
    for number in range(count):
        name = f"{who['name']} {number}"
        assets = [file(name, kind=kind, folder=folder) for folder in ("/Team/From", "/Private/To")]
        made.append(
            did(
                "file_move",
                later(at("10:00"), seconds=number),
                who,
                assets=assets,
                details={"relocate_action_details": [{"src_asset_index": 0, "dest_asset_index": 1}]},
            )
        )
    return made


max_ = member("max")
hit("F04", "a hundred files", moves(max_, 100, kind="file"),
    severity="medium", crossed=99, items=100, actor=max_["email"], count="100")  # fmt: skip
max_ = member("max")
hit("F04", "a hundred folders", moves(max_, 100, kind="folder"), severity="medium", crossed=99, items=100)
max_ = member("max")
miss("F04", "ninety-nine folders, each from somewhere to somewhere", moves(max_, 99, kind="folder"))

pia = member("pia")
hit("F05", "files", [did("file_permanently_delete", "10:00", pia, assets=[file("gone 1")]),
                     did("file_permanently_delete", "10:50", pia, assets=[file("gone 2"), file("gone 3")])],
    severity="high", items=3, actor=pia["email"], item="gone 1")  # fmt: skip
ada, pia = member("ada"), member("pia")
hit("F05", "all that somebody had",
    [did("member_permanently_delete_account_contents", "10:00", ada, actor_type="admin", participants=[pia])],
    severity="high", actor=ada["email"], item=pia["email"])  # fmt: skip
pia = member("pia")
miss("F05", "what can be brought back", [did("file_delete", "10:00", pia, assets=[file("in the bin")])])

policy("F06", "permanent_delete_change_policy", ("enabled", "disabled"), ("disabled", "enabled"), "critical")
policy("F06", "content_deletion_protection_change_policy", ("off", "on_all_files"), ("on_all_files", "off"), "critical")
policy("F06", "rewind_policy_changed", ("admins_only", "everyone"), ("everyone", "admins_only"), "critical")
ada = member("ada")
hit(
    "F06",
    "from more bytes on",
    [
        did(
            "content_deletion_protection_change_policy",
            "10:00",
            ada,
            actor_type="admin",
            details={
                **change("on_above_threshold", "on_above_threshold"),
                "new_threshold_bytes": 2000,
                "previous_threshold_bytes": 1000,
            },
        )
    ],
    severity="critical",
)
ada = member("ada")
miss(
    "F06",
    "from fewer bytes on",
    [
        did(
            "content_deletion_protection_change_policy",
            "10:00",
            ada,
            actor_type="admin",
            details={
                **change("on_above_threshold", "on_above_threshold"),
                "new_threshold_bytes": 900,
                "previous_threshold_bytes": 1000,
            },
        )
    ],
)

fay = member("fay")
hit("F07", "a rewind and a restore",
    [did("rewind_folder", "10:00", fay, assets=[file("Rewound", kind="folder")]),
     did("ransomware_restore_process_started", "10:30", fay, details={"extension": "akira"})],
    severity="medium", actor=fay["email"])  # fmt: skip
fay = member("fay")
miss("F07", "one file restored", [did("file_restore", "10:00", fay, assets=[file("back")])])

ada = member("ada")
hit("F08", "on its way to the archive, then there",
    [did("team_folder_change_status", "10:00", ada, actor_type="admin", assets=[file("Sales", kind="folder")],
         details=change("archive_in_progress", "active")),
     did("team_folder_change_status", "10:20", ada, actor_type="admin", assets=[file("Sales", kind="folder")],
         details=change("archived", "archive_in_progress"))],
    severity="medium", items=1, actor=ada["email"], item="Sales")  # fmt: skip
ada = member("ada")
hit("F08", "downgraded", [undescribed("team_folder_downgrade", "10:00", ada, assets=[file("Old", kind="folder")])],
    severity="medium", item="Old")  # fmt: skip
ada = member("ada")
miss("F08", "brought back, or nobody knows",
     [did("team_folder_change_status", "10:00", ada, actor_type="admin", assets=[file("Back", kind="folder")],
          details=change("active", "archived")),
      undescribed("team_folder_change_status", "10:01", ada, assets=[file("Back", kind="folder")])])  # fmt: skip

ada = member("ada")
hit("F09", "scheduled, then deleted, are two",
    [did("team_encryption_key_schedule_key_deletion", "10:00", ada, actor_type="admin"),
     undescribed("team_encryption_key_delete_key", "10:10", ada, actor_type="admin")],
    severity="critical", alerts=2)  # fmt: skip
ada = member("ada")
hit("F09", "switched off", [did("team_encryption_key_disable_key", "10:00", ada, actor_type="admin")],
    severity="critical", actor=ada["email"])  # fmt: skip
ada = member("ada")
miss("F09", "made, rotated, and its deletion called off",
     [did("team_encryption_key_create_key", "10:00", ada, actor_type="admin"),
      did("team_encryption_key_rotate_key", "10:01", ada, actor_type="admin"),
      did("team_encryption_key_cancel_key_deletion", "10:02", ada, actor_type="admin")])  # fmt: skip

ula = member("ula")
hit("F10", "twenty items by three ways",
    [*burst("shared_content_remove_member", ula, files(f"{ula['name']} a", 8), every=60),
     *burst("shared_content_unshare", ula, files(f"{ula['name']} b", 6), start="10:20", every=60),
     *burst("shared_link_disable", ula, files(f"{ula['name']} c", 6), start="10:40", every=60)],
    severity="medium", crossed=19, items=20, actor=ula["email"], count="20")  # fmt: skip
ula = member("ula")
hit("F10", "twenty people taken off one folder",
    [did("shared_content_remove_member", later(at("10:00"), minutes=number), ula,
         assets=[file("ula's deal", kind="folder")], participants=[outsider("una")]) for number in range(20)],
    severity="medium", crossed=19, items=20, actor=ula["email"], count="20")  # fmt: skip
ula = member("ula")
miss("F10", "one folder again and again",
     burst("shared_content_remove_member", ula, [file("ula's project", kind="folder")] * 50))  # fmt: skip


def leaving(
    by: Person | None, who: list[Person], new: str, previous: str | None = "active", **more: Any
) -> list[Event]:
    return [
        did(
            "member_change_status",
            later(at("10:00"), minutes=number),
            by,
            participants=[one],
            details=change(new, previous),
            **more,
        )
        for number, one in enumerate(who)
    ]


ada = member("ada")
hit("F11", "five people", leaving(ada, [member("out") for _ in range(5)], "removed", actor_type="admin"),
    severity="high", crossed=4, items=5, actor=ada["email"], count="5")  # fmt: skip
hit("F11", "by the directory's synchronisation",
    leaving(None, [member("out") for _ in range(5)], "suspended", None, actor_type="app"),
    severity="high", crossed=4, items=5)  # fmt: skip
ada = member("ada")
miss("F11", "invitations withdrawn, four people suspended and then removed, and people taken back",
     [*leaving(ada, [member("never") for _ in range(6)], "removed", "invited", actor_type="admin"),
      *leaving(ada, (four := [member("four") for _ in range(4)]), "suspended", actor_type="admin"),
      *leaving(ada, four, "removed", "suspended", actor_type="admin"),
      *leaving(ada, [member("again") for _ in range(6)], "active", "suspended", actor_type="admin")])  # fmt: skip

hit("F11", "taken along to another team, without a previous status",
    leaving(member("ada"), [member("moved") for _ in range(5)], "moved_to_another_team", None),
    severity="high", crossed=4, items=5)  # fmt: skip

# G  Apps and AI


def app(name: str, app_id: str | None = None) -> dict[str, Any]:
    info = {".tag": "user_or_team_linked_app", "app_id": app_id, "display_name": name}
    return {"app_info": {key: value for key, value in info.items() if value}}


LISTED_APP = "dbaid:listed"
ada = member("ada")
hit("G01", "of an unknown publisher",
    [did("app_link_team", "10:00", ada, actor_type="admin", details=app("Grabber", "dbaid:grabber"))],
    severity="high", items=1, actor=ada["email"], item="Grabber")  # fmt: skip
ada = member("ada")
hit("G01", "of a publisher whom the directory names",
    [did("app_link_team", "10:00", ada, actor_type="admin", details=app("Slack", LISTED_APP))],
    severity="medium", item="Slack")  # fmt: skip
ada = member("ada")
hit("G01", "trusted by name", [did("app_link_team", "10:00", ada, actor_type="admin", details=app("calendar sync"))],
    severity="medium", item="calendar sync")  # fmt: skip
ada = member("ada")
miss(
    "G01",
    "by one person, and unlinked",
    [
        did("app_link_user", "10:00", ada, details=app("Slack", LISTED_APP)),
        did("app_unlink_team", "10:01", ada, details=app("Slack", LISTED_APP)),
    ],
)

gil = member("gil")
hit("G02", "never seen before", [did("app_link_user", "10:00", gil, details=app("Shadow", "dbaid:shadow"))],
    severity="medium", actor=gil["email"], item="Shadow")  # fmt: skip
gil = member("gil")
hit("G02", "an integration", [did("integration_connected", "10:00", gil, details={"integration_name": "Zapper"})],
    severity="medium", actor=gil["email"], item="Zapper")  # fmt: skip
gil, ina = member("gil"), member("ina")
miss(
    "G02",
    "somebody else had it a year ago, in other letters, or nobody knows what",
    [
        did("app_link_user", "10:00", gil, details=app("Old Friend", "dbaid:old")),
        did("integration_connected", "10:01", gil, details={"integration_name": "TRELLO"}),
        undescribed("app_link_user", "10:02", gil),
    ],
    background=[
        did("app_link_user", day_before(200), ina, details=app("Old Friend", "dbaid:old")),
        did("integration_connected", day_before(100), ina, details={"integration_name": "Trello"}),
    ],
)

policy("G03", "app_permissions_changed", ("allow", "block"), ("block", "allow"), "high")
policy("G03", "integration_policy_changed", ("enabled", "disabled"), ("disabled", "enabled"), "high")

gil = member("gil")
hit(
    "G04",
    "five times a day",
    repeated("app_blocked_by_permissions", gil, 5, every=17_000, details=app("No", "dbaid:no")),
    severity="low",
    crossed=4,
    items=5,
    actor=gil["email"],
    count="5",
)
gil = member("gil")
miss("G04", "four times, and the fifth a day later",
     [*repeated("app_blocked_by_permissions", gil, 4, every=60),
      did("app_blocked_by_permissions", at("10:03:01", "2026-03-11"), gil)])  # fmt: skip

policy(
    "G05",
    "ai_third_party_sharing_dropbox_base_policy_changed",
    ("enabled", "admins_only"),
    ("disabled", "enabled"),
    "medium",
)
policy("G05", "dash_external_sharing_policy_changed", ("default", "disabled"), ("disabled", "default"), "medium")
ada = member("ada")
hit("G05", "a connector for everybody",
    [did("dash_admin_added_org_wide_connector", "10:00", ada, actor_type="admin",
         details={"connector_name": "Mail", "connector_status": tag("success")})],
    severity="medium", actor=ada["email"])  # fmt: skip
gil = member("gil")
hit("G05", "two hundred calls across the hour",
    repeated("dash_connector_tools_call", gil, 210, start="10:40", every=15, details={"connector_name": "Mail"}),
    severity="medium", crossed=199, items=210, actor=gil["email"])  # fmt: skip
ada, gil = member("ada"), member("gil")
miss("G05", "a connector that failed, and a few calls",
     [did("dash_admin_added_org_wide_connector", "10:00", ada, actor_type="admin",
          details={"connector_name": "Mail", "connector_status": tag("fail")}),
      *repeated("dash_connector_tools_call", gil, 199, details={"connector_name": "Mail"})])  # fmt: skip

# H  Legal holds, retention, reports and Dropbox's own alerts

lex = member("lex")
hit(
    "H01",
    "released, and people taken off",
    [
        did(
            "legal_holds_remove_members",
            "10:00",
            lex,
            actor_type="admin",
            details={"legal_hold_id": "1", "name": "Case 7"},
        ),
        did(
            "legal_holds_release_a_hold",
            "10:30",
            lex,
            actor_type="admin",
            details={"legal_hold_id": "1", "name": "Case 7"},
        ),
    ],
    severity="high",
    actor=lex["email"],
    item="Case 7",
)
lex = member("lex")
miss(
    "H01",
    "a hold made, and people put on it",
    [
        did("legal_holds_activate_a_hold", "10:00", lex, actor_type="admin", details={"name": "Case 8"}),
        did("legal_holds_add_members", "10:01", lex, actor_type="admin", details={"name": "Case 8"}),
    ],
)

lex = member("lex")
hit(
    "H02",
    "exported and downloaded",
    [
        did(
            "legal_holds_export_a_hold",
            "10:00",
            lex,
            actor_type="admin",
            details={"name": "Case 9", "export_name": "all"},
        ),
        did("legal_holds_export_downloaded", "10:20", lex, actor_type="admin", details={"name": "Case 9", "part": "1"}),
    ],
    severity="high",
    actor=lex["email"],
    item="Case 9",
)
lex = member("lex")
miss(
    "H02",
    "an export removed",
    [did("legal_holds_export_removed", "10:00", lex, actor_type="admin", details={"name": "Case 9"})],
)

lex = member("lex")
hit("H03", "a shorter time",
    [did("governance_policy_edit_duration", "10:00", lex, actor_type="admin",
         details={"name": "Seven years", "new_value": {"unit": tag("months"), "amount": 83},
                  "previous_value": {"unit": tag("years"), "amount": 7}})],
    severity="high", actor=lex["email"], item="Seven years")  # fmt: skip
hit("H03", "content disposed of by Dropbox",
    [did("governance_policy_content_disposed", "10:00", None, actor_type="dropbox",
         details={"name": "One year", "disposition_type": tag("automatic_permanently_delete")})],
    severity="high", item="One year")  # fmt: skip
lex = member("lex")
miss(
    "H03",
    "a longer time, in another unit, and one that nobody can compare",
    [
        did(
            "governance_policy_edit_duration",
            "10:00",
            lex,
            actor_type="admin",
            details={
                "name": "A",
                "new_value": {"unit": tag("years"), "amount": 1},
                "previous_value": {"unit": tag("days"), "amount": 300},
            },
        ),
        undescribed("governance_policy_edit_duration", "10:01", lex, actor_type="admin"),
        did("governance_policy_add_folders", "10:02", lex, actor_type="admin", details={"name": "A"}),
    ],
)

ada = member("ada")
hit("H04", "by an admin who never did",
    [did("export_members_report", "11:00", ada, actor_type="admin")], background=habit(ada, range(1, 20)),
    severity="low", actor=ada["email"])  # fmt: skip
ada = member("ada")
miss("H04", "by one who does every month",
     [did("export_members_report", "11:00", ada, actor_type="admin")],
     background=habit(ada, range(30, 100, 30), kind="export_members_report"))  # fmt: skip


def alerting(name: str, new: dict[str, Any], previous: dict[str, Any] | None) -> dict[str, Any]:
    return {"alert_name": name, "new_alert_config": new, "previous_alert_config": previous or {}}


ON = {
    "alert_state": tag("on"),
    "sensitivity_level": tag("high"),
    "recipients_settings": {"recipient_setting_type": tag("custom_list"), "emails": ["soc@acme.example"]},
}
for what, new in (
    ("switched off", {**ON, "alert_state": tag("off")}),
    ("less sensitive", {**ON, "sensitivity_level": tag("lowest")}),
    ("sent to nobody", {**ON, "recipients_settings": {"recipient_setting_type": tag("none")}}),
    (
        "its recipients cleared",
        {**ON, "recipients_settings": {"recipient_setting_type": tag("custom_list"), "emails": []}},
    ),
):
    ada = member("ada")
    hit("H05", what,
        [did("admin_alerting_changed_alert_config", "10:00", ada, actor_type="admin",
             details=alerting("Mass deletion", new, ON))],
        severity="critical", actor=ada["email"], item="Mass deletion")  # fmt: skip
ada = member("ada")
miss("H05", "switched on, more sensitive, another recipient, an unheard-of level",
     [did("admin_alerting_changed_alert_config", "10:00", ada, actor_type="admin",
          details=alerting("A", ON, {**ON, "alert_state": tag("off")})),
      did("admin_alerting_changed_alert_config", "10:01", ada, actor_type="admin",
          details=alerting("B", {**ON, "sensitivity_level": tag("highest")}, ON)),
      did("admin_alerting_changed_alert_config", "10:02", ada, actor_type="admin",
          details=alerting("C", {**ON, "recipients_settings": {"recipient_setting_type": tag("custom_list"),
                                                               "emails": ["new@acme.example"]}}, ON)),
      did("admin_alerting_changed_alert_config", "10:03", ada, actor_type="admin",
          details=alerting("D", {**ON, "sensitivity_level": tag("dim")}, ON)),
      undescribed("admin_alerting_changed_alert_config", "10:04", ada, actor_type="admin")])  # fmt: skip

for category, level, severity in (
    ("malware_sharing", "high", "high"), ("account_takeover", "medium", "medium"), ("threat_management", "low", "low"),
    ("massive_file_operation", "info", "info"), ("quantum_decryption", "na", "medium"), (None, None, "medium"),
):  # fmt: skip
    hit("H06", f"{category} of {level}", [dropbox_alert(category, level)], severity=severity, item="Alert by Dropbox")
ada = member("ada")
miss(
    "H06",
    "sensitive content, which another rule shows, and the handling of an alert",
    [
        dropbox_alert("data_loss_protection", "high"),
        did("admin_alerting_alert_state_changed", "10:00", ada, actor_type="admin"),
    ],
)

ada = member("ada")
hit("H07", "a deletion and an export",
    [did("protect_action_delete", "10:00", ada, actor_type="admin", details={"action_id": "1"}),
     did("protect_action_export", "10:30", ada, actor_type="admin", details={"action_id": "2"})],
    severity="medium", actor=ada["email"])  # fmt: skip
ada = member("ada")
miss(
    "H07",
    "a policy switched on",
    [did("protect_policy_activated", "10:00", ada, actor_type="admin", details={"policy_id": "1"})],
)

ada = member("ada")
hit("H08", "a setting that no rule names",
    [did("camera_uploads_policy_changed", "10:00", ada, actor_type="admin", details=change("enabled", "disabled"))],
    severity="low", actor=ada["email"], new="enabled")  # fmt: skip
ada = member("ada")
hit("H08", "a setting that nobody has heard of",
    [did("teleport_policy_changed", "10:00", ada, actor_type="admin",
         details=change("on_for_all", "off"))],
    severity="low", actor=ada["email"], new="on for all")  # fmt: skip
ada = member("ada")
hit("H08", "a setting of which the rule that names it can make nothing",
    [did("sso_change_policy", "10:00", ada, actor_type="admin", details=change("quantum", "required"))],
    severity="low", actor=ada["email"], new="quantum")  # fmt: skip
ada = member("ada")
miss(
    "H08",
    "a setting that another rule names",
    [
        did(
            "tfa_change_policy",
            "10:00",
            ada,
            actor_type="admin",
            details=change("require_tfa_disable", "require_tfa_enable"),
        ),
        did(
            "member_change_status",
            "10:01",
            ada,
            actor_type="admin",
            participants=[ada],
            details=change("active", "suspended"),
        ),
    ],
)

# I  The collector: only what is read off events; the rest is in the test

nia = member("nia")
hit(
    "I03",
    "a type that nobody has heard of",
    [did("hologram_shared", "10:00", nia), did("hologram_shared", "23:30", nia)],
    severity="info",
    event_type="hologram shared",
)
nia = member("nia")
hit("I03", "a category that nobody has heard of",
    [did("file_delete", "10:00", nia, assets=[file("new order")], event_category="dimensions")],
    severity="info", event_type="file delete")  # fmt: skip
nia = member("nia")
miss(
    "I03",
    "known ones, without details or with an unheard-of tag",
    [
        undescribed("file_add", "10:00", nia),
        did("login_fail", "10:01", nia, details={"login_method": tag("telepathy")}),
    ],
)
