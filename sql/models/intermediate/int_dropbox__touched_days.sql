-- Which days a load touches is written down by the loader, so that nobody has to look for them among all events.
{{ config(materialized = 'table') }}

with load_days as (
    select * from {{ source('dropbox_raw', 'load_days') }}
),

new_loads as (
    select * from {{ ref('int_dropbox__new_loads') }}
)

select distinct load_days.day as occurred_on
from load_days
where
    load_days._dlt_load_id in (select new_loads.load_id from new_loads)
    and {{ is_given_day('load_days.day') }}
