with sightings as (
    select * from {{ ref('int_dropbox__actor_name_days') }}
    where actor_id is not null
),

actors as (
    select
        actor_id,
        min(first_at) as first_at,
        max(last_at) as last_at
    from sightings
    group by actor_id
),

emails as (
    select
        actor_id,
        actor_email,
        row_number() over (partition by actor_id order by last_at desc, actor_email asc) as recency
    from sightings
    where actor_email is not null
),

names as (
    select
        actor_id,
        actor_name,
        row_number() over (partition by actor_id order by last_at desc, actor_name asc) as recency
    from sightings
    where actor_name is not null
)

select
    actors.actor_id as user_id,
    emails.actor_email as user_email,
    names.actor_name as user_name,
    actors.first_at,
    actors.last_at
from actors
left join emails
    on actors.actor_id = emails.actor_id and emails.recency = 1
left join names
    on actors.actor_id = names.actor_id and names.recency = 1
