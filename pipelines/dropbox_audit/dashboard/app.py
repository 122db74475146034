"""The entry of the dashboard: who may look, and which pages there are. `serve.py` starts it.

The pages lie in `screens/`: Streamlit serves a folder called `pages` by itself, past this file and its sign-in.
"""

from pathlib import Path

import streamlit as st

from dropbox_audit.dashboard import sign_in

st.set_page_config(page_title="dropbox-audit", page_icon=Path(__file__).with_name("icon.svg"), layout="wide")
sign_in.check()
st.navigation(
    [
        st.Page("screens/overview.py", title="Overview", icon=":material/dashboard:", default=True),
        st.Page("screens/activity.py", title="Activity", icon=":material/list_alt:"),
        st.Page("screens/deletes.py", title="Deletes", icon=":material/delete:"),
        st.Page("screens/shares.py", title="Shares", icon=":material/share:"),
        st.Page("screens/logins.py", title="Sign-ins", icon=":material/login:"),
        st.Page("screens/alerts.py", title="Alerts", icon=":material/notifications:"),
        st.Page("screens/seats.py", title="Seats", icon=":material/event_seat:"),
        st.Page("screens/apps.py", title="Apps", icon=":material/devices:"),
        st.Page("screens/completeness.py", title="Completeness", icon=":material/verified:"),
    ],
    position="top",
).run()
