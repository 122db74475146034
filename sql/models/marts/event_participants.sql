{{
    config(
        materialized = 'incremental',
        incremental_strategy = 'merge' if target.type == 'bigquery' else 'append',
        pre_hook = "{{ take_out_items_that_raw_gives_again('stg_dropbox__event_participants') }}",
        on_schema_change = 'append_new_columns',
        partition_by = {'field': 'occurred_on', 'data_type': 'date'} if target.type == 'bigquery' else none,
        cluster_by = ['occurred_on'] if target.type == 'snowflake' else none
    )
}}

with event_keys as (
    select * from {{ ref('int_dropbox__event_keys') }}
    where {{ in_touched_days('occurred_on') }}
),

staged_participants as (
    select * from {{ ref('stg_dropbox__event_participants') }}
)

select
    event_keys.event_id,
    staged_participants.position,
    staged_participants.participant_type,
    staged_participants.participant_id,
    staged_participants.email,
    staged_participants.name,
    staged_participants.is_team_member,
    staged_participants.occurred_on
from staged_participants
inner join event_keys
    on
        staged_participants.walk_id = event_keys.walk_id
        and staged_participants.page_no = event_keys.page_no
        and staged_participants.event_position = event_keys.position
        and staged_participants.occurred_on = event_keys.occurred_on
where
    {{ in_touched_days('staged_participants.occurred_on') }}
    and {{ not_yet_in_target('event_keys.event_id', 'staged_participants.position') }}
