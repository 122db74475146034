with walks as (
    select * from {{ source('dropbox_raw', 'walks') }}
),

completed_loads as (
    select load_id from {{ ref('stg_dropbox__loads') }}
),

numbered as (
    select
        walks.*,
        row_number() over (
            partition by walks.walk_id, walks.recorded_at
            order by walks._dlt_load_id
        ) as copy_number
    from walks
    inner join completed_loads
        on walks._dlt_load_id = completed_loads.load_id
)

select
    walk_id,
    recorded_at,
    _dlt_load_id as load_id,
    kind,
    start_time,
    end_time,
    opened_at,
    pages as page_count,
    events as event_count,
    first_occurred_at,
    last_occurred_at,
    caught_up_at,
    covers_until,
    state
from numbered
where copy_number = 1
