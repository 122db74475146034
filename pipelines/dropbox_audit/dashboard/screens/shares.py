"""Who opened what to whom."""

import streamlit as st
from dropbox_audit.dashboard import asking, event_panel, show, words
from dropbox_audit.dashboard.queries import topics
from dropbox_audit.filters import Filter

COUNTS = ("external_shares", "public_links", "links_created", "share_events")


def domains() -> None:
    """Organisations outside the team."""
    st.subheader("Domains outside the team", anchor=False)
    st.caption("Since the log began. A public mail provider's people have nothing else in common.")
    row = show.table(
        asking.get(topics.domains),
        {
            "domain": "Domain",
            "external_shares": "Shares",
            "people_count": "People there",
            "sharing_user_count": "Sharing people here",
            "own_event_count": "Their own events",
            "last_seen_at": "Last seen",
            "is_public_mail_provider": "Public mail",
        },
        name="External domains",
        key="domains",
        empty="Nobody outside the team was named so far.",
    )
    if row is not None:
        show.go_to_events(Filter(), domain=row["domain"])


def people(chosen: Filter) -> None:
    """Who shares outside."""
    st.subheader("Who shares outside", anchor=False)
    row = show.table(
        asking.get(topics.per_user, "shares_per_user", COUNTS, chosen),
        {
            "who": "Person",
            "external_shares": "Outsiders given access",
            "links_created": "Links created",
            "public_links": "Links made public",
            "share_events": "Sharing changes",
            "last_day": "Last day",
        },
        name="People by shares with outsiders",
        key="people",
        empty="Nobody shared anything with outsiders in these days.",
    )
    if row is not None:
        show.go_to_events(chosen, user=row["user_id"], kind="shares")


def newest(chosen: Filter) -> None:
    """The changes that reach outside."""
    st.subheader("What reaches outside, newest first", anchor=False)
    rows = asking.get(
        topics.newest,
        "shares",
        (
            *("actor_name", "actor_email", "event_type", "description", "asset_name", "external_recipients"),
            *("access_level", "new_setting", "is_public_link"),
        ),
        chosen,
        "(is_external or is_public_link)",
    )
    rows["who"] = rows["actor_name"].fillna(rows["actor_email"])
    rows["what"] = [words.event_type(*row) for row in rows[["event_type", "description"]].itertuples(index=False)]
    row = show.table(
        rows,
        {
            "occurred_at": "Time (UTC)",
            "who": "Who",
            "what": "What happened",
            "asset_name": "Item",
            "external_recipients": "Outsiders",
            "access_level": "Access",
            "new_setting": "New setting",
            "is_public_link": "Public",
        },
        name="Shares that reach outside",
        key="shares",
    )
    if row is not None:
        event_panel.go_to(row)


show.head("Shares", "Who opened what to whom: people outside the team, and links that anyone may open.")
chosen = show.period()
sums = asking.get(topics.sums, "shares_per_user", COUNTS, chosen)
show.numbers(
    [
        ("Outsiders given access", sums["external_shares"], {"kind": "external-shares"}),
        ("Links made public", sums["public_links"], {"kind": "public-links"}),
        ("Links created", sums["links_created"], {"kind": "links-created"}),
        ("Sharing changes", sums["share_events"], {"kind": "shares"}),
    ],
    chosen,
)
show.per_day(
    asking.get(topics.per_day, "shares_per_user", COUNTS, chosen),
    {
        "external_shares": ("Outsiders given access", show.AMBER),
        "public_links": ("Links made public", show.RED),
        "links_created": ("Links created", show.BLUE),
    },
    chosen,
    name="Shares with outsiders and links per day",
    key="days",
    kind="shares",
)
domains()
people(chosen)
newest(chosen)
