{#
    Whether the circumstance that a rule names holds for an event: `entry` is an alias with condition and condition_values
    (between bars: |a|b|), `considered` an alias of int_alerts__considered. A name that stands here stands in a seed; an
    unknown one never holds, which assert_alert_conditions_are_known.sql reports.
#}
{% macro alert_condition(entry, considered) -%}
    {%- set facts, questions = alert_facts(considered), alert_questions(considered) -%}
    coalesce(
        case {{ entry }}.condition
            {% for name in facts -%}
            when '{{ name }}'
                then {{ entry }}.condition_values like '%|' || {{ facts[name] }} || '|%'
            {% endfor -%}
            {%- for name in alert_flags() -%}
            when '{{ name }}' then {{ considered }}.is_{{ name }}
            {% endfor -%}
            {%- for name in questions -%}
            when '{{ name }}' then {{ questions[name] }}
            {% endfor -%}
        end,
        {{ entry }}.condition is null
    )
{%- endmacro %}


{# Conditions that the details answer. #}
{% macro alert_questions(considered) -%}
    {%- set details = considered ~ '.details' -%}
    {%- set facts = alert_facts(considered) -%}
    {{ return({
        'admin_role': facts['new_value'] ~ " like '%_admin'",
        'used_rescue_code': json_text(details, '$.used_rescue_code') ~ " = 'true'",
        'no_deadline': has_no_deadline(considered),
        'not_data_loss': facts['alert_category'] ~ " <> 'data_loss_protection'",
        'made_public': is_made_public(considered),
        'list_widened': json_any(details, '$.added_whitelist_subjects') ~ " like '%\"%'",
    }) }}
{%- endmacro %}


{# Conditions that a model of its own answers: of single assets, of what follows, and of states. #}
{% macro other_alert_conditions() -%}
    {{ return([
        'downloaded_before', 'new_extension', 'ransomware_name', 'unmatched_policy', 'new_in_team', 'followed_by',
        'then_alert', 'gap_minutes', 'days_left',
    ]) }}
{%- endmacro %}


{# Conditions of the form `name=value|value`. #}
{% macro alert_facts(considered) -%}
    {%- set details = considered ~ '.details' -%}
    {{ return({
        'event_type': considered ~ '.event_type',
        'new_value': json_text(details, '$.new_value.".tag"'),
        'access_level': json_text(details, '$.shared_content_access_level.".tag"'),
        'alert_category': "coalesce(" ~ json_text(details, '$.alert_category.".tag"') ~ ", 'na')",
        'alert_severity': known_alert_severity(json_text(details, '$.alert_severity.".tag"')),
        'connector_status': json_text(details, '$.connector_status.".tag"'),
    }) }}
{%- endmacro %}


{# One of Dropbox's own alerts that it gave no severity, or one that is new, is not to be overlooked. #}
{% macro known_alert_severity(severity) -%}
    case when {{ severity }} in ('info', 'low', 'high') then {{ severity }} else 'medium' end
{%- endmacro %}


{# Conditions that are a column `is_<name>` of int_alerts__considered. #}
{% macro alert_flags() -%}
    {{ return([
        'weakened', 'actor_outside', 'target_outside', 'target_free_mail', 'target_is_other', 'email_outside', 'outside',
        'sent_outside', 'country_listed', 'ip_listed', 'folder_watched', 'group_watched', 'actor_has_left', 'departure',
        'unknown_type', 'public_link', 'publisher_unknown',
    ]) }}
{%- endmacro %}


{# A link that was narrower before. Where Dropbox made one of two old links, nobody did anything. #}
{% macro is_made_public(considered) -%}
    {%- set details = considered ~ '.details' -%}
    (
        {{ json_text(details, '$.new_value.".tag"') }} in ('public', 'public_logged_in_only')
        and coalesce({{ json_text(details, '$.previous_value.".tag"') }}, '')
        not in ('public', {{ json_text(details, '$.new_value.".tag"') }})
        and coalesce({{ json_text(details, '$.is_consolidation_action') }}, 'false') <> 'true'
    )
{%- endmacro %}


{% macro has_no_deadline(considered) -%}
    {%- set details = considered ~ '.details' -%}
    (
        (
            {{ json_any(details, '$.request_details') }} is not null
            and {{ json_any(details, '$.request_details.deadline.deadline') }} is null
        )
        or (
            {{ json_any(details, '$.new_details') }} is not null
            and {{ json_any(details, '$.new_details.deadline.deadline') }} is null
        )
    )
{%- endmacro %}


{# Seconds of a length of time in an event's details: {unit: {.tag: days}, amount: 3}; null where there is none. #}
{% macro length_in_seconds(details, path) -%}
    case {{ json_text(details, path ~ '.unit.".tag"') }}
        when 'milliseconds' then 0.001
        when 'seconds' then 1
        when 'minutes' then 60
        when 'hours' then 3600
        when 'days' then 86400
        when 'weeks' then 604800
        when 'months' then 2629800
        when 'years' then 31557600
    end
    * {{ try_cast(json_text(details, path ~ '.amount'), 'bigint') }}
{%- endmacro %}


{#
    Whether a change of a setting protects less than before. Tags are ranked in the seed policy_strengths; a setting that had
    no value before has become weak when it has the weakest. The rest are lengths, limits and lists.
#}
{% macro is_weakened(events, new_strength, previous_strength, weakest) -%}
    {%- set details = events ~ '.details' -%}
    {%- set is_unlimited = json_text(details, '$.new_value.".tag"') ~ " = 'undefined'" -%}
    case
        when {{ events }}.event_type in ('web_sessions_change_fixed_length_policy', 'web_sessions_change_idle_length_policy')
            then
                case
                    when {{ is_unlimited }}
                        then coalesce({{ json_text(details, '$.previous_value.".tag"') }}, 'defined') <> 'undefined'
                    else {{ length_in_seconds(details, '$.new_value') }}
                        > {{ length_in_seconds(details, '$.previous_value') }}
                end
        when {{ events }}.event_type = 'governance_policy_edit_duration'
            then {{ length_in_seconds(details, '$.new_value') }} < {{ length_in_seconds(details, '$.previous_value') }}
        when {{ events }}.event_type = 'web_sessions_change_active_session_limit'
            then
                {{ try_cast(json_text(details, '$.previous_value'), 'bigint') }} is not null
                and coalesce(
                    {{ try_cast(json_text(details, '$.new_value'), 'bigint') }}
                    > {{ try_cast(json_text(details, '$.previous_value'), 'bigint') }},
                    true
                )
        when {{ events }}.event_type = 'admin_alerting_changed_alert_config'
            then {{ is_alerting_less(details) }}
        when
            {{ events }}.event_type = 'content_deletion_protection_change_policy'
            and {{ new_strength }} = {{ previous_strength }}
            then
                {{ try_cast(json_text(details, '$.new_threshold_bytes'), 'bigint') }}
                > {{ try_cast(json_text(details, '$.previous_threshold_bytes'), 'bigint') }}
        when {{ previous_strength }} is not null then {{ new_strength }} < {{ previous_strength }}
        else {{ new_strength }} = {{ weakest }}
    end
{%- endmacro %}


{# An alert setting of Dropbox's own that was switched off, lost its readers or became less sensitive. #}
{% macro is_alerting_less(details) -%}
    {%- set new, old = '$.new_alert_config', '$.previous_alert_config' -%}
    (
        coalesce(
            {{ json_text(details, new ~ '.alert_state.".tag"') }} = 'off'
            and coalesce({{ json_text(details, old ~ '.alert_state.".tag"') }}, 'on') <> 'off',
            false
        )
        or coalesce(
            {{ json_text(details, new ~ '.recipients_settings.recipient_setting_type.".tag"') }} = 'none'
            and coalesce(
                {{ json_text(details, old ~ '.recipients_settings.recipient_setting_type.".tag"') }}, 'custom_list'
            ) <> 'none',
            false
        )
        or coalesce(
            {{ json_any(details, new ~ '.recipients_settings.emails') }} = '[]'
            and {{ json_any(details, old ~ '.recipients_settings.emails') }} like '%"%',
            false
        )
        or coalesce(
            {{ alert_level(json_text(details, new ~ '.sensitivity_level.".tag"')) }}
            < {{ alert_level(json_text(details, old ~ '.sensitivity_level.".tag"')) }},
            false
        )
    )
{%- endmacro %}


{% macro alert_level(level) -%}
    case {{ level }} when 'lowest' then 1 when 'low' then 2 when 'medium' then 3 when 'high' then 4 when 'highest' then 5 end
{%- endmacro %}
