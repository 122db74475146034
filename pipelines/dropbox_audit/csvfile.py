"""Small CSV files that people write by hand: checked line by line, loaded whole when they have changed."""

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from dropbox_audit.errors import DeferredError
from dropbox_audit.wording import one_line

_MOST_TOLD = 5

Row = dict[str, Any]


class CsvFileError(DeferredError):
    """Somebody has to mend the file."""


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file as it was read."""

    rows: list[Row]
    digest: str
    schema: pa.Schema

    def table(self, snapshot_id: str, taken_at: datetime) -> pa.Table:
        """The lines as an Arrow table."""
        common = {"snapshot_id": snapshot_id, "taken_at": taken_at}
        return pa.Table.from_pylist([{**row, **common} for row in self.rows], self.schema)


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file must look like.

    Args:
        setting: names the file.
        schema: of its raw table: `snapshot_id`, `taken_at`, `line_no` and the columns of `row`.
        columns: of the file; those in `optional` may be missing.
        row: a line's values; raises `ValueError` with what is wrong and what to write.
        key: what two lines must not share, as a message names it.
    """

    setting: str
    schema: pa.Schema
    columns: tuple[str, ...]
    row: Callable[[dict[str, str]], Row]
    key: Callable[[Row], str]
    optional: frozenset[str] = frozenset()

    def read(self, path: Path) -> CsvFile | None:
        """The lines of the file; None where there is none, which says nothing: another machine may have it.

        Raises:
            CsvFileError: for each bad line, what to do about it.
        """
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CsvFileError(
                f"{path} cannot be read ({error.strerror}): mend it, or set {self.setting} to another."
            ) from None
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise CsvFileError(f"{path} is no text in UTF-8: save it as CSV (UTF-8).") from None
        try:
            return CsvFile(list(self._rows(path, text)), hashlib.sha256(content).hexdigest(), self.schema)
        except csv.Error as error:
            raise CsvFileError(f"{path} is no CSV ({error}): save it as CSV (UTF-8).") from None

    def _rows(self, path: Path, text: str) -> Iterator[Row]:
        lines = csv.reader(text.splitlines(), delimiter=";" if ";" in text.partition("\n")[0] else ",")
        header = [name.strip().lower() for name in next(lines, [])]
        head = f"the first line must read {','.join(self.columns)}"
        if missing := [name for name in self.columns if name not in header and name not in self.optional]:
            raise CsvFileError(f"{path} line 1: {', '.join(missing)} missing: {head}.")
        if unknown := [name for name in header if name not in self.columns or header.count(name) > 1]:
            name = one_line(unknown[0]) or "a column without name"
            raise CsvFileError(f"{path} line 1: {name!r} is no column, or stands there twice: {head}.")
        problems, rows = [], []
        seen: dict[str, int] = {}
        for fields in lines:
            number = lines.line_num
            if not any(field.strip() for field in fields) or fields[0].lstrip().startswith("#"):
                continue
            if len(fields) != len(header):
                problems.append(f"line {number}: {len(fields)} fields where the first line has {len(header)}")
                continue
            try:
                row = self.row({name: field.strip() for name, field in zip(header, fields, strict=True)})
                if (other := seen.setdefault(self.key(row), number)) != number:
                    raise ValueError(f"{self.key(row)} is line {other}'s too: keep one of the two")
            except ValueError as error:
                problems.append(f"line {number}: {error}")
                continue
            rows.append({"line_no": number, **row})
        if problems:
            more = f"; and {len(problems) - _MOST_TOLD} more" if len(problems) > _MOST_TOLD else ""
            raise CsvFileError(f"{path} {'; '.join(problems[:_MOST_TOLD])}{more}.")
        yield from rows


def said(text: str) -> str:
    """What stands there, cut where it gets long."""
    return repr(one_line(text)[:40]) if text else "(empty)"
