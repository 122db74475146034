-- Everybody who was suspended, removed or taken back, by the log: the directory says it up to a day later.
{{
    config(
        materialized = 'incremental',
        incremental_strategy = 'merge' if target.type == 'bigquery' else 'append',
        on_schema_change = 'append_new_columns'
    )
}}

{%- set not_in_target = 'event_id not in (select present.event_id from ' ~ this ~ ' as present)' %}

with changes as (
    select
        *,
        {{ json_text('details', '$.new_value.".tag"') }} as status,
        {{ json_text('details', '$.previous_value.".tag"') }} as previous_status
    from {{ ref('events') }}
    where
        event_type = 'member_change_status'
        and {{ in_touched_days('occurred_on') }}
),

people as (
    select * from {{ ref('int_dropbox__named_people') }}
    where {{ in_touched_days('occurred_on') }}
),

departures as (
    select
        changes.event_id,
        changes.occurred_at,
        changes.occurred_on,
        coalesce(people.account_id, case when people.event_id is null then changes.actor_id end) as account_id,
        coalesce(people.email, case when people.event_id is null then lower(changes.actor_email) end) as email,
        changes.status,
        changes.status in ('suspended', 'removed', 'moved_to_another_team') as has_left,
        row_number() over (partition by changes.event_id order by people.person_key) as person_no
    from changes
    left join people
        on
            changes.event_id = people.event_id
            and changes.occurred_on = people.occurred_on
    where
        changes.status in ('active', 'suspended', 'removed', 'moved_to_another_team')
        -- An invitation that is withdrawn is no departure.
        and coalesce(changes.previous_status, '') not in ('invited', 'not_joined')
)

select
    event_id,
    occurred_at,
    occurred_on,
    account_id,
    email,
    status,
    has_left
from departures
where
    person_no = 1
    and {{ not_in_target if is_incremental() else 'true' }}
