{# Schemas are public names: `dropbox_audit` and `dropbox_audit_internal`, never prefixed with the profile's schema. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name | trim if custom_schema_name is not none else target.schema }}
{%- endmacro %}
