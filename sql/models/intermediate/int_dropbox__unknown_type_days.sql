with actor_type_days as (
    select * from {{ ref('int_dropbox__actor_type_days') }}
),

event_types as (
    select * from {{ ref('event_types') }}
),

new_types as (
    select
        actor_type_days.occurred_on,
        actor_type_days.event_type,
        sum(actor_type_days.event_count) as event_count
    from actor_type_days
    left join event_types
        on actor_type_days.event_type = event_types.event_type
    where event_types.event_type is null
    group by actor_type_days.occurred_on, actor_type_days.event_type
)

select
    occurred_on,
    {{ text_list('event_type') }} as unknown_event_types,
    sum(event_count) as unknown_event_count
from new_types
group by occurred_on
