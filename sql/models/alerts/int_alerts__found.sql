-- Episodes near the touched days: as long as a rule's threshold is reached again within its window, cut at midnight
-- (UTC).
--
-- How many different things lie in a window that slides along: a thing enters when it is first seen and leaves one
-- window after it was last seen, so the number at any moment is the sum of all that entered less all that left.
{{ config(materialized = 'ephemeral') }}

with signals as (
    select * from {{ ref('int_alerts__signals') }}
),

rules as (
    select * from {{ ref('int_alerts__rules') }}
),

busy_hours as (
    select * from {{ ref('int_alerts__busy_hours') }}
    where {{ near_touched_days('occurred_on', before=401, after=1) }}
),

escalations as (
    select * from {{ ref('int_alerts__escalations') }}
    where condition = 'followed_by'
),

-- What follows upon the last hour of a day that is looked at may be of the next day.
events as (
    select * from {{ ref('events') }}
    where {{ near_touched_days('occurred_on', before=2, after=2) }}
),

days as (
    select
        rule_id,
        counted,
        subject_kind,
        subject,
        occurred_on,
        sum(weight) as weight,
        max(case when is_at_once then 1 else 0 end) as is_at_once
    from signals
    group by rule_id, counted, subject_kind, subject, occurred_on
),

neighbours as (
    select
        *,
        lag(occurred_on) over (
            partition by rule_id, counted, subject_kind, subject order by occurred_on
        ) as earlier_on,
        lag(weight) over (
            partition by rule_id, counted, subject_kind, subject order by occurred_on
        ) as earlier_weight,
        lead(occurred_on) over (
            partition by rule_id, counted, subject_kind, subject order by occurred_on
        ) as later_on,
        lead(weight) over (
            partition by rule_id, counted, subject_kind, subject order by occurred_on
        ) as later_weight
    from days
),

-- Most people are far from any threshold on most days, and need no closer look.
promising as (
    select
        neighbours.*,
        rules.threshold,
        rules.window_minutes * 60 as window_seconds,
        rules.baseline_days
    from neighbours
    inner join rules
        on neighbours.rule_id = rules.rule_id
    where
        neighbours.is_at_once = 1
        or neighbours.weight
        + case when neighbours.earlier_on + 1 = neighbours.occurred_on then neighbours.earlier_weight else 0 end
        + case when neighbours.occurred_on + 1 = neighbours.later_on then neighbours.later_weight else 0 end
        >= rules.threshold
),

-- Somebody who does a lot every day is compared with their own busiest hours: their mean and three standard deviations.
baselines as (
    select
        promising.rule_id,
        promising.counted,
        promising.subject_kind,
        promising.subject,
        promising.occurred_on,
        avg(busy_hours.busiest_hour_items) + 3 * stddev_pop(busy_hours.busiest_hour_items) as usual_most
    from promising
    inner join busy_hours
        on
            promising.rule_id = busy_hours.rule_id
            and promising.counted = busy_hours.counted
            and promising.subject_kind = busy_hours.subject_kind
            and promising.subject = busy_hours.subject
            and promising.occurred_on > busy_hours.occurred_on
            and {{ days_between('busy_hours.occurred_on', 'promising.occurred_on') }} <= promising.baseline_days
    where promising.baseline_days is not null
    group by
        promising.rule_id,
        promising.counted,
        promising.subject_kind,
        promising.subject,
        promising.occurred_on
    having count(*) >= 5
),

occurrences as (
    select
        signals.*,
        promising.window_seconds,
        case
            when baselines.usual_most > promising.threshold then baselines.usual_most
            else promising.threshold
        end as threshold,
        cast(
            floor({{ seconds_between(start_of_day("date '1970-01-01'"), 'signals.occurred_at') }}) as bigint
        ) as at_second
    from signals
    inner join promising
        on
            signals.rule_id = promising.rule_id
            and signals.counted = promising.counted
            and signals.subject_kind = promising.subject_kind
            and signals.subject = promising.subject
            and signals.occurred_on = promising.occurred_on
    left join baselines
        on
            signals.rule_id = baselines.rule_id
            and signals.counted = baselines.counted
            and signals.subject_kind = baselines.subject_kind
            and signals.subject = baselines.subject
            and signals.occurred_on = baselines.occurred_on
),

seen as (
    select
        *,
        lag(at_second) over (
            partition by rule_id, counted, subject_kind, subject, item order by at_second, event_id
        ) as seen_before,
        lead(at_second) over (
            partition by rule_id, counted, subject_kind, subject, item order by at_second, event_id
        ) as seen_next,
        -- A file may have grown from one time to the next.
        max(weight) over (partition by rule_id, counted, subject_kind, subject, item) as item_weight
    from occurrences
),

