"""Which apps and machines reach the team's files."""

import streamlit as st
from dropbox_audit.dashboard import asking, show, words
from dropbox_audit.dashboard.queries import team
from dropbox_audit.filters import Filter

_UNUSED = 90
_REACH = {"full_dropbox": "All of their files", "app_folder": "A folder of its own"}

show.head("Apps and devices", "What reaches the team's files beside the people themselves.")
apps = asking.get(team.apps)
devices = asking.get(team.devices)
show.numbers(
    [
        ("Apps", len(apps), None),
        ("Shadow apps", sum(map(bool, apps["is_shadow_app"])), None),
        ("Devices and sessions", len(devices), None),
        (f"Unused {_UNUSED} days", sum((days or 0) >= _UNUSED for days in devices["unused_days"]), None),
        ("Of people who left", int((devices["member_status"].isin(["suspended", "removed"])).sum()), None),
    ],
    Filter(),
)

st.subheader("Apps", anchor=False)
st.caption("A shadow app was linked by members on their own and does not work for the team as a whole.")
apps["reach"] = [_REACH.get(scopes, scopes) for scopes in apps["scopes"]]
app = show.table(
    apps,
    {
        "app_name": "App",
        "publisher": "Publisher",
        "reach": "Reach",
        "member_count": "Members",
        "is_shadow_app": "Shadow app",
        "first_seen_in_team_at": "First seen",
        "last_used_at": "Last event of its own",
    },
    name="Linked apps",
    key="apps",
    empty="No app is linked, or the list was not read (scope sessions.list).",
)
if app is not None:
    st.query_params["app"] = app["app_id"]
linked = asking.get(team.app_members, st.query_params["app"]) if "app" in st.query_params else None
if linked is not None:
    st.text(", ".join(apps.loc[apps["app_id"] == st.query_params["app"], "app_name"].dropna()) or "This app")
    member = show.table(
        linked,
        {"name": "Name", "email": "E-mail", "member_status": "Status", "linked_at": "Linked"},
        name="Members with this app",
        key="members",
        empty="No member has linked it: it works for the team as a whole.",
    )
    if member is not None:
        show.go_to_events(Filter(), user=member["account_id"], category="apps")
    show.events_link("See the events of this app", Filter(), user=st.query_params["app"])

st.subheader("Devices and web sessions", anchor=False)
left, right = st.columns([1, 4], gap="medium")
with left:
    platforms = devices["platform"].fillna("Other").value_counts().rename_axis("platform").reset_index(name="number")
    show.bars(platforms.head(8), "platform", "number", name="Devices by operating system")
with right:
    devices["whose"] = devices["name"].fillna(devices["email"])
    devices["kind"] = [words.spaced(kind or "") for kind in devices["device_type"]]
    device = show.table(
        show.with_place_names(devices, "country"),
        {
            "whose": "Whose",
            "kind": "Kind",
            "device_name": "Name",
            "platform": "System",
            "client_version": "Version",
            "country_name": "Country",
            "last_used_at": "Last used",
            "unused_days": "Unused days",
            "member_status": "Member",
        },
        name="Devices and web sessions",
        key="devices",
        empty="None is linked, or the list was not read (scope sessions.list).",
    )
    if device is not None and device["account_id"]:
        show.go_to_events(Filter(), user=device["account_id"])
