with events as (
    select * from {{ ref('events') }}
),

event_types as (
    select * from {{ ref('event_types') }}
    where is_policy_change
)

select
    events.event_id,
    events.actor_type,
    events.actor_id,
    events.actor_email,
    events.actor_name,
    events.event_type,
    events.event_category,
    event_types.policy_name as policy,
    events.description,
    -- The same two facts under the names that single event types give them.
    coalesce(
        {{ json_readable('events.details', '$.previous_value') }},
        {{ json_readable('events.details', '$.previous_activation_state') }},
        {{ json_readable('events.details', '$.previous_settings_page_locking_state') }},
        {{ json_readable('events.details', '$.previous_caps_type') }},
        {{ json_readable('events.details', '$.previous_limit_bytes') }},
        {{ json_readable('events.details', '$.previous_target') }},
        {{ json_readable('events.details', '$.previous_alert_config') }},
        {{ json_readable('events.details', '$.previous_certificate_details') }},
        {{ json_readable('events.details', '$.previous_sharing_permission') }}
    ) as previous_value,
    coalesce(
        {{ json_readable('events.details', '$.new_value') }},
        {{ json_readable('events.details', '$.new_activation_state') }},
        {{ json_readable('events.details', '$.new_settings_page_locking_state') }},
        {{ json_readable('events.details', '$.new_caps_type') }},
        {{ json_readable('events.details', '$.new_limit_bytes') }},
        {{ json_readable('events.details', '$.new_target') }},
        {{ json_readable('events.details', '$.new_alert_config') }},
        {{ json_readable('events.details', '$.new_certificate_details') }},
        {{ json_readable('events.details', '$.new_sharing_permission') }},
        {{ json_readable('events.details', '$.certificate_details') }},
        {{ json_readable('events.details', '$.placement_restriction') }},
        {{ json_readable('events.details', '$.public_sharing_policy') }}
    ) as new_value,
    events.details,
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
