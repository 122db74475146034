-- A row is a span of a team domain that begins before the one before it ended: recipients would be counted twice.
with spans as (
    select
        domain,
        valid_from,
        valid_to,
        row_number() over (partition by domain order by valid_from) as span_number
    from {{ ref('int_dropbox__team_domains') }}
)

select
    later.domain,
    later.valid_from,
    earlier.valid_to
from spans as later
inner join spans as earlier
    on
        later.domain = earlier.domain
        and later.span_number = earlier.span_number + 1
where
    earlier.valid_to is null
    or later.valid_from < earlier.valid_to
