"""dlt's credentials in the words of dbt's profile (`sql/profiles.yml`), so that nobody has to give them twice."""

import json
from typing import Any

from dropbox_audit.warehouse.target import Target, credentials_of


def dbt_environment(target: Target) -> dict[str, str]:
    """The environment variables from which dbt's profile takes the warehouse and how to enter it.

    Those that hold a secret begin with `DBT_ENV_SECRET_`, which dbt takes out of its logs.

    Raises:
        ConfigurationError: credentials are missing, or are of a kind that dbt cannot use.
    """
    if target.path is not None:
        return {"DROPBOX_AUDIT_DUCKDB": str(target.path)}
    configuration = credentials_of(target)
    of_kind = {"bigquery": _bigquery, "snowflake": _snowflake}[target.destination]
    return {name: str(value) for name, value in of_kind(configuration).items() if value not in {None, ""}}


def _bigquery(configuration: Any) -> dict[str, Any]:
    credentials = configuration.credentials
    common = {
        "DROPBOX_AUDIT_BIGQUERY_PROJECT": configuration.project_id or credentials.project_id,
        "DROPBOX_AUDIT_BIGQUERY_LOCATION": configuration.location,
    }
    if credentials.has_default_credentials():
        return {**common, "DROPBOX_AUDIT_BIGQUERY_METHOD": "oauth"}
    if getattr(credentials, "refresh_token", None):
        return {
            **common,
            "DROPBOX_AUDIT_BIGQUERY_METHOD": "oauth-secrets",
            "DROPBOX_AUDIT_BIGQUERY_TOKEN_URI": credentials.token_uri,
            "DROPBOX_AUDIT_BIGQUERY_CLIENT_ID": credentials.client_id,
            "DBT_ENV_SECRET_BIGQUERY_CLIENT_SECRET": credentials.client_secret,
            "DBT_ENV_SECRET_BIGQUERY_REFRESH_TOKEN": credentials.refresh_token,
        }
    return {
        **common,
        "DROPBOX_AUDIT_BIGQUERY_METHOD": "service-account-json",
        "DROPBOX_AUDIT_BIGQUERY_CLIENT_EMAIL": credentials.client_email,
        "DROPBOX_AUDIT_BIGQUERY_TOKEN_URI": credentials.token_uri,
        # A profile is YAML: the line ends of the key travel escaped, as they stand in a key file.
        "DBT_ENV_SECRET_BIGQUERY_PRIVATE_KEY": json.dumps(credentials.private_key)[1:-1],
    }


def _snowflake(configuration: Any) -> dict[str, Any]:
    credentials = configuration.credentials
    more = credentials.get_query()
    return {
        "DROPBOX_AUDIT_SNOWFLAKE_ACCOUNT": credentials.host,
        "DROPBOX_AUDIT_SNOWFLAKE_USER": credentials.username,
        "DROPBOX_AUDIT_SNOWFLAKE_DATABASE": credentials.database,
        "DROPBOX_AUDIT_SNOWFLAKE_WAREHOUSE": credentials.warehouse,
        "DROPBOX_AUDIT_SNOWFLAKE_ROLE": credentials.role,
        "DROPBOX_AUDIT_SNOWFLAKE_AUTHENTICATOR": credentials.authenticator,
        "DBT_ENV_SECRET_SNOWFLAKE_PASSWORD": credentials.password,
        "DBT_ENV_SECRET_SNOWFLAKE_TOKEN": credentials.token,
        # Also where a key file is named: dlt has read it by now.
        "DBT_ENV_SECRET_SNOWFLAKE_PRIVATE_KEY": credentials.private_key,
        "DBT_ENV_SECRET_SNOWFLAKE_PASSPHRASE": credentials.private_key_passphrase,
        # Where a proxy or a test server stands in for the account's own address.
        **{f"DROPBOX_AUDIT_SNOWFLAKE_{name.upper()}": more.get(name) for name in ("host", "port", "protocol")},
    }
