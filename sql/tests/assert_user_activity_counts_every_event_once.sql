-- A row is a day on which the activity of all users does not add up to the events of that day.
-- depends_on: {{ ref('user_activity') }}
-- depends_on: {{ ref('int_dropbox__actor_days') }}
-- depends_on: {{ ref('int_dropbox__actor_type_days') }}
with user_activity as (
    {% if is_update() %}
    -- The view adds each user's latest address, for which it reads all history; these two hold what it counts.
    select
        actor_days.day,
        actor_days.counted,
        actor_type_days.counted as counted_by_activity
    from (
        select
            occurred_on as day,
            sum(event_count) as counted
        from {{ ref('int_dropbox__actor_days') }}
        where {{ is_tested_day('occurred_on') }}
        group by occurred_on
    ) as actor_days
    left join (
        select
            occurred_on as day,
            sum(event_count) as counted
        from {{ ref('int_dropbox__actor_type_days') }}
        where {{ is_tested_day('occurred_on') }}
        group by occurred_on
    ) as actor_type_days
        on actor_days.day = actor_type_days.day
    {% else %}
    select
        day,
        sum(events) as counted,
        sum(
            views + downloads + adds + edits + moves + copies + deletes + restores + comments + shares
            + access_requests + signature_events + logins + device_events + app_events + member_events + group_events
            + policy_events + security_events + governance_events + report_events + team_events + other_events
        ) as counted_by_activity
    from {{ ref('user_activity') }}
    where {{ is_tested_day('day') }}
    group by day
    {% endif %}
),

events as (
    select
        occurred_on,
        count(*) as event_count
    from {{ ref('events') }}
    where {{ is_tested_day('occurred_on') }}
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
