-- The busiest hour of each day, for the rules that compare somebody with themselves.
{{
    config(
        materialized = 'incremental',
        tags = ['in_portions'],
        incremental_strategy = 'insert_overwrite' if target.type == 'bigquery' else 'delete+insert',
        unique_key = 'occurred_on',
        on_schema_change = 'append_new_columns',
        partition_by = {'field': 'occurred_on', 'data_type': 'date'} if target.type == 'bigquery' else none,
        cluster_by = ['occurred_on'] if target.type == 'snowflake' else none
    )
}}

with matches as (
    select * from {{ ref('int_alerts__matches') }}
    where {{ in_touched_days('occurred_on') }}
),

rules as (
    select * from {{ ref('int_alerts__rules') }}
    where kind = 'count' and baseline_days is not null
),

hours as (
    select
        matches.rule_id,
        matches.counted,
        matches.subject_kind,
        matches.subject,
        matches.occurred_on,
        cast(floor(
            {{ seconds_between(start_of_day('matches.occurred_on'), 'matches.occurred_at') }} / 3600
        ) as bigint) as hour_of_day,
        count(distinct matches.item) as item_count
    from matches
    inner join rules
        on matches.rule_id = rules.rule_id
    where matches.subject is not null
    group by
        matches.rule_id,
        matches.counted,
        matches.subject_kind,
        matches.subject,
        matches.occurred_on,
        hour_of_day
)

select
    rule_id,
    counted,
    subject_kind,
    subject,
    occurred_on,
    max(item_count) as busiest_hour_items
from hours
group by rule_id, counted, subject_kind, subject, occurred_on
