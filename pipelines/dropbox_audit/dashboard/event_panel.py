"""The side panel with everything about one event."""

import json
from datetime import date, datetime, timedelta

import pandas as pd
import streamlit as st

from dropbox_audit.dashboard import asking, geography, show, words
from dropbox_audit.dashboard.queries import activity
from dropbox_audit.filters import Filter, start_of

_YEAR = timedelta(days=366)


def choose(event_id: str, day: date) -> None:
    """Have the panel of an event open with the next run of the page."""
    st.query_params["event"] = event_id
    st.query_params["on"] = str(day)


def draw(event_id: str, day: date) -> None:
    """Open the panel."""
    show.side_panel("Event", ("event", "on"), lambda: _content(event_id, day))


def _content(event_id: str, day: date) -> None:
    found = asking.get(activity.detail, event_id, day)
    if found is None:
        st.info("There is no such event on this day.", icon=":material/search_off:")
        return
    event = found.event
    subject = words.event_type(event["event_type"], event["description"])
    who = words.actor(event["actor_type"], event["actor_name"], event["actor_email"])
    st.text(f"{subject}: {who}, {event['occurred_at']:%d %B %Y, %H:%M:%S} UTC")
    details, around, history, raw = st.tabs(["Details", "Around it", "History of the file", "Complete JSON"])
    with details:
        _details(found)
    with around:
        st.caption("What the same person or app did half an hour before and after.")
        _list(asking.get(activity.around, event), event["event_id"], "around")
        if event["actor_id"] is not None:
            same_day = Filter(since=start_of(event["occurred_on"]), until=start_of(event["occurred_on"] + _DAY))
            show.events_link("All of that day", same_day, user=event["actor_id"])
    with history:
        _history(found.items, event["occurred_at"], event["event_id"])
    with raw:
        st.caption("As Dropbox delivered it.")
        st.code(json.dumps(json.loads(event["event"]), indent=2, ensure_ascii=False), language="json", wrap_lines=True)


_DAY = timedelta(days=1)


def _details(found: activity.Detail) -> None:
    event = found.event
    country = event["country"] and geography.name_of(event["country"])
    on_behalf = event["context_email"] if event["context_email"] != event["actor_email"] else None
    show.facts(
        [
            ("Time", f"{event['occurred_at']:%Y-%m-%d %H:%M:%S} UTC"),
            ("Who", words.actor(event["actor_type"], event["actor_name"], event["actor_email"])),
            ("E-mail", event["actor_email"]),
            ("Acting as", words.spaced(event["actor_type"] or "")),
            ("In the name of", on_behalf or (event["context_type"] == "team" and "the team") or None),
            ("Event type", event["event_type"]),
            ("Category", words.category(event["event_category"] or "")),
            ("Where", words.place(event["city"], event["region"]) or None),
            ("Country", country),
            ("IP address", event["ip_address"]),
            ("How", words.access_method(event["access_method"])),
            ("Device", found.device),
            ("Session", event["session_id"]),
            ("Outsiders", "Somebody outside the team took part" if event["involves_non_team_member"] else None),
            ("Note", "Dropbox could not retrieve all of it" if event["has_missing_details"] else None),
            ("In the warehouse", f"since {event['loaded_at']:%Y-%m-%d %H:%M} UTC"),
            ("Event id", event["event_id"]),
        ]
    )
    if not found.items.empty:
        st.caption(words.count(len(found.items), "item"))
        items = found.items.assign(
            kind=[words.spaced(kind or "") for kind in found.items["asset_type"]],
            size=[_size(size) for size in found.items["size_bytes"]],
        )
        show.table(items, {"name": "Name", "path": "Path", "kind": "Kind", "size": "Size"}, name="Items", most=6)
    if not found.people.empty:
        st.caption(f"{len(found.people):,} more involved")
        people = found.people.assign(
            side=[
                "-" if pd.isna(member) else "Team" if member else "Outside" for member in found.people["is_team_member"]
            ]
        )
        show.table(people, {"name": "Name", "email": "E-mail", "side": "Team or outside"}, name="People", most=6)


def _history(items: pd.DataFrame, occurred_at: datetime, event_id: str) -> None:
    known = items[items["file_id"].notna()].drop_duplicates("file_id")
    if known.empty:
        st.caption("Dropbox names no file here.")
        return
    st.caption("What happened to the file within a year, whatever it was called and wherever it lay.")
    first = known.iloc[0]
    if len(known) > 1:
        ids = known["file_id"].tolist()
        # The choice shows names from the log: a list of options is plain text.
        names = dict(zip(ids, known["name"].fillna(known["path"]).fillna("Unnamed"), strict=True))
        picked = st.selectbox("File", ids, format_func=lambda file_id: names[file_id])
        first = known[known["file_id"] == picked].iloc[0]
    _list(asking.get(activity.history, first["file_id"], occurred_at), event_id, "history")
    span = Filter(since=start_of((occurred_at - _YEAR).date()))
    show.events_link("As a filter", span, file=first["file_id"])


def _list(events: pd.DataFrame, event_id: str, key: str) -> None:
    if events.empty:
        st.caption("Nothing.")
        return
    events = events.assign(
        who=[
            words.actor(*row)
            for row in events[["actor_type", "actor_name", "actor_email"]].itertuples(index=False, name=None)
        ],
        what=[
            words.event_type(*row) for row in events[["event_type", "description"]].itertuples(index=False, name=None)
        ],
    )
    row = show.table(
        events,
        {"occurred_at": "Time (UTC)", "what": "What happened", "item": "Item", "who": "Who"},
        name="Events",
        key=f"panel-{key}",
        most=12,
        config={
            "occurred_at": st.column_config.DatetimeColumn("Time (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC"),
        },
    )
    if row is not None and row["event_id"] != event_id:
        choose(row["event_id"], row["occurred_on"])
        st.rerun()


def _size(size: float | None) -> str:
    if size is None or pd.isna(size):
        return "-"
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:,.0f} {unit}" if unit == "B" else f"{amount:,.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"


def go_to(row: dict[str, object]) -> None:
    """Leave another page for the feed, with the panel of a row's event open."""
    st.switch_page(show.ACTIVITY, query_params={"event": str(row["event_id"]), "on": str(row["occurred_on"])})
