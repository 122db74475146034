-- One row per rule and thing that it counts: `assets per actor` is what and about whom.
{{ config(materialized = 'ephemeral') }}

with rules as (
    select * from {{ ref('int_alerts__rules') }}
    where is_enabled and kind in ('event', 'count', 'first', 'travel')
),

entries as (
    select
        rules.rule_id,
        trim(entry.value) as entry
    from rules
    {{ cross_join_pieces('rules.counted', 'entry') }}
)

select
    rule_id,
    {{ dbt.split_part('entry', "' per '", 1) }} as counted,
    {{ dbt.split_part('entry', "' per '", 2) }} as subject_kind
from entries
