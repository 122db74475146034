with actor_type_days as (
    select * from {{ ref('int_dropbox__actor_type_days') }}
),

event_types as (
    select * from {{ ref('event_types') }}
    where activity = 'delete'
),

users as (
    select * from {{ ref('int_dropbox__users') }}
)

select
    actor_type_days.occurred_on as day,
    actor_type_days.actor_id as user_id,
    users.user_email,
    cast(sum(actor_type_days.event_count) as bigint) as delete_events,
    cast(sum(actor_type_days.item_count) as bigint) as deleted_items,
    cast(
        sum(
            case when event_types.delete_kind = 'permanently deleted' then actor_type_days.item_count else 0 end
        ) as bigint
    ) as permanently_deleted_items
from actor_type_days
inner join event_types
    on actor_type_days.event_type = event_types.event_type
left join users
    on actor_type_days.actor_id = users.user_id
group by
    actor_type_days.occurred_on,
    actor_type_days.actor_id,
    users.user_email
