"""What the rules found: evidence, what to do, and the events behind it."""

import json
from typing import Any

import pandas as pd
import streamlit as st
from dropbox_audit.dashboard import asking, show, words
from dropbox_audit.dashboard.queries import alerts
from dropbox_audit.filters import Filter, start_of


def listing(found: pd.DataFrame) -> None:
    """The alerts, most of a page."""
    severities = [name for name in alerts.SEVERITIES if (found["severity"] == name).any()]
    left, right = st.columns(2)
    wanted = left.pills("Severity", severities, selection_mode="multi", format_func=words.spaced)
    rules = dict(zip(found["rule_id"], found["rule_name"], strict=True))
    rule = right.selectbox(
        "Rule",
        sorted(rules, key=lambda rule_id: str(rules[rule_id])),
        index=None,
        format_func=lambda rule_id: rules[rule_id],
        placeholder="All rules",
    )
    if wanted:
        found = found[found["severity"].isin(wanted)]
    if rule is not None:
        found = found[found["rule_id"] == rule]
    found = found.assign(sign=[words.spaced(name) for name in found["severity"]])
    row = show.table(
        found,
        {
            "sign": "Severity",
            "occurred_at": "When (UTC)",
            "title": "What",
            "user_email": "Who",
            "event_count": "Events",
            "rule_name": "Rule",
        },
        name="Alerts, newest first",
        key="alerts",
        empty="No alert matches.",
        most=25,
        config={"title": st.column_config.TextColumn("What", width=460)},
    )
    if row is not None:
        st.query_params["alert"] = row["alert_id"]
        st.rerun()


def panel(alert: dict[str, Any]) -> None:
    """Everything about one alert."""
    evidence = _evidence(alert["evidence"])
    st.text(alert["title"])
    show.facts(
        [
            ("Severity", words.spaced(alert["severity"])),
            ("When", f"{alert['occurred_at']:%Y-%m-%d %H:%M:%S} UTC"),
            ("From, to", f"{alert['first_at']:%Y-%m-%d %H:%M:%S} to {alert['last_at']:%Y-%m-%d %H:%M:%S} UTC"),
            ("Who", alert["user_email"]),
            ("About", alert["subject"]),
            ("Rule", f"{alert['rule_id']} {alert['rule_name']}"),
            ("Raised", f"{alert['raised_at']:%Y-%m-%d %H:%M} UTC"),
        ]
    )
    ids = [str(event_id) for event_id in evidence.get("event_ids") or ()]
    if ids:
        days = Filter(since=start_of(alert["first_at"].date()), until=start_of(alert["last_at"].date() + _DAY))
        show.events_link(f"See the {words.count(len(ids), 'event')} of the evidence", days, id=ids)
    st.caption("What to do")
    st.text(alert["runbook"] or "No runbook.")
    st.caption("Evidence")
    show.facts(
        (words.spaced(name), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in evidence.items()
        if name != "event_ids" and value is not None
    )


def _evidence(text: str | None) -> dict[str, Any]:
    try:
        read = json.loads(text or "{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def rules_list() -> None:
    """The rules as they apply."""
    rules = asking.get(alerts.rules)
    if rules is None:
        return
    with st.expander(words.count(len(rules), "rule")):
        show.table(
            rules,
            {
                "rule_id": "Id",
                "name": "Rule",
                "severity": "Severity",
                "is_enabled": "On",
                "threshold": "Threshold",
                "window_minutes": "Within minutes",
                "why": "Why",
            },
            name="Rules",
            most=20,
            config={"why": st.column_config.TextColumn("Why", width=500)},
        )


_DAY = pd.Timedelta(days=1).to_pytimedelta()

show.head("Alerts", "What the rules found in the log: evidence, what to do, and the events behind it.")
chosen = show.period()
found = asking.get(alerts.alerts, chosen)
if found is None:
    st.info(
        "This warehouse has no alerts yet. A version of dropbox-audit with alert rules makes them with its next "
        "`dropbox-audit run`.",
        icon=":material/notifications_off:",
    )
    st.stop()
severities = found["severity"].value_counts()
show.numbers([(words.spaced(name), int(severities.get(name, 0)), None) for name in alerts.SEVERITIES], chosen)
listing(found)
rules_list()
wanted_alert = found[found["alert_id"] == st.query_params.get("alert")]
if not wanted_alert.empty:
    show.side_panel("Alert", ("alert",), lambda: panel(wanted_alert.iloc[0].to_dict()))
