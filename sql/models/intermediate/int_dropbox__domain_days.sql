-- Marks on a time line per domain. Of many member actions only the first after the start of the day and the first after
-- each removal on that day can open a span, so these few are kept.
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

event_keys as (
    select * from {{ ref('int_dropbox__event_keys') }}
    where {{ in_touched_days('occurred_on') }}
),

staged_events as (
    select * from {{ ref('stg_dropbox__events') }}
    where {{ in_touched_days('occurred_on') }}
),

member_actions as (
    select distinct
        staged_events.occurred_on,
        {{ email_domain('staged_events.actor_email') }} as domain,
        staged_events.occurred_at
    from staged_events
    inner join event_keys
        on
            staged_events.walk_id = event_keys.walk_id
            and staged_events.page_no = event_keys.page_no
            and staged_events.position = event_keys.position
            and staged_events.occurred_on = event_keys.occurred_on
    where staged_events.actor_user_type = 'team_member'
),

listed as (
    select
        events.occurred_on,
        lower(trim({{ json_item('listed_domain') }})) as domain,
        events.occurred_at,
        events.event_type
    from events
    {{ cross_join_json_list('events.details', '$.domain_names', 'listed_domain') }}
    where
        events.event_type in ('domain_verification_add_domain_success', 'domain_verification_remove_domain')
),

removals as (
    select distinct
        occurred_on,
        domain,
        occurred_at
    from listed
    where event_type = 'domain_verification_remove_domain'
),

starts as (
    select
        occurred_on,
        domain,
        occurred_at
    from member_actions
    union distinct
    select
        occurred_on,
        domain,
        occurred_at
    from listed
    where event_type = 'domain_verification_add_domain_success'
),

-- How often the domain was removed earlier on the same day.
numbered_starts as (
    select
        starts.occurred_on,
        starts.domain,
        starts.occurred_at,
        count(removals.occurred_at) as removals_before
    from starts
    left join removals
        on
            starts.occurred_on = removals.occurred_on
            and starts.domain = removals.domain
            and starts.occurred_at > removals.occurred_at
    group by starts.occurred_on, starts.domain, starts.occurred_at
)

select
    occurred_on,
    domain,
    'start' as mark,
    min(occurred_at) as occurred_at
from numbered_starts
where domain is not null
group by occurred_on, domain, removals_before

union all

select
    occurred_on,
    domain,
    'removal' as mark,
    occurred_at
from removals
where domain is not null
