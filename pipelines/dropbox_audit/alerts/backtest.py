"""How many alerts a rule would have raised with other parameters: the same SQL, asked for the past, nothing stored."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from dropbox_audit.alert_settings import packaged_rules, read_parameter
from dropbox_audit.errors import ConfigurationError
from dropbox_audit.load import Loader
from dropbox_audit.transform import ask_dbt
from dropbox_audit.warehouse import VIEWS_DATASET, open_door

_QUESTION = """
select
    subject_kind, subject, counted, actor_email, first_at, crossed_at, last_at, item_count, day_item_count,
    (select rules.window_minutes from {{ ref('int_alerts__rules') }} as rules where rules.is_enabled) as window_minutes
from {{ ref('int_alerts__found') }}
"""


@dataclass(frozen=True, slots=True)
class Episode:
    """What would have been one alert.

    Attributes:
        user_email: who did it; None where nobody is known, or several are.
        subject: who or what it is about, as the rule counts it.
        occurred_at: when the threshold was reached, UTC.
        last_at: the last event that counted, UTC.
        item_count: different things that counted; bytes where the rule counts those.
    """

    user_email: str | None
    subject: str
    occurred_at: datetime
    last_at: datetime
    item_count: int


@dataclass(frozen=True, slots=True)
class Backtest:
    """A rule on the past, with what was changed.

    Attributes:
        rule_id: the rule.
        changed: the parameters that were tried.
        since: the first UTC day that was looked at.
        raised: how many alerts the warehouse holds of it since then.
        episodes: what it would have raised, oldest first.
    """

    rule_id: str
    changed: dict[str, int]
    since: date
    raised: int
    episodes: list[Episode]


def backtest(loader: Loader, rule_id: str, changes: Mapping[str, str], since: datetime) -> Backtest:
    """Ask what a rule would have raised. Call it within `loader.alone()`: dbt opens the warehouse's file to write.

    Args:
        loader: knows the warehouse.
        rule_id: such as F01.
        changes: `threshold`, `window_minutes` or `baseline_days`, as text; other parameters are as they are in force.
        since: from the UTC day of this moment on.

    Raises:
        ConfigurationError: no such rule, it is none that is found in the log, or a parameter is wrong.
        RunError: dbt failed.
    """
    rules = packaged_rules()
    if rule_id not in rules:
        raise ConfigurationError(f"{rule_id!r} is no rule: docs/alerts.md lists them.")
    rule = rules[rule_id]
    if rule["kind"] not in {"event", "count", "first", "travel"}:
        raise ConfigurationError(
            f"{rule_id} cannot be tried on the past: it looks at {_LOOKS_AT[rule['kind']]}, not at events."
        )
    if "unmatched_policy" in rule["event_types"]:
        raise ConfigurationError(
            f"{rule_id} cannot be tried on the past: it takes what other rules leave, and a trial asks one rule alone."
        )
    try:
        changed = {name: int(read_parameter(rule, name, text)) for name, text in changes.items()}
    except ValueError as error:
        raise ConfigurationError(f"{error}.") from None
    day = since.astimezone(UTC).date()
    loader.target.check_usable()
    variables = {"alerts_since": day.isoformat(), "alert_trial": {"rule_id": rule_id, **changed}}
    if loader.settings.team_domains:
        variables["team_domains"] = [domain.lower() for domain in loader.settings.team_domains]
    answer = ask_dbt(loader, _QUESTION, variables, Path("target") / "backtest")
    with open_door(loader.target) as door:
        [(raised,)] = door.rows(
            f"select count(*) from {VIEWS_DATASET}.alerts where rule_id = ? and occurred_on >= ?", [rule_id, day]
        )
    return Backtest(rule_id, changed, day, raised, _joined(json.loads(answer)["show"], day))


_LOOKS_AT = {"sequence": "other alerts", "collector": "the collector", "seats": "seats"}


def _joined(parts: list[dict[str, Any]], since: date) -> list[Episode]:
    """Episodes are found by UTC day; what goes on past midnight is one, as in the view `alerts`."""
    found = [_part(part) for part in parts]
    by_subject = attrgetter("key")
    episodes: list[Episode] = []
    for _, of_subject in groupby(sorted(found, key=lambda part: (part.key, part.episode.occurred_at)), by_subject):
        running: list[Episode] = []
        for part in of_subject:
            last = running[-1] if running else None
            if last is not None and part.episode.occurred_at - last.last_at <= part.window:
                running[-1] = Episode(
                    last.user_email,
                    last.subject,
                    last.occurred_at,
                    max(last.last_at, part.episode.last_at),
                    last.item_count + part.items_of_day,
                )
            else:
                running.append(part.episode)
        episodes += running
    return sorted(
        (episode for episode in episodes if episode.occurred_at.date() >= since), key=attrgetter("occurred_at")
    )


@dataclass(frozen=True, slots=True)
class _Part:
    key: tuple[str, str, str]
    window: timedelta
    items_of_day: int
    """Without those before midnight, which the part before it has counted."""
    episode: Episode


def _part(row: dict[str, Any]) -> _Part:
    return _Part(
        (row["counted"], row["subject_kind"], row["subject"]),
        timedelta(minutes=int(row["window_minutes"])),
        int(row["day_item_count"]),
        Episode(
            row["actor_email"],
            row["subject"],
            _moment(row["crossed_at"]),
            _moment(row["last_at"]),
            int(row["item_count"]),
        ),
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
