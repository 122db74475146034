"""A made-up team's log on disk: a file of JSON lines, and beside it an index of where each line ends and when it was.

Events are about 1.2 KB each and shaped like Dropbox's: several types, each with the details of its own type only, 400
people, a file of its own for each event. They are put together as text, because two million of them are needed.
"""

import random
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

PEOPLE = 400
FILE_MARK = "AAAA"
"""How every file id ends, so that copies of an event can be told apart by other ends."""
_GUESTS = 60
_EVENTS_PER_WRITE = 5_000


@dataclass(frozen=True)
class Kind:
    """An event type: how often it happens, and what such events hold."""

    weight: int
    category: str
    name: str
    description: str
    details: str = ""
    """The fields of `details` after its tag, as JSON."""
    has_asset: bool = True
    has_guest: bool = False
    """Whether it names a person outside the team as participant."""
    is_by_admin: bool = False


def _change(new: str, previous: str) -> str:
    return f',"new_value":{{".tag":"{new}"}},"previous_value":{{".tag":"{previous}"}}'


_VIEWER = ',"shared_content_access_level":{".tag":"viewer"}'
_LINK = ',"shared_link_access_level":{".tag":"viewer"}'
_PASSWORD = ',"login_method":{".tag":"password"},"is_emm_managed":false'
_WRONG = ',"error_details":{"user_friendly_message":"The password was wrong."}' + _PASSWORD
_PUBLIC = _change("public", "team_only") + ',"is_consolidation_action":false'
_ROLE = _change("user_management_admin", "member_only")
_POLICY = _change("only_members", "default_public")

KINDS = [
    Kind(25, "file_operations", "file_edit", "Edited files"),
    Kind(20, "file_operations", "file_add", "Added files and/or folders"),
    Kind(15, "file_operations", "file_download", "Downloaded files and/or folders"),
    Kind(10, "file_operations", "file_preview", "Previewed files and/or folders"),
    Kind(7, "file_operations", "file_delete", "Deleted files and/or folders"),
    Kind(1, "file_operations", "file_permanently_delete", "Permanently deleted files and/or folders"),
    Kind(8, "logins", "login_success", "Signed in", _PASSWORD, has_asset=False),
    Kind(1, "logins", "login_fail", "Failed to sign in", _WRONG, has_asset=False),
    Kind(6, "sharing", "shared_content_add_member", "Added users to shared file/folder", _VIEWER, has_guest=True),
    Kind(3, "sharing", "shared_link_create", "Created shared link", _LINK),
    Kind(2, "sharing", "shared_link_change_visibility", "Changed visibility of shared link", _PUBLIC),
    Kind(1, "members", "member_change_admin_role", "Changed admin role", _ROLE, has_asset=False, is_by_admin=True),
    Kind(1, "team_policies", "sharing_change_link_policy", "Changed link policy", _POLICY, False, is_by_admin=True),
]


def _person(number: int, domain: str, kind: str) -> str:
    return (
        f'{{".tag":"{kind}","account_id":"dbid:AAH{number:032d}","display_name":"Person Number {number}",'
        f'"email":"person.{number}@{domain}","team_member_id":"dbmid:AAH{number:032d}"}}'
    )


def _origin(person: int) -> str:
    return (
        '{"geo_location":{"city":"San Francisco","region":"California","country":"US",'
        f'"ip_address":"198.51.100.{person % 250}"}},"access_method":{{".tag":"end_user",'
        f'"end_user":{{".tag":"web","session_id":"dbwsid:{person:039d}"}}}}}}'
    )


def _asset(person: int, number: int) -> str:
    name = f"report-{number}.docx"
    path = f"/Department {person % 12}/Project {number % 997}/{name}"
    return (
        f'{{".tag":"file","path":{{"contextual":"{path}","namespace_relative":{{"ns_id":"{person}",'
        f'"relative_path":"{path}","is_shared_namespace":false}}}},"display_name":"{name}",'
        f'"file_id":"id:{number:018d}{FILE_MARK}","file_size":{number}}}'
    )


