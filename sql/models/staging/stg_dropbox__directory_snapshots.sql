with directory_snapshots as (
    select * from {{ source('dropbox_raw', 'directory_snapshots') }}
),

completed_loads as (
    select load_id from {{ ref('stg_dropbox__loads') }}
),

numbered as (
    select
        directory_snapshots.*,
        row_number() over (
            partition by
                directory_snapshots.snapshot_id, directory_snapshots.resource, directory_snapshots.team_member_id
            order by directory_snapshots._dlt_load_id
        ) as copy_number
    from directory_snapshots
    inner join completed_loads
        on directory_snapshots._dlt_load_id = completed_loads.load_id
)

select
    snapshot_id,
    taken_at,
    resource,
    team_member_id,
    state,
    reason,
    coalesce(is_full, false) as is_full,
    record_count,
    changed_count
from numbered
where copy_number = 1
