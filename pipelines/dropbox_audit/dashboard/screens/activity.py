"""Every event, newest first, filtered; a click opens everything about one."""

from datetime import date, timedelta

import streamlit as st
from dropbox_audit.dashboard import address, asking, downloads, event_panel, feed_filter, show, words
from dropbox_audit.dashboard.queries import activity
from dropbox_audit.filters import Filter

_LIVE = timedelta(seconds=5)
"""A file tells whether anything was written, so looking again costs nothing."""
_SELDOM = timedelta(seconds=60)
"""Asking another warehouse may cost something each time."""


_COLUMNS = {
    "occurred_at": st.column_config.DatetimeColumn(
        "Time (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC", width=150
    ),
    "who": st.column_config.TextColumn("Who", width=150),
    "what": st.column_config.TextColumn("What happened", width=250),
    "item": st.column_config.TextColumn("Item", width=270),
    "place": st.column_config.TextColumn("Where", width=140),
    "ip_address": st.column_config.TextColumn("IP address", width=115),
}
_PHONE = {
    "occurred_at": st.column_config.DatetimeColumn("UTC", format="D MMM, HH:mm", timezone="UTC", width=95),
    "who": st.column_config.TextColumn("Who", width=100),
    "what": st.column_config.TextColumn("What happened", width=180),
}
"""What matters first on a narrow screen; the rest is there by scrolling, or by a touch on the row."""


def feed(chosen: Filter) -> None:
    """One page of events."""
    trail: list[activity.Place] = st.session_state.setdefault("trail", [])
    if st.session_state.get("trail-of") != chosen:
        st.session_state["trail-of"] = chosen
        trail.clear()
    found = asking.get(activity.page, chosen, activity.now().date(), trail[-1] if trail else None)
    events = found.events
    events["who"] = [
        words.actor(*row)
        for row in events[["actor_type", "actor_name", "actor_email"]].itertuples(index=False, name=None)
    ]
    events["what"] = [
        words.event_type(*row) for row in events[["event_type", "description"]].itertuples(index=False, name=None)
    ]
    events = show.with_place_names(events, "country")
    events["place"] = [words.place(*row) for row in events[["city", "country_name"]].itertuples(index=False, name=None)]
    row = show.table(
        events,
        {
            "occurred_at": "Time (UTC)",
            "who": "Who",
            "what": "What happened",
            "item": "Item",
            "place": "Where",
            "ip_address": "IP address",
        },
        name="Events, newest first",
        key="feed",
        empty="No event matches this filter.",
        most=activity.PAGE,
        config=_PHONE if show.is_phone() else _COLUMNS,
    )
    if row is not None:
        event_panel.choose(row["event_id"], row["occurred_on"])
        st.rerun()
    _turning(trail, found)


def _turning(trail: list[activity.Place], found: activity.Page) -> None:
    if not trail and not found.has_more:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Newest", icon=":material/first_page:", disabled=not trail):
            trail.clear()
            st.rerun()
        if st.button("Newer", icon=":material/chevron_left:", disabled=not trail):
            trail.pop()
            st.rerun()
        if st.button("Older", icon=":material/chevron_right:", icon_position="right", disabled=not found.has_more):
            last = found.events.iloc[-1]
            trail.append(activity.Place(last["occurred_at"], last["event_id"]))
            st.rerun()
        st.caption(f"Page {len(trail) + 1}, {activity.PAGE} events a page")


def exports(chosen: Filter) -> None:
    """The number of chosen events, and the links that export exactly these."""
    number = asking.get(activity.count, chosen)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{words.count(number, 'event')}**", width="content")
        for suffix, name in downloads.FORMATS.items():
            st.link_button(
                f"Export {name}",
                downloads.link(chosen, suffix, activity.now()),
                icon=":material/download:",
                disabled=not number,
            )


live = _LIVE if asking.target().is_local else None
show.head(
    "Activity", "Every event, newest first, as it comes in. Copy the address to share this very view.", every=live
)
today = activity.now().date()
chosen = feed_filter.draw(today)
above = st.container()
st.fragment(feed, run_every=live or _SELDOM)(chosen)
with above:
    st.fragment(exports, run_every=live)(chosen)

event_id, on = st.query_params.get("event"), st.query_params.get("on")
day = address.moment(on or "")
if event_id and day:
    event_panel.draw(event_id, date(day.year, day.month, day.day))
