with alert_settings as (
    select * from {{ source('dropbox_raw', 'alert_settings') }}
),

completed_loads as (
    select load_id from {{ ref('stg_dropbox__loads') }}
),

readings as (
    select
        snapshot_id,
        row_number() over (order by taken_at desc, snapshot_id desc) as recency
    from {{ ref('stg_dropbox__directory_snapshots') }}
    where resource = 'alert_settings'
),

numbered as (
    select
        alert_settings.*,
        row_number() over (
            partition by alert_settings.line_no
            order by alert_settings._dlt_load_id
        ) as copy_number
    from alert_settings
    inner join completed_loads
        on alert_settings._dlt_load_id = completed_loads.load_id
    inner join readings
        on alert_settings.snapshot_id = readings.snapshot_id
    where readings.recency = 1
)

select
    snapshot_id,
    taken_at,
    line_no,
    rule_id,
    setting,
    value
from numbered
where copy_number = 1
