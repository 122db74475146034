"""What several pages show. Text from the log goes into tables, charts and plain text only, never into markup."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from dropbox_audit.dashboard import address, asking, geography, words
from dropbox_audit.dashboard.queries.activity import now
from dropbox_audit.dashboard.queries.freshness import freshness
from dropbox_audit.filters import Filter
from dropbox_audit.wording import visible

ACTIVITY = "screens/activity.py"
ALERTS = "screens/alerts.py"

BLUE, RED, AMBER, GREEN, GREY = "#3b82f6", "#dc5f5f", "#d99a2b", "#2f9e6f", "#8b95a5"
"""Readable on white and on black alike."""

ALERT_COLUMNS = {
    "severity": st.column_config.TextColumn("Severity", width=80),
    "title": st.column_config.TextColumn("What", width=460),
}
"""What is most likely to be cut has the room, and stands where a phone shows it."""

_CARD = 170
_TIME = "YYYY-MM-DD HH:mm"
_NOTHING = "Nothing in these days."


# -- the head of a page -----------------------------------------------------------------------------------------------


def head(title: str, about: str, *, every: timedelta | None = None) -> None:
    """A page's title, what it is about, and how fresh it is; asked again in between where the page is live."""
    st.title(title, anchor=False)
    st.fragment(_about, run_every=every)(about)


def _about(about: str) -> None:
    found = asking.get(freshness, now().date())
    last_read = max(filter(None, (found.last_run_at, asking.last_poll())), default=None)
    fresh = f"Newest event {ago(found.newest_event_at)} · Dropbox last read {ago(last_read)} · times are UTC"
    hint = "" if is_phone() else " Tick a row to follow it (Shift and space bar on the keyboard)."
    st.caption(f"{about}{hint}  \n{fresh}")
    if found.has_failed_since:
        st.warning("The last run failed: see Completeness, or `dropbox-audit status`.", icon=":material/warning:")


