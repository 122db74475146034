with days as (
    select * from {{ ref('int_dropbox__log_days') }}
),

covered_days as (
    select * from {{ ref('int_dropbox__covered_days') }}
),

verified_days as (
    select * from {{ ref('int_dropbox__verified_days') }}
),

arrival_days as (
    select * from {{ ref('int_dropbox__arrival_days') }}
),

unknown_type_days as (
    select * from {{ ref('int_dropbox__unknown_type_days') }}
),

rejected_days as (
    select
        {{ utc_date('received_at') }} as day,
        count(*) as rejected_events
    from {{ ref('stg_dropbox__rejected_events') }}
    group by {{ utc_date('received_at') }}
),

reset_days as (
    select
        {{ utc_date('last_recorded_at') }} as day,
        count(*) as resets
    from {{ ref('int_dropbox__walks') }}
    where state = 'reset'
    group by {{ utc_date('last_recorded_at') }}
)

select
    days.day,
    case
        when not covered_days.is_covered or verified_days.result = 'different' then 'gap'
        when verified_days.result = 'equal' then 'complete'
        else 'not verified'
    end as status,
    coalesce(arrival_days.event_count, 0) as events,
    coalesce(arrival_days.delivered_count, 0) as delivered_events,
    cast(coalesce(arrival_days.replayed_count, 0) as bigint) as replayed_events,
    coalesce(rejected_days.rejected_events, 0) as rejected_events,
    coalesce(arrival_days.polled_count, 0) as polled_events,
    arrival_days.first_received_at,
    arrival_days.last_received_at,
    arrival_days.longest_delay_seconds,
    arrival_days.lateness_p50_seconds,
    arrival_days.lateness_p95_seconds,
    arrival_days.lateness_p99_seconds,
    coalesce(reset_days.resets, 0) as resets,
    cast(covered_days.covering_walk_count as bigint) as covering_walks,
    covered_days.covered_by,
    covered_days.is_covered,
    verified_days.verified_at as last_verified_at,
    verified_days.result as last_verification_result,
    verified_days.missing_event_count as missing_events,
    verified_days.extra_event_count as extra_events,
    verified_days.repaired_event_count as repaired_events,
    unknown_type_days.unknown_event_types,
    cast(coalesce(unknown_type_days.unknown_event_count, 0) as bigint) as unknown_events,
    arrival_days.unknown_fields
from days
inner join covered_days
    on days.day = covered_days.day
left join verified_days
    on days.day = verified_days.day
left join arrival_days
    on days.day = arrival_days.occurred_on
left join unknown_type_days
    on days.day = unknown_type_days.occurred_on
left join rejected_days
    on days.day = rejected_days.day
left join reset_days
    on days.day = reset_days.day
