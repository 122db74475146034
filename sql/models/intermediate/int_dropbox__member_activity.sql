-- When each member was last seen, and doing what: by the log's day aggregates and by their devices and web sessions.
with members as (
    select * from {{ ref('int_dropbox__member_spans') }}
    where is_current
),

actor_type_days as (
    select * from {{ ref('int_dropbox__actor_type_days') }}
    where actor_id is not null
),

devices as (
    select * from {{ ref('int_dropbox__device_spans') }}
    where is_current
),

as_of as (
    select * from {{ ref('int_dropbox__as_of') }}
),

last_events as (
    select
        actor_id,
        event_type,
        coalesce(last_at, {{ start_of_day('occurred_on') }}) as seen_at,
        row_number() over (
            partition by actor_id
            order by occurred_on desc, last_at desc, event_count desc, event_type asc
        ) as recency
    from actor_type_days
),

sightings as (
    select
        members.team_member_id,
        last_events.seen_at,
        last_events.event_type as doing,
        true as is_event
    from members
    inner join last_events
        on members.account_id = last_events.actor_id
    where last_events.recency = 1
    union all
    select
        team_member_id,
        updated_at as seen_at,
        case when device_type = 'web' then 'web session' else device_type || ' client' end as doing,
        false as is_event
    from devices
    where updated_at is not null
),

numbered as (
    select
        *,
        row_number() over (partition by team_member_id order by seen_at desc, is_event desc, doing asc) as recency
    from sightings
),

seen as (
    select
        team_member_id,
        max(seen_at) as last_seen_at,
        max(case when recency = 1 then doing end) as last_seen_doing,
        max(case when is_event then seen_at end) as last_event_at,
        max(case when not is_event then seen_at end) as last_session_at
    from numbered
    group by team_member_id
),

measured as (
    select
        members.team_member_id,
        members.status,
        seen.last_seen_at,
        seen.last_seen_doing,
        seen.last_event_at,
        seen.last_session_at,
        -- A seat that was just given out is not idle yet.
        case
            when
                seen.last_seen_at is null
                or seen.last_seen_at < coalesce(members.joined_on, members.invited_on, seen.last_seen_at)
                then coalesce(members.joined_on, members.invited_on, members.valid_from)
            else seen.last_seen_at
        end as idle_since
    from members
    left join seen
        on members.team_member_id = seen.team_member_id
)

select
    measured.team_member_id,
    measured.status,
    measured.last_seen_at,
    measured.last_seen_doing,
    measured.last_event_at,
    measured.last_session_at,
    measured.idle_since,
    case
        when measured.idle_since > as_of.as_of then 0
        else {{ days_between(utc_date('measured.idle_since'), 'as_of.as_of_day') }}
    end as idle_days
from measured
cross join as_of
