{# What makes an item one and the same for an alert: the file, else where it lies, else its name. #}
{% macro asset_key(assets) -%}
    coalesce(
        {{ assets }}.file_id,
        {{ assets }}.namespace_id || ':' || {{ assets }}.relative_path,
        {{ assets }}.path,
        {{ assets }}.name
    )
{%- endmacro %}


{# A file name's last part behind a dot, in lower case; null without one, or with one too long to be an extension. #}
{% macro file_extension(name) -%}
    {{ return(adapter.dispatch('file_extension', 'dropbox_audit')(name)) }}
{%- endmacro %}

{% macro default__file_extension(name) -%}
    nullif(regexp_extract(lower({{ name }}), '[.]([^./ ]{1,24})$', 1), '')
{%- endmacro %}

{% macro bigquery__file_extension(name) -%}
    regexp_extract(lower({{ name }}), r'[.]([^./ ]{1,24})$')
{%- endmacro %}

{% macro snowflake__file_extension(name) -%}
    regexp_substr(lower({{ name }}), '[.]([^./ ]{1,24})$', 1, 1, 'e', 1)
{%- endmacro %}


{#
    What an event's details name besides assets and people, for a rule's titles and as what is counted: an app, a group, a
    device, a hold, a connector. Never a link: whoever has one gets in.
#}
{% macro named_thing(details) -%}
    coalesce(
        {{ json_text(details, '$.app_info.display_name') }},
        {{ json_text(details, '$.integration_name') }},
        {{ json_text(details, '$.app_name') }},
        {{ json_text(details, '$.alert_name') }},
        {{ json_text(details, '$.connector_name') }},
        {{ json_text(details, '$.domain_name') }},
        {{ json_text(details, '$.domain_names[0]') }},
        {{ json_text(details, '$.team_name') }},
        {{ json_text(details, '$.display_name') }},
        {{ json_text(details, '$.name') }},
        {{ json_text(details, '$.link_settings.name') }},
        {{ json_text(details, '$.extension') }},
        {{ json_text(details, '$.reason') }},
        {#- A risk signal's type is an address, whose last part says what happened. #}
        regexp_replace({{ json_text(details, '$.event_type') }}, '^.*/', '')
    )
{%- endmacro %}


{# Of which app, or of what kind of device, an event tells. #}
{% macro app_key(details) -%}
    lower(coalesce(
        {{ json_text(details, '$.app_info.app_id') }},
        {{ json_text(details, '$.app_info.display_name') }},
        {{ json_text(details, '$.integration_name') }}
    ))
{%- endmacro %}

{% macro platform_key(details) -%}
    lower(coalesce(
        {{ json_text(details, '$.device_session_info.client_type.".tag"') }},
        {{ json_text(details, '$.device_session_info.os') }},
        {{ json_text(details, '$.device_session_info.platform') }},
        {{ json_text(details, '$.device_session_info.".tag"') }}
    ))
{%- endmacro %}


{# About whom or what a rule counts. #}
{% macro alert_subject(kind, considered, item, extension) -%}
    {%- set actor -%}
        coalesce(
            {{ considered }}.actor_id,
            lower({{ considered }}.actor_email),
            'from ' || {{ considered }}.ip_address,
            {{ considered }}.actor_type
        )
    {%- endset -%}
    {%- set target -%}
        coalesce({{ considered }}.target_id, {{ considered }}.target_email, {{ considered }}.named_id, {{ actor }})
    {%- endset -%}
    case {{ kind }}
        when 'actor' then {{ actor }}
        when 'actor_and_target' then {{ actor }} || ' > ' || {{ target }}
        when 'actor_and_type' then {{ actor }} || ' > ' || {{ considered }}.event_type
        when 'actor_and_item'
            then {{ actor }} || ' > ' || coalesce({{ considered }}.group_name, {{ item }}, {{ considered }}.event_type)
        when 'actor_and_extension' then {{ actor }} || ' > .' || {{ extension }}
        when 'target' then {{ target }}
        when 'ip_address' then {{ considered }}.ip_address
        when 'session'
            then coalesce(
                {{ json_text(considered ~ '.details', '$.device_session_info.session_info.session_id') }},
                {{ considered }}.session_id,
                {{ actor }}
            )
        when 'asset' then {{ item }}
        when 'item' then coalesce({{ item }}, {{ considered }}.event_type)
        when 'type' then {{ considered }}.event_type
    end
{%- endmacro %}


{# The worst first: an alert takes the smallest. #}
{% macro severity_rank(severity) -%}
    case {{ severity }} when 'critical' then 1 when 'high' then 2 when 'medium' then 3 when 'low' then 4 else 5 end
{%- endmacro %}


{# A text as a JSON string, and the rows of a group as a JSON list of such strings. #}
{% macro json_quoted(expression) -%}
    {{ return(adapter.dispatch('json_quoted', 'dropbox_audit')(expression)) }}
{%- endmacro %}

{% macro default__json_quoted(expression) -%}
    cast(to_json(cast({{ expression }} as varchar)) as varchar)
{%- endmacro %}

{% macro bigquery__json_quoted(expression) -%}
    to_json_string(cast({{ expression }} as string))
{%- endmacro %}

{% macro snowflake__json_quoted(expression) -%}
    to_json(to_variant(cast({{ expression }} as varchar)))
{%- endmacro %}


{# `, "name": value` for a JSON object, or nothing where the value is null. #}
{% macro json_member(name, expression, is_text=true) -%}
    case
        when {{ expression }} is null then ''
        else ', "{{ name }}": ' || {{ json_quoted(expression) if is_text else 'cast(' ~ expression ~ ' as ' ~ dbt.type_string() ~ ')' }}
    end
{%- endmacro %}
