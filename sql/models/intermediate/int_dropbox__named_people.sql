-- Whom an event names: the participants that are people, and people who appear in its details only. Facts of every
-- event type; which types give access, and who is outside the team, is judged by the views that read this.
{{
    config(
        materialized = 'incremental',
        incremental_strategy = 'merge' if target.type == 'bigquery' else 'append',
        on_schema_change = 'append_new_columns',
        partition_by = {'field': 'occurred_on', 'data_type': 'date'} if target.type == 'bigquery' else none,
        cluster_by = ['occurred_on'] if target.type == 'snowflake' else none
    )
}}

with events as (
    select * from {{ ref('events') }}
    where
        {{ in_touched_days('occurred_on') }}
        and {{ not_yet_in_target('events.event_id') }}
),

event_participants as (
    select * from {{ ref('event_participants') }}
    where {{ in_touched_days('occurred_on') }}
),

named as (
    select
        events.event_id,
        nullif(lower(trim(event_participants.email)), '') as email,
        nullif(event_participants.participant_id, '') as account_id,
        nullif(trim(event_participants.name), '') as name,
        event_participants.position,
        event_participants.is_team_member
    from events
    inner join event_participants
        on
            events.event_id = event_participants.event_id
            and events.occurred_on = event_participants.occurred_on
    where event_participants.participant_type = 'user'

    union all

    select
        events.event_id,
        nullif(lower(trim({{ json_item('invitee') }})), '') as email,
        null as account_id,
        null as name,
        null as position,
        null as is_team_member
    from events
    {{ cross_join_json_list('events.details', '$.invitees', 'invitee') }}
    where events.details like '%"invitees"%'

    union all

    select
        events.event_id,
        nullif(lower(trim({{ json_text('events.details', '$.invitee') }})), '') as email,
        null as account_id,
        null as name,
        null as position,
        null as is_team_member
    from events
    where events.details like '%"invitee"%'

    union all

    select
        events.event_id,
        nullif(lower(trim({{ json_text('events.details', '$.recipient') }})), '') as email,
        null as account_id,
        null as name,
        null as position,
        null as is_team_member
    from events
    where events.details like '%"recipient"%'

    union all

    select
        events.event_id,
        nullif(lower(trim({{ json_item('external_user', field = 'user_identifier') }})), '') as email,
        null as account_id,
        null as name,
        null as position,
        null as is_team_member
    from events
    {{ cross_join_json_list('events.details', '$.external_users', 'external_user', field = 'user_identifier') }}
    where events.details like '%"external_users"%'
),

-- One person may be named twice, as participant and as invitee.
keyed as (
    select
        *,
        coalesce(email, account_id, lower(name), 'participant ' || cast(position as string)) as person_key
    from named
),

people as (
    select
        event_id,
        person_key,
        max(email) as email,
        max(account_id) as account_id,
        max(name) as name,
        max(case when is_team_member then 1 else 0 end) = 1 as is_tagged_team_member
    from keyed
    where person_key is not null
    group by event_id, person_key
)

select
    people.event_id,
    people.person_key,
    events.occurred_on,
    events.occurred_at,
    events.event_type,
    events.actor_id,
    people.email,
    {{ email_domain('people.email') }} as email_domain,
    people.account_id,
    people.name,
    people.is_tagged_team_member
from people
inner join events
    on people.event_id = events.event_id
