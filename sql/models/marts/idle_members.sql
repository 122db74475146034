with activity as (
    select * from {{ ref('int_dropbox__member_activity') }}
    where status in ('active', 'suspended') and idle_days >= 30
),

members as (
    select * from {{ ref('members') }}
),

-- One contract holds at a time; without one, both are null.
price as (
    select
        max(year_cents) as year_cents,
        max(currency) as currency
    from {{ ref('int_dropbox__contract_spans') }}
    where is_current
)

select
    activity.team_member_id,
    members.account_id,
    members.email,
    members.name,
    activity.status,
    members.role,
    members.group_names,
    members.joined_on,
    activity.last_seen_at,
    activity.last_seen_doing,
    activity.last_event_at,
    activity.last_session_at,
    activity.idle_days,
    cast(
        case
            when activity.idle_days >= 90 then 90
            when activity.idle_days >= 60 then 60
            else 30
        end as bigint
    ) as idle_at_least_days,
    {{ money('price.year_cents') }} as cost_per_year,
    price.currency
from activity
inner join members
    on activity.team_member_id = members.team_member_id
cross join price
