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
),

caught_up_walks as (
    select * from {{ ref('int_dropbox__caught_up_walks') }}
),

-- The newest event that a live walk had seen when a load began: what is older than that by an hour has come late.
high_waters as (
    select
        walk_id,
        load_id,
        lag(last_occurred_at) over (partition by walk_id order by load_id) as newest_before
    from {{ ref('stg_dropbox__walks') }}
    where kind = 'live'
),

-- What a live walk received before it had first caught up is history, which is late by nature. The first moment never
-- changes: a walk that had not caught up when a row was received can only have done so later.
arrivals as (
    select
        staged_events.occurred_on,
        staged_events.received_at,
        staged_events.event_category,
        staged_events.is_replayed,
        staged_events.unknown_fields,
        event_keys.event_id is not null as is_event,
        event_keys.event_id is not null
        and caught_up_walks.walk_id is not null
        and staged_events.received_at > caught_up_walks.first_caught_up_at as is_polled,
        {{ seconds_between('staged_events.occurred_at', 'staged_events.received_at') }} as lateness_seconds,
        {{ seconds_between('staged_events.occurred_at', 'high_waters.newest_before') }} as behind_seconds
    from staged_events
    left join event_keys
        on
            staged_events.walk_id = event_keys.walk_id
            and staged_events.page_no = event_keys.page_no
            and staged_events.position = event_keys.position
            and staged_events.occurred_on = event_keys.occurred_on
    left join caught_up_walks
        on staged_events.walk_id = caught_up_walks.walk_id
    left join high_waters
        on
            staged_events.walk_id = high_waters.walk_id
            and staged_events.load_id = high_waters.load_id
),

ranked as (
    select
        *,
        row_number() over (partition by occurred_on, is_polled order by lateness_seconds) as lateness_rank,
        count(*) over (partition by occurred_on, is_polled) as rank_count
    from arrivals
),

events_with_new_fields as (
    select
        occurred_on,
        unknown_fields
    from arrivals
    where is_event and unknown_fields is not null
),

new_fields as (
    select distinct
        events_with_new_fields.occurred_on,
        field.value as field
    from events_with_new_fields
    {{ cross_join_pieces('events_with_new_fields.unknown_fields', 'field') }}
),

new_field_lists as (
    select
        occurred_on,
        {{ text_list('field') }} as unknown_fields
    from new_fields
    group by occurred_on
),

-- Percentiles by nearest rank: the smallest lateness that so many hundredths of the events do not exceed.
days as (
    select
        occurred_on,
        count(*) as delivered_count,
        sum(case when is_replayed then 1 else 0 end) as replayed_count,
        count(case when is_event then 1 end) as event_count,
        count(case when is_polled then 1 end) as polled_count,
        min(case when is_event then received_at end) as first_received_at,
        max(case when is_event then received_at end) as last_received_at,
        max(case when is_event then lateness_seconds end) as longest_delay_seconds,
        count(case when is_polled and behind_seconds > 3600 then 1 end) as late_count,
        max(case when is_polled then behind_seconds end) as most_behind_seconds,
        count(case when is_event and event_category = 'file_operations' then 1 end) as file_event_count,
        min(case when is_polled and 100 * lateness_rank >= 50 * rank_count then lateness_seconds end)
            as lateness_p50_seconds,
        min(case when is_polled and 100 * lateness_rank >= 95 * rank_count then lateness_seconds end)
            as lateness_p95_seconds,
        min(case when is_polled and 100 * lateness_rank >= 99 * rank_count then lateness_seconds end)
            as lateness_p99_seconds
    from ranked
    group by occurred_on
)

select
    days.occurred_on,
    days.delivered_count,
    days.replayed_count,
    days.event_count,
    days.polled_count,
    days.first_received_at,
    days.last_received_at,
    days.longest_delay_seconds,
    days.late_count,
    days.most_behind_seconds,
    days.file_event_count,
    days.lateness_p50_seconds,
    days.lateness_p95_seconds,
    days.lateness_p99_seconds,
    new_field_lists.unknown_fields
from days
left join new_field_lists
    on days.occurred_on = new_field_lists.occurred_on
