with events as (
    select * from {{ ref('events') }}
),

event_types as (
    select * from {{ ref('event_types') }}
    where activity = 'login'
)

select
    events.event_id,
    events.actor_type,
    events.actor_id,
    events.actor_email,
    events.actor_name,
    events.event_type,
    events.description,
    case
        when event_types.login_outcome <> 'lock changed' then event_types.login_outcome
        else coalesce({{ json_text('events.details', '$.new_value.".tag"') }}, event_types.login_outcome)
    end as outcome,
    {{ json_text('events.details', '$.login_method.".tag"') }} as login_method,
    coalesce(
        {{ json_text('events.details', '$.error_details.user_friendly_message') }},
        {{ json_text('events.details', '$.error_details.technical_error_message') }}
    ) as failure_reason,
    {{ try_cast(json_text('events.details', '$.is_emm_managed'), 'boolean') }} as is_emm_managed,
    case
        when events.event_type in ('sign_in_as_session_start', 'sign_in_as_session_end') then events.context_email
    end as signed_in_as_email,
    events.access_method,
    events.session_id,
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
