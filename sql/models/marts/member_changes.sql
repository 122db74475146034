with events as (
    select * from {{ ref('events') }}
),

event_types as (
    select * from {{ ref('event_types') }}
    where member_change_kind is not null
),

people as (
    select * from {{ ref('event_participants') }}
    where participant_type = 'user'
)

select
    events.event_id,
    people.position as participant_position,
    events.actor_type,
    events.actor_id,
    events.actor_email,
    events.actor_name,
    events.event_type,
    events.description,
    event_types.member_change_kind as change_kind,
    -- Without a participant the member acted on is the one who acted.
    case when people.event_id is null then events.actor_id else people.participant_id end as member_id,
    case when people.event_id is null then events.actor_email else people.email end as member_email,
    case when people.event_id is null then events.actor_name else people.name end as member_name,
    coalesce(
        {{ json_readable('events.details', '$.previous_value') }},
        {{ json_readable('events.details', '$.prev_value') }}
    ) as previous_value,
    coalesce(
        {{ json_readable('events.details', '$.new_value') }},
        {{ json_readable('events.details', '$.secondary_email') }},
        {{ json_readable('events.details', '$.product_name') }},
        {{ json_readable('events.details', '$.addon_name') }},
        {{ json_readable('events.details', '$.suggested_members') }}
    ) as new_value,
    events.access_method,
    events.ip_address,
    events.city,
    events.region,
    events.country,
    events.occurred_at,
    events.occurred_on,
    events.loaded_at
from events
inner join event_types
    on events.event_type = event_types.event_type
left join people
    on
        events.event_id = people.event_id
        and events.occurred_on = people.occurred_on
