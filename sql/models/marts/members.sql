with members as (
    select * from {{ ref('int_dropbox__member_spans') }}
    where is_current
),

-- Dropbox does not say when somebody was removed: by when a snapshot first found it so.
left_by as (
    select
        team_member_id,
        max(valid_to) as removed_by
    from {{ ref('int_dropbox__member_spans') }}
    where status <> 'removed'
    group by team_member_id
),

group_members as (
    select * from {{ ref('int_dropbox__group_member_spans') }}
    where is_current
),

team_groups as (
    select * from {{ ref('int_dropbox__group_spans') }}
    where is_current
),

quotas as (
    select * from {{ ref('int_dropbox__quota_spans') }}
    where is_current
),

activity as (
    select * from {{ ref('int_dropbox__member_activity') }}
),

memberships as (
    select
        group_members.team_member_id,
        count(*) as group_count,
        {{ text_list('team_groups.group_name') }} as group_names
    from group_members
    left join team_groups
        on group_members.group_id = team_groups.group_id
    group by group_members.team_member_id
)

select
    members.team_member_id,
    members.account_id,
    members.external_id,
    members.email,
    members.is_email_verified,
    members.name,
    members.given_name,
    members.surname,
    members.status,
    members.role,
    members.roles,
    members.role <> 'member_only' as is_admin,
    members.membership_type,
    coalesce(memberships.group_count, 0) as group_count,
    memberships.group_names,
    quotas.quota_gb,
    members.invited_on,
    members.joined_on,
    members.suspended_on,
    case when members.status = 'removed' then left_by.removed_by end as removed_on,
    activity.last_seen_at,
    activity.last_seen_doing,
    activity.idle_days
from members
left join left_by
    on members.team_member_id = left_by.team_member_id
left join memberships
    on members.team_member_id = memberships.team_member_id
left join quotas
    on members.team_member_id = quotas.team_member_id
left join activity
    on members.team_member_id = activity.team_member_id
