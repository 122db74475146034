"""The entry of the dashboard: who may look, and which pages there are. `serve.py` starts it."""

from pathlib import Path

import streamlit as st

from dropbox_audit.dashboard import sign_in

st.set_page_config(page_title="dropbox-audit", page_icon=Path(__file__).with_name("icon.svg"), layout="wide")
sign_in.check()
st.navigation(
    [
        st.Page("pages/overview.py", title="Overview", icon=":material/dashboard:", default=True),
        st.Page("pages/activity.py", title="Activity", icon=":material/list_alt:"),
        st.Page("pages/deletes.py", title="Deletes", icon=":material/delete:"),
        st.Page("pages/shares.py", title="Shares", icon=":material/share:"),
        st.Page("pages/logins.py", title="Sign-ins", icon=":material/login:"),
        st.Page("pages/alerts.py", title="Alerts", icon=":material/notifications:"),
        st.Page("pages/seats.py", title="Seats", icon=":material/event_seat:"),
        st.Page("pages/apps.py", title="Apps", icon=":material/devices:"),
        st.Page("pages/completeness.py", title="Completeness", icon=":material/verified:"),
    ],
    position="top",
).run()
