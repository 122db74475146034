-- A row is a text that this warehouse's words in macros/lists.sql take apart or put together otherwise than expected.
with examples as (
    select 'b,origin.host,A' as example
    union all
    select 'b' as example
),

pieces as (
    select distinct piece.value
    from examples
    {{ cross_join_pieces('examples.example', 'piece') }}
),

readings as (
    select
        'pieces, put together again' as reading,
        {{ text_list('value') }} as found,
        'A, b, origin.host' as expected
    from pieces
    union all
    select
        'pieces, in the order of something else' as reading,
        {{ text_list('value', order_by = 'length(value) desc, value') }} as found,
        'origin.host, A, b' as expected
    from pieces
    union all
    select
        'nothing' as reading,
        coalesce({{ text_list('value') }}, 'null') as found,
        'null' as expected
    from pieces
    where value = 'c'
    union all
    select
        'no text' as reading,
        coalesce({{ text_list("nullif(value, value)") }}, 'null') as found,
        'null' as expected
    from pieces
)

select *
from readings
where found is null or found <> expected
