{# A cast that gives null where it cannot: one strange value in one event must not fail a view. #}
{% macro try_cast(expression, type) -%}
    {{ return(adapter.dispatch('try_cast', 'dropbox_audit')(expression, type)) }}
{%- endmacro %}

{% macro default__try_cast(expression, type) -%}
    try_cast({{ expression }} as {{ type }})
{%- endmacro %}

{% macro bigquery__try_cast(expression, type) -%}
    safe_cast({{ expression }} as {{ type }})
{%- endmacro %}
