"""May we do in a warehouse what we need to? Tried out, in a dataset of its own that is gone afterwards."""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from typing import Any

from dlt.common.destination import Destination
from dlt.common.schema import Schema

from dropbox_audit.settings import first_line
from dropbox_audit.warehouse.target import Target, credentials_of

_REMEDIES = {
    "bigquery": {
        "reach": "check project_id, location and the key in destination.bigquery.credentials",
        "create a dataset": "grant the role BigQuery User (bigquery.datasets.create) in the project",
        "create a table": "grant the role BigQuery Data Editor (bigquery.tables.create)",
        "insert rows": "grant the roles BigQuery Job User and BigQuery Data Editor (bigquery.tables.updateData)",
        "query": "grant the role BigQuery Job User (bigquery.jobs.create)",
        "drop a dataset": "grant the role BigQuery Data Owner on the datasets it makes (bigquery.datasets.delete)",
    },
    "snowflake": {
        "reach": "check account, user, key or password and database in destination.snowflake.credentials",
        "create a dataset": "grant create schema and usage on the database to the role",
        "create a table": "grant create table on the schemas it makes to the role",
        "insert rows": "name a warehouse in destination.snowflake.credentials and grant usage on it to the role",
        "query": "name a warehouse in destination.snowflake.credentials and grant usage on it to the role",
        "drop a dataset": "grant ownership of the schemas it makes to the role",
    },
}


def missing_permissions(target: Target) -> list[str]:
    """A sentence for each thing that is not possible, with the remedy; empty when all is well.

    Raises:
        ConfigurationError: credentials are missing.
    """
    remedies = _REMEDIES[target.destination]
    found: list[str] = []

    def attempt(what: str, do: Callable[[], object]) -> bool:
        try:
            do()
        except Exception as error:
            # Whatever a driver raises is the answer that was asked for.
            found.append(f"{target.name}: cannot {what} ({first_line(error)}): {remedies[what]}.")
            return False
        return True

    with contextlib.ExitStack() as stack:
        clients: list[Any] = []
        if not attempt("reach", lambda: clients.append(stack.enter_context(_client(target)))):
            return found
        [client] = clients
        if not attempt("create a dataset", client.create_dataset):
            return found
        try:
            table = client.make_qualified_table_name("probe")
            if attempt("create a table", lambda: client.execute_sql(f"create table {table} (number integer)")):
                attempt("insert rows", lambda: client.execute_sql(f"insert into {table} (number) values (1)"))
                attempt("query", lambda: client.execute_sql(f"select count(*) from {table}"))
        finally:
            attempt("drop a dataset", client.drop_dataset)
    return found


@contextlib.contextmanager
def _client(target: Target) -> Iterator[Any]:
    configuration = credentials_of(target, f"dropbox_audit_check_{secrets.token_hex(4)}")
    factory: Any = Destination.from_reference(target.destination)
    with factory.client(Schema("dropbox_audit"), configuration).sql_client as client:
        yield client
