-- A member is known by account id and by every address it acted under.
with member_sightings as (
    select * from {{ ref('int_dropbox__actor_name_days') }}
    where actor_user_type = 'team_member'
),

keys as (
    select
        actor_id as member_key,
        first_at
    from member_sightings
    union all
    select
        lower(actor_email) as member_key,
        first_at
    from member_sightings
)

select
    member_key,
    min(first_at) as known_since
from keys
where member_key is not null
group by member_key
