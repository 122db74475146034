-- A row is a piece of JSON that this warehouse's words in macros/json.sql read differently from what is expected.
with examples as (
    select
        '{"a":{".tag":"public"},"b":"plain","c":7,"d":{".tag":"defined","amount":3},"n":null,'
        || '"e":[],"f":["x","y"],"g":[{"h":"z"}]}' as example
),

readings as (
    select
        'a tag' as reading,
        {{ json_text('example', '$.a.".tag"') }} as found,
        'public' as expected
    from examples
    union all
    select
        'a text' as reading,
        {{ json_text('example', '$.b') }} as found,
        'plain' as expected
    from examples
    union all
    select
        'a number' as reading,
        {{ json_text('example', '$.c') }} as found,
        '7' as expected
    from examples
    union all
    select
        'nothing there' as reading,
        coalesce({{ json_text('example', '$.b.".tag"') }}, {{ json_text('example', '$.z.y') }}, 'null') as found,
        'null' as expected
    from examples
    union all
    select
        'a null' as reading,
        coalesce({{ json_text('example', '$.n') }}, {{ json_any('example', '$.n') }}, 'null') as found,
        'null' as expected
    from examples
    union all
    select
        'no JSON at all' as reading,
        coalesce({{ json_text('nullif(example, example)', '$.a') }}, 'null') as found,
        'null' as expected
    from examples
    union all
    select
        'a tag on its own, readable' as reading,
        {{ json_readable('example', '$.a') }} as found,
        'public' as expected
    from examples
    union all
    select
        'a scalar, readable' as reading,
        {{ json_readable('example', '$.b') }} as found,
        'plain' as expected
    from examples
    union all
    select
        'a tag with more, readable' as reading,
        {{ json_readable('example', '$.d') }} as found,
        '{".tag":"defined","amount":3}' as expected
    from examples
    union all
    select
        'a list' as reading,
        max({{ json_item('item') }}) || min({{ json_item('item') }}) || cast(count(*) as string) as found,
        'yx2' as expected
    from examples
    {{ cross_join_json_list('examples.example', '$.f', 'item') }}
    union all
    select
        'a list of objects' as reading,
        max({{ json_item('item', field = 'h') }}) as found,
        'z' as expected
    from examples
    {{ cross_join_json_list('examples.example', '$.g', 'item', field = 'h') }}
    union all
    select
        'an empty list' as reading,
        cast(count(*) as string) as found,
        '0' as expected
    from examples
    {{ cross_join_json_list('examples.example', '$.e', 'item') }}
    union all
    select
        'a missing list' as reading,
        cast(count(*) as string) as found,
        '0' as expected
    from examples
    {{ cross_join_json_list('examples.example', '$.z', 'item') }}
)

select
    reading,
    found,
    expected
from readings
where coalesce(found, 'null') <> expected
