{# A rule's title with what the placeholders stand for. #}
{% macro alert_title(template, values) -%}
    {%- set nested = namespace(text=template) -%}
    {%- for name in values -%}
        {%- set nested.text = "replace(" ~ nested.text ~ ", '{" ~ name ~ "}', " ~ values[name] ~ ")" -%}
    {%- endfor -%}
    {{ nested.text }}
{%- endmacro %}
