"""Who signed in from where, and what failed."""

import pandas as pd
import streamlit as st
from dropbox_audit.dashboard import asking, event_panel, show
from dropbox_audit.dashboard.queries import topics
from dropbox_audit.filters import Filter

COUNTS = ("failed_logins", "successful_logins")


def failures(chosen: Filter) -> None:
    """Whose sign-ins failed, and why."""
    st.subheader("Whose sign-ins failed", anchor=False)
    row = show.table(
        asking.get(topics.per_user, "logins_per_user", COUNTS, chosen),
        {"who": "Person", "failed_logins": "Failed", "successful_logins": "Succeeded", "last_day": "Last day"},
        name="People by failed sign-ins",
        key="people",
        empty="No sign-in failed in these days.",
        most=8,
    )
    if row is not None:
        show.go_to_events(chosen, user=row["user_id"], kind="logins")
    st.subheader("Newest failures", anchor=False)
    rows = asking.get(
        topics.newest,
        "logins",
        ("actor_name", "actor_email", "failure_reason", "login_method", "country", "ip_address"),
        chosen,
        "outcome = 'failure'",
    )
    rows["who"] = rows["actor_name"].fillna(rows["actor_email"])
    rows = show.with_place_names(rows, "country")
    row = show.table(
        rows,
        {
            "occurred_at": "Time (UTC)",
            "who": "Who",
            "failure_reason": "Why",
            "country_name": "Country",
            "ip_address": "IP address",
            "login_method": "Method",
        },
        name="Failed sign-ins",
        key="failures",
        empty="No sign-in failed in these days.",
        most=8,
    )
    if row is not None:
        event_panel.go_to(row)


def countries(chosen: Filter) -> None:
    """From where people sign in."""
    st.subheader("From where", anchor=False)
    found = show.with_place_names(asking.get(topics.login_countries, chosen), "country")
    left, right = st.columns([5, 3], gap="large")
    with left:
        show.world(found, name="Map of successful sign-ins by country")
    with right:
        row = show.table(
            found,
            {"country_name": "Country", "events": "Succeeded", "failed": "Failed"},
            name="Sign-ins by country",
            key="countries",
            most=7,
        )
        if row is not None:
            show.go_to_events(chosen, country=row["country"], kind="logins")


def travels(chosen: Filter) -> None:
    """Sign-ins that one person can hardly have made."""
    st.subheader("Impossible travel", anchor=False)
    st.caption(
        "The same person signed in from two countries within twelve hours, faster than an airliner flies between their "
        "middles. A VPN or a phone's roaming can look like this, too."
    )
    rows = show.with_place_names(
        pd.DataFrame(
            asking.get(topics.travels, chosen),
            columns=[
                *("event_id", "occurred_at", "occurred_on", "actor_id", "who", "from_country", "country", "minutes"),
                *("kilometres", "ip_address"),
            ],
            dtype=object,
        ),
        "from_country",
        "country",
    )
    row = show.table(
        rows,
        {
            "occurred_at": "Time (UTC)",
            "who": "Who",
            "from_country_name": "From",
            "country_name": "To",
            "minutes": "Minutes between",
            "kilometres": "About km",
            "ip_address": "IP address",
        },
        name="Impossible travel",
        key="travels",
        empty="None in these days.",
    )
    if row is not None:
        event_panel.go_to(row)


show.head("Sign-ins", "Who signed in from where, what failed, and what one person can hardly have done.")
chosen = show.period()
sums = asking.get(topics.sums, "logins_per_user", COUNTS, chosen)
show.numbers(
    [
        ("Successful sign-ins", sums["successful_logins"], {"kind": "successful-logins"}),
        ("Failed sign-ins", sums["failed_logins"], {"kind": "failed-logins"}),
    ],
    chosen,
)
show.per_day(
    asking.get(topics.per_day, "logins_per_user", COUNTS, chosen),
    {"successful_logins": ("Succeeded", show.BLUE), "failed_logins": ("Failed", show.RED)},
    chosen,
    name="Sign-ins per day",
    key="days",
    kind="logins",
)
failures(chosen)
travels(chosen)
countries(chosen)
