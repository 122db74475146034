"""The small file that says what was bought at what price: `contracts.csv`.

    valid_from,seats,price_per_seat,currency,billing_period,renewal_date,notice_days
    2026-01-15,120,180.00,EUR,year,2027-01-15,60
    2026-07-01,140,180.00,EUR,year,2027-01-15,60

A line says what holds from its first day on, until a later line takes its place: all seats, not only those added.
"""

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from dropbox_audit.errors import ConfigurationError
from dropbox_audit.events import TIMESTAMP
from dropbox_audit.wording import one_line

CONTRACTS = pa.schema(
    [
        ("snapshot_id", pa.string()),
        ("taken_at", TIMESTAMP),
        ("line_no", pa.int64()),
        ("valid_from", pa.date32()),
        ("seats", pa.int64()),
        ("price_per_seat", pa.string()),
        ("price_cents", pa.int64()),
        ("currency", pa.string()),
        ("billing_period", pa.string()),
        ("renewal_date", pa.date32()),
        ("notice_days", pa.int64()),
    ]
)
"""One row per line and reading of the file; the newest reading counts. `price_cents` is the price in hundredths."""

COLUMNS = ("valid_from", "seats", "price_per_seat", "currency", "billing_period", "renewal_date", "notice_days")
_OPTIONAL = {"renewal_date", "notice_days"}
_PERIODS = ("month", "year")
_PRICE = re.compile(r"[0-9]{1,7}(\.[0-9]{1,2})?")
_MOST_TOLD = 5
_MOST_NOTICE_DAYS = 3650


class ContractsError(ConfigurationError):
    """Somebody has to mend the file. The log does not depend on it."""


@dataclass(frozen=True, slots=True)
class Contracts:
    """The file as it was read."""

    rows: list[dict[str, Any]]
    digest: str

    def table(self, snapshot_id: str, taken_at: datetime) -> pa.Table:
        """The lines as an Arrow table."""
        common = {"snapshot_id": snapshot_id, "taken_at": taken_at}
        return pa.Table.from_pylist([{**row, **common} for row in self.rows], CONTRACTS)


def read_contracts(path: Path) -> Contracts | None:
    """The lines of the file; None where there is none, which says nothing: another machine may have it.

    Raises:
        ContractsError: for each bad line, what to do about it.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ContractsError(
            f"{path} cannot be read ({error.strerror}): mend it, or set contracts to another."
        ) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ContractsError(f"{path} is no text in UTF-8: save it as CSV (UTF-8).") from None
    try:
        return Contracts(list(_rows(path, text)), hashlib.sha256(content).hexdigest())
    except csv.Error as error:
        raise ContractsError(f"{path} is no CSV ({error}): save it as CSV (UTF-8).") from None


def _rows(path: Path, text: str) -> Iterator[dict[str, Any]]:
    lines = csv.reader(text.splitlines(), delimiter=";" if ";" in text.partition("\n")[0] else ",")
    header = [name.strip().lower() for name in next(lines, [])]
    if missing := [name for name in COLUMNS if name not in header and name not in _OPTIONAL]:
        raise ContractsError(
            f"{path} line 1: {', '.join(missing)} missing: the first line must read {','.join(COLUMNS)}."
        )
    if unknown := [name for name in header if name not in COLUMNS or header.count(name) > 1]:
        raise ContractsError(
            f"{path} line 1: {one_line(unknown[0]) or 'a column without name'!r} is no column, or stands there twice: "
            f"the first line must read {','.join(COLUMNS)}."
        )
    problems, rows = [], []
    seen: dict[date, int] = {}
    for fields in lines:
        number = lines.line_num
        if not any(field.strip() for field in fields) or fields[0].lstrip().startswith("#"):
            continue
        if len(fields) != len(header):
            problems.append(f"line {number}: {len(fields)} fields where the first line has {len(header)}")
            continue
        given = {name: field.strip() for name, field in zip(header, fields, strict=True)}
        try:
            row = _row(given)
            if (other := seen.setdefault(row["valid_from"], number)) != number:
                raise ValueError(f"valid_from {row['valid_from']} is line {other}'s too: keep one of the two")
        except ValueError as error:
            problems.append(f"line {number}: {error}")
            continue
        rows.append({"line_no": number, **row})
    if problems:
        more = f"; and {len(problems) - _MOST_TOLD} more" if len(problems) > _MOST_TOLD else ""
        raise ContractsError(f"{path} {'; '.join(problems[:_MOST_TOLD])}{more}.")
    yield from rows


def _row(given: dict[str, str]) -> dict[str, Any]:
    """A line's values; raises `ValueError` with what is wrong and what to write."""
    valid_from = _day("valid_from", given["valid_from"])
    renewal = _day("renewal_date", given["renewal_date"]) if given.get("renewal_date") else None
    if renewal is not None and renewal <= valid_from:
        raise ValueError(f"renewal_date {renewal} is not after valid_from {valid_from}: write the day it renews on")
    price, currency, period = given["price_per_seat"], given["currency"].upper(), given["billing_period"].lower()
    if not _PRICE.fullmatch(price):
        raise ValueError(f"price_per_seat {_said(price)} is no amount: write it like 12.50, without a currency sign")
    if not re.fullmatch("[A-Z]{3}", currency):
        raise ValueError(f"currency {_said(given['currency'])} is no currency code: write three letters like EUR")
    if period not in _PERIODS:
        raise ValueError(f"billing_period {_said(given['billing_period'])} is unknown: write month or year")
    notice = _whole("notice_days", given["notice_days"]) if given.get("notice_days") else None
    if notice is not None and notice > _MOST_NOTICE_DAYS:
        raise ValueError(f"notice_days {notice} is more than ten years: write the days of notice")
    return {
        "valid_from": valid_from,
        "seats": _whole("seats", given["seats"]),
        "price_per_seat": f"{Decimal(price):.2f}",
        "price_cents": int(Decimal(price) * 100),
        "currency": currency,
        "billing_period": period,
        "renewal_date": renewal,
        "notice_days": notice,
    }


def _day(name: str, text: str) -> date:
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        # Such as 2026-02-29.
        day = None
    if day is None:
        raise ValueError(f"{name} {_said(text)} is no day: write it like 2026-01-15")
    return day


def _whole(name: str, text: str) -> int:
    if not re.fullmatch("[0-9]{1,7}", text):
        raise ValueError(f"{name} {_said(text)} is no whole number: write it like 120")
    return int(text)


def _said(text: str) -> str:
    """What stands there, cut where it gets long."""
    return repr(one_line(text)[:40]) if text else "(empty)"
