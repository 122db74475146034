"""OAuth with PKCE through the `dropbox` package; the refresh token goes to `.dlt/secrets.toml`, mode 0600."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests
import tomlkit
import tomlkit.exceptions

from dropbox_audit.errors import ConfigurationError, RunError
from dropbox_audit.settings import Settings, is_encrypted
from dropbox_audit.wording import keep_secret, one_line

SECRETS_FILE = Path(".dlt/secrets.toml")


def authorize(settings: Settings, app_key: str, ask: Callable[[str], str]) -> list[str]:
    """Let an admin approve the app once, and keep the refresh token.

    Args:
        settings: `api_url` is where the code is exchanged.
        app_key: of the app, from Dropbox's App Console.
        ask: given the address to open in a browser, returns the code that Dropbox shows there.

    Returns:
        The scopes granted, as Dropbox names them; empty if it does not say.

    Raises:
        ConfigurationError: a code or an app key that Dropbox does not accept, or a secrets file that is not TOML.
        RunError: no answer, or a secrets file that cannot be written.
    """
    document = _read_secrets(SECRETS_FILE)
    flow = _flow(settings.api_url, app_key)
    address = flow.start()
    keep_secret(flow.code_verifier)
    code = ask(address).strip()
    keep_secret(code)
    if not code:
        raise ConfigurationError("No code was given: open the address in a browser, approve, and paste the code.")
    try:
        granted = flow.finish(code)
    except requests.HTTPError as error:
        raise ConfigurationError(
            f"Dropbox does not accept the code ({_reason(error.response)}): codes work once and for a few minutes, and "
            "only with the app key they were made for. Run `dropbox-audit auth` again."
        ) from None
    except (KeyError, TypeError, ValueError, requests.TooManyRedirects):
        raise ConfigurationError(f"{settings.api_url} does not answer as Dropbox does: check api_url.") from None
    except requests.RequestException as error:
        raise RunError(
            f"No answer from {settings.api_url} ({type(error).__name__}): check the network and api_url."
        ) from None
    keep_secret(granted.access_token)
    keep_secret(granted.refresh_token)
    if not granted.refresh_token:
        raise ConfigurationError("Dropbox gave no refresh token: is the app allowed offline access?")
    if not str(granted.account_id).startswith("dbtid:"):
        raise ConfigurationError(
            "This approval is for one person's account, not for a team: create the app with team scopes "
            "(events.read, team_info.read) and let a team admin approve it."
        )
    scopes = sorted(granted.scope.split()) if granted.scope else []
    # Dropbox names the scopes here and never again, so `check` depends on what is kept.
    kept = {"app_key": app_key, "refresh_token": granted.refresh_token, "granted_scopes": " ".join(scopes)}
    _write_secrets(SECRETS_FILE, document, kept)
    return scopes


def _flow(api_url: str, app_key: str) -> Any:
    # Imported here: it costs a second and 190 MiB.
    from dropbox.oauth import DropboxOAuth2FlowNoRedirect
    from dropbox.session import API_HOST

    class Flow(DropboxOAuth2FlowNoRedirect):  # type: ignore[misc]
        """The package's flow, pointed at `api_url`."""

        def build_url(self, target: str, params: Mapping[str, str] | None = None, host: str = API_HOST) -> str:
            if api_url == f"https://{API_HOST}":
                return str(super().build_url(target, params, host))
            return f"{api_url}{self.build_path(target, params)}"

    flow = Flow(app_key, use_pkce=True, token_access_type="offline", timeout=30)  # noqa: S106
    # An authentication that does nothing keeps ~/.netrc out.
    flow.requests_session.auth = lambda request: request
    # The code is for this server, and goes nowhere else in the clear.
    flow.requests_session.max_redirects = 0
    flow.requests_session.trust_env = is_encrypted(api_url)
    return flow


def _reason(response: requests.Response) -> str:
    try:
        answer = response.json()
        return one_line(str(answer.get("error_description") or answer.get("error")))[:200]
    except (ValueError, AttributeError):
        return f"status {response.status_code}"


def _read_secrets(path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return tomlkit.document()
    except (tomlkit.exceptions.ParseError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML ({error}): mend it or move it away.") from None
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}).") from None


def _write_secrets(path: Path, document: tomlkit.TOMLDocument, secrets: Mapping[str, str]) -> None:
    section: Any = document
    for name in ("sources", "dropbox_audit"):
        section = section.setdefault(name, tomlkit.table(is_super_table=name == "sources"))
    for key, value in secrets.items():
        section[key] = value
    # It would go before the refresh token, and has a few hours at most.
    section.pop("access_token", None)
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        # Created with its final mode: at no moment can anyone else read it.
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(tomlkit.dumps(document))
        partial.replace(path)
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}).") from None
