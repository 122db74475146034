-- One row per rule and circumstance that makes it worse: `severity:condition` or `severity:condition=value|value`.
{{ config(materialized = 'ephemeral') }}

with rules as (
    select * from {{ ref('int_alerts__rules') }}
    where is_enabled and escalations is not null
),

parted as (
    select
        rules.rule_id,
        {{ dbt.split_part('entry.value', "':'", 1) }} as severity,
        {{ dbt.split_part('entry.value', "':'", 2) }} as condition
    from rules
    {{ cross_join_pieces('rules.escalations', 'entry', separator=' ') }}
)

select
    rule_id,
    severity,
    {{ dbt.split_part('condition', "'='", 1) }} as condition,
    '|' || {{ dbt.split_part('condition', "'='", 2) }} || '|' as condition_values
from parted
