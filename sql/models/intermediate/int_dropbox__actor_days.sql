-- What is counted per person and day whatever the event's kind.
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
    select * from {{ ref('events') }}
    where {{ in_touched_days('occurred_on') }}
)

select
    occurred_on,
    actor_id,
    count(*) as event_count,
    sum(case when actor_type = 'admin' then 1 else 0 end) as admin_event_count,
    count(distinct ip_address) as distinct_ips,
    count(distinct country) as distinct_countries,
    min(occurred_at) as first_at,
    max(occurred_at) as last_at
from events
group by occurred_on, actor_id
