-- Everything that counts towards an alert, whichever way it was found.
{{ config(materialized = shared_step(), tags = ['in_portions']) }}

with matches as (
    select * from {{ ref('int_alerts__matches') }}
),

firsts as (
    select * from {{ ref('int_alerts__firsts') }}
),

journeys as (
    select * from {{ ref('int_alerts__journeys') }}
),

events as (
    select * from {{ ref('events') }}
    where {{ near_touched_days('occurred_on', before=2, after=1) }}
)

select
    rule_id,
    counted,
    subject_kind,
    subject,
    item,
    weight,
    is_at_once,
    event_id,
    event_type,
    occurred_at,
    occurred_on,
    loaded_at,
    actor_type,
    actor_id,
    actor_email,
    target_email,
    ip_address,
    city,
    country,
    context_email,
    item_name,
    severity_rank
from matches
where subject is not null

union all

select
    firsts.rule_id,
    firsts.counted,
    case firsts.owner when 'team' then 'team' else 'actor' end as subject_kind,
    -- A new app is news for itself, whoever linked it.
    case firsts.owner when 'team' then firsts.value else firsts.owner end as subject,
    firsts.value as item,
    1 as weight,
    true as is_at_once,
    events.event_id,
    events.event_type,
    events.occurred_at,
    events.occurred_on,
    events.loaded_at,
    events.actor_type,
    events.actor_id,
    events.actor_email,
    null as target_email,
    events.ip_address,
    events.city,
    events.country,
    events.context_email,
    case firsts.counted
        when 'apps' then {{ named_thing('events.details') }}
        when 'hours' then firsts.value || ':00 UTC'
        when 'platforms' then firsts.value
        when 'reports' then events.event_type
        when 'countries' then firsts.value
    end as item_name,
    firsts.severity_rank
from firsts
inner join events
    on
        firsts.event_id = events.event_id
        and firsts.occurred_on = events.occurred_on

union all

select
    journeys.rule_id,
    'journeys' as counted,
    'actor' as subject_kind,
    events.actor_id as subject,
    events.event_id as item,
    1 as weight,
    true as is_at_once,
    events.event_id,
    events.event_type,
    events.occurred_at,
    events.occurred_on,
    events.loaded_at,
    events.actor_type,
    events.actor_id,
    events.actor_email,
    null as target_email,
    events.ip_address,
    events.city,
    events.country,
    events.context_email,
    journeys.left_place as item_name,
    null as severity_rank
from journeys
inner join events
    on
        journeys.event_id = events.event_id
        and journeys.occurred_on = events.occurred_on
