with actor_type_days as (
    select * from {{ ref('int_dropbox__actor_type_days') }}
),

event_types as (
    select * from {{ ref('event_types') }}
    where activity = 'share'
),

external_recipients as (
    select * from {{ ref('int_dropbox__judged_people') }}
    where is_recipient and is_external
),

users as (
    select * from {{ ref('int_dropbox__users') }}
),

-- Two sources, one grain: stacked and added up, which needs no join on an actor that may be null.
counted as (
    select
        actor_type_days.occurred_on,
        actor_type_days.actor_id,
        actor_type_days.event_count as share_events,
        0 as external_shares,
        case
            when actor_type_days.event_type = 'shared_link_create' then actor_type_days.event_count else 0
        end as links_created,
        case when event_types.share_kind = 'link' then actor_type_days.made_public_count else 0 end as public_links
    from actor_type_days
    inner join event_types
        on actor_type_days.event_type = event_types.event_type

    union all

    select
        external_recipients.occurred_on,
        external_recipients.actor_id,
        0 as share_events,
        1 as external_shares,
        0 as links_created,
        0 as public_links
    from external_recipients
)

select
    counted.occurred_on as day,
    counted.actor_id as user_id,
    users.user_email,
    cast(sum(counted.share_events) as bigint) as share_events,
    cast(sum(counted.external_shares) as bigint) as external_shares,
    cast(sum(counted.links_created) as bigint) as links_created,
    cast(sum(counted.public_links) as bigint) as public_links
from counted
left join users
    on counted.actor_id = users.user_id
group by
    counted.occurred_on,
    counted.actor_id,
    users.user_email
