"""Who may look: on this machine whoever can, beyond it who signs in with OpenID Connect and is on the list."""

from typing import Any

import streamlit as st

_required: list[tuple[str, ...]] = []


def require(allowed: tuple[str, ...]) -> None:
    """From now on only these addresses, or addresses of these domains, see the pages of this process."""
    _required[:] = [allowed]


def forget() -> None:
    """From now on everybody who reaches the pages sees them."""
    _required.clear()


def check() -> None:
    """Show nothing but the sign-in to somebody who may not look; returns for everybody else."""
    if not _required:
        return
    user = st.user
    if user.get("is_logged_in") is not True:
        st.title("dropbox-audit")
        st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login)
        st.stop()
    if not is_allowed(dict(user), _required[0]):
        st.title("dropbox-audit")
        st.error("This account may not see the audit log. Ask whoever runs this dashboard.", icon=":material/lock:")
        st.button("Sign out", on_click=st.logout)
        st.stop()
    with st.sidebar:
        st.text(str(user.get("email")))
        st.button("Sign out", icon=":material/logout:", on_click=st.logout)


def is_allowed(claims: dict[str, Any], allowed: tuple[str, ...]) -> bool:
    """Whether the address that the identity provider vouches for is on the list."""
    email = str(claims.get("email") or "").lower()
    if "@" not in email or claims.get("email_verified") is False:
        return False
    return email in allowed or email.rpartition("@")[2] in allowed
