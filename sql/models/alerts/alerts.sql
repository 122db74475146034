with rules as (
    select * from {{ ref('int_alerts__rules') }}
    where is_enabled
),

episodes as (
    select * from {{ ref('int_alerts__episodes') }}
),

users as (
    select
        user_id,
        user_email,
        user_name
    from {{ ref('int_dropbox__users') }}
),

kept as (
    select
        episodes.*,
        rules.window_minutes,
        lag(episodes.last_at) over (
            partition by episodes.rule_id, episodes.counted, episodes.subject_kind, episodes.subject
            order by episodes.crossed_at, episodes.anchor_event_id
        ) as last_at_before
    from episodes
    inner join rules
        on episodes.rule_id = rules.rule_id
),

-- Episodes are kept by day; what went on past midnight is one.
numbered as (
    select
        *,
        sum(
            case
                when
                    last_at_before is null
                    or {{ seconds_between('last_at_before', 'crossed_at') }} > window_minutes * 60
                    then 1
                else 0
            end
        ) over (
            partition by rule_id, counted, subject_kind, subject
            order by crossed_at, anchor_event_id
            rows between unbounded preceding and current row
        ) as episode_no
    from kept
),

ranked as (
    select
        *,
        row_number() over (
            partition by rule_id, counted, subject_kind, subject, episode_no order by crossed_at, anchor_event_id
        ) as part_no,
        -- Named after what was known first, so that an earlier event which comes late does not rename it.
        first_value(anchor_event_id) over (
            partition by rule_id, counted, subject_kind, subject, episode_no
            order by named_at, crossed_at, anchor_event_id
        ) as name_event_id
    from numbered
),

episodes_of_days as (
    select
        rule_id,
        counted,
        subject_kind,
        subject,
        name_event_id,
        min(first_at) as first_at,
        min(crossed_at) as crossed_at,
        max(last_at) as last_at,
        min(raised_at) as raised_at,
        -- The window of a later day's part reaches back into the part before it, which has counted that already.
        sum(case when part_no = 1 then event_count else day_event_count end) as event_count,
        sum(case when part_no = 1 then item_count else day_item_count end) as item_count,
        min(severity_rank) as severity_rank,
        min(case when part_no = 1 then actor_id end) as actor_id,
        min(case when part_no = 1 then actor_email end) as actor_email,
        min(case when part_no = 1 then actor_type end) as actor_type,
        min(case when part_no = 1 then event_type end) as event_type,
        min(case when part_no = 1 then coalesce(target_email, context_email) end) as target_email,
        min(case when part_no = 1 then ip_address end) as ip_address,
        min(case when part_no = 1 then city end) as city,
        min(case when part_no = 1 then country end) as country,
        min(case when part_no = 1 then item_name end) as item_name,
        min(case when part_no = 1 then previous_value end) as previous_value,
        min(case when part_no = 1 then new_value end) as new_value,
        min(case when part_no = 1 then event_ids end) as event_ids
    from ranked
    group by rule_id, counted, subject_kind, subject, episode_no, name_event_id
),

found as (
    select
        rule_id,
        counted,
        subject_kind || ' ' || subject as subject_key,
        subject,
        name_event_id,
        first_at,
        crossed_at,
        last_at,
        raised_at,
        event_count,
        item_count,
        severity_rank,
        actor_id,
        actor_email,
        actor_type,
        event_type,
        target_email,
        ip_address,
        city,
        country,
        item_name,
        previous_value,
        new_value,
        event_ids,
        '' as facts
    from episodes_of_days

    union all

    select
        rule_id,
        'alerts' as counted,
        'actor ' || actor_id as subject_key,
        actor_id as subject,
        anchor_event_id as name_event_id,
        first_at,
        crossed_at,
        last_at,
        raised_at,
        event_count,
        item_count,
        null as severity_rank,
        actor_id,
        actor_email,
        'user' as actor_type,
        event_type,
        null as target_email,
        ip_address,
        city,
        country,
        item_name,
        null as previous_value,
        null as new_value,
        event_ids,
        '' as facts
    from {{ ref('int_alerts__sequences') }}

    union all

    select
        rule_id,
        'state' as counted,
        'collector' as subject_key,
        subject,
        subject as name_event_id,
        occurred_at as first_at,
        occurred_at as crossed_at,
        last_at,
        raised_at,
        0 as event_count,
        item_count,
        severity_rank,
        null as actor_id,
        null as actor_email,
        null as actor_type,
        null as event_type,
        null as target_email,
        null as ip_address,
        null as city,
        null as country,
        item_name,
        null as previous_value,
        null as new_value,
        '[]' as event_ids,
        facts
    from {{ ref('int_alerts__collector') }}

    union all

    select
        rule_id,
        'state' as counted,
        'seats' as subject_key,
        subject,
        subject as name_event_id,
        occurred_at as first_at,
        occurred_at as crossed_at,
        raised_at as last_at,
        raised_at,
        0 as event_count,
        item_count,
        severity_rank,
        null as actor_id,
        null as actor_email,
        null as actor_type,
        null as event_type,
        null as target_email,
        null as ip_address,
        null as city,
        null as country,
        item_name,
        null as previous_value,
        null as new_value,
        '[]' as event_ids,
        facts
    from {{ ref('int_alerts__seats') }}
),

