-- What each month costs, in whole numbers: (price of a year x seats x days) / (12 x days of the month). A month is a
-- twelfth of a year's price, and within it each day counts alike, so that a change in mid-month is shared by days and
-- February's are its own. Rounding comes last, once.
with contracts as (
    select * from {{ ref('int_dropbox__contract_spans') }}
),

as_of as (
    select as_of_day from {{ ref('int_dropbox__as_of') }}
),

calendar as (
    select
        each_day.day,
        {{ month_start('each_day.day') }} as month
    from {{ each_day(
        '(select ' ~ month_start('min(valid_from)') ~ ' from contracts)',
        '(select as_of_day + 31 from as_of)',
        'each_day'
    ) }}
),

whole_months as (
    select
        calendar.day,
        calendar.month,
        count(*) over (partition by calendar.month) as days_in_month,
        max(calendar.day) over (partition by calendar.month) as last_day
    from calendar
    cross join as_of
    where calendar.month <= {{ month_start('as_of.as_of_day') }}
),

contract_days as (
    select
        whole_months.month,
        whole_months.days_in_month,
        whole_months.last_day,
        contracts.currency,
        contracts.seats,
        contracts.year_cents,
        row_number() over (
            partition by whole_months.month, contracts.currency
            order by whole_months.day desc
        ) as days_from_end
    from whole_months
    inner join contracts
        on
            whole_months.day >= contracts.valid_from
            and (contracts.valid_to is null or whole_months.day <= contracts.valid_to)
)

select
    month,
    last_day,
    currency,
    days_in_month * 12 as parts,
    max(case when days_from_end = 1 then seats end) as seats,
    cast(sum(year_cents * seats) as bigint) as cost_parts,
    cast(sum(year_cents) as bigint) as seat_cost_parts
from contract_days
group by month, last_day, currency, days_in_month
