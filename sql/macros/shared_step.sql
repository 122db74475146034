{#
    A step that several later ones read. Snowflake works it out once for all of them, as part of the statement that needs
    it; BigQuery would work it out again for each, and DuckDB would hold all steps in memory at once, so there it is a
    table. A back-test builds nothing.
#}
{% macro shared_step() -%}
    {{ return('table' if target.type != 'snowflake' and var('alerts_since', none) is none else 'ephemeral') }}
{%- endmacro %}
