with judged_people as (
    select * from {{ ref('int_dropbox__judged_people') }}
    where is_external and email_domain is not null
),

actor_name_days as (
    select
        *,
        {{ email_domain('actor_email') }} as email_domain,
        lower(actor_email) as email
    from {{ ref('int_dropbox__actor_name_days') }}
    where
        actor_email is not null
        and coalesce(actor_user_type, '') <> 'team_member'
),

team_domains as (
    select * from {{ ref('int_dropbox__team_domains') }}
),

known_members as (
    select * from {{ ref('int_dropbox__known_members') }}
),

public_mail_domains as (
    select * from {{ ref('public_mail_domains') }}
),

outside_actors as (
    select actor_name_days.*
    from actor_name_days
    left join team_domains
        on
            actor_name_days.email_domain = team_domains.domain
            and (team_domains.valid_from is null or actor_name_days.last_at >= team_domains.valid_from)
            and (team_domains.valid_to is null or actor_name_days.last_at < team_domains.valid_to)
    left join known_members
        on
            actor_name_days.email = known_members.member_key
            and actor_name_days.last_at >= known_members.known_since
    where
        team_domains.domain is null
        and known_members.member_key is null
        and actor_name_days.email_domain is not null
),

-- Two ways an outside domain shows up: someone there is named in an event, or acts.
contacts as (
    select
        email_domain as domain,
        email as person,
        case when is_recipient then event_id end as share_event_id,
        case when is_recipient then actor_id end as sharing_actor_id,
        case when is_recipient then 1 else 0 end as external_shares,
        0 as own_events,
        occurred_at as first_at,
        occurred_at as last_at
    from judged_people

    union all

    select
        email_domain as domain,
        email as person,
        null as share_event_id,
        null as sharing_actor_id,
        0 as external_shares,
        event_count as own_events,
        first_at,
        last_at
    from outside_actors
)

select
    contacts.domain,
    max(case when public_mail_domains.domain is not null then 1 else 0 end) = 1 as is_public_mail_provider,
    min(contacts.first_at) as first_seen_at,
    max(contacts.last_at) as last_seen_at,
    count(distinct contacts.person) as people_count,
    count(distinct contacts.sharing_actor_id) as sharing_user_count,
    count(distinct contacts.share_event_id) as share_event_count,
    cast(sum(contacts.external_shares) as bigint) as external_shares,
    cast(sum(contacts.own_events) as bigint) as own_event_count
from contacts
left join public_mail_domains
    on contacts.domain = public_mail_domains.domain
group by contacts.domain
