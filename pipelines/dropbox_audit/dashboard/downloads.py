"""Exports of exactly what a page has filtered, streamed to the browser as they are made.

A page signs the address of each download, so the address can ask for nothing else, works for a few hours only, and is
made for nobody who has not signed in where signing in is required.
"""

import hashlib
import hmac
import secrets
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qs, urlencode

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from dropbox_audit.dashboard import address, asking
from dropbox_audit.errors import DropboxAuditError
from dropbox_audit.export import WRITTEN_AT_ONCE, write_events
from dropbox_audit.filters import Filter
from dropbox_audit.warehouse import Target

FORMATS = {"csv": "CSV", "parquet": "Parquet", "jsonl": "JSON lines"}
_TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet", "jsonl": "application/x-ndjson"}

_HOURS = 12
_KEY = secrets.token_bytes(32)
_CHUNK = 1 << 20
_SIGNATURE = "&signature="


def link(chosen: Filter, suffix: str, now: datetime) -> str:
    """The address that gives the chosen events in a format."""
    # Whole hours, so that a page that is drawn again shows the same address.
    last = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=_HOURS)
    query = urlencode({**address.write(chosen), "format": suffix, "expires": f"{last:%Y-%m-%dT%H}"}, doseq=True)
    return f"/export?{query}{_SIGNATURE}{_signature(query)}"


def _signature(query: str) -> str:
    return hmac.new(_KEY, query.encode(), hashlib.sha256).hexdigest()


async def _export(request: Request) -> Response:
    query, _, signature = request.scope["query_string"].decode("latin-1").rpartition(_SIGNATURE)
    if not hmac.compare_digest(signature.encode(), _signature(query).encode()):
        return PlainTextResponse("This link is not from a page of this dashboard: go back and reload it.", 403)
    given = parse_qs(query)
    now = datetime.now(UTC)
    if f"{now:%Y-%m-%dT%H}" > given["expires"][0]:
        return PlainTextResponse("This link has expired: go back and reload the page.", 403)
    [suffix] = given["format"]
    chunks = _made(asking.target(), address.parse(given, now.date()), f".{suffix}")
    try:
        first = await run_in_threadpool(next, chunks, b"")
    except DropboxAuditError as error:
        return PlainTextResponse(str(error), 503)

    async def body() -> Any:
        yield first
        async for chunk in iterate_in_threadpool(chunks):
            yield chunk

    name = f"dropbox-events-{now:%Y-%m-%d-%H%M}.{suffix}"
    return StreamingResponse(
        body(), media_type=_TYPES[suffix], headers={"content-disposition": f'attachment; filename="{name}"'}
    )


ROUTE = Route("/export", _export, methods=["GET"])


def _made(target: Target, chosen: Filter, suffix: str) -> Iterator[bytes]:
    """The file, piece by piece while it is written.

    It is written at full speed beside, and not at the speed of whoever takes it: the warehouse's file must be free for
    the loader again as soon as can be.
    """
    with tempfile.NamedTemporaryFile(prefix="dropbox-audit-", buffering=WRITTEN_AT_ONCE) as file:
        errors: list[Exception] = []
        is_done = threading.Event()

        def write() -> None:
            try:
                write_events(target, chosen, suffix, cast(BinaryIO, file.file))
                file.flush()
            except Exception as error:
                # Also when the browser has gone and the file is closed: raised on the other side, if anybody is there.
                errors.append(error)
            finally:
                is_done.set()

        threading.Thread(target=write, name="export", daemon=True).start()
        with open(file.name, "rb") as made:  # noqa: PTH123
            while True:
                was_done = is_done.wait(0 if made.tell() else 0.05)
                chunk = made.read(_CHUNK)
                if chunk:
                    yield chunk
                elif was_done:
                    break
                else:
                    is_done.wait(0.05)
        if errors:
            raise errors[0]
