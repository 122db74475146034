{{
    config(
        materialized = 'incremental',
        incremental_strategy = 'merge' if target.type == 'bigquery' else 'append',
        pre_hook = "{{ take_out_items_that_raw_gives_again('stg_dropbox__event_assets') }}",
        on_schema_change = 'append_new_columns',
        partition_by = {'field': 'occurred_on', 'data_type': 'date'} if target.type == 'bigquery' else none,
        cluster_by = ['occurred_on'] if target.type == 'snowflake' else none
    )
}}

with event_keys as (
    select * from {{ ref('int_dropbox__event_keys') }}
    where {{ in_touched_days('occurred_on') }}
),

staged_assets as (
    select * from {{ ref('stg_dropbox__event_assets') }}
)

select
    event_keys.event_id,
    staged_assets.position,
    staged_assets.asset_type,
    staged_assets.name,
    staged_assets.path,
    staged_assets.namespace_id,
    staged_assets.relative_path,
    staged_assets.file_id,
    staged_assets.size_bytes,
    staged_assets.occurred_on
from staged_assets
inner join event_keys
    on
        staged_assets.walk_id = event_keys.walk_id
        and staged_assets.page_no = event_keys.page_no
        and staged_assets.event_position = event_keys.position
        and staged_assets.occurred_on = event_keys.occurred_on
where
    {{ in_touched_days('staged_assets.occurred_on') }}
    and {{ not_yet_in_target('event_keys.event_id', 'staged_assets.position') }}
