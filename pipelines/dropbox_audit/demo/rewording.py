"""How the same event reads the second time.

Dropbox has reworded descriptions ("two-step verification" became "two-factor authentication"), moved types to another
category, and may look up names, e-mails and places when it answers instead of when the event happened. None of that
makes it another event.
"""

from __future__ import annotations

from typing import Any

from dropbox_audit.demo.jsontext import dumps, loads


def reworded(raw: bytes, version: int) -> bytes:
    """The event ``raw`` as a later reading shows it: same facts, other presentation.

    Args:
        raw: the event's JSON.
        version: 1 for the second reading, 2 for the third …; each differs from the others.
    """
    event = loads(raw)
    if not isinstance(event, dict):
        return raw
    kind = event.get("event_type")
    if isinstance(kind, dict) and "description" in kind:
        kind["description"] = f"{kind['description']} (wording {version})"
    category = event.get("event_category")
    if isinstance(category, dict) and category.get(".tag") in _MOVES:
        category[".tag"] = _MOVES[category[".tag"]]
    _rename(event, version)
    return dumps(event)


def without_details(raw: bytes) -> bytes:
    """The event ``raw`` as it reads when Dropbox failed to retrieve all of it."""
    event = loads(raw)
    if not isinstance(event, dict):
        return raw
    event["details"] = {".tag": "missing_details"}
    return dumps(event)


_MOVES = {"data_governance": "legal_holds", "legal_holds": "data_governance"}


def _rename(value: Any, version: int) -> None:
    if isinstance(value, list):
        for item in value:
            _rename(item, version)
        return
    if not isinstance(value, dict):
        return
    if "account_id" in value:
        if "display_name" in value:
            value["display_name"] = f"{value['display_name']} ({version})"
        if isinstance(value.get("email"), str):
            value["email"] = f"renamed{version}.{value['email']}"
    if "ip_address" in value:
        for key in ("city", "region", "country"):
            if key in value:
                value[key] = f"{value[key]} {version}" if key != "country" else "NL"
    for item in value.values():
        _rename(item, version)
