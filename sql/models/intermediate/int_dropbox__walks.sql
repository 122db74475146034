with records as (
    select
        *,
        row_number() over (partition by walk_id order by recorded_at desc, load_id desc) as recency,
        min(caught_up_at) over (partition by walk_id) as first_caught_up_at
    from {{ ref('stg_dropbox__walks') }}
)

select
    walk_id,
    kind,
    state,
    start_time,
    end_time,
    opened_at,
    recorded_at as last_recorded_at,
    page_count,
    event_count,
    first_occurred_at,
    last_occurred_at,
    first_caught_up_at,
    -- What the walk has read to its end, by its own account.
    start_time as covers_from,
    covers_until
from records
where recency = 1
