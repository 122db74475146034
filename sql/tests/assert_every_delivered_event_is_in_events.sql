-- A row is an event that a completed, taken-in load holds but `events` does not, or holds too often: an identity must
-- have as many events as the largest number of copies that any one walk delivered.
with staged_events as (
    select * from {{ ref('stg_dropbox__events') }}
    where
        not is_replayed
        and {{ is_tested_day('occurred_on') }}
),

taken_in_loads as (
    select * from {{ ref('int_dropbox__load_ledger') }}
),

event_keys as (
    select * from {{ ref('int_dropbox__event_keys') }}
    where {{ is_tested_day('occurred_on') }}
),

events as (
    select * from {{ ref('events') }}
    where {{ is_tested_day('occurred_on') }}
),

copies as (
    select
        staged_events.identity,
        staged_events.walk_id,
        count(*) as copies_in_walk
    from staged_events
    inner join taken_in_loads
        on staged_events.load_id = taken_in_loads.load_id
    group by staged_events.identity, staged_events.walk_id
),

expected as (
    select
        identity,
        max(copies_in_walk) as expected_count
    from copies
    group by identity
),

actual as (
    select
        event_keys.identity,
        count(events.event_id) as actual_count
    from event_keys
    left join events
        on
            event_keys.event_id = events.event_id
            and event_keys.occurred_on = events.occurred_on
    group by event_keys.identity
)

select
    expected.identity,
    expected.expected_count,
    coalesce(actual.actual_count, 0) as actual_count
from expected
left join actual
    on expected.identity = actual.identity
where coalesce(actual.actual_count, 0) <> expected.expected_count
