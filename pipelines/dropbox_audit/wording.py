"""What may be said: no secret this process knows, and no character that would drive a terminal or hide from a reader.

Texts from outside end up in errors, run records, on the screen and before an assistant: names in the log are chosen by
strangers, and a server may say back what it was sent. The register of secrets is the process's, because an error
passes through code that never saw the settings it came from.
"""

import base64
import json
import re
from urllib.parse import quote, quote_plus

_SHORTEST_SECRET = 6
"""Shorter ones are placeholders, and would take letters out of plain words."""

_UNSEEN = dict.fromkeys(
    code
    for first, last in (
        (0x034F, 0x034F),  # joins letters
        (0x115F, 0x1160),  # fillers of Hangul syllables
        (0x17B4, 0x17B5),  # vowels of Khmer that are never shown
        (0x180B, 0x180F),  # selectors of Mongolian letters
        (0x2800, 0x2800),  # Braille without a dot
        (0x3164, 0x3164),
        (0xFE00, 0xFE0D),  # selectors of variants: a row of them behind a letter can hold a whole hidden text
        (0xFFA0, 0xFFA0),
        (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)
"""Letters and marks by Unicode's classes, and printable for Python, but nothing that anybody sees."""

_SELECTORS = re.compile("([\ufe0e\ufe0f])[\ufe0e\ufe0f]+")
"""One of these says whether a sign is shown in colour; no name needs two."""

_forms: dict[str, None] = {}


def keep_secret(value: str | None) -> None:
    """From now on `without_secrets` takes this value out, also URL-encoded, JSON-escaped or in base64."""
    if not value or len(value) < _SHORTEST_SECRET:
        return
    forms = {value, quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)[1:-1]}
    for before in range(3):
        # Base64 of a longer text shows one of three pictures of the secret, less the characters it shares at its ends.
        text = base64.b64encode(b"\0" * before + value.encode()).decode()
        whole = text[(before * 8 + 5) // 6 : (before + len(value.encode())) * 8 // 6]
        forms |= {whole, whole.replace("+", "-").replace("/", "_")}
    for form in forms:
        _forms.setdefault(form)


def without_secrets(text: str) -> str:
    """The text with every secret that was told to `keep_secret` replaced by `(secret)`."""
    for form in sorted(_forms, key=len, reverse=True):
        text = text.replace(form, "(secret)")
    return text


def printable(text: str) -> str:
    """The text without secrets and without control characters, escapes and overrides of direction; line ends stay."""
    text = without_secrets(text)
    return text if text.isprintable() else "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def one_line(text: str) -> str:
    """As `printable`, and on one line: what strangers wrote cannot begin a line of its own."""
    return printable(" ".join(text.split()))


def visible(text: str) -> str:
    """On one line, without secrets and without anything that a human reader would not see.

    For a program that reads: control characters, overrides of direction, zero-width and other invisible characters
    are taken out, and leave no trace.
    """
    shown = _SELECTORS.sub(r"\1", " ".join(text.split()).translate(_UNSEEN))
    return without_secrets(shown if shown.isprintable() else "".join(filter(str.isprintable, shown)))
