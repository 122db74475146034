{# The rows of a group as one text, separated by comma and space, in their own order unless told; null for none. #}
{% macro text_list(expression, order_by=none) -%}
    {{ return(adapter.dispatch('text_list', 'dropbox_audit')(expression, order_by or expression)) }}
{%- endmacro %}

{% macro default__text_list(expression, order_by) -%}
    string_agg({{ expression }}, ', ' order by {{ order_by }})
{%- endmacro %}

{% macro snowflake__text_list(expression, order_by) -%}
    nullif(listagg({{ expression }}, ', ') within group (order by {{ order_by }}), '')
{%- endmacro %}


{# A join that yields one row per piece of a text between separators of one character, as `<alias>.value`. #}
{% macro cross_join_pieces(column, alias, separator=',') -%}
    {{ return(adapter.dispatch('cross_join_pieces', 'dropbox_audit')(column, alias, separator)) }}
{%- endmacro %}

{% macro default__cross_join_pieces(column, alias, separator) -%}
    cross join unnest(string_split({{ column }}, '{{ separator }}')) as {{ alias }} (value)
{%- endmacro %}

{% macro bigquery__cross_join_pieces(column, alias, separator) -%}
    cross join
        unnest(
            array(select as struct piece as value from unnest(split({{ column }}, '{{ separator }}')) as piece)
        ) as {{ alias }}
{%- endmacro %}

{% macro snowflake__cross_join_pieces(column, alias, separator) -%}
    cross join lateral split_to_table({{ column }}, '{{ separator }}') as {{ alias }}
{%- endmacro %}
