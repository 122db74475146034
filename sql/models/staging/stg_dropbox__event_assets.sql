with event_assets as (
    select * from {{ source('dropbox_raw', 'event_assets') }}
),

completed_loads as (
    select load_id from {{ ref('stg_dropbox__loads') }}
),

numbered as (
    select
        event_assets.*,
        row_number() over (
            partition by
                event_assets.walk_id,
                event_assets.page_no,
                event_assets.event_position,
                event_assets.position,
                event_assets.occurred_on
            order by event_assets._dlt_load_id
        ) as copy_number
    from event_assets
    inner join completed_loads
        on event_assets._dlt_load_id = completed_loads.load_id
)

select
    walk_id,
    page_no,
    event_position,
    position,
    _dlt_load_id as load_id,
    occurred_on,
    asset_type,
    name,
    path,
    namespace_id,
    relative_path,
    file_id,
    size_bytes
from numbered
where copy_number = 1