steps as (
    select
        rule_id,
        counted,
        subject_kind,
        subject,
        at_second,
        1 as is_sighting,
        case when seen_before is null or seen_before + window_seconds <= at_second then item_weight else 0 end as step,
        threshold,
        window_seconds,
        is_at_once,
        event_id,
        occurred_on
    from seen
    union all
    select
        rule_id,
        counted,
        subject_kind,
        subject,
        at_second + window_seconds as at_second,
        0 as is_sighting,
        -item_weight as step,
        threshold,
        window_seconds,
        false as is_at_once,
        null as event_id,
        null as occurred_on
    from seen
    where seen_next is null or seen_next >= at_second + window_seconds
),

counted_up as (
    select
        *,
        sum(step) over (
            partition by rule_id, counted, subject_kind, subject
            order by at_second, is_sighting
        ) as number_in_window
    from steps
),

-- One row per event, however many things of it count.
hitting as (
    select
        rule_id,
        counted,
        subject_kind,
        subject,
        occurred_on,
        at_second,
        event_id,
        max(number_in_window) as number_in_window,
        max(threshold) as threshold,
        max(window_seconds) as window_seconds
    from counted_up
    where
        is_sighting = 1
        and (is_at_once or number_in_window >= threshold)
        and {{ near_touched_days('occurred_on', before=1, after=1) }}
    group by rule_id, counted, subject_kind, subject, occurred_on, at_second, event_id
),

hits as (
    select
        *,
        lag(at_second) over (
            partition by rule_id, counted, subject_kind, subject, occurred_on order by at_second, event_id
        ) as hit_before
    from hitting
),

numbered as (
    select
        *,
        sum(case when hit_before is null or at_second - hit_before > window_seconds then 1 else 0 end) over (
            partition by rule_id, counted, subject_kind, subject, occurred_on
            order by at_second, event_id
            rows between unbounded preceding and current row
        ) as episode_no,
        row_number() over (
            partition by rule_id, counted, subject_kind, subject, occurred_on
            order by at_second, event_id
        ) as hit_no
    from hits
),

bounds as (
    select
        rule_id,
        counted,
        subject_kind,
        subject,
        occurred_on,
        episode_no,
        min(at_second) as first_hit,
        max(at_second) as last_hit,
        min(hit_no) as first_hit_no,
        max(window_seconds) as window_seconds,
        max(number_in_window) as most_in_window,
        max(threshold) as threshold
    from numbered
    group by rule_id, counted, subject_kind, subject, occurred_on, episode_no
),

anchored as (
    select
        bounds.*,
        numbered.event_id as anchor_event_id
    from bounds
    inner join numbered
        on
            bounds.rule_id = numbered.rule_id
            and bounds.counted = numbered.counted
            and bounds.subject_kind = numbered.subject_kind
            and bounds.subject = numbered.subject
            and bounds.occurred_on = numbered.occurred_on
            and bounds.first_hit_no = numbered.hit_no
),

members as (
    select
        anchored.rule_id,
        anchored.counted,
        anchored.subject_kind,
        anchored.subject,
        anchored.occurred_on,
        anchored.episode_no,
        anchored.first_hit,
        anchored.threshold,
        anchored.anchor_event_id,
        occurrences.item,
        occurrences.weight,
        occurrences.event_id,
        occurrences.event_type,
        occurrences.at_second,
        occurrences.occurred_at,
        occurrences.loaded_at,
        occurrences.actor_type,
        occurrences.actor_id,
        occurrences.actor_email,
        occurrences.target_email,
        occurrences.ip_address,
        occurrences.city,
        occurrences.country,
        occurrences.context_email,
        occurrences.item_name,
        occurrences.severity_rank,
        dense_rank() over (
            partition by
                anchored.rule_id,
                anchored.counted,
                anchored.subject_kind,
                anchored.subject,
                anchored.occurred_on,
                anchored.episode_no
            order by occurrences.at_second, occurrences.event_id
        ) as event_no,
        row_number() over (
            partition by
                anchored.rule_id,
                anchored.counted,
                anchored.subject_kind,
                anchored.subject,
                anchored.occurred_on,
                anchored.episode_no,
                occurrences.event_id
            order by occurrences.item
        ) as item_no,
        row_number() over (
            partition by
                anchored.rule_id,
                anchored.counted,
                anchored.subject_kind,
                anchored.subject,
                anchored.occurred_on,
                anchored.episode_no,
                occurrences.item
            order by occurrences.at_second, occurrences.event_id
        ) as sighting_no,
        row_number() over (
            partition by
                anchored.rule_id,
                anchored.counted,
                anchored.subject_kind,
                anchored.subject,
                anchored.occurred_on,
                anchored.episode_no,
                occurrences.item,
                occurrences.occurred_on
            order by occurrences.at_second, occurrences.event_id
        ) as day_sighting_no,
        occurrences.occurred_on = anchored.occurred_on as is_of_day
    from anchored
    inner join occurrences
        on
            anchored.rule_id = occurrences.rule_id
            and anchored.counted = occurrences.counted
            and anchored.subject_kind = occurrences.subject_kind
            and anchored.subject = occurrences.subject
            and anchored.last_hit >= occurrences.at_second
            and occurrences.at_second > anchored.first_hit - anchored.window_seconds
),

