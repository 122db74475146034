-- What was found, kept. An episode that was there already keeps the event that names it: a late event that moves its
-- beginning must not make another alert of it. A rebuild asks the table that it replaces, too.
{{
    config(
        materialized = 'incremental',
        tags = ['in_portions'],
        incremental_strategy = 'insert_overwrite' if target.type == 'bigquery' else 'delete+insert',
        unique_key = 'occurred_on',
        on_schema_change = 'append_new_columns',
        partition_by = {'field': 'occurred_on', 'data_type': 'date'} if target.type == 'bigquery' else none,
        cluster_by = ['occurred_on'] if target.type == 'snowflake' else none
    )
}}

-- depends_on: {{ ref('int_dropbox__touched_days') }}

{%- set is_there = execute and load_relation(this) is not none %}

with found as (
    select * from {{ ref('int_alerts__found') }}
)

{%- if is_there %},

present as (
    select * from {{ this }}
    where {{ near_touched_days('occurred_on', before=1, after=1) }}
),

known as (
    select
        found.rule_id,
        found.counted,
        found.subject_kind,
        found.subject,
        found.occurred_on,
        found.anchor_event_id,
        found.first_at,
        present.anchor_event_id as known_anchor_event_id,
        present.named_at as known_named_at,
        row_number() over (
            partition by
                found.rule_id,
                found.counted,
                found.subject_kind,
                found.subject,
                found.occurred_on,
                found.anchor_event_id
            order by present.named_at, present.first_at, present.anchor_event_id
        ) as known_no
    from found
    inner join present
        on
            found.rule_id = present.rule_id
            and found.counted = present.counted
            and found.subject_kind = present.subject_kind
            and found.subject = present.subject
            and found.occurred_on = present.occurred_on
            and found.first_at <= present.last_at
            and found.last_at >= present.first_at
),

-- With another threshold or window one episode may come apart, and only one of its parts can keep the name.
named as (
    select
        *,
        row_number() over (
            partition by rule_id, counted, subject_kind, subject, occurred_on, known_anchor_event_id
            order by
                case when anchor_event_id = known_anchor_event_id then 0 else 1 end,
                first_at,
                anchor_event_id
        ) as heir_no
    from known
    where known_no = 1
)
{%- endif %}

select
    found.rule_id,
    found.counted,
    found.subject_kind,
    found.subject,
    found.occurred_on,
    {{ 'coalesce(named.known_anchor_event_id, found.anchor_event_id) as ' if is_there else 'found.' }}anchor_event_id,
    {{ 'coalesce(named.known_named_at, found.raised_at)' if is_there else 'found.raised_at' }} as named_at,
    found.threshold,
    found.first_at,
    found.crossed_at,
    found.last_at,
    found.raised_at,
    found.event_count,
    found.item_count,
    found.day_event_count,
    found.day_item_count,
    found.severity_rank,
    found.actor_id,
    found.actor_email,
    found.actor_type,
    found.event_type,
    found.target_email,
    found.context_email,
    found.ip_address,
    found.city,
    found.country,
    found.item_name,
    found.previous_value,
    found.new_value,
    found.event_ids
from found
{%- if is_there %}
left join named
    on
        found.rule_id = named.rule_id
        and found.counted = named.counted
        and found.subject_kind = named.subject_kind
        and found.subject = named.subject
        and found.occurred_on = named.occurred_on
        and found.anchor_event_id = named.anchor_event_id
        and named.heir_no = 1
{%- endif %}
