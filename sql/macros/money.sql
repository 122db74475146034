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


{# An amount of money, not less than nothing, as text with both its digits: casts leave out zeros here and not there. #}
{% macro money_text(amount) -%}
    cast(cast(floor({{ amount }}) as bigint) as {{ dbt.type_string() }})
    || '.'
    || lpad(
        cast(cast(round(({{ amount }} - floor({{ amount }})) * 100, 0) as bigint) as {{ dbt.type_string() }}), 2, '0'
    )
{%- endmacro %}
