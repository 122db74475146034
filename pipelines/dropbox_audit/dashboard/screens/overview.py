"""What went on, at a glance."""

import streamlit as st
from dropbox_audit.dashboard import asking, show, words
from dropbox_audit.dashboard.queries import alerts, overview

show.head("Overview", "What went on in the team. Every number and bar leads to its events.")
chosen = show.period()

totals = asking.get(overview.totals, chosen)
raised = asking.get(alerts.counts, chosen)
show.numbers(
    [
        ("Events", totals["events"], {}),
        ("Active people", totals["people"], {}),
        ("Deleted items", totals["deleted"], {"kind": "deletes"}),
        ("Outside shares", totals["external"], {"kind": "external-shares"}),
        ("Public links", totals["public"], {"kind": "public-links"}),
        ("Failed sign-ins", totals["failed"], {"kind": "failed-logins"}),
        ("Alerts", None if raised is None else sum(raised.values()), None if raised is None else show.Alerts()),
    ],
    chosen,
    width=146,
)

st.subheader("Activity per day", anchor=False)
show.per_day(
    asking.get(overview.per_day, chosen), {"events": ("Events", show.BLUE)}, chosen, name="Events per day", key="days"
)

left, right = st.columns(2, gap="large")
with left:
    st.subheader("Who", anchor=False)
    person = show.table(
        asking.get(overview.people, chosen),
        {"who": "Person or app", "events": "Events"},
        name="People by events",
        key="who",
    )
    if person is not None:
        show.go_to_events(chosen, user=person["user_id"])
with right:
    st.subheader("What", anchor=False)
    kinds = asking.get(overview.event_types, chosen)
    kinds["what"] = [
        words.event_type(name, sentence) for name, sentence in zip(kinds["event_type"], kinds["sentence"], strict=True)
    ]
    kind = show.table(kinds, {"what": "What happened", "events": "Events"}, name="Event types", key="what")
    if kind is not None:
        show.go_to_events(chosen, type=kind["event_type"])

st.subheader("From where", anchor=False)
countries = show.with_place_names(asking.get(overview.countries, chosen), "country")
left, right = st.columns([2, 1], gap="large")
with left:
    show.world(countries, name="Map of events by country")
with right:
    country = show.table(
        countries, {"country_name": "Country", "events": "Events"}, name="Events by country", key="where", most=7
    )
    if country is not None:
        show.go_to_events(chosen, country=country["country"])

st.subheader("Alerts, the worst first", anchor=False)
if raised is None:
    st.caption(
        "This warehouse has no alerts yet: the next `dropbox-audit run` of a version with alert rules makes them."
    )
elif not raised:
    st.caption("No alert in these days.")
else:
    worst = asking.get(alerts.alerts, chosen, is_worst_first=True)
    if worst is not None:
        worst["severity"] = worst["severity"].map(words.spaced)
        alert = show.table(
            worst.head(8),
            {"severity": "Severity", "title": "What", "user_email": "Who", "occurred_at": "When (UTC)"},
            name="Alerts, the worst first",
            key="alerts",
            config=show.ALERT_COLUMNS,
        )
        if alert is not None:
            show.go_to_alert(chosen, alert["alert_id"])
    show.alerts_link("All alerts", chosen)
