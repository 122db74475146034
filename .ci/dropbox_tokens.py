"""A plugin of detect-secrets: Dropbox's access tokens, and values given to the settings that hold credentials."""

import re

from detect_secrets.plugins.base import RegexBasedDetector


class DropboxTokenDetector(RegexBasedDetector):  # type: ignore[misc]
    """Finds `sl.` tokens anywhere, and long enough values of the settings that `auth` or a user fills in."""

    secret_type = "Dropbox credential"  # noqa: S105  # pragma: allowlist secret
    denylist = (
        re.compile(r"\bsl\.(?:[a-z]\.)?[A-Za-z0-9_-]{40,}"),
        re.compile(
            # With a digit, or it is a name; followed by none of what makes it an expression.
            r"(?i)(?:app_secret|refresh_token|access_token)[\"']?\s*[:=]\s*[\"']?"
            r"(?=[a-z_-]*\d)([\w-]{15,})(?![\w.(\[-])",
            re.ASCII,
        ),
    )
