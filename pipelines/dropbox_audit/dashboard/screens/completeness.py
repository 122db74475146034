"""The proof that nothing is missing, or where something is."""

from datetime import timedelta

import altair as alt
import pandas as pd
import streamlit as st
from dropbox_audit.dashboard import asking, show
from dropbox_audit.dashboard.queries import completeness
from dropbox_audit.filters import Filter

_COLOURS = {"complete": show.GREEN, "not verified": show.AMBER, "gap": show.RED}
_SIGNS = {"complete": "✓", "not verified": "?", "gap": "✕"}


def _lateness(seconds: float | None) -> str | None:
    if seconds is None or pd.isna(seconds):
        return None
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} s"


def calendar(days: pd.DataFrame) -> None:
    """A square for each day, a column for each week; colour and sign say the verdict."""
    last = days["day"].max()
    shown = days[days["day"] > last - timedelta(days=371)].copy()
    shown["week"] = [str(day - timedelta(days=day.weekday())) for day in shown["day"]]
    shown["weekday"] = [f"{day:%a}" for day in shown["day"]]
    shown["date"] = shown["day"].map(str)
    shown["sign"] = shown["status"].map(_SIGNS)
    weeks = shown["week"].nunique()
    base = alt.Chart(shown[["week", "weekday", "date", "status", "sign", "events"]]).encode(
        x=alt.X(
            "week:O",
            title=None,
            axis=alt.Axis(
                labelExpr="utcFormat(toDate(datum.value), '%d %b')",
                labelAngle=0,
                labelOverlap="greedy",
                labelSeparation=10,
                ticks=False,
                domain=False,
                orient="top",
            ),
        ),
        y=alt.Y(
            "weekday:O",
            title=None,
            sort=["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
            axis=alt.Axis(ticks=False, domain=False),
        ),
        tooltip=[
            alt.Tooltip("date:N", title="Day"),
            alt.Tooltip("status:N", title="Verdict"),
            alt.Tooltip("events:Q", title="Events", format=","),
        ],
    )
    squares = base.mark_rect(cornerRadius=3, stroke="transparent", strokeWidth=3).encode(
        color=alt.Color(
            "status:N",
            scale=alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values())),
            legend=alt.Legend(orient="bottom", title=None),
        )
    )
    signs = base.mark_text(color="white", fontWeight="bold", fontSize=11).encode(text="sign:N")
    width = min(1100, 26 * weeks + 40)
    st.altair_chart(
        (squares + signs).properties(height=300, width=width), width="content", alt="Calendar of days by verdict"
    )


show.head("Completeness", "Whether each day of the log was read completely and compared with Dropbox.")
days = asking.get(completeness.days)
if days.empty:
    st.info("The log was not read yet: run `dropbox-audit run`.")
    st.stop()
verdicts = days["status"].value_counts()
show.numbers(
    [
        ("Days complete", int(verdicts.get("complete", 0)), None),
        ("Days not verified", int(verdicts.get("not verified", 0)), None),
        ("Days with a gap", int(verdicts.get("gap", 0)), None),
        ("Rejected items", sum(number or 0 for number in days["rejected_events"]), None),
    ],
    Filter(),
)
calendar(days)
with st.expander("What the words mean"):
    st.markdown(
        "- **complete**: read completely, and equal when the whole day was last compared with Dropbox "
        "(`dropbox-audit verify`)\n"
        "- **not verified**: read completely, but never compared since\n"
        "- **gap**: some of it was not read, or the last comparison found differences; `dropbox-audit status` says "
        "which command mends it"
    )

st.subheader("Days, newest first", anchor=False)
newest = days.sort_values("day", ascending=False).copy()
newest["late"] = newest["lateness_p95_seconds"].map(_lateness)
row = show.table(
    newest,
    {
        "day": "Day",
        "status": "Verdict",
        "events": "Events",
        "late": "95 of 100 within",
        "last_verified_at": "Last compared",
        "missing_events": "Missing then",
        "extra_events": "Extra then",
        "unknown_event_types": "New event types",
        "unknown_fields": "New fields",
    },
    name="Days of the log",
    key="days",
)
if row is not None:
    st.switch_page(show.ACTIVITY, query_params={"since": str(row["day"]), "until": str(row["day"])})

st.subheader("Newest runs", anchor=False)
show.table(
    asking.get(completeness.runs),
    {
        "started_at": "Began (UTC)",
        "command": "Command",
        "outcome": "Outcome",
        "event_count": "Events",
        "request_count": "Requests",
        "duration_seconds": "Seconds",
        "error": "Error",
    },
    name="Newest runs",
    empty="No run is recorded yet.",
    config={"duration_seconds": st.column_config.NumberColumn("Seconds", format="%.1f")},
)
