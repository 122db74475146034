-- Reads the source, not the staging view: a filter on the load would stop above the view's window and scan all history.
{{ config(materialized = 'table') }}

with events as (
    select * from {{ source('dropbox_raw', 'events') }}
),

new_loads as (
    select * from {{ ref('int_dropbox__new_loads') }}
)

select distinct events.occurred_on
from events
where
    events._dlt_load_id in (select new_loads.load_id from new_loads)
    and {{ is_given_day('events.occurred_on') }}