def ago(moment: datetime | None) -> str:
    """An instant with how long ago it was."""
    if moment is None:
        return "never"
    minutes = int((now() - moment).total_seconds() // 60)
    if minutes < 1:
        age = "just now"
    elif minutes < 120:
        age = f"{minutes} min ago"
    elif minutes < 48 * 60:
        age = f"{minutes // 60} h ago"
    else:
        age = f"{minutes // 1440} days ago"
    return f"{moment:%d %b %Y, %H:%M} ({age})"


def period(default: int = 30) -> Filter:
    """The days that a page is about, kept in the address."""
    given = address.parse(parameters(), now().date()) if _says_days() else None
    days = _days_of(given) if given is not None else default
    key = bound("days", days)

    def changed() -> None:
        chosen = st.session_state[key]
        st.query_params.pop("since", None)
        st.query_params.pop("until", None)
        st.query_params["days"] = str(chosen if chosen is not None else default)

    st.segmented_control(
        "Days",
        [days for days in address.DAYS if days > 1],
        format_func=lambda days: "1 year" if days == 365 else f"{days} days",
        key=key,
        on_change=changed,
        label_visibility="collapsed",
        required=True,
    )
    if given is not None:
        return Filter(since=given.since, until=given.until)
    return address.parse({"days": [str(default)]}, now().date())


def parameters() -> dict[str, list[str]]:
    """All that the address says."""
    return {name: st.query_params.get_all(name) for name in st.query_params}


def _says_days() -> bool:
    return any(name in st.query_params for name in ("days", "since", "until"))


def _days_of(chosen: Filter) -> int | None:
    if chosen.since is None or chosen.until is not None:
        return None
    days = (now().date() - chosen.since.date()).days + 1
    return days if days in address.DAYS and days > 1 else None


def bound(name: str, value: Any) -> str:
    """The key of a widget that shows what the address says, also after a link or the browser's own Back."""
    key = f"address-{name}"
    held = st.session_state.get(key)
    if (held.strip() if isinstance(held, str) else held) != value:
        # Only then: setting it while somebody types would take away what was typed since.
        st.session_state[key] = value
    return key


# -- numbers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Alerts:
    """A card's link to the alerts behind it: the address's parameters."""

    parameters: Mapping[str, Any] = field(default_factory=dict)


def numbers(
    cards: Sequence[tuple[str, int | str | None, Mapping[str, Any] | Alerts | None]],
    chosen: Filter,
    *,
    width: int = _CARD,
) -> None:
    """Cards with a name and a number each, and the address's parameters of the events behind it, if it has any."""
    with st.container(horizontal=True, gap="small"):
        for name, number, parameters in cards:
            with st.container(border=True, width=_CARD if is_phone() else width, height="stretch", gap=None):
                st.metric(name, "-" if number is None else f"{number:,}" if isinstance(number, int) else number)
                if isinstance(parameters, Alerts):
                    alerts_link("See alerts", chosen, **parameters.parameters)
                elif parameters is not None:
                    events_link("See events", chosen, **parameters)


def events_link(label: str, chosen: Filter, **parameters: Any) -> None:
    """A link to the events behind something: those of the page's days, narrowed by parameters of the address."""
    _link(ACTIVITY, label, _of_days(chosen, parameters))


def alerts_link(label: str, chosen: Filter, **parameters: Any) -> None:
    """A link to the alerts of the page's days, narrowed by parameters of the address."""
    _link(ALERTS, label, _of_days(chosen, parameters))


def go_to_alert(chosen: Filter, alert_id: str) -> None:
    """Leave another page for one alert, and the alerts of the same days behind it."""
    st.switch_page(ALERTS, query_params=_of_days(chosen, {"alert": alert_id}))


def _link(page: str, label: str, parameters: dict[str, list[str]]) -> None:
    st.page_link(page, label=label, icon=":material/arrow_forward:", icon_position="right", query_params=parameters)


def go_to_events(chosen: Filter, **parameters: Any) -> None:
    """The same at once."""
    st.switch_page(ACTIVITY, query_params=_of_days(chosen, parameters))


def _of_days(chosen: Filter, parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    days = address.write(Filter(since=chosen.since, until=chosen.until))
    given = {name: [value] if isinstance(value, str) else list(value) for name, value in parameters.items()}
    return {**days, **given}


# -- tables -----------------------------------------------------------------------------------------------------------


def table(
    frame: pd.DataFrame,
    columns: Mapping[str, str],
    *,
    name: str,
    key: str | None = None,
    empty: str = _NOTHING,
    most: int = 12,
    config: Mapping[str, Any] | None = None,
) -> dict[str, Any] | None:
    """Some columns of a frame under their headings; with a `key` a row can be chosen, and is returned once.

    Args:
        frame: the rows.
        columns: heading by column.
        name: what the table is, for whoever hears it instead of seeing it.
        key: of the choice of a row.
        empty: what to say where there is no row.
        most: rows before it scrolls.
        config: other than by the column's type.
    """
    if frame.empty:
        st.caption(empty)
        return None
    shown = frame[list(columns)].map(_cell)
    given = dict(config or {})
    if is_phone():
        # The names of people and domains are long, and what is counted stands behind them.
        first = next(iter(columns))
        given.setdefault(first, _column(shown[first], columns[first], width=150))
    settings = {column: given.get(column) or _column(shown[column], label) for column, label in columns.items()}
    options: dict[str, Any] = {
        "hide_index": True,
        "column_config": settings,
        "height": 35 * (min(len(shown), most) + 1) + 3,
        "placeholder": "-",
        "alt": name,
    }
    if key is None:
        st.dataframe(shown, **options)
        return None
    # A choice is acted on once: another number makes the table anew, with nothing chosen.
    turn = st.session_state.setdefault(f"{key}-turn", 0)
    state = st.dataframe(shown, key=f"{key}-{turn}", on_select="rerun", selection_mode="single-row", **options)
    rows = state["selection"]["rows"]
    if not rows:
        return None
    st.session_state[f"{key}-turn"] = turn + 1
    row: dict[str, Any] = frame.iloc[rows[0]].to_dict()
    return row


def _cell(value: Any) -> Any:
    """A value in a table. Overrides of direction would show a name's end as if it were another."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return visible(value) if isinstance(value, str) else value


def _column(values: pd.Series, label: str, *, width: int | None = None) -> Any:
    first = next(iter(values.dropna()), None)
    if isinstance(first, datetime):
        return st.column_config.DatetimeColumn(label, format=_TIME, timezone="UTC", width=150)
    if isinstance(first, date):
        return st.column_config.DateColumn(label, format="YYYY-MM-DD", width=110)
    if isinstance(first, int | float) or pd.api.types.is_numeric_dtype(values):
        return st.column_config.NumberColumn(label, format="localized", width=max(80, 9 * len(label) + 20))
    return st.column_config.TextColumn(label, width=width)


# -- charts -----------------------------------------------------------------------------------------------------------


def per_day(
    frame: pd.DataFrame,
    series: Mapping[str, tuple[str, str]],
    chosen: Filter,
    *,
    name: str,
    key: str,
    kind: str | None = None,
) -> None:
    """Bars per day; `series` gives heading and colour by column. A click on a day leads to its events, of a kind."""
    if frame.empty:
        st.caption(_NOTHING)
        return
    filled = _every_day(frame, list(series), chosen)
    long = filled.melt("day", var_name="column", value_name="number")
    long["what"] = long["column"].map({column: label for column, (label, _) in series.items()})
    colours = alt.Scale(domain=[label for label, _ in series.values()], range=[colour for _, colour in series.values()])
    chart = (
        alt.Chart(long)
        .mark_bar(cornerRadiusTopLeft=2, cornerRadiusTopRight=2)
        .encode(
            x=alt.X(
                "day:O",
                title=None,
                axis=alt.Axis(
                    labelExpr="utcFormat(toDate(datum.value), '%d %b')",
                    labelAngle=0,
                    labelOverlap="greedy",
                    labelSeparation=12,
                    ticks=False,
                ),
            ),
            y=alt.Y("number:Q", title=None, axis=alt.Axis(format=",d", tickMinStep=1, tickCount=5)),
            color=alt.Color(
                "what:N",
                scale=colours,
                legend=None if len(series) == 1 else alt.Legend(orient="top", title=None, columns=2),
            ),
            tooltip=[
                alt.Tooltip("day:O", title="Day"),
                alt.Tooltip("what:N", title="What"),
                alt.Tooltip("number:Q", title="Number", format=","),
            ],
        )
        .add_params(alt.selection_point("day", fields=["day"]))
        .properties(height=220)
    )
    state = st.altair_chart(chart, on_select="rerun", key=key, alt=name)
    picked = state["selection"].get("day") if state else None
    if picked:
        day = str(picked[0]["day"])
        st.switch_page(ACTIVITY, query_params={"since": day, "until": day, "kind": kind or []})


def _every_day(frame: pd.DataFrame, columns: list[str], chosen: Filter) -> pd.DataFrame:
    """The same with a row of noughts for each quiet day."""
    first = chosen.since.date() if chosen.since is not None else frame["day"].min()
    last = (chosen.until - timedelta(days=1)).date() if chosen.until is not None else now().date()
    days = [first + timedelta(days=number) for number in range((max(last, frame["day"].max()) - first).days + 1)]
    filled = frame.set_index("day")[columns].reindex(days, fill_value=0).reset_index(names="day")
    filled["day"] = filled["day"].map(str)
    return filled


def bars(frame: pd.DataFrame, label: str, number: str, *, name: str, colour: str = BLUE) -> None:
    """A bar for each row, the longest on top."""
    if frame.empty:
        st.caption(_NOTHING)
        return
    base = alt.Chart(frame).encode(
        y=alt.Y(f"{label}:N", sort=None, title=None, axis=alt.Axis(labelLimit=220, ticks=False, domain=False)),
        x=alt.X(f"{number}:Q", title=None, axis=None),
        tooltip=[alt.Tooltip(f"{label}:N", title="What"), alt.Tooltip(f"{number}:Q", title="Number", format=",")],
    )
    marks = base.mark_bar(color=colour, cornerRadiusEnd=2)
    texts = base.mark_text(align="left", dx=4, color=GREY).encode(text=alt.Text(f"{number}:Q", format=","))
    st.altair_chart((marks + texts).properties(height=28 * len(frame) + 10), alt=name)


def world(frame: pd.DataFrame, *, name: str) -> None:
    """Events per country as circles on a map; `frame` has `country` and `events`. Made without tiles or network."""
    places = [
        {"place": found.name, "latitude": found.latitude, "longitude": found.longitude, "events": int(number)}
        for written, number in zip(frame["country"], frame["events"], strict=True)
        if (found := geography.country(written)) is not None and number
    ]
    land = alt.Chart(alt.InlineData(values=[geography.land()])).mark_geoshape(fill=GREY, fillOpacity=0.25, stroke=None)
    circles = (
        alt.Chart(pd.DataFrame(places, columns=["place", "latitude", "longitude", "events"]))
        .mark_circle(color=BLUE, opacity=0.75, stroke="white", strokeWidth=1)
        .encode(
            longitude="longitude:Q",
            latitude="latitude:Q",
            size=alt.Size("events:Q", scale=alt.Scale(type="sqrt", range=[40, 900]), legend=None),
            tooltip=[alt.Tooltip("place:N", title="Country"), alt.Tooltip("events:Q", title="Events", format=",")],
        )
    )
    map_ = (land + circles).project(type="equirectangular").properties(height=240)
    st.altair_chart(map_, alt=name)


def is_phone() -> bool:
    """Whether the browser says so: then what matters most must come first."""
    return "Mobi" in (st.context.headers.get("User-Agent") or "")


def with_place_names(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The frame with countries' names in place of their codes, in `<column>_name`."""
    named = frame.copy()
    for column in columns:
        named[f"{column}_name"] = [words.place(None, value and geography.name_of(value)) for value in frame[column]]
    return named


# -- a list of facts --------------------------------------------------------------------------------------------------


def facts(rows: Iterable[tuple[str, str | None]]) -> None:
    """Names and values in two columns; what is not known is left out."""
    with st.container(gap=None):
        for label, value in rows:
            if value:
                left, right = st.columns([1, 3], gap="small", wrap=False)
                left.caption(label)
                right.text(visible(value))


def side_panel(title: str, parameters: Sequence[str], draw: Callable[[], None]) -> None:
    """A panel at the side, open as long as the address has its parameters."""

    def closed() -> None:
        for name in parameters:
            st.query_params.pop(name, None)

    st.dialog(title, width=760, position="right", on_dismiss=closed)(draw)()
