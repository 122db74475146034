{# The part of an e-mail address behind its last @, in lower case; null where there is none. #}
{% macro email_domain(email) -%}
    {{ return(adapter.dispatch('email_domain', 'dropbox_audit')(email)) }}
{%- endmacro %}

{% macro default__email_domain(email) -%}
    nullif(regexp_extract(lower(trim({{ email }})), '@([^@]+)$', 1), '')
{%- endmacro %}

{% macro bigquery__email_domain(email) -%}
    regexp_extract(lower(trim({{ email }})), r'@([^@]+)$')
{%- endmacro %}

{% macro snowflake__email_domain(email) -%}
    regexp_substr(lower(trim({{ email }})), '@([^@]+)$', 1, 1, 'e', 1)
{%- endmacro %}
