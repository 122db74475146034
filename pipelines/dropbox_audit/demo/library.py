"""The simulated team's files: a folder for each department, and one for contracts."""

from __future__ import annotations

import random
from dataclasses import dataclass

from dropbox_audit.demo.people import DEPARTMENTS
from dropbox_audit.demo.shapes import File, new_file

CONTRACTS = "Contracts 2026"

_SUBJECTS_TEXT = """
Budget Forecast Roadmap Offer Invoice Pricing Onboarding Interview Campaign Brand Prototype Launch Minutes Review
Payroll Handbook Supplier Renewal Northgate Kestrel Atelier Quarter Survey Storyboard Datasheet Migration Backlog
"""
_SUBJECTS = _SUBJECTS_TEXT.split()

_KINDS = ("plan", "notes", "draft", "final", "v2", "v3", "summary", "template", "figures", "signed")

_ENDINGS = ("docx", "xlsx", "pdf", "pptx", "png", "csv", "md", "zip", "mp4", "fig", "paper")

STRANGE_NAMES = (
    "Überblick \u2013 Größe & Maß.xlsx",
    "予算 2026 (最終版).xlsx",
    "team offsite 🏖️ photos.zip",
    "line\nbreak in name.txt",
    'quote " and \\ backslash.txt',
    "<img src=x onerror=alert(1)>.png",
    "<script>alert('name')</script>.html",
    '=HYPERLINK("http://example.invalid","click").csv',
    "+1234 call list.csv",
    "@SUM(A1:A9) budget.xlsx",
    "-2026 archive.tar.gz",
    "per cent %s %(x)s {0} ${HOME}.txt",
    "Robert'); drop table events;--.sql",
    "naïve café e\u0301.txt",
    "right\u202eto-left.txt",
    "very long " + "and longer " * 20 + "name.txt",
)
"""Names that every reader must survive: other scripts, emoji, line ends, markup, formulas, SQL."""

DEEP_NAME = "at the bottom.txt"
"""A file at the end of a very long path."""


@dataclass(slots=True)
class Folder:
    """A shared folder and what is in it. ``department`` works in it."""

    name: str
    path: str
    ns_id: str
    department: str
    files: list[File]

    def as_file(self) -> File:
        """The folder as an asset."""
        parent, _, name = self.path.rpartition("/")
        return File(name, parent, self.ns_id, "", 0, is_folder=True)


def make_library(rng: random.Random) -> dict[str, Folder]:
    """A folder per department by its name, and ``Contracts 2026`` inside Legal's."""
    folders: dict[str, Folder] = {}
    for number, department in enumerate(DEPARTMENTS):
        path, ns_id = f"/{department}", str(3141592650 + number)
        files = [new_file(rng, _name(rng), f"{path}{_subfolder(rng)}", ns_id) for _ in range(rng.randrange(120, 220))]
        folders[department] = Folder(department, path, ns_id, department, files)
    for name in STRANGE_NAMES:
        folder = folders[rng.choice(DEPARTMENTS)]
        folder.files.append(new_file(rng, name, folder.path, folder.ns_id))
    deep = folders["Engineering"]
    deep.files.append(new_file(rng, DEEP_NAME, deep.path + "/a folder with a name" * 60, deep.ns_id))
    path = f"/Legal/{CONTRACTS}"
    contracts = [new_file(rng, f"{_name(rng, 'pdf')}", path, "3141592700") for _ in range(40)]
    folders[CONTRACTS] = Folder(CONTRACTS, path, "3141592700", "Legal", contracts)
    return folders


def another_name(rng: random.Random) -> str:
    """A name for a file that somebody adds or renames."""
    return _name(rng)


def _name(rng: random.Random, ending: str | None = None) -> str:
    year = rng.choice((2024, 2025, 2026))
    return f"{rng.choice(_SUBJECTS)} {year} {rng.choice(_KINDS)} {rng.randrange(100)}.{ending or rng.choice(_ENDINGS)}"


def _subfolder(rng: random.Random) -> str:
    return rng.choice(("", "", "/Archive", "/2026", "/2026/Drafts", "/Shared with partners"))
