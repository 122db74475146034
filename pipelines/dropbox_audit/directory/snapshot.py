"""When the directory is read, and what of it is loaded. Costs a quiet poll nothing: no import, no request."""

import contextlib
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

from dropbox_audit import cursor, local
from dropbox_audit.csvfile import CsvFile
from dropbox_audit.directory.rows import RESOURCES, SHARED_LINKS, SNAPSHOTS, Resource, Row, fingerprint, table_of
from dropbox_audit.errors import ConfigurationError, DropboxAuditError, MissingScopeError, RunError, Stopped
from dropbox_audit.load import Loader, RunRecord
from dropbox_audit.load.packages import WarehouseMovedError
from dropbox_audit.settings import first_line
from dropbox_audit.source import EMPTY_ONCE
from dropbox_audit.wording import one_line

if TYPE_CHECKING:
    from dropbox_audit.directory.listing import Listing

_RETRY_AFTER = timedelta(hours=1)
"""After trouble with Dropbox, which is over sooner than the next snapshot is due."""
_GIVE_UP_AFTER = "2m"
"""The log waits meanwhile, and the directory can be read later."""
_MEMBERS_PER_PACKAGE = 200
_HANGS_ON = {"group_members": "groups", "member_quotas": "members"}
_MOST_REFUSALS = 3
"""So many members in a row whose links are refused mean that all will be."""


def keep_up(loader: Loader, run: RunRecord, files: Mapping[str, CsvFile]) -> None:
    """Take a snapshot if one is due, read on in the shared links, load files that have changed; as a part of `run`.

    Args:
        loader: whose log has just been read.
        run: counts the requests.
        files: the team's own, by their raw tables; without one, what is in the warehouse stays as it is.

    Raises:
        Stopped: while reading; what was not loaded yet is read again.
        RunError: the warehouse cannot be loaded. Trouble with Dropbox is told, noted and no failure.
    """
    facts = cursor.directory_facts(loader.pipeline)
    now = loader.clock.now()
    changed = {name: file for name, file in files.items() if file.digest != facts.get(name)}
    is_due = _is_due(loader, facts, now)
    has_links = loader.settings.shared_links and bool(facts.get("links"))
    has_tables = EMPTY_ONCE.keys() <= loader.pipeline.default_schema.tables.keys()
    if not (is_due or has_links or changed) and has_tables:
        return
    with contextlib.suppress(WarehouseMovedError):
        _Update(loader, run, now, facts).make(is_due=is_due, files=changed)
        return
    # Another machine was faster, or a backup was put back: its state says when the next snapshot is due.
    loader.notice("The warehouse is not as the last run left it: the directory is read when it is due again")
    loader.restore()


def _is_due(loader: Loader, facts: Mapping[str, Any], now: datetime) -> bool:
    every, taken_at = loader.settings.directory_interval(), cursor.parse(facts.get("taken_at"))
    if every is None or taken_at is None:
        return every is not None
    return now - taken_at >= (min(every, _RETRY_AFTER) if facts.get("is_cut_short") else every)


