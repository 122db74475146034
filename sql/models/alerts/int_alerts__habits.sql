-- What was usual: which countries, hours, devices, apps and reports the rules about something new saw, whose, and on
-- which day for the first time.
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
),

rules as (
    select * from {{ ref('int_alerts__rules') }}
    where kind = 'first'
),

rule_types as (
    select * from {{ ref('int_alerts__rule_types') }}
),

counts as (
    select * from {{ ref('int_alerts__counts') }}
),

watch_lists as (
    select * from {{ ref('int_alerts__watch_lists') }}
    where list_name = 'trusted_ip'
),

sightings as (
    select
        rules.rule_id,
        events.occurred_on,
        events.occurred_at,
        events.event_id,
        case counts.subject_kind when 'team' then 'team' else events.actor_id end as owner,
        case counts.counted
            when 'countries' then events.country
            when 'hours'
                then cast(cast(floor(
                    {{ seconds_between(start_of_day('events.occurred_on'), 'events.occurred_at') }} / 3600
                ) as bigint) as {{ dbt.type_string() }})
            when 'platforms' then {{ platform_key('events.details') }}
            when 'apps' then {{ app_key('events.details') }}
            else counts.counted
        end as value
    from events
    inner join rule_types
        on events.event_type = rule_types.event_type
    inner join rules
        on rule_types.rule_id = rules.rule_id
    inner join counts
        on rules.rule_id = counts.rule_id
    left join watch_lists
        on
            events.ip_address = watch_lists.entry
            or (
                substr(watch_lists.entry, length(watch_lists.entry), 1) in ('.', ':')
                and events.ip_address like watch_lists.entry || '%'
            )
    where
        events.actor_id is not null
        and events.actor_type in ('user', 'admin')
        and (counts.counted <> 'countries' or watch_lists.entry is null)
),

numbered as (
    select
        *,
        row_number() over (
            partition by rule_id, occurred_on, owner, value
            order by occurred_at, event_id
        ) as sighting_no,
        count(*) over (partition by rule_id, occurred_on, owner, value) as event_count
    from sightings
    where owner is not null and value is not null
)

select
    rule_id,
    owner,
    value,
    occurred_on,
    occurred_at as first_at,
    event_id as first_event_id,
    event_count
from numbered
where sighting_no = 1
