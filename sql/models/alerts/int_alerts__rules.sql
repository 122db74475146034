-- The rules as they hold for this team: the seed, its own settings over it and, for a back-test, one changed rule
-- over both.
{{ config(materialized = 'ephemeral') }}

{%- set tried = var('alert_trial', {}) %}

with rules as (
    select * from {{ ref('alert_rules') }}
),

settings as (
    select * from {{ ref('stg_dropbox__alert_settings') }}
),

own as (
    select
        rule_id,
        max(case when setting = 'enabled' then value end) as is_enabled,
        max(case when setting = 'severity' then value end) as severity,
        max(case when setting = 'threshold' then value end) as threshold,
        max(case when setting = 'window_minutes' then value end) as window_minutes,
        max(case when setting = 'baseline_days' then value end) as baseline_days
    from settings
    where rule_id <> ''
    group by rule_id
)

select
    rules.rule_id,
    rules.name,
    rules.kind,
    rules.event_types,
    rules.counted,
    {% for parameter, type in {'threshold': 'bigint', 'window_minutes': 'bigint', 'baseline_days': 'bigint'}.items() -%}
    {% if parameter in tried -%}
    case
        when rules.rule_id = '{{ tried.rule_id }}' then {{ tried[parameter] | int }}
        else coalesce({{ try_cast('own.' ~ parameter, type) }}, rules.{{ parameter }})
    end as {{ parameter }},
    {% else -%}
    coalesce({{ try_cast('own.' ~ parameter, type) }}, rules.{{ parameter }}) as {{ parameter }},
    {% endif -%}
    {% endfor -%}
    coalesce(own.severity, rules.severity) as severity,
    -- A severity of the team's own is final.
    case when own.severity is null then rules.escalations end as escalations,
    rules.title,
    rules.why,
    rules.runbook,
    rules.mitre,
    rules.peers,
    {% if tried -%}
    rules.rule_id = '{{ tried.rule_id }}' as is_enabled
    {%- else -%}
    coalesce({{ try_cast('own.is_enabled', 'boolean') }}, rules.is_enabled) as is_enabled
    {%- endif %}
from rules
left join own
    on rules.rule_id = own.rule_id
