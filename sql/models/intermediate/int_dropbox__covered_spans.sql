-- Windows are cut at arbitrary seconds, so a day may be covered by several walks together: spans that touch or overlap
-- become one.
with spans as (
    select
        coalesce(covers_from, {{ start_of_day("cast('1000-01-01' as date)") }}) as span_from,
        covers_until as span_until
    from {{ ref('int_dropbox__walks') }}
    where covers_until is not null
),

reaching as (
    select
        span_from,
        span_until,
        max(span_until) over (
            order by span_from, span_until
            rows between unbounded preceding and 1 preceding
        ) as reached
    from spans
    where span_from < span_until
),

numbered as (
    select
        span_from,
        span_until,
        sum(case when span_from <= reached then 0 else 1 end) over (
            order by span_from, span_until
            rows between unbounded preceding and current row
        ) as span_number
    from reaching
)

select
    min(span_from) as covered_from,
    max(span_until) as covered_until
from numbered
group by span_number
