{{
    config(
        materialized = 'incremental',
        incremental_strategy = 'append',
        on_schema_change = 'append_new_columns',
        partition_by = {'field': 'occurred_on', 'data_type': 'date'} if target.type == 'bigquery' else none,
        cluster_by = ['occurred_on'] if target.type == 'snowflake' else none
    )
}}

with event_keys as (
    select * from {{ ref('int_dropbox__event_keys') }}
),

staged_participants as (
    select * from {{ ref('stg_dropbox__event_participants') }}
),

missing as (
    select
        event_id,
        walk_id,
        page_no,
        position,
        occurred_on
    from event_keys
    where
        {{ in_touched_days('occurred_on') }}
        and {{ not_yet_in_target('event_keys.event_id') }}
)

select
    missing.event_id,
    staged_participants.position,
    staged_participants.participant_type,
    staged_participants.participant_id,
    staged_participants.email,
    staged_participants.name,
    staged_participants.is_team_member,
    staged_participants.occurred_on
from staged_participants
inner join missing
    on
        staged_participants.walk_id = missing.walk_id
        and staged_participants.page_no = missing.page_no
        and staged_participants.event_position = missing.position
        and staged_participants.occurred_on = missing.occurred_on
where {{ in_touched_days('staged_participants.occurred_on') }}
