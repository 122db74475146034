{#
    In an update, and with --vars touched_days, the generic tests of a model that names its `meta.day_column` look at the
    touched days only.
#}
{% macro get_where_subquery(relation) -%}
    {%- set conditions = [] -%}
    {%- if config.get('where') -%}
        {%- do conditions.append('(' ~ config.get('where') ~ ')') -%}
    {%- endif -%}
    {%- if execute and (var('touched_days', none) is not none or is_update()) -%}
        {%- set tested = graph.nodes.get(model.attached_node) -%}
        {%- set day_column = tested.config.meta.day_column if tested else none -%}
        {%- if day_column -%}
            {%- do conditions.append(is_tested_day(day_column)) -%}
        {%- endif -%}
    {%- endif -%}
    {%- if conditions -%}
        {{ return('(select * from ' ~ relation ~ ' where ' ~ conditions | join(' and ') ~ ') as tested') }}
    {%- else -%}
        {{ return(relation) }}
    {%- endif -%}
{%- endmacro %}
