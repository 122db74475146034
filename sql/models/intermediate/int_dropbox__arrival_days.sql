{{
    config(
        materialized = 'incremental',
        incremental_strategy = 'insert_overwrite' if target.type == 'bigquery' else 'delete+insert',
        unique_key = 'occurred_on',
        on_schema_change = 'append_new_columns',
        partition_by = {'field': 'occurred_on', 'data_type': 'date'} if target.type == 'bigquery' else none,
        cluster_by = ['occurred_on'] if target.type == 'snowflake' else none
    )
}}

with staged_events as (
    select * from {{ ref('stg_dropbox__events') }}
    where {{ in_touched_days('occurred_on') }}
),

event_keys as (
    select * from {{ ref('int_dropbox__event_keys') }}
    where {{ in_touched_days('occurred_on') }}
)

select
    staged_events.occurred_on,
    count(*) as delivered_count,
    sum(case when staged_events.is_replayed then 1 else 0 end) as replayed_count,
    count(event_keys.event_id) as event_count,
    min(case when event_keys.event_id is not null then staged_events.received_at end) as first_received_at,
    max(case when event_keys.event_id is not null then staged_events.received_at end) as last_received_at,
    max(
        case
            when event_keys.event_id is not null
                then {{ seconds_between('staged_events.occurred_at', 'staged_events.received_at') }}
        end
    ) as longest_delay_seconds
from staged_events
left join event_keys
    on
        staged_events.walk_id = event_keys.walk_id
        and staged_events.page_no = event_keys.page_no
        and staged_events.position = event_keys.position
        and staged_events.occurred_on = event_keys.occurred_on
group by staged_events.occurred_on
