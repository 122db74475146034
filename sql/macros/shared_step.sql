{#
    A step that several later ones read. DuckDB and Snowflake work it out once for all of them, as part of the statement
    that needs it; BigQuery would work it out again for each, so there it is a table. A back-test builds nothing.
#}
{% macro shared_step() -%}
    {{ return('table' if target.type == 'bigquery' and var('alerts_since', none) is none else 'ephemeral') }}
{%- endmacro %}
