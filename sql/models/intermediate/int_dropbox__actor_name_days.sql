-- Under which addresses each actor was seen, day by day: the one small table from which the latest e-mail, the team's
-- members and the team's domains are derived, so that a rename rewrites nothing.
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

with event_keys as (
    select * from {{ ref('int_dropbox__event_keys') }}
    where {{ in_touched_days('occurred_on') }}
),

staged_events as (
    select * from {{ ref('stg_dropbox__events') }}
    where {{ in_touched_days('occurred_on') }}
)

select
    staged_events.occurred_on,
    staged_events.actor_id,
    staged_events.actor_type,
    staged_events.actor_user_type,
    nullif(trim(staged_events.actor_email), '') as actor_email,
    nullif(trim(staged_events.actor_name), '') as actor_name,
    count(*) as event_count,
    min(staged_events.occurred_at) as first_at,
    max(staged_events.occurred_at) as last_at
from staged_events
inner join event_keys
    on
        staged_events.walk_id = event_keys.walk_id
        and staged_events.page_no = event_keys.page_no
        and staged_events.position = event_keys.position
        and staged_events.occurred_on = event_keys.occurred_on
group by
    staged_events.occurred_on,
    staged_events.actor_id,
    staged_events.actor_type,
    staged_events.actor_user_type,
    nullif(trim(staged_events.actor_email), ''),
    nullif(trim(staged_events.actor_name), '')
