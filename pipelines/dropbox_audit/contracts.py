"""The small file that says what was bought at what price: `contracts.csv`.

    valid_from,seats,price_per_seat,currency,billing_period,renewal_date,notice_days
    2026-01-15,120,180.00,EUR,year,2027-01-15,60
    2026-07-01,140,180.00,EUR,year,2027-01-15,60

A line says what holds from its first day on, until a later line takes its place: all seats, not only those added.
"""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from dropbox_audit.csvfile import CsvFile, Layout, said
from dropbox_audit.events import TIMESTAMP

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
_PERIODS = ("month", "year")
_PRICE = re.compile(r"[0-9]{1,7}(\.[0-9]{1,2})?")
_MOST_NOTICE_DAYS = 3650


def read_contracts(path: Path) -> CsvFile | None:
    """The lines of the file; None where there is none.

    Raises:
        CsvFileError: for each bad line, what to do about it.
    """
    return _LAYOUT.read(path)


def _row(given: dict[str, str]) -> dict[str, Any]:
    """A line's values; raises `ValueError` with what is wrong and what to write."""
    valid_from = _day("valid_from", given["valid_from"])
    renewal = _day("renewal_date", given["renewal_date"]) if given.get("renewal_date") else None
    if renewal is not None and renewal <= valid_from:
        raise ValueError(f"renewal_date {renewal} is not after valid_from {valid_from}: write the day it renews on")
    price, currency, period = given["price_per_seat"], given["currency"].upper(), given["billing_period"].lower()
    if not _PRICE.fullmatch(price):
        raise ValueError(f"price_per_seat {said(price)} is no amount: write it like 12.50, without a currency sign")
    if not re.fullmatch("[A-Z]{3}", currency):
        raise ValueError(f"currency {said(given['currency'])} is no currency code: write three letters like EUR")
    if period not in _PERIODS:
        raise ValueError(f"billing_period {said(given['billing_period'])} is unknown: write month or year")
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
        raise ValueError(f"{name} {said(text)} is no day: write it like 2026-01-15")
    return day


def _whole(name: str, text: str) -> int:
    if not re.fullmatch("[0-9]{1,7}", text):
        raise ValueError(f"{name} {said(text)} is no whole number: write it like 120")
    return int(text)


_LAYOUT = Layout(
    setting="contracts",
    schema=CONTRACTS,
    columns=COLUMNS,
    optional=frozenset({"renewal_date", "notice_days"}),
    row=_row,
    key=lambda row: f"valid_from {row['valid_from']}",
)
