{#
    What a day's new rows replace. Snowflake may skip partitions for the days that stand in a subquery, and surely does for
    literals.
#}
{% macro snowflake__get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
    {%- set around = config.get('meta', {}).get('days_around', 0) -%}
    {%- set day = 'DBT_INTERNAL_DEST.' ~ unique_key -%}
    {%- set rewritten = near_touched_days(day, before=around, after=around) if around else in_touched_days(day) -%}
    {%- set predicates = (incremental_predicates or []) + [rewritten] -%}
    {%- set dml = default__get_delete_insert_merge_sql(target, source, unique_key, dest_columns, predicates) -%}
    {{ return(snowflake_dml_explicit_transaction(dml)) }}
{%- endmacro %}
