with events as (
    select * from {{ source('dropbox_raw', 'events') }}
),

completed_loads as (
    select load_id from {{ ref('stg_dropbox__loads') }}
),

-- Rows with one key are copies of each other. The day is part of the key here only so that a filter on it reaches the
-- table below the window: an event's day never differs between copies.
numbered as (
    select
        events.*,
        row_number() over (
            partition by events.walk_id, events.page_no, events.position, events.occurred_on
            order by events._dlt_load_id
        ) as copy_number
    from events
    inner join completed_loads
        on events._dlt_load_id = completed_loads.load_id
)

select
    walk_id,
    page_no,
    position,
    _dlt_load_id as load_id,
    coalesce(is_replayed, false) as is_replayed,
    identity,
    exact_hash,
    occurred_at,
    occurred_on,
    event_type,
    event_category,
    description,
    actor_type,
    actor_user_type,
    actor_id,
    actor_member_id,
    actor_email,
    actor_name,
    context_type,
    context_id,
    context_email,
    ip_address,
    city,
    region,
    country,
    access_method,
    session_id,
    involves_non_team_member,
    asset_count,
    participant_count,
    details,
    has_missing_details,
    unknown_fields,
    event,
    received_at
from numbered
where copy_number = 1
