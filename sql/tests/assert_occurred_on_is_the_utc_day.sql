-- A row is an event filed under another day than the UTC day of its time.
select
    event_id,
    occurred_at,
    occurred_on
from {{ ref('events') }}
where
    {{ is_tested_day('occurred_on') }}
    and occurred_on <> {{ utc_date('occurred_at') }}
