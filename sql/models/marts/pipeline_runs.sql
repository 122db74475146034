with records as (
    select
        *,
        row_number() over (partition by run_id order by recorded_at desc, load_id desc) as recency
    from {{ ref('stg_dropbox__runs') }}
),

loads as (
    select * from {{ ref('stg_dropbox__loads') }}
)

select
    records.run_id,
    records.command,
    records.version,
    records.outcome,
    records.error,
    records.request_count,
    records.page_count,
    records.event_count,
    records.rejected_event_count,
    records.repaired_event_count,
    records.retry_count,
    records.waited_seconds,
    records.reset_count,
    records.cursor_age_seconds,
    records.started_at,
    records.finished_at,
    {{ seconds_between('records.started_at', 'records.finished_at') }} as duration_seconds,
    records.recorded_at,
    loads.loaded_at
from records
inner join loads
    on records.load_id = loads.load_id
where records.recency = 1
