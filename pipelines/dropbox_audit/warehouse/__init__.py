"""Which warehouse it is, and the one read-only door to it."""

from dropbox_audit.warehouse.catalogue import View, read_catalogue
from dropbox_audit.warehouse.door import (
    Door,
    Limits,
    NoSuchRelationError,
    TooSlowError,
    is_there,
    marks,
    open_door,
    require_views,
)
from dropbox_audit.warehouse.file import connect, is_lock_conflict, is_out_of_memory, wait_for_file
from dropbox_audit.warehouse.probe import missing_permissions
from dropbox_audit.warehouse.profile import dbt_environment
from dropbox_audit.warehouse.target import (
    DEFAULT_FILE,
    INTERNAL_DATASET,
    LEDGER,
    MEMORY_FOR_LOADING,
    RAW_DATASET,
    VIEWS_DATASET,
    Target,
    duckdb_target,
    find_target,
)

__all__ = [
    "DEFAULT_FILE",
    "INTERNAL_DATASET",
    "LEDGER",
    "MEMORY_FOR_LOADING",
    "RAW_DATASET",
    "VIEWS_DATASET",
    "Door",
    "Limits",
    "NoSuchRelationError",
    "Target",
    "TooSlowError",
    "View",
    "connect",
    "dbt_environment",
    "duckdb_target",
    "find_target",
    "is_lock_conflict",
    "is_out_of_memory",
    "is_there",
    "marks",
    "missing_permissions",
    "open_door",
    "read_catalogue",
    "require_views",
    "wait_for_file",
]
