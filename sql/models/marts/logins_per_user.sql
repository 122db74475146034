with actor_type_days as (
    select * from {{ ref('int_dropbox__actor_type_days') }}
    where event_type in ('login_success', 'login_fail')
),

users as (
    select * from {{ ref('int_dropbox__users') }}
)

select
    actor_type_days.occurred_on as day,
    actor_type_days.actor_id as user_id,
    users.user_email,
    cast(
        sum(case when actor_type_days.event_type = 'login_success' then actor_type_days.event_count else 0 end)
        as bigint
    ) as successful_logins,
    cast(
        sum(case when actor_type_days.event_type = 'login_fail' then actor_type_days.event_count else 0 end) as bigint
    ) as failed_logins,
    cast(
        sum(case when actor_type_days.event_type = 'login_success' then actor_type_days.distinct_ips else 0 end)
        as bigint
    ) as distinct_ips,
    cast(
        sum(case when actor_type_days.event_type = 'login_success' then actor_type_days.distinct_countries else 0 end)
        as bigint
    ) as distinct_countries
from actor_type_days
left join users
    on actor_type_days.actor_id = users.user_id
group by
    actor_type_days.occurred_on,
    actor_type_days.actor_id,
    users.user_email
