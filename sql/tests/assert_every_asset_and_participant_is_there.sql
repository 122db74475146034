-- A row is an event whose own count of assets or participants differs from what the two tables hold: the loader lost or
-- doubled some. It warns, because the event itself is complete in its column `event`.
{{ config(severity = 'warn') }}

with events as (
    select * from {{ ref('events') }}
    where {{ is_tested_day('occurred_on') }}
),

assets as (
    select
        event_id,
        count(*) as asset_count
    from {{ ref('event_assets') }}
    where {{ is_tested_day('occurred_on') }}
    group by event_id
),

participants as (
    select
        event_id,
        count(*) as participant_count
    from {{ ref('event_participants') }}
    where {{ is_tested_day('occurred_on') }}
    group by event_id
)

select
    events.event_id,
    events.asset_count,
    coalesce(assets.asset_count, 0) as assets_found,
    events.participant_count,
    coalesce(participants.participant_count, 0) as participants_found
from events
left join assets
    on events.event_id = assets.event_id
left join participants
    on events.event_id = participants.event_id
where
    coalesce(events.asset_count, 0) <> coalesce(assets.asset_count, 0)
    or coalesce(events.participant_count, 0) <> coalesce(participants.participant_count, 0)
