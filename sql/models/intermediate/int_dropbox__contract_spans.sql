with contracts as (
    select * from {{ ref('stg_dropbox__contracts') }}
),

as_of as (
    select * from {{ ref('int_dropbox__as_of') }}
),

readings as (
    select
        snapshot_id,
        row_number() over (order by taken_at desc, snapshot_id desc) as recency
    from {{ ref('stg_dropbox__directory_snapshots') }}
    where resource = 'contracts'
),

spans as (
    select
        contracts.*,
        lead(contracts.valid_from) over (order by contracts.valid_from) as next_from
    from contracts
    inner join readings
        on contracts.snapshot_id = readings.snapshot_id
    where readings.recency = 1
)

select
    spans.line_no,
    spans.valid_from,
    spans.next_from - 1 as valid_to,
    spans.seats,
    spans.price_cents,
    spans.price_cents * case when spans.billing_period = 'month' then 12 else 1 end as year_cents,
    spans.currency,
    spans.billing_period,
    spans.renewal_date,
    spans.notice_days,
    spans.valid_from <= as_of.as_of_day
    and (spans.next_from is null or spans.next_from > as_of.as_of_day) as is_current,
    spans.valid_from > as_of.as_of_day as is_future
from spans
cross join as_of
