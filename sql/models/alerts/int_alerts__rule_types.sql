-- One row per rule and entry of its event types: `type`, `type:condition` or `type:condition=value|value`; a `!` at
-- the end says that one such event is enough whatever the threshold.
{{ config(materialized = 'ephemeral') }}

with rules as (
    select * from {{ ref('int_alerts__rules') }}
    where is_enabled and kind in ('event', 'count', 'first', 'travel')
),

entries as (
    select
        rules.rule_id,
        replace(entry.value, '!', '') as entry,
        entry.value like '%!' as is_at_once
    from rules
    {{ cross_join_pieces('rules.event_types', 'entry', separator=' ') }}
),

parted as (
    select
        rule_id,
        is_at_once,
        {{ dbt.split_part('entry', "':'", 1) }} as event_type,
        {{ dbt.split_part('entry', "':'", 2) }} as condition
    from entries
)

select
    rule_id,
    event_type,
    is_at_once,
    nullif({{ dbt.split_part('condition', "'='", 1) }}, '') as condition,
    '|' || {{ dbt.split_part('condition', "'='", 2) }} || '|' as condition_values
from parted
