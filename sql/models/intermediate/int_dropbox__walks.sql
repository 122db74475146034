with records as (
    select
        *,
        row_number() over (partition by walk_id order by recorded_at desc, load_id desc) as recency
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
    -- What the walk has read to its end: a window when it is done, the live walk up to when it last caught up. A walk
    -- that others took the place of claims nothing.
    start_time as covers_from,
    case
        when kind = 'window' and state = 'done' then end_time
        when kind = 'live' and state <> 'split' then caught_up_at
    end as covers_until
from records
where recency = 1
