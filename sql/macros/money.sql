{# Whole hundredths of a currency as an exact amount. They are added and multiplied as whole numbers, never as floats. #}
{% macro money(cents) -%}
    {{ return(adapter.dispatch('money', 'dropbox_audit')(cents)) }}
{%- endmacro %}

{% macro default__money(cents) -%}
    cast(({{ cents }}) / 100 as decimal(18, 2))
{%- endmacro %}

{% macro bigquery__money(cents) -%}
    cast(({{ cents }}) / 100 as numeric)
{%- endmacro %}
