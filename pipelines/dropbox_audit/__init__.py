"""Every event of a Dropbox team in your warehouse, exactly once.

`dropbox_audit` is a dlt source that works in any dlt pipeline; the command `dropbox-audit` adds the views and the rest.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dropbox_audit.source import dropbox_audit

__all__ = ["dropbox_audit"]


def __getattr__(name: str) -> Any:
    # dlt takes most of a second to import, which `dropbox-audit --help` need not wait for.
    if name == "dropbox_audit":
        from dropbox_audit.source import dropbox_audit

        return dropbox_audit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
