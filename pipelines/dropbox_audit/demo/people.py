"""Who is in the simulated team, and who is not."""

from __future__ import annotations

import hashlib
import random
import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

DOMAINS = ("larkfield.example", "labs.larkfield.example")
"""The team's own verified domains."""

TEAM_NAME = "Larkfield"

DEPARTMENTS = ("Sales", "Engineering", "Marketing", "Finance", "Design", "Operations", "Legal", "People")

_SHARES = (26, 30, 14, 10, 12, 14, 6, 8)

_GIVEN_TEXT = """
Mia Noah Emma Liam Zoë Elias Aoife Jürgen Søren Chloé Tomás Anaïs Łukasz Öykü Nadia Ravi Priya Kofi Amara Yuki Hana
Wei Mei Omar Leila Ivan Olga Mateo Lucía Bruno Inês Freya Oskar Greta Niamh Declan Ailbhe Marta Piotr Ewa Sara Ahmed
Fatima Joon Minseo Arjun Divya Tariq Zainab Hugo Camille Felix Clara Jonas Lena Maya Theo Isla Owen Ruth
"""
_GIVEN = _GIVEN_TEXT.split()

_SURNAMES_TEXT = """
Byrne O'Neill Schäfer Vogel Nguyễn García-López Núñez Kowalski Wójcik Jensen Håkansson Dubois Lefèvre Rossi Conti
Silva Carvalho Novák Horváth Popescu Petrov Y\u0131lmaz Haddad Nasser Okafor Mensah Banerjee Iyer Sharma Tanaka Sato Kim
Park Chen Zhang Müller Weiß Brandt Keller Fischer Whitaker Holloway Prescott Ellison Marlow Thorne Ashby Larsen
Virtanen Mäkinen Bauer Gruber Moreau Girard Bellamy Quinn Doyle Walsh Keane Vance
"""
_SURNAMES = _SURNAMES_TEXT.split()


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody works. ``offset`` is the local time's distance from UTC in hours."""

    city: str
    region: str
    country: str
    network: str
    offset: int


OFFICES = (
    Place("Dublin", "Leinster", "IE", "203.0.113.", 0),
    Place("Berlin", "Land Berlin", "DE", "198.51.100.", 1),
    Place("Austin", "Texas", "US", "192.0.2.", -6),
    Place("Cork", "Munster", "IE", "2001:db8:51:7::", 0),
)

ABROAD = Place("São Paulo", "São Paulo", "BR", "2001:db8:ffff:b2::", -3)
"""Where nobody of the team works."""


@dataclass(slots=True)
class Person:
    """A team member.

    Attributes:
        role: the tag of ``AdminRole``, ``member_only`` for most.
        status: as it is at the end: ``active``, ``invited``, ``suspended`` or ``removed``.
        is_idle: a seat that nobody uses: no event of theirs in the log.
        address: of the usual network.
        sessions: session ids by kind: ``web``, ``desktop``, ``mobile``.
        joined_on: None for somebody who was only invited.
    """

    given: str
    surname: str
    email: str
    account_id: str
    member_id: str
    department: str
    place: Place
    address: str
    joined_on: datetime | None
    role: str = "member_only"
    status: str = "active"
    is_idle: bool = False
    external_id: str | None = None
    invited_on: datetime | None = None
    suspended_on: datetime | None = None
    removed_on: datetime | None = None
    sessions: dict[str, str] = field(default_factory=dict)
    blank_name: bool = False

    @property
    def display_name(self) -> str:
        """As Dropbox shows it; empty for a few, as it happens."""
        return "" if self.blank_name else f"{self.given} {self.surname}"

    @property
    def is_admin(self) -> bool:
        """Whether the admin console is open to them."""
        return self.role != "member_only"

    def as_user(self) -> dict[str, Any]:
        """The person as an event's ``UserLogInfo``."""
        user: dict[str, Any] = {
            ".tag": "team_member",
            "account_id": self.account_id,
            "display_name": self.display_name,
            "email": self.email,
            "team_member_id": self.member_id,
        }
        return user | {"member_external_id": self.external_id} if self.external_id else user


@dataclass(frozen=True, slots=True)
class Outsider:
    """Somebody who is not in the team. Without an account id, Dropbox does not know them."""

    display_name: str
    email: str
    account_id: str | None
    place: Place
    address: str

    def as_user(self) -> dict[str, Any]:
        """The person as an event's ``UserLogInfo``."""
        user: dict[str, Any] = {".tag": "non_team_member", "display_name": self.display_name, "email": self.email}
        return user | {"account_id": self.account_id} if self.account_id else user


