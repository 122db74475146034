{{
    config(
        materialized = 'incremental',
        incremental_strategy = 'merge' if target.type == 'bigquery' else 'append',
        pre_hook = "{{ take_out_events_that_raw_gives_again() }}",
        on_schema_change = 'append_new_columns',
        partition_by = {'field': 'occurred_on', 'data_type': 'date'} if target.type == 'bigquery' else none,
        cluster_by = {'bigquery': ['event_type'], 'snowflake': ['occurred_on', 'event_type']}.get(target.type)
    )
}}

with event_keys as (
    select * from {{ ref('int_dropbox__event_keys') }}
),

staged_events as (
    select * from {{ ref('stg_dropbox__events') }}
),

loads as (
    select * from {{ ref('stg_dropbox__loads') }}
),

missing as (
    select
        event_id,
        walk_id,
        page_no,
        position,
        occurred_on,
        load_id
    from event_keys
    where
        {{ in_touched_days('occurred_on') }}
        and {{ not_yet_in_target('event_keys.event_id') }}
)

select
    missing.event_id,
    staged_events.occurred_at,
    staged_events.occurred_on,
    staged_events.event_type,
    staged_events.event_category,
    staged_events.description,
    staged_events.actor_type,
    staged_events.actor_id,
    staged_events.actor_member_id,
    staged_events.actor_email,
    staged_events.actor_name,
    staged_events.context_type,
    staged_events.context_id,
    staged_events.context_email,
    staged_events.ip_address,
    staged_events.city,
    staged_events.region,
    staged_events.country,
    staged_events.access_method,
    staged_events.session_id,
    staged_events.involves_non_team_member,
    staged_events.asset_count,
    staged_events.participant_count,
    staged_events.details,
    staged_events.has_missing_details,
    staged_events.event,
    loads.loaded_at
from staged_events
inner join missing
    on
        staged_events.walk_id = missing.walk_id
        and staged_events.page_no = missing.page_no
        and staged_events.position = missing.position
        and staged_events.occurred_on = missing.occurred_on
inner join loads
    on missing.load_id = loads.load_id
where {{ in_touched_days('staged_events.occurred_on') }}
