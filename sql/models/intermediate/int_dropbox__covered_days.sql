{%- set most_walks = 20 %}

with days as (
    select * from {{ ref('int_dropbox__log_days') }}
),

spans as (
    select * from {{ ref('int_dropbox__covered_spans') }}
),

walks as (
    select
        walk_id,
        covers_from,
        covers_until
    from {{ ref('int_dropbox__walks') }}
    where covers_until is not null and (covers_from is null or covers_from < covers_until)
),

-- Spans do not touch each other, so at most one holds the whole day.
whole_days as (
    select days.day
    from days
    inner join spans
        on
            days.judged_from >= spans.covered_from
            and days.judged_until <= spans.covered_until
            and days.judged_from < days.judged_until
),

walk_days as (
    select
        days.day,
        walks.walk_id,
        (walks.covers_from is null or walks.covers_from <= days.judged_from)
        and walks.covers_until >= days.judged_until as has_all,
        row_number() over (partition by days.day order by walks.walk_id) as walk_number
    from days
    inner join walks
        on
            (walks.covers_from is null or days.ends_at > walks.covers_from)
            and days.starts_at < walks.covers_until
),

walk_lists as (
    select
        day,
        sum(case when has_all then 1 else 0 end) as covering_walk_count,
        count(*) as walk_count,
        {{ text_list('case when walk_number <= ' ~ most_walks ~ ' then walk_id end') }} as first_walks
    from walk_days
    group by day
)

select
    days.day,
    coalesce(walk_lists.covering_walk_count, 0) as covering_walk_count,
    case
        when walk_lists.walk_count > {{ most_walks }}
            then
                walk_lists.first_walks || ', and '
                || cast(walk_lists.walk_count - {{ most_walks }} as string) || ' more'
        else walk_lists.first_walks
    end as covered_by,
    whole_days.day is not null as is_covered
from days
left join whole_days
    on days.day = whole_days.day
left join walk_lists
    on days.day = walk_lists.day
