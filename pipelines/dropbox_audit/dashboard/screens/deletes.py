"""What went away, who deleted it, and what cannot be restored."""

import streamlit as st
from dropbox_audit.dashboard import asking, event_panel, show
from dropbox_audit.dashboard.queries import topics
from dropbox_audit.filters import Filter

COUNTS = ("deleted_items", "permanently_deleted_items", "delete_events")


def people(chosen: Filter) -> None:
    """Who deleted how much."""
    st.subheader("Who", anchor=False)
    row = show.table(
        asking.get(topics.per_user, "deletes_per_user", COUNTS, chosen),
        {
            "who": "Person",
            "deleted_items": "Items",
            "permanently_deleted_items": "For good",
            "delete_events": "Deletes",
            "last_day": "Last day",
        },
        name="People by deleted items",
        key="people",
    )
    if row is not None:
        show.go_to_events(chosen, user=row["user_id"], kind="deletes")


def newest(chosen: Filter) -> None:
    """The items themselves."""
    st.subheader("Deleted items, newest first", anchor=False)
    only = st.toggle("Only for good", help="What Dropbox deleted permanently: it cannot be restored.")
    items = asking.get(
        topics.newest,
        "deletes",
        ("actor_name", "actor_email", "name", "path", "delete_kind", "is_permanent"),
        chosen,
        "is_permanent" if only else "1 = 1",
    )
    items["who"] = items["actor_name"].fillna(items["actor_email"])
    row = show.table(
        items,
        {"occurred_at": "Time (UTC)", "who": "Who", "name": "Item", "path": "Path", "delete_kind": "How"},
        name="Deleted items",
        key="items",
        config={"path": st.column_config.TextColumn("Path", width=360)},
    )
    if row is not None:
        event_panel.go_to(row)


show.head("Deletes", "What went away, who deleted it, and what is gone for good.")
chosen = show.period()
sums = asking.get(topics.sums, "deletes_per_user", COUNTS, chosen)
show.numbers(
    [
        ("Deleted items", sums["deleted_items"], {"kind": "deletes"}),
        ("Of these for good", sums["permanently_deleted_items"], {"kind": "permanent-deletes"}),
        ("Deletes", sums["delete_events"], {"kind": "deletes"}),
    ],
    chosen,
)
days = asking.get(topics.per_day, "deletes_per_user", COUNTS, chosen)
days["restorable"] = days["deleted_items"] - days["permanently_deleted_items"]
show.per_day(
    days,
    {"restorable": ("Deleted", show.BLUE), "permanently_deleted_items": ("For good", show.RED)},
    chosen,
    name="Deleted items per day",
    key="days",
    kind="deletes",
)
people(chosen)
newest(chosen)