@dataclass
class _Update:
    """One time of keeping up. `facts` travel with each package; `known` is what this machine knows of the records."""

    loader: Loader
    run: RunRecord
    now: datetime
    facts: dict[str, Any]
    tables: dict[str, list[pa.Table]] = field(default_factory=lambda: defaultdict(list))
    notes: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path: Path = self.loader.folder / "directory.json"
        self.known: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            kept = orjson.loads(self.path.read_bytes())
            # Not what the warehouse's last snapshot left behind: another machine's, or a backup's.
            self.known = kept if kept["base"] == self.facts.get("base") else {}
        self.snapshot_id = f"{self.now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        self.taken_at = self.now

    def make(self, *, is_due: bool, files: Mapping[str, CsvFile]) -> None:
        for name, file in files.items():
            self.tables[name].append(file.table(self.snapshot_id, self.taken_at))
            self.note(name, is_full=True, record_count=len(file.rows), changed_count=len(file.rows))
            self.facts[name] = file.digest
        listing = self._listing() if is_due or (self.loader.settings.shared_links and self.facts.get("links")) else None
        if listing is not None and is_due:
            self._read_lists(listing)
        if self.notes or listing is None:
            # Without either, only to make the tables that an earlier version's warehouse lacks.
            self.commit()
        if listing is not None and self.loader.settings.shared_links and self.facts.get("links"):
            self._read_links(listing)

    def _listing(self) -> "Listing":
        # The dropbox package takes long to import, and much memory.
        from dropbox_audit.directory.listing import Listing

        listing = Listing(self.loader.client(give_up_after=_GIVE_UP_AFTER))
        self.run.count_requests(listing)
        return listing

    # -- the lists ----------------------------------------------------------------------------------------------

    def _read_lists(self, listing: "Listing") -> None:
        self.facts |= {"taken_at": self.now.isoformat(), "is_cut_short": False, "links": None}
        self.run.result.directory = {}
        found: dict[str, dict[str, Row]] = {}
        missing: dict[str, list[str]] = defaultdict(list)
        trouble: DropboxAuditError | None = None
        for resource in RESOURCES:
            reason = self._hindrance(resource, found, missing, trouble)
            if reason is not None:
                self._skip(resource, reason)
                continue
            try:
                found[resource.name] = resource.from_records(_records(listing, resource.name, found))
            except Stopped:
                raise
            except MissingScopeError as error:
                scope = error.scope or resource.scopes[0]
                missing[scope].append(resource.what)
                self._skip(resource, f"the scope {scope} is missing")
            except ConfigurationError as error:
                self.loader.notice(f"Warning: the directory's {resource.what} are left out this time: {error}")
                self._skip(resource, str(error))
            except RunError as error:
                trouble = error
                self.loader.notice(f"Warning: the directory is left out this time, from {resource.what} on: {error}")
                self.facts["is_cut_short"] = True
                self._skip(resource, str(error))
            except Exception as error:
                # Whatever Dropbox may say in a list some day: the log and its views do not wait for that.
                reason = f"they cannot be read ({type(error).__name__}: {first_line(error)})"
                self.loader.notice(f"Warning: the directory's {resource.what} are left out this time: {reason}")
                self._skip(resource, reason)
            else:
                self._compare(resource, found[resource.name])
        for scope, lists in missing.items():
            self._tell_of_scope(scope, lists)
        if self.loader.settings.shared_links:
            self._begin_links(found.get("members"))

    def _hindrance(
        self,
        resource: Resource,
        found: Mapping[str, Mapping[str, Row]],
        missing: Mapping[str, list[str]],
        trouble: DropboxAuditError | None,
    ) -> str | None:
        """Why a list need not be asked for."""
        scope = next((scope for scope in resource.scopes if scope in missing), None)
        if scope is not None:
            missing[scope].append(resource.what)
            return f"the scope {scope} is missing"
        parent = _HANGS_ON.get(resource.name)
        if parent is not None and parent not in found:
            return f"{parent} could not be read"
        if trouble is not None:
            return str(trouble)
        if resource.name == "group_members" and (reason := self._is_too_much(len(found["groups"]))):
            self.loader.notice(f"Warning: the directory's {resource.what} are left out this time: {reason}")
            return reason
        return None

    def _is_too_much(self, requests: int) -> str | None:
        """Why so many requests cannot be spent now: half of the budget is for the log."""
        budget = local.request_budget(self.loader.settings, self.loader.clock)
        if not budget.per_hour or requests <= min(budget.level(), budget.per_hour) - budget.per_hour / 2:
            return None
        if requests <= budget.per_hour / 2:
            self.facts["is_cut_short"] = True
            return f"{requests} requests are more than the budget has left beside the log's half; soon again"
        return f"{requests} requests are more than half of requests_per_hour = {budget.per_hour}: raise it"

    def _compare(self, resource: Resource, found: Mapping[str, Row]) -> None:
        """Keep what is different from the last time, or everything where that is not known."""
        prints = {key: fingerprint(row) for key, row in found.items()}
        before = self.known.get(resource.name)
        rows = [row for key, row in found.items() if before is None or before.get(key) != prints[key]]
        rows += [resource.gone(key) for key in before or {} if key not in found]
        self.known[resource.name] = prints
        if rows:
            self.tables[resource.name].append(table_of(resource, rows, self.snapshot_id, self.taken_at))
        self.note(resource.name, is_full=before is None, record_count=len(found), changed_count=len(rows))
        if self.run.result.directory is not None:
            self.run.result.directory[resource.name] = len(found)

    def _skip(self, resource: Resource, reason: str) -> None:
        self.note(resource.name, state="skipped", reason=reason)
        if self.run.result.directory is not None:
            self.run.result.directory[resource.name] = None

    def _tell_of_scope(self, scope: str, lists: Iterable[str]) -> None:
        self.loader.notice(
            f"Warning: the scope {scope} is missing, so there is nothing about {', '.join(lists)}: tick it under "
            "Permissions in the Dropbox App Console, then run `dropbox-audit auth` again"
        )

    # -- shared links, member by member -------------------------------------------------------------------------

    def _begin_links(self, members: Mapping[str, Row] | None) -> None:
        if members is None:
            self._skip(SHARED_LINKS, "members could not be read")
            return
        self.known["active"] = sorted(
            str(row["team_member_id"]) for row in members.values() if row["status"] == "active"
        )
        self.facts["links"] = {"snapshot_id": self.snapshot_id, "taken_at": self.now.isoformat(), "after": ""}

    def _read_links(self, listing: "Listing") -> None:
        chain = self.facts["links"]
        self.snapshot_id = chain["snapshot_id"]
        self.taken_at = datetime.fromisoformat(chain["taken_at"])
        if "active" not in self.known:
            # Begun by another machine, or before this one forgot: the next snapshot begins them again, soon.
            self.facts["is_cut_short"] = True
            self._end_links("it is not known here whose had been read")
            return
        budget = local.request_budget(self.loader.settings, self.loader.clock)
        waiting = [name for name in self.known.get("active", []) if name > chain["after"]]
        refusals = 0
        for number, member in enumerate(waiting, 1):
            try:
                found = listing.shared_links(member)
                refusals = 0
            except Stopped:
                self.commit()
                raise
            except (ConfigurationError, RunError) as error:
                refusals += 1
                if isinstance(error, MissingScopeError):
                    scope = error.scope or SHARED_LINKS.scopes[0]
                    self._tell_of_scope(scope, [SHARED_LINKS.what])
                    self._end_links(f"the scope {scope} is missing")
                    return
                if isinstance(error, RunError) or refusals >= _MOST_REFUSALS:
                    self.loader.notice(f"Warning: the rest of the shared links is left out this time: {error}")
                    self._end_links(str(error))
                    return
                found = None
            if found is not None:
                self._compare_links(member, SHARED_LINKS.from_records(found))
            chain["after"] = member
            if number % _MEMBERS_PER_PACKAGE == 0:
                self.commit()
            if budget.per_hour and budget.level() < budget.per_hour / 2 and number < len(waiting):
                # The other half is for the log. The next run reads on.
                self.commit()
                return
        self._end_links(None)

    def _compare_links(self, member: str, found: Mapping[str, Row]) -> None:
        """Keep all of a member's links if any of them is different from the last time."""
        links = self.known.setdefault("links", {})
        prints = {key: fingerprint(row) for key, row in found.items()}
        # Having none is worth a note the first time, too: the warehouse may remember some.
        if links.get(member) == prints:
            return
        links[member] = prints
        if found:
            self.tables[SHARED_LINKS.name].append(
                table_of(SHARED_LINKS, found.values(), self.snapshot_id, self.taken_at)
            )
        self.note(
            SHARED_LINKS.name,
            team_member_id=member,
            is_full=True,
            record_count=len(found),
            changed_count=len(found),
        )

    def _end_links(self, reason: str | None) -> None:
        links = self.known.get("links", {})
        self.facts["links"] = None
        if reason is None:
            self.note(SHARED_LINKS.name, is_full=False, record_count=sum(map(len, links.values())))
        else:
            self.note(SHARED_LINKS.name, state="skipped", reason=reason)
        self.commit()

    # -- packages -----------------------------------------------------------------------------------------------

    def note(self, resource: str, **facts: Any) -> None:
        """A row of `directory_snapshots`."""
        row = {"snapshot_id": self.snapshot_id, "taken_at": self.taken_at, "resource": resource, "state": "complete"}
        if "reason" in facts:
            facts["reason"] = one_line(facts["reason"])[:400]
        self.notes.append({**row, **facts})

    def commit(self) -> None:
        """Load what was read since the last time, and remember on this machine what it looked like."""
        self.facts["base"] = secrets.token_hex(8)
        tables = {name: pa.concat_tables(pieces) for name, pieces in self.tables.items()}
        tables["directory_snapshots"] = pa.Table.from_pylist(self.notes, SNAPSHOTS)
        self.loader.commit(
            [tables],
            walks=self.loader.walks,
            record=lambda: self.run.for_package("loaded"),
            snapshot=self.facts,
        )
        self.run.result.batches += 1
        self.tables.clear()
        self.notes.clear()
        partial = self.path.with_suffix(".partial")
        partial.write_bytes(orjson.dumps({**self.known, "base": self.facts["base"]}))
        partial.replace(self.path)


def _records(listing: "Listing", name: str, found: Mapping[str, Mapping[str, Row]]) -> Iterable[dict[str, Any]]:
    """The items of a list; some hang on what was found before."""
    if name == "group_members":
        return listing.group_members(sorted(found["groups"]))
    if name == "member_quotas":
        return listing.member_quotas(sorted(key for key, row in found["members"].items() if row["status"] != "removed"))
    read = {
        "team_info": listing.team_info,
        "members": listing.members,
        "groups": listing.groups,
        "devices": listing.devices,
        "linked_apps": listing.linked_apps,
    }
    return read[name]()
