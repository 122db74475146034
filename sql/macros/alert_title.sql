{#
    A rule's title with what the placeholders stand for. Names in the log are anybody's: one that looks like a placeholder
    must not become one.
#}
{% macro alert_title(template, values) -%}
    {%- set nested = namespace(text=template) -%}
    {%- for name in values -%}
        {%- set nested.text = "replace(" ~ nested.text ~ ", '{" ~ name ~ "}', " ~ "replace(" ~ values[name] ~ ", '{', '{ '))" -%}
    {%- endfor -%}
    {{ nested.text }}
{%- endmacro %}
