-- Facts only, one row per event type: what a type means is looked up in the seed when a view is read, so that a better
-- classification takes effect at once and never asks for a rebuild.
{{
    config(
        materialized = 'incremental',
        incremental_strategy = 'insert_overwrite' if target.type == 'bigquery' else 'delete+insert',
        unique_key = 'occurred_on',
        on_schema_change = 'append_new_columns',
        partition_by = {'field': 'occurred_on', 'data_type': 'date'} if target.type == 'bigquery' else none,
        cluster_by = ['occurred_on'] if target.type == 'snowflake' else none
    )
}}

with events as (
    select
        *,
        coalesce(
            {{ json_text('details', '$.new_value.".tag"') }},
            {{ json_text('details', '$.audience.".tag"') }}
        ) as new_audience
    from {{ ref('events') }}
    where {{ in_touched_days('occurred_on') }}
)

select
    occurred_on,
    actor_id,
    event_type,
    count(*) as event_count,
    sum(case when asset_count > 1 then asset_count else 1 end) as item_count,
    sum(case when new_audience = 'public' then 1 else 0 end) as made_public_count,
    count(distinct ip_address) as distinct_ips,
    count(distinct country) as distinct_countries,
    max(occurred_at) as last_at
from events
group by occurred_on, actor_id, event_type
