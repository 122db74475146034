-- One alert after another: what is behind each may be harmless, both together are not. Read from the few rows that
-- are kept of episodes, so it costs nothing to store.
{%- set then_text = "trim(" ~ dbt.split_part('rules.event_types', "'>'", 2) ~ ")" %}

with rules as (
    select * from {{ ref('int_alerts__rules') }}
    where is_enabled and kind = 'sequence'
),

openings as (
    select
        rules.rule_id,
        rules.window_minutes,
        trim(opening.value) as opening_rule_id,
        {{ then_text }} as follower
    from rules
    {{ cross_join_pieces(dbt.split_part('rules.event_types', "'>'", 1), 'opening', separator=' ') }}
    where trim(opening.value) <> ''
),

kept as (
    select
        episodes.*,
        windows.window_minutes,
        lag(episodes.last_at) over (
            partition by episodes.rule_id, episodes.counted, episodes.subject_kind, episodes.subject
            order by episodes.crossed_at, episodes.anchor_event_id
        ) as last_at_before
    from {{ ref('int_alerts__episodes') }} as episodes
    inner join {{ ref('int_alerts__rules') }} as windows
        on episodes.rule_id = windows.rule_id
    where episodes.actor_id is not null
),

-- What goes on past midnight is one, as in `alerts`.
begun as (
    select
        *,
        case
            when {{ seconds_between('last_at_before', 'crossed_at') }} <= window_minutes * 60 then 0
            else 1
        end as is_beginning
    from kept
),

numbered_episodes as (
    select
        *,
        sum(is_beginning) over (
            partition by rule_id, counted, subject_kind, subject
            order by crossed_at, anchor_event_id
            rows between unbounded preceding and current row
        ) as whole_no
    from begun
),

episodes as (
    select
        *,
        rule_id || ' ' || counted || ' ' || subject || ' ' || cast(whole_no as {{ dbt.type_string() }}) as whole_key,
        max(last_at) over (partition by rule_id, counted, subject_kind, subject, whole_no) as whole_last_at,
        sum(case when is_beginning = 1 then event_count else day_event_count end) over (
            partition by rule_id, counted, subject_kind, subject, whole_no
        ) as whole_event_count,
        sum(case when is_beginning = 1 then item_count else day_item_count end) over (
            partition by rule_id, counted, subject_kind, subject, whole_no
        ) as whole_item_count
    from numbered_episodes
),

departures as (
    select * from {{ ref('int_alerts__departures') }}
    where has_left
),

leavers as (
    select distinct lower(entry) as email from {{ ref('int_alerts__watch_lists') }}
    where list_name = 'leaver'
),

users as (
    select * from {{ ref('int_dropbox__users') }}
),

followed_by_alert as (
    select
        openings.rule_id,
        followers.occurred_on,
        followers.anchor_event_id,
        followers.whole_key,
        openers.first_at,
        followers.crossed_at,
        followers.whole_last_at as last_at,
        case when openers.raised_at > followers.raised_at then openers.raised_at else followers.raised_at end
            as raised_at,
        case when followers.event_ids like '%' || openers.anchor_event_id || '%' then 0 else openers.event_count end
        + followers.whole_event_count as event_count,
        followers.whole_item_count as item_count,
        followers.actor_id,
        followers.actor_email,
        followers.event_type,
        followers.ip_address,
        followers.city,
        followers.country,
        openers.item_name,
        -- What is a sign of the one may be the first of the other.
        case when followers.event_ids like '%' || openers.anchor_event_id || '%' then '[]' else openers.event_ids end
            as event_ids,
        followers.event_ids as more_event_ids
    from openings
    inner join episodes as openers
        on openings.opening_rule_id = openers.rule_id
    inner join episodes as followers
        on
            openings.follower = followers.rule_id
            and openers.actor_id = followers.actor_id
            and openers.crossed_at <= followers.crossed_at
            and {{ seconds_between('openers.crossed_at', 'followers.crossed_at') }} <= openings.window_minutes * 60
),

followed_by_departure as (
    select
        openings.rule_id,
        departures.occurred_on,
        departures.event_id as anchor_event_id,
        departures.event_id as whole_key,
        openers.first_at,
        departures.occurred_at as crossed_at,
        departures.occurred_at as last_at,
        openers.raised_at,
        openers.event_count + 1 as event_count,
        openers.item_count,
        openers.actor_id,
        openers.actor_email,
        openers.event_type,
        openers.ip_address,
        openers.city,
        openers.country,
        openers.item_name,
        openers.event_ids,
        '[' || {{ json_quoted('departures.event_id') }} || ']' as more_event_ids
    from openings
    inner join episodes as openers
        on openings.opening_rule_id = openers.rule_id
    inner join departures
        on
            openers.actor_id = departures.account_id
            and openers.crossed_at <= departures.occurred_at
            and {{ seconds_between('openers.crossed_at', 'departures.occurred_at') }} <= openings.window_minutes * 60
    where openings.follower = 'departure'
),

by_listed_leaver as (
    select
        openings.rule_id,
        openers.occurred_on,
        openers.anchor_event_id,
        openers.whole_key,
        openers.first_at,
        openers.crossed_at,
        openers.whole_last_at as last_at,
        openers.raised_at,
        openers.whole_event_count as event_count,
        openers.whole_item_count as item_count,
        openers.actor_id,
        openers.actor_email,
        openers.event_type,
        openers.ip_address,
        openers.city,
        openers.country,
        openers.item_name,
        openers.event_ids,
        cast(null as {{ dbt.type_string() }}) as more_event_ids
    from openings
    inner join episodes as openers
        on openings.opening_rule_id = openers.rule_id
    left join users
        on openers.actor_id = users.user_id
    where
        openings.follower = 'departure'
        and coalesce(lower(openers.actor_email), lower(users.user_email)) in (select leavers.email from leavers)
),

pairs as (
    select * from followed_by_alert
    union all
    select * from followed_by_departure
    union all
    select * from by_listed_leaver
),

-- One alert for what follows, however much came before it.
numbered as (
    select
        *,
        row_number() over (
            partition by rule_id, actor_id, whole_key order by raised_at, crossed_at, first_at, event_ids
        ) as pair_no,
        min(first_at) over (partition by rule_id, actor_id, whole_key) as earliest_at
    from pairs
)

select
    rule_id,
    actor_id,
    occurred_on,
    anchor_event_id,
    earliest_at as first_at,
    crossed_at,
    last_at,
    raised_at,
    event_count,
    item_count,
    actor_email,
    event_type,
    ip_address,
    city,
    country,
    item_name,
    case
        when more_event_ids is null then event_ids
        when event_ids = '[]' then more_event_ids
        else replace(event_ids || more_event_ids, '][', ', ')
    end as event_ids
from numbered
where pair_no = 1
