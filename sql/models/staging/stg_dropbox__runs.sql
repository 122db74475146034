with runs as (
    select * from {{ source('dropbox_raw', 'runs') }}
),

completed_loads as (
    select load_id from {{ ref('stg_dropbox__loads') }}
),

numbered as (
    select
        runs.*,
        row_number() over (
            partition by runs.run_id, runs.recorded_at
            order by runs._dlt_load_id
        ) as copy_number
    from runs
    inner join completed_loads
        on runs._dlt_load_id = completed_loads.load_id
)

select
    run_id,
    recorded_at,
    _dlt_load_id as load_id,
    command,
    version,
    started_at,
    finished_at,
    outcome,
    error,
    requests as request_count,
    pages as page_count,
    events as event_count,
    rejected_events as rejected_event_count,
    repaired_events as repaired_event_count,
    retries as retry_count,
    waited_seconds,
    resets as reset_count,
    cursor_age_seconds
from numbered
where copy_number = 1
