with arrival_days as (
    select * from {{ ref('int_dropbox__arrival_days') }}
),

walks as (
    select * from {{ ref('int_dropbox__walks') }}
    where covers_until is not null
),

rejected_days as (
    select
        {{ utc_date('received_at') }} as day,
        count(*) as rejected_events
    from {{ ref('stg_dropbox__rejected_events') }}
    group by {{ utc_date('received_at') }}
),

seen_days as (
    select occurred_on as day from arrival_days
    union distinct
    select day from rejected_days
),

span as (
    select
        min(day) as first_day,
        max(day) as last_day
    from seen_days
),

days as (
    select each_day.day
    from {{ each_day('(select first_day from span)', '(select last_day from span)', 'each_day') }}
),

coverage as (
    select
        days.day,
        count(walks.walk_id) as covering_walks
    from days
    inner join walks
        on
            (walks.covers_from is null or walks.covers_from <= {{ start_of_day('days.day') }})
            and walks.covers_until >= {{ start_of_day('days.day + 1') }}
    group by days.day
)

select
    days.day,
    coalesce(arrival_days.event_count, 0) as events,
    coalesce(arrival_days.delivered_count, 0) as delivered_events,
    cast(coalesce(arrival_days.replayed_count, 0) as bigint) as replayed_events,
    coalesce(rejected_days.rejected_events, 0) as rejected_events,
    arrival_days.first_received_at,
    arrival_days.last_received_at,
    arrival_days.longest_delay_seconds,
    coalesce(coverage.covering_walks, 0) as covering_walks,
    coalesce(coverage.covering_walks, 0) > 0 as is_covered
from days
left join arrival_days
    on days.day = arrival_days.occurred_on
left join rejected_days
    on days.day = rejected_days.day
left join coverage
    on days.day = coverage.day
