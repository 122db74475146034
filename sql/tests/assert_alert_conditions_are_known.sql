-- A row is a condition that an alert rule names and nothing answers, so that the rule could never raise an alert by it.
{%- set known = (
    alert_facts('considered').keys() | list
    + alert_questions('considered').keys() | list
    + alert_flags()
    + other_alert_conditions()
) %}

with named as (
    select
        rule_id,
        condition
    from {{ ref('int_alerts__rule_types') }}
    union distinct
    select
        rule_id,
        condition
    from {{ ref('int_alerts__escalations') }}
)

select
    rule_id,
    condition
from named
where condition not in ('{{ known | join("', '") }}')