-- What makes an alert worse may be the next one.
worse_for_what_follows as (
    select
        found.rule_id,
        found.subject_key,
        found.name_event_id,
        min({{ severity_rank('escalations.severity') }}) as severity_rank
    from found
    inner join {{ ref('int_alerts__escalations') }} as escalations
        on found.rule_id = escalations.rule_id
    inner join kept as followers
        on
            found.actor_id = followers.actor_id
            and escalations.condition_values like '%|' || followers.rule_id || '|%'
            and found.crossed_at <= followers.crossed_at
            and {{ seconds_between('found.last_at', 'followers.crossed_at') }} <= 86400
    where escalations.condition = 'then_alert'
    group by found.rule_id, found.subject_key, found.name_event_id
),

told as (
    select
        found.*,
        rules.name as rule_name,
        rules.title as template,
        rules.threshold,
        rules.window_minutes,
        rules.runbook,
        coalesce(users.user_email, found.actor_email) as user_email,
        users.user_name,
        case
            when
                worse_for_what_follows.severity_rank < coalesce(found.severity_rank, 9)
                and worse_for_what_follows.severity_rank < {{ severity_rank('rules.severity') }}
                then worse_for_what_follows.severity_rank
            when
                rules.escalations is not null and found.severity_rank < {{ severity_rank('rules.severity') }}
                then found.severity_rank
            else {{ severity_rank('rules.severity') }}
        end as worst_rank,
        coalesce(found.city || ', ', '') || found.country as place
    from found
    inner join rules
        on found.rule_id = rules.rule_id
    left join users
        on found.actor_id = users.user_id
    left join worse_for_what_follows
        on
            found.rule_id = worse_for_what_follows.rule_id
            and found.subject_key = worse_for_what_follows.subject_key
            and found.name_event_id = worse_for_what_follows.name_event_id
)

select
    {{ dbt.hash("rule_id || '|' || counted || '|' || subject_key || '|' || name_event_id") }} as alert_id,
    rule_id,
    rule_name,
    case worst_rank when 1 then 'critical' when 2 then 'high' when 3 then 'medium' when 4 then 'low' else 'info' end
        as severity,
    {{ alert_title('template', {
        'actor': "coalesce(user_email, user_name, case when counted = 'actors' then 'several people' end, case actor_type when 'anonymous' then 'somebody without an account' when 'dropbox' then 'Dropbox' when 'app' then 'an app' when 'admin' then 'an admin' when 'reseller' then 'a reseller' end, 'someone')",
        'target': "coalesce(target_email, case when event_type = 'paper_doc_ownership_changed' then 'another account' end, user_email, 'someone')",
        'count': "case counted when 'bytes' then cast(round(item_count / 1000000000, 1) as " ~ dbt.type_string() ~ ") || ' GB' "
            ~ "else cast(cast(item_count as bigint) as " ~ dbt.type_string() ~ ") end",
        'threshold': "cast(threshold as " ~ dbt.type_string() ~ ")",
        'minutes': "cast(coalesce(window_minutes, 0) as " ~ dbt.type_string() ~ ")",
        'item': "coalesce(item_name, 'something')",
        'place': "coalesce(place, 'an unknown place')",
        'previous': "coalesce(previous_value, 'unknown')",
        'new': "coalesce(case when new_value like '%@%' then new_value else replace(new_value, '_', ' ') end, 'unknown')",
        'context': "coalesce(target_email, 'the team')",
        'ip': "coalesce(ip_address, 'an unknown address')",
        'event_type': "coalesce(replace(event_type, '_', ' '), 'nothing')",
    }) }} as title,
    crossed_at as occurred_at,
    {{ utc_date('crossed_at') }} as occurred_on,
    first_at,
    last_at,
    actor_id as user_id,
    user_email,
    subject,
    cast(event_count as bigint) as event_count,
    cast(item_count as bigint) as item_count,
    '{"event_ids": ' || event_ids
    || ', "event_count": ' || cast(cast(event_count as bigint) as {{ dbt.type_string() }})
    || {{ json_member('counted', 'counted') }}
    || {{ json_member('item_count', 'cast(item_count as bigint)', is_text=false) }}
    || {{ json_member('threshold', 'threshold', is_text=false) }}
    || {{ json_member('event_type', 'event_type') }}
    || {{ json_member('target_email', 'target_email') }}
    || {{ json_member('ip_address', 'ip_address') }}
    || {{ json_member('city', 'city') }}
    || {{ json_member('country', 'country') }}
    || {{ json_member('item', 'item_name') }}
    || {{ json_member('previous_value', 'previous_value') }}
    || {{ json_member('new_value', 'new_value') }}
    || facts
    || '}' as evidence,
    runbook,
    raised_at
from told
