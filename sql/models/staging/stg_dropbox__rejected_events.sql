with rejected_events as (
    select * from {{ source('dropbox_raw', 'rejected_events') }}
),

completed_loads as (
    select load_id from {{ ref('stg_dropbox__loads') }}
),

numbered as (
    select
        rejected_events.*,
        row_number() over (
            partition by rejected_events.walk_id, rejected_events.page_no, rejected_events.position
            order by rejected_events._dlt_load_id
        ) as copy_number
    from rejected_events
    inner join completed_loads
        on rejected_events._dlt_load_id = completed_loads.load_id
)

select
    walk_id,
    page_no,
    position,
    _dlt_load_id as load_id,
    reason,
    event,
    received_at
from numbered
where copy_number = 1
