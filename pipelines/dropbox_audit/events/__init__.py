"""Page bytes to Arrow tables; pure functions.

A page is decoded only as far as the columns need, and each event's complete JSON is kept beside them, so that nothing
unknown is lost and no event can fail its page. Three things are computed here that everything downstream rests on:

`identity`
    The 128-bit hash (of SHA-256) of the event's canonical JSON (sorted keys) without presentation, that is without
    `event_type.description` and `event_category` (Dropbox rewords and moves them), without `display_name` and `email`
    of anyone who carries an account id, and without city, region and country where there is an IP address. The same
    event read again has the same identity however it is presented; two real events may share one.

`exact_hash`
    The 128-bit hash of the identity and of what presents the event: the hash of the canonical JSON of each of its
    members that holds some presentation. Equal when two complete events say the same in every word.

`page_digest`
    The hash of a page's exact hashes in order: equal when two pages hold equal events.
"""

from dropbox_audit.events.pages import MalformedPageError, Page, decode_page
from dropbox_audit.events.rows import (
    EVENT_ASSETS,
    EVENT_PARTICIPANTS,
    EVENTS,
    REJECTED_EVENTS,
    SCHEMAS,
    TIMESTAMP,
    PageRows,
    Tables,
    decode_events,
    identity_of,
)

__all__ = [
    "EVENTS",
    "EVENT_ASSETS",
    "EVENT_PARTICIPANTS",
    "REJECTED_EVENTS",
    "SCHEMAS",
    "TIMESTAMP",
    "MalformedPageError",
    "Page",
    "PageRows",
    "Tables",
    "decode_events",
    "decode_page",
    "identity_of",
]
