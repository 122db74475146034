"""Which warehouse it is."""

import errno
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.destination import Destination
from dlt.common.destination.exceptions import UnknownDestinationModule
from dlt.common.exceptions import MissingDependencyException
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

from dropbox_audit.errors import ConfigurationError, RunError
from dropbox_audit.settings import configure_dlt, first_line
from dropbox_audit.warehouse.file import connect
from dropbox_audit.wording import keep_secret

RAW_DATASET = "dropbox_raw"
VIEWS_DATASET = "dropbox_audit"
INTERNAL_DATASET = "dropbox_audit_internal"
LEDGER = "int_dropbox__load_ledger"
"""The model that is built last: which loads the views have taken in."""
DEFAULT_FILE = "dropbox.duckdb"
_FOR_LOADING = {
    # Beside the threads that fetch and decode; each thread of DuckDB's holds 100,000 events in memory.
    "threads": 1,
    # An event's JSON is long: half the size of DuckDB's own choice, in two thirds of the time that it takes to choose.
    "force_compression": "zstd",
}
MEMORY_FOR_LOADING = ("64MB", "256MB", None)
"""How much DuckDB is given, one after the other where a load needs more; None: what it takes by itself.

The first does for events of a few kilobytes.
"""
_WITH_VIEWS = {"duckdb", "bigquery", "snowflake"}


@dataclass(frozen=True)
class Target:
    """A warehouse: `destination` as dlt names it and, for DuckDB, its file, else the account and database it is in."""

    destination: str
    path: Path | None = None
    database: str = ""

    @property
    def is_local(self) -> bool:
        """Whether the warehouse is a file on this machine."""
        return self.path is not None

    @property
    def location(self) -> str:
        """What tells two warehouses of one kind apart."""
        return str(self.path) if self.path else self.database or self.destination

    @property
    def name(self) -> str:
        """The warehouse in a message."""
        return str(self.path) if self.path else " ".join(filter(None, (self.destination, self.database)))

    def dlt_destination(self, *, memory: str | None = None) -> Any:
        """The destination as dlt takes it.

        Args:
            memory: of DuckDB at most.
        """
        if self.path is None:
            return self.destination
        settings = _FOR_LOADING | ({"memory_limit": memory} if memory else {})
        return dlt.destinations.duckdb(DuckDbCredentials(str(self.path), global_config=settings))

    def check_usable(self) -> None:
        """Raise `RunError` when the file cannot be written, before anything is asked of Dropbox."""
        if self.path is None:
            return
        folder = self.path.parent
        if not folder.is_dir():
            raise RunError(f"{folder} is no folder: create it, or name another file in destination.duckdb.credentials.")
        try:
            # Opening asks the file system itself, which knows read-only mounts and permissions.
            if self.path.exists():
                if not self.path.stat().st_mode & 0o222:
                    # The administrator may write it all the same, but somebody has said that nobody should.
                    raise PermissionError(errno.EACCES, "it is read-only")
                with self.path.open("ab"):
                    pass
                if _is_unfinished(self.path):
                    self.path.unlink()
            else:
                # Not the file itself: an empty one, left behind by a kill, would be no database for ever.
                with tempfile.TemporaryFile(dir=folder):
                    pass
        except OSError as error:
            raise RunError(
                f"{self.path} cannot be written ({error.strerror}): make it writable, or name another file in "
                "destination.duckdb.credentials. Nothing is lost."
            ) from None

    def mark(self) -> list[int] | None:
        """What changes whenever somebody writes to the file or puts another one in its place; None without a file."""
        if self.path is None or not self.path.exists():
            return None
        files = [file.stat() for file in (self.path, self.path.with_name(f"{self.path.name}.wal")) if file.exists()]
        return [number for file in files for number in (file.st_ino, file.st_size, file.st_mtime_ns)]

    def stored_state(self, pipeline_name: str) -> str | None:
        """The version of a pipeline's newest completed state in this file; None when there is none.

        Raises:
            ConfigurationError: the file belongs to the other pipeline: the demo's team and a real one never mix.
        """
        if self.path is None or not self.path.exists():
            return None
        with connect(self.path) as connection:
            try:
                rows = connection.execute(
                    "select state.pipeline_name, max_by(state.version, loads.load_id), max(loads.load_id) "
                    f"from {RAW_DATASET}._dlt_pipeline_state as state "
                    f"left join {RAW_DATASET}._dlt_loads as loads "
                    "on loads.load_id = state._dlt_load_id and loads.status = 0 group by state.pipeline_name"
                ).fetchall()
            except duckdb.CatalogException:
                return None
        states = {name: None if load_id is None else f"{load_id}:{version}" for name, version, load_id in rows}
        if states and pipeline_name not in states:
            what = "the demo's simulated team" if pipeline_name == "dropbox_audit" else "a real team's log"
            raise ConfigurationError(f"{self.path} holds {what}: name another file in destination.duckdb.credentials.")
        return states.get(pipeline_name)

    def has_views(self) -> bool:
        """Whether this file holds views that were once built to their end; True where only asking would tell."""
        if self.path is None:
            return True
        if not self.path.exists():
            return False
        with connect(self.path) as connection:
            return bool(
                connection.execute(
                    "select 1 from duckdb_tables() where schema_name = ? and table_name = ?",
                    [INTERNAL_DATASET, LEDGER],
                ).fetchone()
            )