_USERS = [_person(n, "example.com", "team_member") for n in range(PEOPLE)]
_GUEST_USERS = [_person(PEOPLE + n, f"partner{n % 9}.example", "non_team_member") for n in range(_GUESTS)]
_ORIGINS = [_origin(n) for n in range(PEOPLE)]
_DRAWN_KINDS = [kind for kind in KINDS for _ in range(kind.weight)]


def event_line(number: int, moment: int, chance: random.Random) -> bytes:
    """The n-th event of a log as a line of JSON, its timestamp first; `moment` in seconds of the epoch."""
    # One draw for all that is left to chance: several would cost as much as the rest.
    drawn = chance.getrandbits(60)
    person = drawn % PEOPLE
    kind = _DRAWN_KINDS[(drawn >> 20) % len(_DRAWN_KINDS)]
    user, actor = _USERS[person], "admin" if kind.is_by_admin else "user"
    guest = f'{{".tag":"user","user":{_GUEST_USERS[(drawn >> 40) % _GUESTS]}}}' if kind.has_guest else ""
    return (
        f'{{"timestamp":"{stamp(moment)}","event_category":{{".tag":"{kind.category}"}},'
        f'"actor":{{".tag":"{actor}","{actor}":{user}}},"origin":{_ORIGINS[person]},'
        f'"involve_non_team_member":{"true" if guest else "false"},"context":{user},"participants":[{guest}],'
        f'"assets":[{_asset(person, number) if kind.has_asset else ""}],'
        f'"event_type":{{".tag":"{kind.name}","description":"{kind.description}"}},'
        f'"details":{{".tag":"{kind.name}_details"{kind.details}}}}}\n'
    ).encode()


def stamp(moment: int) -> str:
    """Seconds of the epoch as Dropbox writes times."""
    day, second = divmod(moment, 86_400)
    return f"{_day(day)}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


@lru_cache(maxsize=16)
def _day(day: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(day * 86_400))


def evenly(count: int, a_day: float, end: int) -> Iterator[int]:
    """The moments of `count` events, so many a day, the last of which is just before `end`."""
    return (end - 1 - round((count - 1 - n) * 86_400 / a_day) for n in range(count))


def append(path: Path, moments: Iterable[int]) -> None:
    """Write events at these moments, in order, behind what the log holds."""
    index_path = _index(path)
    number = index_path.stat().st_size // 16 if index_path.exists() else 0
    chance = random.Random(number)
    with path.open("ab") as lines, index_path.open("ab") as index:
        end = lines.tell()
        block, entries = [], array("q")

        def write() -> None:
            # The index last: what it names is there.
            lines.write(b"".join(block))
            lines.flush()
            index.write(entries.tobytes())
            index.flush()

        for moment in moments:
            line = event_line(number, moment, chance)
            number, end = number + 1, end + len(line)
            block.append(line)
            entries.extend((end, moment))
            if len(block) == _EVENTS_PER_WRITE:
                write()
                block, entries = [], array("q")
        write()


def _index(path: Path) -> Path:
    return path.with_suffix(".index")


class Log:
    """A log on disk, for reading; it sees what is appended."""

    def __init__(self, path: Path) -> None:
        self._lines = path.open("rb", buffering=0)
        self._index = _index(path).open("rb")
        self._ends = array("q", [0])
        self._moments = array("q")

    def __len__(self) -> int:
        entries = array("q", self._index.read())
        self._ends.extend(entries[::2])
        self._moments.extend(entries[1::2])
        return len(self._moments)

    @property
    def last_moment(self) -> int:
        """When the newest event was."""
        return self._moments[len(self) - 1]

    def place(self, time: str) -> int:
        """The first event at or after a time as it stands in a request."""
        return bisect_left(self._moments, int(datetime.fromisoformat(time).timestamp()), 0, len(self))

    def items(self, start: int, stop: int) -> bytes:
        """Some events as the inside of a JSON list."""
        begin = self._ends[start]
        self._lines.seek(begin)
        return self._lines.read(self._ends[stop] - begin)[:-1].replace(b"\n", b",")
