"""What the views and their columns mean, as it stands in the warehouse: dbt has written it there with each view."""

from dataclasses import dataclass, field

from dropbox_audit.warehouse.door import Door
from dropbox_audit.warehouse.target import VIEWS_DATASET, Target


@dataclass
class Column:
    """A column of a view."""

    name: str
    data_type: str
    description: str | None


@dataclass
class View:
    """A relation of the schema that people read."""

    name: str
    description: str | None
    columns: list[Column] = field(default_factory=list)


def read_catalogue(door: Door, target: Target) -> dict[str, View]:
    """Every view of `dropbox_audit` by its name, in the order of the alphabet, its columns in theirs."""
    relations, columns = _QUERIES[target.destination]
    views = {name.lower(): View(name.lower(), _flat(text)) for name, text in door.rows(relations)}
    for view, name, data_type, text in door.rows(columns):
        known = views.setdefault(view.lower(), View(view.lower(), None))
        known.columns.append(Column(name.lower(), data_type, _flat(text)))
    return dict(sorted(views.items()))


def _flat(text: str | None) -> str | None:
    return " ".join(text.split()) if text else None


_QUERIES = {
    "duckdb": (
        "select name, description from ("
        "select view_name as name, comment as description, schema_name from duckdb_views() "
        "union all select table_name, comment, schema_name from duckdb_tables()) as relations "
        f"where schema_name = '{VIEWS_DATASET}' order by name",
        "select table_name, column_name, data_type, comment from duckdb_columns() "
        f"where schema_name = '{VIEWS_DATASET}' order by table_name, column_index",
    ),
    "bigquery": (
        # An option's value is a literal: a text in quotation marks.
        "select relation.table_name, json_value(described.option_value, '$') "
        f"from {VIEWS_DATASET}.INFORMATION_SCHEMA.TABLES as relation "
        f"left join {VIEWS_DATASET}.INFORMATION_SCHEMA.TABLE_OPTIONS as described "
        "on described.table_name = relation.table_name and described.option_name = 'description' "
        "order by relation.table_name",
        "select listed.table_name, listed.column_name, listed.data_type, described.description "
        f"from {VIEWS_DATASET}.INFORMATION_SCHEMA.COLUMNS as listed "
        f"left join {VIEWS_DATASET}.INFORMATION_SCHEMA.COLUMN_FIELD_PATHS as described "
        "on described.table_name = listed.table_name and described.field_path = listed.column_name "
        "order by listed.table_name, listed.ordinal_position",
    ),
    "snowflake": (
        "select table_name, comment from information_schema.tables "
        f"where lower(table_schema) = '{VIEWS_DATASET}' order by table_name",
        "select table_name, column_name, data_type, comment from information_schema.columns "
        f"where lower(table_schema) = '{VIEWS_DATASET}' order by table_name, ordinal_position",
    ),
}
