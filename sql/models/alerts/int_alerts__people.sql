-- Whom each event near the touched days names, and whether they are outside the team as of that moment: not tagged as a
-- member by Dropbox, not of a domain of the team, in no list of members and not of a domain that the team allows.
{{ config(materialized = 'ephemeral') }}

with named_people as (
    select * from {{ ref('int_dropbox__named_people') }}
    where {{ near_touched_days('occurred_on', before=2, after=1) }}
),

named_addresses as (
    select
        events.event_id,
        events.occurred_on,
        events.occurred_at,
        -- A person's further address is not another person.
        events.event_type <> 'shared_folder_transfer_ownership' as is_own_address,
        lower(trim(coalesce(
            {{ json_text('events.details', '$.new_owner_email') }},
            {{ json_text('events.details', '$.secondary_email') }},
            {{ json_text('events.details', '$.new_value') }}
        ))) as email
    from {{ ref('events') }} as events
    where
        {{ near_touched_days('events.occurred_on', before=2, after=1) }}
        and events.event_type in (
            'shared_folder_transfer_ownership', 'member_change_email', 'secondary_email_verified',
            'pending_secondary_email_added'
        )
),

named_accounts as (
    select
        events.event_id,
        events.occurred_on,
        events.occurred_at,
        {{ json_text('events.details', '$.new_owner_user_id') }} as account_id
    from {{ ref('events') }} as events
    where
        {{ near_touched_days('events.occurred_on', before=2, after=1) }}
        and events.event_type = 'paper_doc_ownership_changed'
),

people as (
    select
        event_id,
        occurred_on,
        occurred_at,
        email,
        email_domain,
        account_id,
        name,
        is_tagged_team_member,
        false as is_in_details,
        false as is_own_address
    from named_people
    union all
    select
        event_id,
        occurred_on,
        occurred_at,
        email,
        {{ email_domain('email') }} as email_domain,
        null as account_id,
        null as name,
        false as is_tagged_team_member,
        true as is_in_details,
        is_own_address
    from named_addresses
    where email like '%@%'
    union all
    select
        event_id,
        occurred_on,
        occurred_at,
        null as email,
        null as email_domain,
        account_id,
        null as name,
        false as is_tagged_team_member,
        true as is_in_details,
        false as is_own_address
    from named_accounts
    where account_id is not null
),

team_domains as (
    select * from {{ ref('int_alerts__team_domains') }}
),

allowed_domains as (
    select distinct lower(entry) as domain
    from {{ ref('int_alerts__watch_lists') }}
    where list_name = 'allowed_domain'
),

public_mail_domains as (
    select * from {{ ref('public_mail_domains') }}
),

members as (
    select distinct lower(email) as member_key
    from {{ ref('int_dropbox__member_spans') }}
    where email is not null
    union distinct
    select distinct account_id as member_key
    from {{ ref('int_dropbox__member_spans') }}
    where account_id is not null
),

member_lists as (
    select count(*) as member_count from members
),

listed as (
    select
        people.event_id,
        people.occurred_on,
        people.occurred_at,
        people.email,
        people.email_domain,
        people.account_id,
        people.name,
        people.is_in_details,
        people.is_own_address,
        public_mail_domains.domain is not null as is_public_mail,
        people.is_tagged_team_member
        or allowed_domains.domain is not null
        or (members_by_email.member_key is not null and not people.is_in_details)
        or members_by_account.member_key is not null
        -- An account id alone says nothing where no list of members was ever read.
        or (people.email is null and people.is_in_details and member_lists.member_count = 0) as is_known
    from people
    cross join member_lists
    left join allowed_domains
        on people.email_domain = allowed_domains.domain
    left join public_mail_domains
        on people.email_domain = public_mail_domains.domain
    left join members as members_by_email
        on people.email = members_by_email.member_key
    left join members as members_by_account
        on people.account_id = members_by_account.member_key
)

select
    listed.event_id,
    listed.occurred_on,
    listed.email,
    listed.account_id,
    listed.name,
    listed.is_in_details,
    listed.is_own_address,
    listed.is_public_mail and not listed.is_known and team_domains.domain is null as is_public_mail,
    not listed.is_known and team_domains.domain is null as is_outside
from listed
left join team_domains
    on
        listed.email_domain = team_domains.domain
        and (team_domains.valid_from is null or listed.occurred_at >= team_domains.valid_from)
        and (team_domains.valid_to is null or listed.occurred_at < team_domains.valid_to)
