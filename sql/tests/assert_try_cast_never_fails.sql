-- A row is a text that this warehouse's words in macros/try_cast.sql turn into something else than expected.
with examples as (
    select
        '7' as example,
        7 as expected
    union all
    select
        'seven' as example,
        -1 as expected
)

select
    example,
    expected
from examples
where coalesce({{ try_cast('example', 'bigint') }}, -1) <> expected
