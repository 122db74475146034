-- A row is an event type that Dropbox added after this version was made. Its events are in `events` and count as
-- activity `other`; add the type to seeds/event_types.csv to say what it stands for.
{{ config(severity = 'warn') }}

select
    event_type,
    event_count,
    first_seen_on,
    last_seen_on
from {{ ref('int_dropbox__unknown_event_types') }}
where {{ is_tested_day('last_seen_on') }}
