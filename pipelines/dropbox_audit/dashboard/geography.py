"""Where countries are: their middles and a coarse outline of the land, so that a map needs no tiles and no network.

`land.json` is made from Natural Earth's 1:110m countries, which are in the public domain.
"""

import csv
import json
from dataclasses import dataclass
from functools import cache
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
_EARTH_KM = 6371


@dataclass(frozen=True)
class Country:
    """A country and its middle, in degrees."""

    name: str
    latitude: float
    longitude: float


def country(written: str | None) -> Country | None:
    """The country that Dropbox writes as a code or a name; None for one that is not known."""
    return None if written is None else _countries().get(written.strip().lower())


def name_of(written: str) -> str:
    """The country's name, or as it is written."""
    found = country(written)
    return written if found is None else found.name


def distance_km(one: str, other: str) -> float | None:
    """Between the middles of two countries; None where one is not known."""
    first, second = country(one), country(other)
    if first is None or second is None:
        return None
    rise = radians(second.latitude - first.latitude)
    turn = radians(second.longitude - first.longitude)
    chord = sin(rise / 2) ** 2
    chord += cos(radians(first.latitude)) * cos(radians(second.latitude)) * sin(turn / 2) ** 2
    return 2 * _EARTH_KM * asin(sqrt(chord))


@cache
def land() -> dict[str, Any]:
    """The outline of the land as one GeoJSON feature."""
    geometry = json.loads((_FOLDER / "land.json").read_text(encoding="utf-8"))
    return {"type": "Feature", "properties": {}, "geometry": geometry}


@cache
def _countries() -> dict[str, Country]:
    found: dict[str, Country] = {}
    with (_FOLDER / "countries.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            place = Country(row["name"], float(row["latitude"]), float(row["longitude"]))
            found[row["code"].lower()] = found[row["name"].lower()] = place
    return found
