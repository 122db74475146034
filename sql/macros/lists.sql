{# The rows of a group as one text, in their own order, separated by comma and space; null for none. #}
{% macro text_list(expression) -%}
    {{ return(adapter.dispatch('text_list', 'dropbox_audit')(expression)) }}
{%- endmacro %}

{% macro default__text_list(expression) -%}
    string_agg({{ expression }}, ', ' order by {{ expression }})
{%- endmacro %}

{% macro snowflake__text_list(expression) -%}
    nullif(listagg({{ expression }}, ', ') within group (order by {{ expression }}), '')
{%- endmacro %}


{# A join that yields one row per piece of a text between commas, as `<alias>.value`. #}
{% macro cross_join_pieces(column, alias) -%}
    {{ return(adapter.dispatch('cross_join_pieces', 'dropbox_audit')(column, alias)) }}
{%- endmacro %}

{% macro default__cross_join_pieces(column, alias) -%}
    cross join unnest(string_split({{ column }}, ',')) as {{ alias }} (value)
{%- endmacro %}

{% macro bigquery__cross_join_pieces(column, alias) -%}
    cross join unnest(array(select as struct piece as value from unnest(split({{ column }}, ',')) as piece)) as {{ alias }}
{%- endmacro %}

{% macro snowflake__cross_join_pieces(column, alias) -%}
    cross join lateral split_to_table({{ column }}, ',') as {{ alias }}
{%- endmacro %}