def make_people(rng: random.Random, count: int, since: datetime) -> list[Person]:
    """``count`` members, of whom a third is idle, six have an admin role, and one joins on the third day.

    Args:
        rng: decides everything.
        count: how many.
        since: when the simulated time begins; most joined before.
    """
    departments = rng.choices(DEPARTMENTS, weights=_SHARES, k=count)
    people = [_person(rng, number, departments[number], since) for number in range(count)]
    roles = ("team_admin", "team_admin", "user_management_admin", "support_admin", "billing_admin", "security_admin")
    for person, role in zip(people, roles, strict=False):
        person.role = role
        person.department = "Operations"
    for person in people[-(count // 3) :]:
        person.is_idle = True
    for person in people[-3:]:
        person.status, person.invited_on, person.joined_on = "invited", since - timedelta(days=20), None
    for person in people[-6:-3]:
        person.status, person.suspended_on = "suspended", since - timedelta(days=rng.randrange(10, 90))
    for person in people[8:10]:
        person.blank_name = True
    people[10].joined_on = since + timedelta(days=2, hours=10)
    return people


def make_outsiders(rng: random.Random) -> list[Outsider]:
    """A handful of partners, one freelancer, and one whom Dropbox does not know."""
    names: Sequence[tuple[str, str]] = (
        ("Petra Lindqvist", "petra@northgate-partners.example"),
        ("Samuel Adeyemi", "s.adeyemi@northgate-partners.example"),
        ("Claire Fontaine", "claire.fontaine@atelier-fontaine.example"),
        ("Ken 田中", "ken.tanaka@kestrel-legal.example"),
        ("Rita 🌻 Costa", "rita@costa-freelance.example"),
    )
    known = [
        Outsider(name, email, account_id(rng), rng.choice(OFFICES), f"198.51.100.{200 + index}")
        for index, (name, email) in enumerate(names)
    ]
    # A hyphen cannot be part of a Gmail address, so this is nobody's.
    unknown = Outsider("Drew Calder", "drew-calder-contracts@gmail.com", None, ABROAD, "198.51.100.250")
    return [*known, unknown]


def account_id(rng: random.Random) -> str:
    """``dbid:`` and 35 more: exactly 40 characters."""
    return "dbid:AA" + token(rng, 33)


def member_id(rng: random.Random) -> str:
    """``dbmid:`` and 35 more."""
    return "dbmid:AA" + token(rng, 33)


def group_id(name: str) -> str:
    """``g:`` and 32 hex digits, always the same for a name."""
    return f"g:{hashlib.blake2b(name.encode(), digest_size=16).hexdigest()}"


def session_id(rng: random.Random, kind: str) -> str:
    """``dbwsid:``, ``dbdsid:`` or ``dbmsid:`` and 39 digits."""
    return f"db{kind[0]}sid:{rng.randrange(10**38, 10**39)}"


def token(rng: random.Random, length: int) -> str:
    """Characters as in Dropbox's ids."""
    return "".join(rng.choices(string.ascii_letters + string.digits + "-_", k=length))


def address(rng: random.Random, place: Place) -> str:
    """An address of a place's network; IPv6 where its network is."""
    host = f"{rng.randrange(0x1000, 0xFFFF):x}" if ":" in place.network else f"{rng.randrange(2, 190)}"
    return place.network + host


def _person(rng: random.Random, number: int, department: str, since: datetime) -> Person:
    given, surname = rng.choice(_GIVEN), rng.choice(_SURNAMES)
    domain = DOMAINS[1] if department == "Engineering" and rng.random() < 0.5 else DOMAINS[0]
    place = rng.choices(OFFICES, weights=(5, 3, 3, 2))[0]
    joined = (since - timedelta(days=rng.randrange(5, 2400), hours=rng.randrange(24))).astimezone(UTC)
    return Person(
        given,
        surname,
        f"{_ascii(given)}.{_ascii(surname)}{number:03d}@{domain}".lower(),
        account_id(rng),
        member_id(rng),
        department,
        place,
        address(rng, place),
        joined,
        external_id=f"ADSYNC S-1-5-21-{1000 + number}" if rng.random() < 0.5 else None,
        sessions={kind: session_id(rng, kind) for kind in ("web", "desktop", "mobile")},
    )


_ASCII = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "\u0131": "i"})


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.translate(_ASCII))
    return "".join(c for c in plain if c.isascii() and (c.isalnum() or c == "-"))
