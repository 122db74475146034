with contracts as (
    select * from {{ ref('int_dropbox__contract_spans') }}
    where is_current or is_future
),

as_of as (
    select as_of_day from {{ ref('int_dropbox__as_of') }}
),

activity as (
    select * from {{ ref('int_dropbox__member_activity') }}
),

needed as (
    -- Null, not 0, where members were never read.
    select case when count(*) > 0 then count(case when status = 'active' and idle_days < 90 then 1 end) end as seats
    from activity
),

measured as (
    select
        contracts.*,
        {{ days_between('as_of.as_of_day', 'contracts.renewal_date') }} as days_left,
        needed.seats as seats_needed,
        case
            when needed.seats < contracts.seats then contracts.seats - needed.seats
            when needed.seats >= contracts.seats then 0
        end as seats_to_drop
    from contracts
    cross join as_of
    cross join needed
)

select
    renewal_date,
    days_left,
    notice_days,
    {{ days_before('renewal_date', 'notice_days') }} as notice_deadline,
    days_left - notice_days as days_to_notice,
    is_current,
    valid_from,
    seats,
    billing_period,
    {{ money('price_cents') }} as price_per_seat,
    {{ money('year_cents * seats') }} as cost_per_year,
    seats_needed,
    seats_to_drop,
    {{ money('year_cents * seats_to_drop') }} as saving_per_year,
    currency
from measured
