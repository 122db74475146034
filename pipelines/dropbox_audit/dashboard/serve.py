"""Start the dashboard: on loopback for whoever sits at the machine, beyond it only behind a sign-in."""

import importlib.util
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt

from dropbox_audit.errors import ConfigurationError, RunError
from dropbox_audit.settings import configure_dlt, is_loopback
from dropbox_audit.warehouse import Target, open_door, require_views
from dropbox_audit.wording import keep_secret

_AUTH = "dashboard.auth"
_NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url", "allowed")

_OPTIONS: dict[str, Any] = {
    # An audit tool talks to Dropbox and the warehouse only.
    "browser.gatherUsageStats": False,
    "server.headless": True,
    "runner.magicEnabled": False,
    "server.showEmailPrompt": False,
    "server.fileWatcherType": "none",
    "server.enableAgentApi": False,
    "server.enableStaticServing": False,
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,
    "server.maxUploadSize": 1,
    # Its CSV would hold names that a spreadsheet takes for formulas; our own export does not.
    "client.disableDataExport": True,
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "logger.hideWelcomeMessage": True,
    "logger.level": "error",
    "theme.light.primaryColor": "#0061d5",
    "theme.dark.primaryColor": "#6ea8fe",
    "theme.paddingTop": "1.5rem",
    "theme.baseRadius": "0.5rem",
    "theme.showWidgetBorder": True,
    "theme.metricValueFontSize": "1.75rem",
    "theme.headingFontSizes": ["1.75rem", "1.25rem", "1.1rem", "1rem", "1rem", "1rem"],
}


def serve(target: Target, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the pages until a signal ends it.

    Raises:
        ConfigurationError: Streamlit is not installed, the views were never built, or the address is not on loopback
            and nobody would have to sign in.
        RunError: the port is taken.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise ConfigurationError(
            "The dashboard needs packages that are not installed: pip install 'dropbox-audit[dashboard]'."
        )
    auth = None if is_loopback(host) else _authentication(host)
    if target.path is not None and not target.path.exists():
        raise ConfigurationError(f"{target.path} does not exist yet: run `dropbox-audit run` first.")
    with open_door(target) as door:
        require_views(door, target)
    _check_free(host, port)
    _start(target, host, port, auth, say)


def _check_free(host: str, port: int) -> None:
    """Raise `RunError` when nothing can listen there; Streamlit would only say so after the address was told."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise RunError(
            f"{host} port {port} cannot be opened ({error.strerror}): choose another one with --port."
        ) from error


def _start(target: Target, host: str, port: int, auth: dict[str, Any] | None, say: Callable[[str], None]) -> None:
    import streamlit as st
    import streamlit.logger
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    streamlit.logger.set_log_level("ERROR")
    from dropbox_audit.dashboard import asking, downloads, sign_in

    asking.use(target)
    options = {**_OPTIONS, "server.address": host, "server.port": port}
    middleware = []
    secrets = None
    if auth is None:
        # A page elsewhere cannot give itself this machine's address and read along.
        names = ["localhost", "127.0.0.1", "[::1]", host]
        options["server.allowedHosts"] = names
        middleware.append(Middleware(TrustedHostMiddleware, allowed_hosts=names))
    else:
        sign_in.require(tuple(str(name).lower().lstrip("@") for name in auth["allowed"]))
        secrets = {"auth": {name: value for name, value in auth.items() if name != "allowed"}}
    app = st.App(Path(__file__).with_name("app.py"), secrets=secrets, routes=[downloads.ROUTE], middleware=middleware)
    shown = f"[{host}]" if ":" in host else host
    say(f"The dashboard over {target.name} is at http://{shown}:{port} (Ctrl-C ends it).")
    app.run(config=options)


def _authentication(host: str) -> dict[str, Any]:
    """The OpenID Connect settings; without them nothing is shown beyond this machine."""
    configure_dlt()
    given: Any = dlt.secrets.get(_AUTH)
    auth = dict(given) if isinstance(given, dict) else {}
    for name in ("cookie_secret", "client_secret"):
        keep_secret(str(auth.get(name) or ""))
    missing = [name for name in _NEEDED if not auth.get(name)]
    if missing:
        raise ConfigurationError(
            f"{host} is not on loopback, and whoever reaches it would see the audit log: give [{_AUTH}] with "
            f"{', '.join(missing)} in .dlt/secrets.toml (docs/operations.md), or leave out --host."
        )
    if isinstance(auth["allowed"], str):
        auth["allowed"] = [auth["allowed"]]
    if importlib.util.find_spec("authlib") is None:
        raise ConfigurationError("To sign in, a package is missing: pip install 'dropbox-audit[dashboard]'.")
    return auth
