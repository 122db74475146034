"""A sample of a rule's alert, to try out a route with."""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime

import orjson

from dropbox_audit.alerts.alert import Alert

_ACTOR = "alex@example.com"
_EVIDENCE = {"target_email": "sam@example.net", "ip_address": "203.0.113.7", "country": "Iceland"}


def sample_of(rule: Mapping[str, str], now: datetime) -> Alert:
    """What an alert of this rule may look like; everybody in it is made up.

    Args:
        rule: a line of the seed `alert_rules.csv`.
        now: when it is to have happened.
    """
    threshold = int(rule["threshold"] or 1)
    values = {
        "actor": _ACTOR,
        "target": _EVIDENCE["target_email"],
        "count": f"{threshold:,}",
        "threshold": f"{threshold:,}",
        "minutes": rule["window_minutes"] or "60",
        "item": "Budget 2027.xlsx",
        "place": "Reykjavik, Iceland",
        "previous": "on",
        "new": "off",
        "context": _EVIDENCE["target_email"],
        "ip": _EVIDENCE["ip_address"],
        "event_type": next(iter(rule["event_types"].split()), "something"),
    }
    title = re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "something"), rule["title"])
    event_ids = [secrets.token_hex(16) for _ in range(min(threshold, 20))]
    return Alert(
        alert_id=secrets.token_hex(16),
        rule_id=rule["rule_id"],
        rule_name=rule["name"],
        severity=rule["severity"],
        title=f"Test, nothing has happened: {title}",
        occurred_at=now,
        first_at=now,
        last_at=now,
        user_email=_ACTOR,
        subject=None,
        event_count=threshold,
        item_count=None,
        evidence=orjson.dumps({**_EVIDENCE, "event_ids": event_ids, "threshold": threshold}).decode(),
        runbook=rule["runbook"],
    )
