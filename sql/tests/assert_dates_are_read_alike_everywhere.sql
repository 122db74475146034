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
)

select
    reading,
    found,
    expected
from readings
where found <> expected
