"""Arguments that many tools have, described once."""

from typing import Annotated

from pydantic import Field

from dropbox_audit.mcp_server.answers import MOST_ROWS

DEFAULT_PERIOD = "90d"
"""How far back a question looks that names no period."""

NEWEST_FIRST = "occurred_at desc, event_id"

Since = Annotated[
    str | None,
    Field(
        description="From here on, inclusive: a date (2026-11-01), a timestamp (2026-11-01T08:00:00Z) or an age "
        "(30d, 12h). UTC.",
        max_length=40,
    ),
]
Until = Annotated[
    str | None,
    Field(
        description="Up to here, exclusive, in the same forms: for all of November give 2026-12-01. Default: now.",
        max_length=40,
    ),
]
Person = Annotated[
    str | None,
    Field(
        description="Who did it: an e-mail address (also a former one), an account id, or a part of the name.",
        max_length=200,
    ),
]
SomePerson = Annotated[
    str,
    Field(description="An e-mail address (also a former one), an account id, or a part of the name.", max_length=200),
]
Text = Annotated[
    str | None,
    Field(description="Only where a name or path holds this text, whatever its case.", min_length=1, max_length=200),
]
Limit = Annotated[int, Field(description="Most rows to give.", ge=1, le=MOST_ROWS)]
EventTypes = Annotated[
    list[str] | None,
    Field(description="Only these of Dropbox's event types, as list_event_types names them.", max_length=30),
]
Country = Annotated[
    str | None, Field(description="Only from this country, as Dropbox writes it, for example DE.", max_length=60)
]
IpAddress = Annotated[str | None, Field(description="Only from this IP address.", max_length=60)]