followed as (
    select
        anchored.rule_id,
        anchored.counted,
        anchored.subject_kind,
        anchored.subject,
        anchored.occurred_on,
        anchored.episode_no,
        min({{ severity_rank('escalations.severity') }}) as severity_rank
    from anchored
    inner join escalations
        on anchored.rule_id = escalations.rule_id
    inner join events
        on
            escalations.condition_values like '%|' || events.event_type || '|%'
            and case anchored.subject_kind
                when 'actor' then events.actor_id when 'ip_address' then events.ip_address
            end
            = anchored.subject
    where
        cast(floor({{ seconds_between(start_of_day("date '1970-01-01'"), 'events.occurred_at') }}) as bigint)
        between anchored.first_hit and anchored.last_hit + anchored.window_seconds
    group by
        anchored.rule_id,
        anchored.counted,
        anchored.subject_kind,
        anchored.subject,
        anchored.occurred_on,
        anchored.episode_no
),

summed as (
    select
        rule_id,
        counted,
        subject_kind,
        subject,
        occurred_on,
        episode_no,
        anchor_event_id,
        max(threshold) as threshold,
        min(occurred_at) as first_at,
        min(case when event_id = anchor_event_id then occurred_at end) as crossed_at,
        max(occurred_at) as last_at,
        max(case when at_second <= first_hit then loaded_at end) as raised_at,
        count(distinct event_id) as event_count,
        count(distinct case when is_of_day then event_id end) as day_event_count,
        case when counted = 'bytes' then sum(case when sighting_no = 1 then weight end) else count(distinct item) end
            as item_count,
        case
            when counted = 'bytes' then coalesce(sum(case when is_of_day and day_sighting_no = 1 then weight end), 0)
            else count(distinct case when is_of_day then item end)
        end as day_item_count,
        min(severity_rank) as severity_rank,
        case when count(distinct actor_id) = 1 then min(actor_id) end as actor_id,
        case when count(distinct lower(actor_email)) = 1 then min(actor_email) end as actor_email,
        max(case when event_id = anchor_event_id then actor_type end) as actor_type,
        max(case when event_id = anchor_event_id then event_type end) as event_type,
        coalesce(max(case when event_id = anchor_event_id then target_email end), min(target_email)) as target_email,
        coalesce(max(case when event_id = anchor_event_id then context_email end), min(context_email)) as context_email,
        max(case when event_id = anchor_event_id then ip_address end) as ip_address,
        max(case when event_id = anchor_event_id then city end) as city,
        max(case when event_id = anchor_event_id then country end) as country,
        coalesce(max(case when event_id = anchor_event_id then item_name end), min(item_name)) as item_name,
        '['
        || {{ text_list(
            'case when event_no <= 20 and item_no = 1 then ' ~ json_quoted('event_id') ~ ' end',
            order_by='event_no'
        ) }}
        || ']' as event_ids
    from members
    group by rule_id, counted, subject_kind, subject, occurred_on, episode_no, anchor_event_id
)

select
    summed.rule_id,
    summed.counted,
    summed.subject_kind,
    summed.subject,
    summed.occurred_on,
    summed.anchor_event_id,
    summed.threshold,
    summed.first_at,
    summed.crossed_at,
    summed.last_at,
    summed.raised_at,
    summed.event_count,
    summed.item_count,
    summed.day_event_count,
    summed.day_item_count,
    case
        when followed.severity_rank < coalesce(summed.severity_rank, 9) then followed.severity_rank
        else summed.severity_rank
    end as severity_rank,
    summed.actor_id,
    summed.actor_email,
    summed.actor_type,
    summed.event_type,
    summed.target_email,
    summed.context_email,
    summed.ip_address,
    summed.city,
    summed.country,
    summed.item_name,
    {{ json_readable('events.details', '$.previous_value') }} as previous_value,
    coalesce(
        {{ json_readable('events.details', '$.new_value') }},
        {{ json_text('events.details', '$.secondary_email') }}
    ) as new_value,
    summed.event_ids
from summed
inner join events
    on summed.anchor_event_id = events.event_id
left join followed
    on
        summed.rule_id = followed.rule_id
        and summed.counted = followed.counted
        and summed.subject_kind = followed.subject_kind
        and summed.subject = followed.subject
        and summed.occurred_on = followed.occurred_on
        and summed.episode_no = followed.episode_no
