-- Written after everything that is built incrementally, so a load counts as taken in only when nothing of it is
-- missing. With days given from outside, a load that holds an event of any other day stays open: a wrong list costs
-- time, never an event.
{{
    config(
        materialized = 'incremental',
        incremental_strategy = 'merge' if target.type == 'bigquery' else 'append',
        on_schema_change = 'append_new_columns'
    )
}}
-- depends_on: {{ ref('events') }}
-- depends_on: {{ ref('event_assets') }}
-- depends_on: {{ ref('event_participants') }}
-- depends_on: {{ ref('int_dropbox__event_keys') }}
-- depends_on: {{ ref('int_dropbox__actor_days') }}
-- depends_on: {{ ref('int_dropbox__actor_type_days') }}
-- depends_on: {{ ref('int_dropbox__actor_name_days') }}
-- depends_on: {{ ref('int_dropbox__domain_days') }}
-- depends_on: {{ ref('int_dropbox__named_people') }}
-- depends_on: {{ ref('int_dropbox__arrival_days') }}
-- depends_on: {{ ref('int_dropbox__caught_up_walks') }}
-- depends_on: {{ ref('int_alerts__departures') }}
-- depends_on: {{ ref('int_alerts__habits') }}
-- depends_on: {{ ref('int_alerts__busy_hours') }}
-- depends_on: {{ ref('int_alerts__episodes') }}

{%- set not_in_ledger = 'new_loads.load_id not in (select present.load_id from ' ~ this ~ ' as present)' %}

with new_loads as (
    select * from {{ ref('int_dropbox__new_loads') }}
),

left_out as (
    select distinct load_days._dlt_load_id as load_id
    from {{ source('dropbox_raw', 'load_days') }} as load_days
    inner join new_loads
        on load_days._dlt_load_id = new_loads.load_id
    where {{ is_left_out_day('load_days.day') }}
)

select
    new_loads.load_id,
    new_loads.loaded_at,
    {{ dbt.current_timestamp() }} as taken_in_at
from new_loads
where
    new_loads.load_id not in (select left_out.load_id from left_out)
    and {{ not_in_ledger if is_incremental() else 'true' }}