def find_target(destination: str) -> Target:
    """The warehouse that `--destination` and dlt's configuration name.

    Raises:
        ConfigurationError: an unknown destination, or a DuckDB file that could not be queried.
    """
    configure_dlt()
    if destination != "duckdb":
        return Target(destination, database=_database(_known(destination)))
    configured = any(dlt.secrets.get(key) for key in ("destination.duckdb.credentials", "destination.credentials"))
    if configured:
        factory = dlt.destinations.duckdb()
        path = Path(factory.configuration(factory.spec(), accept_partial=True).credentials.database)
    else:
        path = Path(DEFAULT_FILE)
    return duckdb_target(path)


def credentials_of(target: Target, dataset: str = RAW_DATASET) -> Any:
    """Dlt's resolved configuration of a destination, credentials included; its secrets are never said from then on.

    Raises:
        ConfigurationError: something is missing; the text says what.
    """
    configuration = _configuration(_known(target.destination), dataset)
    for name in ("password", "private_key", "private_key_passphrase", "token", "refresh_token", "client_secret"):
        keep_secret(getattr(configuration.credentials, name, None))
    return configuration


def _configuration(factory: Any, dataset: str = RAW_DATASET) -> Any:
    try:
        return factory.configuration(factory.spec()._bind_dataset_name(dataset))
    except ConfigurationException as error:
        name = factory.destination_name
        raise ConfigurationError(
            f"The credentials of {name} cannot be read ({first_line(error)}): give dlt's own, "
            f"destination.{name}.credentials, in .dlt/secrets.toml or the environment."
        ) from error


def _database(factory: Any) -> str:
    """Account and database, as far as a destination has them."""
    if factory.destination_name not in _WITH_VIEWS:
        return ""
    configuration = _configuration(factory)
    if factory.destination_name == "bigquery":
        return str(configuration.project_id or configuration.credentials.project_id)
    return f"{configuration.credentials.host}/{configuration.credentials.database}"


def _known(destination: str) -> Any:
    try:
        factory = Destination.from_reference(destination)
        if factory is not None:
            # Loads what the destination depends on.
            factory.spec  # noqa: B018
    except UnknownDestinationModule:
        raise ConfigurationError(
            f"--destination {destination} is unknown: use duckdb, bigquery, snowflake or another destination of dlt."
        ) from None
    except MissingDependencyException as error:
        packages = f"dropbox-audit[{destination}]" if destination in _WITH_VIEWS else ", ".join(error.dependencies)
        raise ConfigurationError(
            f"--destination {destination} needs packages that are not installed: pip install '{packages}'."
        ) from None
    return factory


def duckdb_target(path: Path) -> Target:
    """A DuckDB file as the warehouse."""
    if path.name.startswith(":"):
        raise ConfigurationError(
            "A DuckDB in memory is gone when the command ends: name a file in destination.duckdb.credentials."
        )
    if path.stem.lower() in {RAW_DATASET, VIEWS_DATASET, INTERNAL_DATASET, f"{RAW_DATASET}_staging"}:
        raise ConfigurationError(
            f"A DuckDB file called {path.name} makes every query ambiguous, because a dataset has the same name: "
            f"call it {DEFAULT_FILE}, for instance (destination.duckdb.credentials)."
        )
    return Target("duckdb", path.resolve())


def _is_unfinished(path: Path) -> bool:
    """Whether DuckDB was killed, or found the disk full, while it made this file: there is nothing in it yet.

    It writes three headers of 4096 bytes, the first with its name from the ninth byte on, before anything else.
    """
    with path.open("rb") as file:
        start = file.read(12)
    is_stump = start == b"" or (start[8:] == b"DUCK" and path.stat().st_size < 3 * 4096)
    return is_stump and not path.with_name(f"{path.name}.wal").exists()
