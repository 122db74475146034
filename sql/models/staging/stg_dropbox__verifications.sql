with verifications as (
    select * from {{ source('dropbox_raw', 'verifications') }}
),

completed_loads as (
    select load_id from {{ ref('stg_dropbox__loads') }}
),

numbered as (
    select
        verifications.*,
        row_number() over (
            partition by verifications.verification_id, verifications.day
            order by verifications._dlt_load_id
        ) as copy_number
    from verifications
    inner join completed_loads
        on verifications._dlt_load_id = completed_loads.load_id
)

select
    verification_id,
    day,
    run_id,
    _dlt_load_id as load_id,
    since,
    until,
    coalesce(is_whole_day, false) as is_whole_day,
    dropbox_events as dropbox_event_count,
    warehouse_events as warehouse_event_count,
    missing_events as missing_event_count,
    extra_events as extra_event_count,
    repaired_events as repaired_event_count,
    result,
    verified_at
from numbered
where copy_number = 1
