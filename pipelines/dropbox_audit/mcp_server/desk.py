"""Where questions are answered: opens the warehouse for one of them at a time, and says what an answer rests on."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar

from dropbox_audit.clock import Clock
from dropbox_audit.errors import ConfigurationError, RunError
from dropbox_audit.mcp_server.answers import Answer, Evidence, Freshness, Period, Row
from dropbox_audit.mcp_server.select import Select, holds
from dropbox_audit.settings import instant
from dropbox_audit.warehouse import (
    VIEWS_DATASET,
    Door,
    Limits,
    NoSuchRelationError,
    Target,
    marks,
    open_door,
    require_views,
)
from dropbox_audit.wording import visible

LIMITS = Limits(seconds=20, scanned_bytes=20 * 1024**3)
"""Of each query that is asked."""
_MOST_NAMED = 10
_MOST_HELD = 40

R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Person:
    """Somebody, by every id and address that is known of them."""

    ids: frozenset[str]
    addresses: frozenset[str]
    label: str

    def acted(self, identity: str = "actor_id", address: str = "actor_email") -> tuple[str, list[str]]:
        """A condition that it was them, and its parameters."""
        ids, addresses = sorted(self.ids), sorted(self.addresses)
        return (
            f"{identity} in ({marks(ids)}) or lower({address}) in ({marks(addresses)})",
            [*ids, *addresses],
        )


@dataclass(frozen=True)
class Desk:
    """A warehouse to ask, and the clock of who asks."""

    target: Target
    clock: Clock = field(default_factory=Clock)
    limits: Limits = LIMITS

    @contextlib.contextmanager
    def open(self) -> Iterator[Door]:
        """The door, for one question.

        Raises:
            ConfigurationError: there are no views yet, or not the one that was asked.
            RunError: the warehouse cannot be reached, or the question costs too much.
        """
        if self.target.path is not None and not self.target.path.exists():
            raise ConfigurationError(f"{self.target.path} does not exist yet: run `dropbox-audit run` first.")
        try:
            with open_door(self.target, limits=self.limits) as door:
                require_views(door, self.target)
                yield door
        except NoSuchRelationError as error:
            raise ConfigurationError(
                f"{self.target.name} has not all views of this version ({error}): run `dropbox-audit transform --all`."
            ) from error

    def period(self, since: str | None, until: str | None, default: str | None = None) -> Period:
        """The period that the arguments name; `default` (30d) is where it begins if they do not say."""
        now = self.clock.now()
        begin = since or default
        period = Period(
            since=instant(begin, "since", now) if begin else None,
            until=instant(until, "until", now) if until else None,
        )
        if period.since is not None and period.until is not None and period.since >= period.until:
            if since is None and default is not None:
                # The default is meant for questions that end now.
                return self.period(None, until)
            raise RunError(f"since {since} is not before until {until}: until is exclusive.")
        return period

    def answer(self, door: Door, question: Select, order: str, limit: int, period: Period, **more: Any) -> Answer[Any]:
        """Ask one select and put its answer together.

        Args:
            door: the open door.
            question: what to ask.
            order: by which columns; the first rows are those that are shown.
            limit: how many rows.
            period: what the question is about, for the answer to say.
            more: as for `empty`.
        """
        sql, parameters = question.rows(order, limit + 1)
        rows = [question.row.of(row) for row in door.rows(sql, parameters)]
        answer: Answer[Any] = self.empty(door, period, [question.view], **more)
        answer.fitted(rows, limit)
        if answer.total_rows is None:
            [(total,)] = door.rows(*question.number())
            answer.total_rows = int(total)
        return answer

    def empty(
        self,
        door: Door,
        period: Period,
        views: Sequence[str],
        *,
        hints: Sequence[str] = (),
        is_default: bool = False,
        is_about_team: bool = False,
        kind: type[Answer[Any]] = Answer,
        **fields: Any,
    ) -> Any:
        """An answer without rows: what it covers, how fresh the warehouse is, and what to know about it.

        Args:
            door: the open door.
            period: what the question is about.
            views: which views it rests on.
            hints: what to know about it.
            is_default: nobody asked for this period.
            is_about_team: it rests on the directory, so its age matters, too.
            kind: the kind of answer, where it has more fields than every answer.
            fields: those.
        """
        period, freshness = self._context(door, period, is_about_team)
        found = list(hints)
        begins = period.log_begins_on
        if is_default and period.since is not None and begins is not None and begins < period.since.date():
            found.append(
                f"Only from {period.since:%Y-%m-%d} on, because no period was asked for: the log begins on {begins}, "
                "give since to look further back."
            )
        if period.days_with_gaps:
            found.append("The log has gaps in this period, so something may be missing: see log_completeness.")
        return kind(period=period, freshness=freshness, hints=found, evidence=Evidence(views=list(views)), **fields)

    def _context(self, door: Door, period: Period, is_about_team: bool) -> tuple[Period, Freshness]:
        since = period.since.date() if period.since else date.min
        until = (period.until - timedelta(microseconds=1)).date() if period.until else date.max
        [(first, last, gaps)] = door.rows(
            "select min(case when events > 0 then day end), max(case when events > 0 then day end), "
            "sum(case when status = 'gap' and day >= ? and day <= ? then 1 else 0 end) "
            f"from {VIEWS_DATASET}.log_completeness",
            [since, until],
        )
        freshness = Freshness(asked_at=self.clock.now().replace(microsecond=0))
        if last is not None:
            [(freshness.newest_event_at, loaded)] = door.rows(
                f"select max(occurred_at), max(loaded_at) from {VIEWS_DATASET}.events where occurred_on = ?", [last]
            )
            freshness.last_loaded_at = loaded and loaded.replace(microsecond=0)
        [(ran,)] = door.rows(f"select max(finished_at) from {VIEWS_DATASET}.pipeline_runs")
        freshness.last_run_at = ran and ran.replace(microsecond=0)
        if is_about_team:
            [(freshness.team_read_on,)] = door.rows(f"select max(day) from {VIEWS_DATASET}.licences")
        return (
            period.model_copy(update={"log_begins_on": first, "log_ends_on": last, "days_with_gaps": int(gaps or 0)}),
            freshness,
        )

    def unheard_of(self, door: Door, view: str, period: Period, column: str, *values: str | None) -> list[str]:
        """A hint for each value that a column of a view does not hold in the period, with those that it does.

        Nobody from "Germany" means little where the log writes DE.
        """
        asked = [value for value in values if value]
        if not asked:
            return []
        tail, parameters = Select(view).within(period).where(f"{column} is not null").tail()
        held = [visible(value) for (value,) in door.rows(f"select distinct {column} {tail} order by 1", parameters)]
        there = f"; there are: {', '.join(held[:_MOST_HELD])}" if held else ""
        known = {value.lower() for value in held}
        return [
            f"No {column} in this period is {visible(value)!r}{there}." for value in asked if value.lower() not in known
        ]

    def person(self, door: Door, text: str) -> Person:
        """Whom a text means: an address they have or had, an id, or a part of their name.

        Raises:
            RunError: nobody, or several people; the text names them.
        """
        wanted = " ".join(text.split()).lower()
        if not wanted:
            raise RunError("person is empty: give an e-mail address, an account id, or a part of a name.")
        found = self._people(door, wanted)
        exact = [person for person in found if wanted in {*person.addresses, *(i.lower() for i in person.ids)}]
        chosen = exact or found
        if not chosen:
            raise RunError(
                f"Nobody in the team or the log is called {visible(text)!r}: give another part of the name or address. "
                "People outside the team who never acted are found by external_people."
            )
        if len(chosen) > 1:
            names = "; ".join(person.label for person in chosen[:_MOST_NAMED])
            more = f"; and {len(chosen) - _MOST_NAMED} more" if len(chosen) > _MOST_NAMED else ""
            raise RunError(
                f"{len(chosen)} people match {visible(text)!r}: ask with one of their addresses: {names}{more}"
            )
        return chosen[0]

    def _people(self, door: Door, wanted: str) -> list[Person]:
        members = door.rows(
            f"select account_id, team_member_id, email, name from {VIEWS_DATASET}.members "
            f"where lower(account_id) = ? or lower(team_member_id) = ? or {holds('email')} or {holds('name')}",
            [wanted] * 4,
        )
        actors = door.rows(
            f"select distinct user_id, user_email, user_name from {VIEWS_DATASET}.user_activity "
            f"where lower(user_id) = ? or {holds('user_email')} or {holds('user_name')}",
            [wanted] * 3,
        )
        found = [(account, member, email, name) for account, member, email, name in members]
        found += [(account, None, email, name) for account, email, name in actors]
        if not found and "@" in wanted:
            former = door.rows(
                f"select distinct actor_id, actor_email, actor_name from {VIEWS_DATASET}.events "
                "where lower(actor_email) = ?",
                [wanted],
            )
            found = [(account, None, email, name) for account, email, name in former]
        people: dict[str, Person] = {}
        for account, member, email, name in found:
            key = account or member or email
            if key is None:
                continue
            known = people.get(key)
            ids = frozenset(filter(None, (account, member)))
            addresses = frozenset({email.lower()} if email else ())
            label = visible(f"{name or 'nameless'} ({email or key})")
            people[key] = (
                Person(known.ids | ids, known.addresses | addresses, known.label)
                if known
                else Person(ids, addresses, label)
            )
        return list(people.values())
