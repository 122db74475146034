with events as (
    select * from {{ ref('events') }}
),

event_assets as (
    select * from {{ ref('event_assets') }}
),

event_types as (
    select * from {{ ref('event_types') }}
    where activity = 'delete'
)

select
    events.event_id,
    event_assets.position as asset_position,
    events.actor_type,
    events.actor_id,
    events.actor_email,
    events.actor_name,
    events.event_type,
    events.description,
    event_types.delete_kind,
    event_types.delete_kind = 'permanently deleted' as is_permanent,
    event_assets.asset_type,
    -- What carries no asset is named in the details: a stack, a policy.
    coalesce(
        event_assets.name,
        {{ json_text('events.details', '$.stack_name') }},
        {{ json_text('events.details', '$.name') }}
    ) as name,
    event_assets.path,
    event_assets.namespace_id,
    event_assets.relative_path,
    event_assets.file_id,
    event_assets.size_bytes,
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
left join event_assets
    on
        events.event_id = event_assets.event_id
        and events.occurred_on = event_assets.occurred_on
