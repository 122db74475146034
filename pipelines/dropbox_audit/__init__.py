"""Every event of a Dropbox team in your warehouse, exactly once.

`dropbox_audit` is a dlt source that works in any dlt pipeline; the command `dropbox-audit` adds the views and the rest.
"""

from dropbox_audit.source import dropbox_audit

__all__ = ["dropbox_audit"]
