{#
    DuckDB skips row groups by the smallest and largest day in each, so a table whose rows come out of a hash in no order
    is sorted by day as it is written. BigQuery partitions and Snowflake clusters by the model's configuration instead.
#}
{% macro keep_days_together(day) -%}
    {{ return(adapter.dispatch('keep_days_together', 'dropbox_audit')(day)) }}
{%- endmacro %}

{% macro default__keep_days_together(day) -%}
{%- endmacro %}

{% macro duckdb__keep_days_together(day) -%}
    order by {{ day }}
{%- endmacro %}
