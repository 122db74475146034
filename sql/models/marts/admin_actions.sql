with events as (
    select * from {{ ref('events') }}
),

event_participants as (
    select * from {{ ref('event_participants') }}
),

event_types as (
    select * from {{ ref('event_types') }}
),

actions as (
    select
        events.*,
        coalesce(event_types.activity, 'other') as activity,
        {{ json_readable('events.details', '$.previous_value') }} as previous_value,
        {{ json_readable('events.details', '$.new_value') }} as new_value
    from events
    left join event_types
        on events.event_type = event_types.event_type
    where
        events.actor_type = 'admin'
        or event_types.is_admin_action
),

affected as (
    select
        event_id,
        occurred_on,
        {{ text_list("coalesce(nullif(email, ''), nullif(name, ''), participant_id)", order_by = 'position') }} as names
    from event_participants
    group by event_id, occurred_on
)

select
    actions.event_id,
    actions.actor_type,
    actions.actor_id,
    actions.actor_email,
    actions.actor_name,
    actions.event_type,
    actions.event_category,
    actions.activity,
    actions.description,
    affected.names as affected,
    actions.previous_value,
    actions.new_value,
    actions.details,
    actions.access_method,
    actions.ip_address,
    actions.city,
    actions.region,
    actions.country,
    actions.occurred_at,
    actions.occurred_on,
    actions.loaded_at
from actions
left join affected
    on
        actions.event_id = affected.event_id
        and actions.occurred_on = affected.occurred_on
