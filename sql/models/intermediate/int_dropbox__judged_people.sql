-- Inside or outside is judged as of the event's time, when the view is read: a domain that is verified, or an event
-- that arrives, later than the one that names the person still counts.
with named_people as (
    select * from {{ ref('int_dropbox__named_people') }}
),

event_types as (
    select * from {{ ref('event_types') }}
),

team_domains as (
    select * from {{ ref('int_dropbox__team_domains') }}
),

known_members as (
    select * from {{ ref('int_dropbox__known_members') }}
)

select
    named_people.event_id,
    named_people.person_key,
    named_people.occurred_on,
    named_people.occurred_at,
    named_people.event_type,
    named_people.actor_id,
    named_people.email,
    named_people.email_domain,
    named_people.account_id,
    named_people.name,
    coalesce(event_types.grants_access, false) as is_recipient,
    not named_people.is_tagged_team_member
    and team_domains.domain is null
    and members_by_email.member_key is null
    and members_by_account.member_key is null as is_external
from named_people
left join event_types
    on named_people.event_type = event_types.event_type
left join team_domains
    on
        named_people.email_domain = team_domains.domain
        and (team_domains.valid_from is null or named_people.occurred_at >= team_domains.valid_from)
        and (team_domains.valid_to is null or named_people.occurred_at < team_domains.valid_to)
left join known_members as members_by_email
    on
        named_people.email = members_by_email.member_key
        and named_people.occurred_at >= members_by_email.known_since
left join known_members as members_by_account
    on
        named_people.account_id = members_by_account.member_key
        and named_people.occurred_at >= members_by_account.known_since
