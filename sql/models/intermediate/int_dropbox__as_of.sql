-- Ages and days left are counted up to here, not up to the reader's clock: nobody gets idle while the pipeline stands
-- still.
with moments as (
    select max(taken_at) as seen_at from {{ ref('stg_dropbox__directory_snapshots') }}
    union all
    select max(recorded_at) as seen_at from {{ ref('stg_dropbox__runs') }}
)

select
    max(seen_at) as as_of,
    {{ utc_date('max(seen_at)') }} as as_of_day
from moments
