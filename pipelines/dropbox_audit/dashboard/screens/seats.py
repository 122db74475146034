"""Seats bought, used and idle, what they cost, and by when to act."""

from decimal import Decimal

import altair as alt
import streamlit as st
from dropbox_audit.dashboard import asking, show
from dropbox_audit.dashboard.queries import team
from dropbox_audit.filters import Filter
from dropbox_audit.seats import Seats, seats_of


def numbers(found: Seats) -> None:
    """The screen of `dropbox-audit seats`."""
    idle = {entry.days: entry for entry in found.idle}
    show.numbers(
        [
            ("Seats bought", found.bought, None),
            ("Used", found.used, None),
            ("Free", found.free, None),
            ("Open invitations", found.pending, None),
            ("Idle 90 days", idle[90].members if 90 in idle else None, None),
            ("Needed", found.seats_needed, None),
        ],
        Filter(),
    )
    if found.cost_per_year is None:
        st.caption("What they cost is not known: write contracts.csv (docs/operations.md) and run `dropbox-audit run`.")
        return
    show.numbers(
        [
            ("This month", _money(found, found.cost_per_month), None),
            ("A year", _money(found, found.cost_per_year), None),
            ("Idle 90 days, a year", _money(found, idle[90].cost_per_year if 90 in idle else None), None),
            ("Could be saved", _money(found, found.saving_per_year), None),
            ("Renewal", found.renewal.renewal_date if found.renewal else None, None),
            ("Notice by", found.renewal.notice_deadline if found.renewal else None, None),
        ],
        Filter(),
    )


def _money(found: Seats, amount: str | None) -> str:
    return "-" if amount is None else f"{Decimal(amount):,.0f} {found.currency}"


def charts() -> None:
    """Seats over time, and what the months cost."""
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Seats over time", anchor=False)
        days = asking.get(team.licences)
        if days.empty:
            st.caption("Not read yet.")
        else:
            long = days.assign(day=days["day"].map(str)).melt("day", var_name="kind", value_name="seats")
            long["what"] = long["kind"].map({"bought": "Bought", "provisioned": "Given out", "used": "Used"})
            chart = alt.Chart(long.dropna()).mark_line(interpolate="step-after", point=len(days) < 20)
            st.altair_chart(
                chart.encode(
                    x=alt.X("day:T", title=None, axis=alt.Axis(format="%d %b", tickCount=5)),
                    y=alt.Y("seats:Q", title=None, axis=alt.Axis(tickMinStep=1, tickCount=5)),
                    color=alt.Color(
                        "what:N",
                        scale=alt.Scale(
                            domain=["Bought", "Given out", "Used"], range=[show.GREY, show.AMBER, show.BLUE]
                        ),
                        legend=alt.Legend(orient="top", title=None),
                    ),
                    tooltip=["day:T", "what:N", "seats:Q"],
                ).properties(height=240),
                alt="Seats bought, given out and used over time",
            )
    with right:
        st.subheader("Cost per month", anchor=False)
        months = asking.get(team.spend)
        if months.empty:
            st.caption("Not known without contracts.csv.")
        else:
            months["month"] = months["month"].map(lambda month: f"{month:%Y-%m}")
            chart = alt.Chart(months.tail(24)).mark_bar(cornerRadiusTopLeft=2, cornerRadiusTopRight=2)
            st.altair_chart(
                chart.encode(
                    x=alt.X("month:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap="greedy", ticks=False)),
                    y=alt.Y("cost:Q", title=None, axis=alt.Axis(format=",d", tickCount=5)),
                    color=alt.Color(
                        "currency:N",
                        scale=alt.Scale(range=[show.BLUE, show.AMBER, show.GREEN]),
                        legend=alt.Legend(orient="top", title=None),
                    ),
                    tooltip=["month:O", alt.Tooltip("cost:Q", format=",.2f"), "currency:N"],
                ).properties(height=240),
                alt="Cost per month",
            )


def lists() -> None:
    """Contracts, idle members, leavers."""
    st.subheader("Contracts and renewals", anchor=False)
    show.table(
        asking.get(team.renewals),
        {
            "renewal_date": "Renewal",
            "days_left": "Days left",
            "notice_deadline": "Notice by",
            "days_to_notice": "Days to notice",
            "seats": "Seats",
            "seats_needed": "Needed",
            "cost_per_year": "Cost a year",
            "saving_per_year": "Saving a year",
            "currency": "Currency",
        },
        name="Contracts",
        empty="No contract is known: write contracts.csv (docs/operations.md).",
    )
    st.subheader("Idle members", anchor=False)
    st.caption("No event, device or web session for 30 days or more, and yet a seat.")
    row = show.table(
        asking.get(team.idle),
        {
            "name": "Name",
            "email": "E-mail",
            "status": "Status",
            "idle_days": "Idle days",
            "last_seen_at": "Last seen",
            "cost_per_year": "Cost a year",
            "currency": "Currency",
        },
        name="Idle members",
        key="idle",
        empty="Nobody.",
    )
    if row is not None and row["account_id"]:
        show.go_to_events(Filter(), user=row["account_id"])
    st.subheader("Who has left and still owns something", anchor=False)
    row = show.table(
        asking.get(team.leavers),
        {
            "name": "Name",
            "email": "E-mail",
            "status": "Status",
            "left_on": "Left",
            "shared_link_count": "Links",
            "public_link_count": "Public",
            "device_count": "Devices",
            "linked_app_count": "Apps",
            "shared_folder_count": "Folders",
        },
        name="Leavers",
        key="leavers",
        empty="Nobody.",
    )
    if row is not None and row["account_id"]:
        show.go_to_events(Filter(), user=row["account_id"])


show.head("Seats and renewals", "What is paid for, who does not use it, and by when somebody must say so.")
found = asking.get(seats_of, asking.target().name)
if found.as_of is None:
    st.info("The team was never read: it takes the scope team_info.read and a `dropbox-audit run`.")
numbers(found)
charts()
lists()
