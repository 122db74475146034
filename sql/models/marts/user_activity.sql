with actor_days as (
    select * from {{ ref('int_dropbox__actor_days') }}
),

actor_type_days as (
    select * from {{ ref('int_dropbox__actor_type_days') }}
),

event_types as (
    select * from {{ ref('event_types') }}
),

users as (
    select * from {{ ref('int_dropbox__users') }}
),

{%- set activities = {
    'view': 'views', 'download': 'downloads', 'add': 'adds', 'edit': 'edits', 'move': 'moves', 'copy': 'copies',
    'delete': 'deletes', 'restore': 'restores', 'comment': 'comments', 'share': 'shares',
    'request': 'access_requests', 'signature': 'signature_events', 'login': 'logins', 'device': 'device_events',
    'app': 'app_events', 'member': 'member_events', 'group': 'group_events', 'policy': 'policy_events',
    'security': 'security_events', 'governance': 'governance_events', 'report': 'report_events',
    'team': 'team_events', 'other': 'other_events',
} %}

classified as (
    select
        actor_type_days.occurred_on,
        actor_type_days.actor_id,
        actor_type_days.event_count,
        coalesce(event_types.activity, 'other') as activity
    from actor_type_days
    left join event_types
        on actor_type_days.event_type = event_types.event_type
),

activities as (
    select
        {%- for activity, column in activities.items() %}
        sum(case when activity = '{{ activity }}' then event_count else 0 end) as {{ column }},
        {%- endfor %}
        occurred_on,
        actor_id
    from classified
    group by occurred_on, actor_id
)

select
    actor_days.occurred_on as day,
    actor_days.actor_id as user_id,
    users.user_email,
    users.user_name,
    actor_days.admin_event_count > 0 as is_admin,
    actor_days.event_count as events,
    {%- for column in activities.values() %}
    cast(activities.{{ column }} as bigint) as {{ column }},
    {%- endfor %}
    actor_days.distinct_ips,
    actor_days.distinct_countries,
    actor_days.first_at,
    actor_days.last_at
from actor_days
inner join activities
    on
        actor_days.occurred_on = activities.occurred_on
        and actor_days.actor_id is not distinct from activities.actor_id
left join users
    on actor_days.actor_id = users.user_id
