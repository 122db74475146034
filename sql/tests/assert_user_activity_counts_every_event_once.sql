-- A row is a day on which the activity of all users does not add up to the events of that day.
with user_activity as (
    select
        day,
        sum(events) as counted,
        sum(
            views + downloads + adds + edits + moves + copies + deletes + restores + comments + shares
            + access_requests + signature_events + logins + device_events + app_events + member_events + group_events
            + policy_events + security_events + governance_events + report_events + team_events + other_events
        ) as counted_by_activity
    from {{ ref('user_activity') }}
    where {{ is_given_day('day') }}
    group by day
),

events as (
    select
        occurred_on,
        count(*) as event_count
    from {{ ref('events') }}
    where {{ is_given_day('occurred_on') }}
    group by occurred_on
)

select
    events.occurred_on,
    events.event_count,
    user_activity.counted,
    user_activity.counted_by_activity
from events
left join user_activity
    on events.occurred_on = user_activity.day
where
    coalesce(user_activity.counted, 0) <> events.event_count
    or coalesce(user_activity.counted_by_activity, 0) <> events.event_count
