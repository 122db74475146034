"""Answers and errors in Dropbox's own forms."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(slots=True)
class Answer:
    """An HTTP answer before it goes out. ``reason`` is the status line's phrase, where it is not the usual one."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    reason: str = ""


class AnswerError(Exception):
    """Ends the handling of a request with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status, answer.body)
        self.answer = answer


def success(result: Any) -> Answer:
    """200 with a result."""
    return Answer(200, orjson.dumps(result))


def error(status: int, tag: str, **fields: Any) -> AnswerError:
    """An error in the usual envelope: ``{"error_summary": "<tag path>/<0-3 dots>", "error": {".tag": …}}``.

    ``dotted`` adds the dots.
    """
    body = {".tag": tag, **fields}
    path, inner = tag, fields.get(tag)
    while isinstance(inner, dict) and ".tag" in inner:
        path, inner = f"{path}/{inner['.tag']}", inner.get(inner[".tag"])
    text = orjson.dumps({"error_summary": f"{path}/", "error": body})
    return AnswerError(Answer(status, text, reason=f"{path}/"))


def dotted(answer: Answer, dots: int) -> Answer:
    """The same error with so many dots at its summary's end: their number varies, so that nobody compares it."""
    summary = answer.reason + "." * dots
    body = answer.body.replace(f'"{answer.reason}"'.encode(), f'"{summary}"'.encode(), 1)
    return replace(answer, body=body, reason=summary)


def bad_request(route: str, text: str) -> AnswerError:
    """400 as plain text, which names the function."""
    return plain(400, f'Error in call to API function "{route}": {text}')


def plain(status: int, text: str) -> AnswerError:
    """An error as plain text."""
    return AnswerError(Answer(status, text.encode(), TEXT))


def oauth_error(code: str, description: str = "") -> AnswerError:
    """400 of the token endpoint."""
    body = {"error": code, "error_description": description} if description else {"error": code}
    return AnswerError(Answer(400, orjson.dumps(body)))


def random_from(seed: int | str) -> random.Random:
    """Pseudo-random numbers that ``seed`` decides; they imitate chance, they protect nothing."""
    return random.Random(seed)  # noqa: S311
