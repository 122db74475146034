-- Kept as a table, because every transform asks and a walk has a record per load. The first moment never changes: loads
-- only come after each other. Reads the source, not the staging view: a filter on the load would stop above the view's
-- window and scan all history.
{{
    config(
        materialized = 'incremental',
        incremental_strategy = 'merge' if target.type == 'bigquery' else 'append',
        on_schema_change = 'append_new_columns'
    )
}}
-- depends_on: {{ ref('int_dropbox__new_loads') }}

{%- set not_in_target = 'walk_id not in (select present.walk_id from ' ~ this ~ ' as present)' %}

with walks as (
    select * from {{ source('dropbox_raw', 'walks') }}
),

loads as (
    select load_id from {{ ref('int_dropbox__new_loads') if is_incremental() else ref('stg_dropbox__loads') }}
)

select
    walk_id,
    min(caught_up_at) as first_caught_up_at
from walks
where
    kind = 'live'
    and caught_up_at is not null
    and _dlt_load_id in (select loads.load_id from loads)
    and {{ not_in_target if is_incremental() else 'true' }}
group by walk_id
