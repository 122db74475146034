with apps as (
    select * from {{ ref('int_dropbox__linked_app_spans') }}
),

members as (
    select * from {{ ref('int_dropbox__member_spans') }}
    where is_current
),

-- Dropbox lists no app of the team as a whole: the log shows those that work.
team_apps as (
    select
        actor_id as app_id,
        max(actor_name) as app_name,
        min(first_at) as first_at,
        max(last_at) as last_at
    from {{ ref('int_dropbox__actor_name_days') }}
    where actor_type = 'app' and actor_user_type = 'team_linked_app' and actor_id is not null
    group by actor_id
),

users as (
    select * from {{ ref('int_dropbox__users') }}
),

in_team as (
    select
        app_id,
        min(coalesce(linked_at, valid_from)) as first_linked_at,
        count(distinct case when is_current then team_member_id end) as member_count
    from apps
    group by app_id
),

listed as (
    select
        apps.app_id,
        apps.app_name,
        apps.publisher,
        apps.publisher_url,
        case when apps.is_app_folder then 'app_folder' when not apps.is_app_folder then 'full_dropbox' end as scopes,
        'member' as linked_for,
        apps.team_member_id,
        members.account_id,
        members.email,
        members.name,
        members.status as member_status,
        apps.linked_at,
        in_team.first_linked_at,
        in_team.member_count,
        users.last_at as last_used_at,
        team_apps.app_id is null as is_shadow_app
    from apps
    inner join in_team
        on apps.app_id = in_team.app_id
    left join members
        on apps.team_member_id = members.team_member_id
    left join users
        on apps.app_id = users.user_id
    left join team_apps
        on apps.app_id = team_apps.app_id
    where apps.is_current

    union all

    select
        team_apps.app_id,
        team_apps.app_name,
        null as publisher,
        null as publisher_url,
        null as scopes,
        'team' as linked_for,
        null as team_member_id,
        null as account_id,
        null as email,
        null as name,
        null as member_status,
        null as linked_at,
        coalesce(in_team.first_linked_at, team_apps.first_at) as first_linked_at,
        coalesce(in_team.member_count, 0) as member_count,
        team_apps.last_at as last_used_at,
        false as is_shadow_app
    from team_apps
    left join in_team
        on team_apps.app_id = in_team.app_id
)

select
    app_id,
    app_name,
    publisher,
    publisher_url,
    scopes,
    linked_for,
    is_shadow_app,
    team_member_id,
    account_id,
    email,
    name,
    member_status,
    linked_at,
    first_linked_at as first_seen_in_team_at,
    member_count,
    last_used_at
from listed
order by is_shadow_app desc, member_count asc, app_name asc, email asc
