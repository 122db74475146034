with actor_type_days as (
    select * from {{ ref('int_dropbox__actor_type_days') }}
),

event_types as (
    select * from {{ ref('event_types') }}
)

select
    actor_type_days.event_type,
    sum(actor_type_days.event_count) as event_count,
    min(actor_type_days.occurred_on) as first_seen_on,
    max(actor_type_days.occurred_on) as last_seen_on
from actor_type_days
left join event_types
    on actor_type_days.event_type = event_types.event_type
where event_types.event_type is null
group by actor_type_days.event_type
