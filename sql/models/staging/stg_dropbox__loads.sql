-- The one place that decides which loads are finished; every other staging model joins it.
with loads as (
    select * from {{ source('dropbox_raw', '_dlt_loads') }}
)

select
    load_id,
    min(inserted_at) as loaded_at
from loads
where status = 0
group by load_id
