"""The whole flow as a script: every event of the team into DuckDB, then the views.

`dropbox-audit run` does the same with bounded batches, a lock, run records and plain errors.
"""

import os
import subprocess
import sys

import dlt
from dropbox_audit import dropbox_audit
from dropbox_audit.transform import sql_folder
from dropbox_audit.warehouse import find_target

if __name__ == "__main__":
    # Credentials and settings: .dlt/secrets.toml and .dlt/config.toml, section sources.dropbox_audit.
    warehouse = find_target("duckdb")
    destination = warehouse.dlt_destination()
    pipeline = dlt.pipeline("dropbox_audit", destination=destination, dataset_name="dropbox_raw", progress="log")
    print(pipeline.run(dropbox_audit()))

    sql = str(sql_folder())
    dbt = [sys.executable, "-m", "dbt.cli.main", "build", "--project-dir", sql, "--profiles-dir", sql]
    environment = {**os.environ, "DROPBOX_AUDIT_DUCKDB": str(warehouse.path)}
    subprocess.run([*dbt, "--exclude-resource-type", "unit_test"], env=environment, check=True)
