{# JSON is text in every warehouse. `path` is written in one way: json_text('details', '$.new_value.".tag"'). #}
{% macro json_text(column, path) -%}
    {{ return(adapter.dispatch('json_text', 'dropbox_audit')(column, path)) }}
{%- endmacro %}

{% macro default__json_text(column, path) -%}
    json_extract_string({{ column }}, '{{ path }}')
{%- endmacro %}

{% macro bigquery__json_text(column, path) -%}
    json_value({{ column }}, '{{ path }}')
{%- endmacro %}

{% macro snowflake__json_text(column, path) -%}
    {{ get_json_path(column, path) }}::varchar
{%- endmacro %}

{# Snowflake takes a key that is no plain word in brackets only: a[".tag"]. #}
{% macro get_json_path(column, path) -%}
    get_path(try_parse_json({{ column }}), '{{ modules.re.sub('[.](".*?")', "[\\1]", path[1:])[1:] }}')
{%- endmacro %}


{#
    A join that yields one row per item of a JSON list; none for a missing or empty list. What an item says as text is
    json_item(<alias>), or with `field`, given to both, what that field of it says.
#}
{% macro cross_join_json_list(column, path, alias, field=none) -%}
    {{ return(adapter.dispatch('cross_join_json_list', 'dropbox_audit')(column, path, alias, field)) }}
{%- endmacro %}

{% macro default__cross_join_json_list(column, path, alias, field=none) -%}
    cross join
        unnest(json_extract_string({{ column }}, '{{ path }}[*]{{ "." ~ field if field }}')) as {{ alias }} (value)
{%- endmacro %}

{% macro bigquery__cross_join_json_list(column, path, alias, field=none) -%}
    cross join
        unnest(
            array(
                select as struct json_value(item, '${{ "." ~ field if field }}') as value
                from unnest(json_query_array({{ column }}, '{{ path }}')) as item
            )
        ) as {{ alias }}
{%- endmacro %}

{% macro snowflake__cross_join_json_list(column, path, alias, field=none) -%}
    cross join lateral flatten(input => {{ get_json_path(column, path) }}) as {{ alias }}
{%- endmacro %}


{% macro json_item(alias, field=none) -%}
    {{ return(adapter.dispatch('json_item', 'dropbox_audit')(alias, field)) }}
{%- endmacro %}

{% macro default__json_item(alias, field=none) -%}
    {{ alias }}.value
{%- endmacro %}

{% macro snowflake__json_item(alias, field=none) -%}
    {{ "get_path(" ~ alias ~ ".value, '" ~ field ~ "')" if field else alias ~ '.value' }}::varchar
{%- endmacro %}


{#
    Any JSON value as readable text: a union member that is only a tag as that word, a scalar as itself, anything richer
    as its JSON.
#}
{% macro json_readable(column, path) -%}
    {%- set tag = json_text(column, path ~ '.".tag"') -%}
    {%- set whole = json_any(column, path) -%}
    case when {{ whole }} = '{".tag":"' || {{ tag }} || '"}' then {{ tag }} else {{ whole }} end
{%- endmacro %}


{# Any JSON value as text, objects and lists as JSON; Snowflake has an order of its own for the keys of an object. #}
{% macro json_any(column, path) -%}
    {{ return(adapter.dispatch('json_any', 'dropbox_audit')(column, path)) }}
{%- endmacro %}

{% macro default__json_any(column, path) -%}
    json_extract_string({{ column }}, '{{ path }}')
{%- endmacro %}

{% macro bigquery__json_any(column, path) -%}
    coalesce(json_value({{ column }}, '{{ path }}'), json_query({{ column }}, '{{ path }}'))
{%- endmacro %}

{% macro snowflake__json_any(column, path) -%}
    {{ get_json_path(column, path) }}::varchar
{%- endmacro %}
