with leavers as (
    select * from {{ ref('members') }}
    where status in ('suspended', 'removed')
),

links as (
    select
        current_links.team_member_id,
        count(*) as link_count,
        count(case when current_links.audience = 'public' then 1 end) as public_link_count
    from {{ ref('int_dropbox__current_links') }} as current_links
    cross join {{ ref('int_dropbox__as_of') }} as as_of
    where current_links.expires_at is null or current_links.expires_at > as_of.as_of
    group by current_links.team_member_id
),

read_members as (
    select distinct team_member_id
    from {{ ref('stg_dropbox__directory_snapshots') }}
    where resource = 'shared_links' and team_member_id is not null
),

devices as (
    select
        team_member_id,
        count(*) as device_count,
        max(updated_at) as last_used_at
    from {{ ref('int_dropbox__device_spans') }}
    where is_current
    group by team_member_id
),

apps as (
    select
        team_member_id,
        count(*) as app_count,
        {{ text_list('app_name') }} as app_names
    from {{ ref('int_dropbox__linked_app_spans') }}
    where is_current
    group by team_member_id
),

-- No route says who owns a shared folder. By the log: those that they made, less those that they gave away.
folders as (
    select
        actor_id,
        sum(
            case
                when event_type = 'shared_folder_create' then event_count
                when event_type = 'shared_folder_transfer_ownership' then -event_count
                else 0
            end
        ) as folder_count
    from {{ ref('int_dropbox__actor_type_days') }}
    where event_type in ('shared_folder_create', 'shared_folder_transfer_ownership')
    group by actor_id
),

belongings as (
    select
        leavers.*,
        case when read_members.team_member_id is not null then coalesce(links.link_count, 0) end as link_count,
        case
            when read_members.team_member_id is not null then coalesce(links.public_link_count, 0)
        end as public_link_count,
        coalesce(devices.device_count, 0) as device_count,
        devices.last_used_at,
        coalesce(apps.app_count, 0) as app_count,
        apps.app_names,
        case when folders.folder_count > 0 then cast(folders.folder_count as bigint) else 0 end as folder_count
    from leavers
    left join read_members
        on leavers.team_member_id = read_members.team_member_id
    left join links
        on leavers.team_member_id = links.team_member_id
    left join devices
        on leavers.team_member_id = devices.team_member_id
    left join apps
        on leavers.team_member_id = apps.team_member_id
    left join folders
        on leavers.account_id = folders.actor_id
)

select
    team_member_id,
    account_id,
    email,
    name,
    status,
    role,
    coalesce(suspended_on, removed_on) as left_on,
    link_count as shared_link_count,
    public_link_count,
    device_count,
    last_used_at as device_last_used_at,
    app_count as linked_app_count,
    app_names as linked_app_names,
    folder_count as shared_folder_count
from belongings
where coalesce(link_count, 0) + device_count + app_count + folder_count > 0
