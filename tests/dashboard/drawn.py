"""Pages drawn without a browser, and what is on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dropbox_audit.dashboard import serve
from streamlit.testing.v1 import AppTest

APP = Path(serve.__file__).with_name("app.py")
PAGES = sorted(path.stem for path in (APP.parent / "screens").glob("*.py"))

TEXT_ONLY = {"dataframe", "text", "code", "json", "vega_lite_chart"}
"""Elements that show whatever they are given as it is."""


def draw(page: str, **parameters: str | list[str]) -> AppTest:
    """A page with the parameters of its address."""
    test = AppTest.from_file(str(APP), default_timeout=30)
    if page != "overview":
        # Which an address without a path names.
        test.switch_page(f"screens/{page}.py")
    for name, value in parameters.items():
        test.query_params[name] = value
    return test.run()


def elements(node: Any) -> Iterator[Any]:
    """Every element of a page."""
    for child in node.children.values():
        if hasattr(child, "children"):
            yield from elements(child)
        else:
            yield child


def links(test: AppTest) -> dict[str, list[str]]:
    """The addresses of a page's links by their labels."""
    found: dict[str, list[str]] = {}
    for element in elements(test._tree):
        if element.type in {"page_link", "link_button"}:
            proto = element.proto
            where = getattr(proto, "url", "") or f"{proto.page}?{proto.query_string}"
            found.setdefault(proto.label, []).append(where)
    return found
