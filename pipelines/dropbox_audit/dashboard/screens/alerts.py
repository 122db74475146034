"""What the rules found: evidence, what to do, and the events behind it."""

import json
from typing import Any

import pandas as pd
import streamlit as st
from dropbox_audit.alerts.alert import about
from dropbox_audit.dashboard import asking, show, words
from dropbox_audit.dashboard.queries import alerts
from dropbox_audit.filters import Filter, start_of


def listing(found: pd.DataFrame, given: tuple[str, ...], rule: str | None) -> None:
    """The alerts, most of a page; the address holds which."""
    left, right = st.columns(2)
    with left:
        key = show.bound("severity", list(given))
        st.pills(
            "Severity",
            alerts.SEVERITIES,
            selection_mode="multi",
            format_func=words.spaced,
            key=key,
            on_change=_put,
            args=("severity", key),
        )
    with right:
        rules = dict(zip(found["rule_id"], found["rule_name"], strict=True))
        key = show.bound("rule", rule)
        st.selectbox(
            "Rule",
            sorted({*rules, *([rule] if rule else [])}, key=lambda rule_id: str(rules.get(rule_id))),
            format_func=lambda rule_id: rules.get(rule_id) or rule_id,
            placeholder="All rules",
            index=None,
            key=key,
            on_change=_put,
            args=("rule", key),
        )
    if rule is not None:
        found = found[found["rule_id"] == rule]
    row = show.table(
        found.assign(severity=found["severity"].map(words.spaced)),
        {
            "severity": "Severity",
            "title": "What",
            "user_email": "Who",
            "occurred_at": "When (UTC)",
            "event_count": "Events",
            "rule_name": "Rule",
        },
        name="Alerts, newest first",
        key="alerts",
        empty="No alert matches.",
        most=25,
        config=show.ALERT_COLUMNS,
    )
    if row is not None:
        st.query_params["alert"] = row["alert_id"]
        st.rerun()


def _put(name: str, key: str) -> None:
    st.query_params[name] = st.session_state[key] or []


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
            ("About", about(alert["subject"], alert["user_email"])),
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
given = tuple(name for name in alerts.SEVERITIES if name in st.query_params.get_all("severity"))
found = asking.get(alerts.alerts, chosen, given)
counts = asking.get(alerts.counts, chosen)
if found is None or counts is None:
    st.info(
        "This warehouse has no alerts yet. A version of dropbox-audit with alert rules makes them with its next "
        "`dropbox-audit run`.",
        icon=":material/notifications_off:",
    )
    st.stop()
show.numbers(
    [(words.spaced(name), counts.get(name, 0), show.Alerts({"severity": name})) for name in alerts.SEVERITIES], chosen
)
listing(found, given, st.query_params.get("rule"))
rules_list()
if "alert" in st.query_params:
    opened = asking.get(alerts.alert, st.query_params["alert"])
    if opened is not None and not opened.empty:
        alert = opened.iloc[0].to_dict()
        show.side_panel("Alert", ("alert",), lambda: panel(alert))
