with contracts as (
    select * from {{ source('dropbox_raw', 'contracts') }}
),

completed_loads as (
    select load_id from {{ ref('stg_dropbox__loads') }}
),

numbered as (
    select
        contracts.*,
        row_number() over (
            partition by contracts.snapshot_id, contracts.line_no
            order by contracts._dlt_load_id
        ) as copy_number
    from contracts
    inner join completed_loads
        on contracts._dlt_load_id = completed_loads.load_id
)

select
    snapshot_id,
    taken_at,
    line_no,
    valid_from,
    seats,
    price_per_seat,
    price_cents,
    currency,
    billing_period,
    renewal_date,
    notice_days
from numbered
where copy_number = 1
