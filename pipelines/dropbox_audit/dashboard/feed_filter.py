"""The widgets that narrow the feed; the address holds what they say."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import streamlit as st

from dropbox_audit.dashboard import address, asking, geography, show, words
from dropbox_audit.dashboard.queries import activity
from dropbox_audit.filters import Filter

_RECENT = timedelta(days=90)
_KINDS = {
    "deletes": "deletes",
    "permanent-deletes": "deletes for good",
    "shares": "sharing changes",
    "external-shares": "shares with outsiders",
    "links-created": "links created",
    "public-links": "links made public",
    "logins": "sign-ins and sign-outs",
    "successful-logins": "successful sign-ins",
    "failed-logins": "failed sign-ins",
    "admin-actions": "administrators' actions",
}
_CATEGORY, _TYPE = "category", "type"


def draw(today: date) -> Filter:
    """Draw the widgets and give the filter of the address."""
    given = address.parse(show.parameters(), today)
    first = st.columns([3, 3, 4])
    with first[0]:
        _text("person", given.person, "Person", "Name or e-mail", ":material/person_search:")
    with first[1]:
        _text("item", given.item, "File or folder", "Part of the name or path", ":material/description:")
    with first[2]:
        _what(given, today)
    _days(given, today)
    is_narrowed = bool(given.ip_address or given.countries or given.has_outsiders or (given.until and given.since))
    with st.expander("More filters", expanded=is_narrowed):
        second = st.columns([3, 3, 3, 2], vertical_alignment="bottom")
        with second[0]:
            _dates(given, today)
        with second[1]:
            _text("ip", given.ip_address, "IP address", "An address, or how it begins", ":material/lan:")
        with second[2]:
            _countries(given, today)
        with second[3]:
            _outsiders(given)
    _others(given)
    return given


def _set(*names: str) -> Callable[[str, list[str]], None]:
    def put(name: str, values: list[str]) -> None:
        for other in names:
            st.query_params.pop(other, None)
        if values:
            st.query_params[name] = values
        else:
            st.query_params.pop(name, None)

    return put


def _text(name: str, value: str, label: str, placeholder: str, icon: str) -> None:
    key = show.bound(name, value)
    st.text_input(
        label,
        key=key,
        placeholder=placeholder,
        icon=icon,
        type="search",
        live="300ms",
        on_change=lambda: _set()(name, [st.session_state[key].strip()] if st.session_state[key].strip() else []),
    )


def _what(given: Filter, today: date) -> None:
    """Categories and kinds of events in one list, each category before its kinds."""
    found = {
        name: (category, words.event_type(name, sentence))
        for name, category, sentence in asking.get(activity.event_types, today - _RECENT)
    }
    for name in given.event_types:
        found.setdefault(name, ("", words.event_type(name)))
    labels = {
        (_CATEGORY, category): f"All of {words.category(category)}"
        for category in {*(category for category, _ in found.values() if category), *given.event_categories}
    }
    labels |= {
        (_TYPE, name): f"{words.category(category)}: {sentence}" if category else sentence
        for name, (category, sentence) in found.items()
    }
    places = {(_CATEGORY, category): (words.category(category), "") for kind, category in labels if kind == _CATEGORY}
    options = sorted(labels, key=lambda option: places.get(option) or (labels[option].split(":")[0], labels[option]))
    chosen = [*((_CATEGORY, name) for name in given.event_categories), *((_TYPE, name) for name in given.event_types)]
    key = show.bound("what", chosen)

    def changed() -> None:
        for name in (_CATEGORY, _TYPE):
            _set()(name, [value for kind, value in st.session_state[key] if kind == name])

    st.multiselect(
        "What happened",
        options,
        format_func=lambda option: labels.get(option, option[1]),
        key=key,
        on_change=changed,
        placeholder="Everything",
    )


def _days(given: Filter, today: date) -> None:
    days = 0 if given.since is None else (today - given.since.date()).days + 1
    key = show.bound("days", None if given.until is not None or days not in {0, *address.DAYS} else days)

    def changed() -> None:
        chosen = st.session_state[key]
        _set("since", "until")("days", [str(chosen)] if chosen else [])

    names = {0: "All time", 1: "Today", 365: "1 year"}
    st.segmented_control(
        "Days",
        [0, *address.DAYS],
        format_func=lambda days: names.get(days, f"{days} days"),
        key=key,
        on_change=changed,
        label_visibility="collapsed",
    )


def _dates(given: Filter, today: date) -> None:
    value: tuple[date, ...] = ()
    if given.since is not None:
        last = today if given.until is None else (given.until - timedelta(days=1)).date()
        value = (given.since.date(), max(last, given.since.date()))
    key = show.bound("dates", value)

    def changed() -> None:
        chosen: Any = st.session_state[key]
        if len(chosen) == 1:
            # The second day is still to be picked.
            return
        put = _set("days")
        put("since", [str(chosen[0])] if chosen else [])
        put("until", [str(chosen[1])] if chosen else [])

    st.date_input("From and to (UTC days)", value=[], key=key, on_change=changed, format="YYYY-MM-DD")


def _countries(given: Filter, today: date) -> None:
    found = asking.get(activity.countries, today - _RECENT)
    key = show.bound("country", list(given.countries))
    st.multiselect(
        "Country",
        sorted({*found, *given.countries}, key=geography.name_of),
        format_func=geography.name_of,
        key=key,
        on_change=lambda: _set()("country", st.session_state[key]),
        placeholder="Any",
    )


def _outsiders(given: Filter) -> None:
    key = show.bound("outsiders", given.has_outsiders)
    st.toggle(
        "Outsiders only",
        key=key,
        help="Events that Dropbox marks as involving somebody outside the team.",
        on_change=lambda: _set()("outsiders", ["1"] if st.session_state[key] else []),
    )


def _others(given: Filter) -> None:
    """What a link has narrowed and no widget shows, each with a way to drop it."""
    narrowed = {
        "user": (", ".join(_names(given)), given.users),
        "kind": (_KINDS.get(given.kind, ""), given.kind),
        "domain": (f"somebody of {given.domain}", given.domain),
        "file": ("one file", given.file_id),
        "id": (words.count(len(given.event_ids), "single event"), given.event_ids),
    }
    shown = {name: text for name, (text, is_given) in narrowed.items() if is_given}
    if not shown:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, text in shown.items():
            with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small", border=True):
                st.text(f"Only {text}")
                st.button(
                    "Remove",
                    key=f"drop-{name}",
                    icon=":material/close:",
                    type="tertiary",
                    on_click=_set(),
                    args=(name, []),
                )


def _names(given: Filter) -> list[str]:
    known = asking.get(activity.names, given.users) if given.users else {}
    return [known.get(user) or user for user in given.users]
