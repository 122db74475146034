"""Dropbox over HTTP: tokens, retries, the request budget. Bytes in, bytes out; knows no tables.

What is transient (a connection that breaks or stalls, 429, 5xx, an HTML page in place of JSON, a truncated body) is
tried again with a delay that doubles up to ten minutes and is never shorter than the server asked, for at most
`give_up_after`. What is permanent (a missing scope, a revoked token, a wrong address) fails at once with a sentence
that says what to do.

All workers share one client: one token refresh serves them all, one `Retry-After` holds them all back, and one token
bucket (`requests_per_hour`) counts every call but the token's.
"""

from dropbox_audit.api.answers import CursorLost
from dropbox_audit.api.budget import RequestBudget
from dropbox_audit.api.client import PAGE_LIMIT, DropboxClient, Notice, Tokens, Traffic

__all__ = ["PAGE_LIMIT", "CursorLost", "DropboxClient", "Notice", "RequestBudget", "Tokens", "Traffic"]
