with event_participants as (
    select * from {{ source('dropbox_raw', 'event_participants') }}
),

completed_loads as (
    select load_id from {{ ref('stg_dropbox__loads') }}
),

numbered as (
    select
        event_participants.*,
        row_number() over (
            partition by
                event_participants.walk_id,
                event_participants.page_no,
                event_participants.event_position,
                event_participants.position,
                event_participants.occurred_on
            order by event_participants._dlt_load_id
        ) as copy_number
    from event_participants
    inner join completed_loads
        on event_participants._dlt_load_id = completed_loads.load_id
)

select
    walk_id,
    page_no,
    event_position,
    position,
    _dlt_load_id as load_id,
    occurred_on,
    participant_type,
    participant_user_type,
    participant_id,
    email,
    name,
    is_team_member
from numbered
where copy_number = 1
