"""What a message says. Names in the log are chosen by strangers, so their texts are made harmless first.

Messages are plain text, and Apprise is told so: it escapes them for targets that want HTML or Markdown. What it does
not do is take the life out of addresses and mentions, which targets make of plain text by themselves.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dropbox_audit.alerts.alert import Alert, about
from dropbox_audit.alerts.plan import Due
from dropbox_audit.alerts.routes import rank
from dropbox_audit.wording import one_line, printable

_LONGEST_TITLE = 140
_LONGEST_TEXT = 200
_LONGEST_REASON = 400
_MOST_IDS = 5
_MOST_LINES = 40
_TOLD = {
    "target_email": "Acted upon",
    "ip_address": "From",
    "country": "Country",
    "asset": "Item",
    "app": "App",
    "previous_value": "Before",
    "new_value": "Now",
}
_BRACKETS = {ord("<"): "\u2039", ord(">"): "\u203a"}
"""Look like them, and begin nothing."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message in plain text, and how bad it is."""

    title: str
    body: str
    severity: str


def harmless(text: Any, longest: int = _LONGEST_TEXT) -> str:
    """A stranger's text on one line: nobody is called by it, nothing in it can be clicked, no markup begins in it."""
    # More than enough of it, so that nobody waits for a megabyte.
    text = one_line(str(text)[: 4 * longest])
    text = text.translate(_BRACKETS).replace("](", "] (")
    text = re.sub(r":(?=//)", "[:]", text)
    text = re.sub(r"(?i)\bwww\.", "www[.]", text)
    # Mentions: a name after an @ that begins a word, and those that call everybody wherever they stand.
    text = re.sub(r"(?i)(?<![\w.+-])@(?=\w)|@(?=(channel|here|everyone|all|room|team)\b)", "(at)", text)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def one(due: Due, reasons: dict[str, str]) -> Message:
    """The message of one alert: what matters first, because some targets cut."""
    alert = due.alert
    evidence = alert.evidence_values()
    subject = about(alert.subject, alert.user_email)
    facts: list[tuple[str, Any]] = [("When", _span(alert)), ("Who", alert.user_email), ("About", subject)]
    facts += [("Count", _count(alert, evidence)), *((name, evidence.get(key)) for key, name in _TOLD.items())]
    lines = [f"{one_line(alert.rule_name)} ({alert.rule_id}), {alert.severity}"]
    lines += [f"{heading}: {harmless(_words(value))}" for heading, value in facts if value is not None and value != ""]
    # From the rules, which are ours or the team's: their addresses may be followed.
    for heading, text in (("Why", reasons.get(alert.rule_id)), ("What to do", alert.runbook)):
        if text:
            lines.append(f"{heading}: {one_line(text)[:_LONGEST_REASON]}")
    if alert.event_count:
        lines.append(f"Events: {_ids(alert, evidence)}")
    lines.append(f"Alert: {alert.alert_id}")
    return Message(_title(due), "\n".join(lines), alert.severity)


def many(items: Sequence[Due], heading: str) -> Message:
    """One message of several alerts, the worst first."""
    items = sorted(items, key=lambda due: (rank(due.alert.severity), due.alert.occurred_at))
    worst = items[0].alert.severity
    lines = ["Times are UTC. Each of them is in the view dropbox_audit.alerts."]
    lines += [f"{_moment(due.alert.occurred_at)} {_title(due)} ({due.alert.rule_id})" for due in items[:_MOST_LINES]]
    if len(items) > _MOST_LINES:
        lines.append(f"... and {len(items) - _MOST_LINES:,} more")
    title = f"[{worst.upper()}] {len(items):,} {heading}"
    return Message(title, "\n".join(lines), worst)


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _title(due: Due) -> str:
    update = "Update: " if due.is_update else ""
    return f"[{due.alert.severity.upper()}] {update}{harmless(due.alert.title, _LONGEST_TITLE)}"


def _span(alert: Alert) -> str:
    first, last = alert.first_at, alert.last_at
    if _moment(first) == _moment(last):
        return f"{_moment(first)} UTC"
    until = _moment(last)[11:] if first.astimezone(UTC).date() == last.astimezone(UTC).date() else _moment(last)
    return f"{_moment(first)} to {until} UTC"


def _count(alert: Alert, evidence: dict[str, Any]) -> str:
    told = []
    if alert.event_count:
        told.append(f"{alert.event_count:,} event{'' if alert.event_count == 1 else 's'}")
    if alert.item_count is not None and alert.item_count != alert.event_count:
        told.append(f"{alert.item_count:,} counted")
    if evidence.get("threshold") is not None:
        told.append(f"threshold {harmless(evidence['threshold'])}")
    return ", ".join(told)


def _ids(alert: Alert, evidence: dict[str, Any]) -> str:
    ids = evidence.get("event_ids")
    shown = [harmless(event_id, 48) for event_id in ids[:_MOST_IDS]] if isinstance(ids, list) else []
    rest = alert.event_count - len(shown)
    if not shown:
        return "see the view dropbox_audit.alerts"
    return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")


def _moment(moment: datetime) -> str:
    return printable(f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}")
