{{
    config(
        materialized = 'incremental',
        incremental_strategy = 'append',
        on_schema_change = 'append_new_columns',
        partition_by = {'field': 'occurred_on', 'data_type': 'date'} if target.type == 'bigquery' else none,
        cluster_by = ['occurred_on'] if target.type == 'snowflake' else none
    )
}}

with event_keys as (
    select * from {{ ref('int_dropbox__event_keys') }}
),

staged_assets as (
    select * from {{ ref('stg_dropbox__event_assets') }}
),

missing as (
    select
        event_id,
        walk_id,
        page_no,
        position,
        occurred_on
    from event_keys
    where
        {{ in_touched_days('occurred_on') }}
        and {{ not_yet_in_target('event_keys.event_id') }}
)

select
    missing.event_id,
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
inner join missing
    on
        staged_assets.walk_id = missing.walk_id
        and staged_assets.page_no = missing.page_no
        and staged_assets.event_position = missing.position
        and staged_assets.occurred_on = missing.occurred_on
where {{ in_touched_days('staged_assets.occurred_on') }}
