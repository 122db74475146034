-- A row is a time or day that this warehouse's words in macros/dates.sql read differently, whatever the session's zone.
with examples as (
    select
        {{ start_of_day("date '2026-02-28'") }} as midnight,
        {{ start_of_day("date '2026-03-01'") }} as next_midnight
),

readings as (
    select
        'midnight belongs to the day it begins' as reading,
        cast({{ utc_date('midnight') }} as string) as found,
        '2026-02-28' as expected
    from examples
    union all
    select
        'a day has 86400 seconds' as reading,
        cast(cast({{ seconds_between('midnight', 'next_midnight') }} as bigint) as string) as found,
        '86400' as expected
    from examples
    union all
    select
        'both ends are in the row of days' as reading,
        cast(min(days.day) as string) || ' to ' || cast(max(days.day) as string) as found,
        '2026-02-27 to 2026-03-01' as expected
    from {{ each_day("date '2026-02-27'", "date '2026-03-01'", 'days') }}
    union all
    select
        'no day is missing' as reading,
        cast(count(distinct days.day) as string) as found,
        '3' as expected
    from {{ each_day("date '2026-02-27'", "date '2026-03-01'", 'days') }}
    union all
    select
        'a leap day is a day' as reading,
        cast({{ days_between("date '2028-02-28'", "date '2028-03-01'") }} as string) || ' days, '
        || cast({{ days_before("date '2028-03-01'", '1') }} as string) as found,
        '2 days, 2028-02-29' as expected
    from examples
    union all
    select
        'a month begins on its first day' as reading,
        cast({{ month_start("date '2028-02-29'") }} as string) as found,
        '2028-02-01' as expected
    from examples
    union all
    select
        'an amount is exact' as reading,
        case when {{ money('1000003') }} * 100 = 1000003 then 'exact' else 'rounded' end as found,
        'exact' as expected
    from examples
)

select
    reading,
    found,
    expected
from readings
where found <> expected
