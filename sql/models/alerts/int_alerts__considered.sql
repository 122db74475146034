-- The events near the touched days that any rule may be about, with what its conditions ask.
{{ config(materialized = shared_step(), tags = ['in_portions']) }}

with rule_types as (
    select * from {{ ref('int_alerts__rule_types') }}
),

watch_lists as (
    select * from {{ ref('int_alerts__watch_lists') }}
),

considered_types as (
    select distinct event_type from rule_types
),

departures as (
    select * from {{ ref('int_alerts__departures') }}
),

-- The log and the directory on one line of time: each may know of a change before the other.
turns as (
    select
        account_id,
        occurred_at,
        has_left
    from departures
    where account_id is not null
    union all
    select
        account_id,
        valid_from as occurred_at,
        status in ('suspended', 'removed') as has_left
    from {{ ref('int_dropbox__member_spans') }}
    where account_id is not null
),

departed_spans as (
    select
        account_id,
        occurred_at as left_at,
        lead(occurred_at) over (partition by account_id order by occurred_at, has_left) as ends_at,
        has_left
    from turns
),

departed as (
    select * from departed_spans
    where has_left
),

departed_accounts as (
    select distinct account_id from departed
),

near_events as (
    select * from {{ ref('events') }}
    where {{ near_touched_days('occurred_on', before=2, after=1) }}
),

known_types as (
    select
        event_type,
        event_category
    from {{ ref('event_types') }}
),

known_categories as (
    select distinct event_category from known_types
),

events as (
    select
        near_events.*,
        known_types.event_type is null or known_categories.event_category is null as is_unknown_type
    from near_events
    left join known_types
        on near_events.event_type = known_types.event_type
    left join known_categories
        on near_events.event_category = known_categories.event_category
    where
        known_types.event_type is null
        or known_categories.event_category is null
        or near_events.event_type in (select considered_types.event_type from considered_types)
        or near_events.event_category = 'team_policies'
        or near_events.actor_id in (select departed_accounts.account_id from departed_accounts)
),

-- Who signs in to take a folder along is not always a member of the team.
actor_kinds as (
    select
        occurred_on,
        actor_id,
        max(case when actor_user_type = 'team_member' then 1 else 0 end) as is_member
    from {{ ref('int_dropbox__actor_name_days') }}
    where
        actor_type = 'user'
        and actor_id is not null
        and {{ near_touched_days('occurred_on', before=2, after=1) }}
    group by occurred_on, actor_id
),

left_now as (
    select distinct event_id
    from departures
    where has_left
),

active_after_leaving as (
    select distinct events.event_id
    from events
    inner join departed
        on
            events.actor_id = departed.account_id
            and events.occurred_at > departed.left_at
            and (departed.ends_at is null or events.occurred_at < departed.ends_at)
    where events.event_type not in ('login_fail', 'member_change_status', 'logout')
),

people as (
    select
        people.event_id,
        people.occurred_on,
        max(case when people.is_outside then 1 else 0 end) as is_any_outside,
        max(case when people.is_outside and people.is_in_details then 1 else 0 end) as is_address_outside,
        max(case when people.is_public_mail then 1 else 0 end) as is_any_public_mail,
        min(
            case
                when people.is_own_address then null
                -- Not who acted, whom an event may name by the address alone.
                when
                    events.actor_id is null
                    or (people.account_id is null and people.email <> coalesce(lower(events.actor_email), ''))
                    or people.account_id <> events.actor_id
                    then people.email
            end
        ) as other_email,
        min(case when people.is_outside and not people.is_own_address then people.email end) as outside_email,
        min(
            case when events.actor_id is null or people.account_id <> events.actor_id then people.account_id end
        ) as other_id,
        min(people.account_id) as any_id,
        min(people.name) as any_name
    from {{ ref('int_alerts__people') }} as people
    inner join events
        on
            people.event_id = events.event_id
            and people.occurred_on = events.occurred_on
    group by people.event_id, people.occurred_on
),

team_groups as (
    select
        event_id,
        occurred_on,
        min(name) as group_name
    from {{ ref('event_participants') }}
    where
        participant_type = 'group'
        and {{ near_touched_days('occurred_on', before=2, after=1) }}
    group by event_id, occurred_on
),

watched_folders as (
    select distinct assets.event_id
    from {{ ref('event_assets') }} as assets
    inner join watch_lists
        on
            watch_lists.list_name = 'watched_folder'
            and (
                lower(assets.path) = lower(watch_lists.entry)
                or lower(assets.path) like lower(watch_lists.entry) || '/%'
                or lower(assets.name) = lower(watch_lists.entry)
            )
    where {{ near_touched_days('assets.occurred_on', before=2, after=1) }}
),

public_links as (
    select distinct assets.event_id
    from {{ ref('event_assets') }} as assets
    inner join events
        on
            assets.event_id = events.event_id
            and assets.occurred_on = events.occurred_on
    inner join {{ ref('int_dropbox__current_links') }} as links
        on
            links.audience = 'public'
            and (assets.file_id = links.file_id or lower(assets.path) = links.path_lower)
    where
        events.event_type = 'shared_link_create'
        and {{ near_touched_days('assets.occurred_on', before=2, after=1) }}
),

listed_places as (
    select distinct
        events.event_id,
        watch_lists.list_name
    from events
    inner join watch_lists
        on
            (watch_lists.list_name = 'risky_country' and lower(events.country) = lower(watch_lists.entry))
            or (
                watch_lists.list_name in ('risky_ip', 'trusted_ip')
                and (
                    events.ip_address = watch_lists.entry
                    or (
                        substr(watch_lists.entry, length(watch_lists.entry), 1) in ('.', ':')
                        and events.ip_address like watch_lists.entry || '%'
                    )
                )
            )
),

places as (
    select
        event_id,
        max(case when list_name = 'risky_country' then 1 else 0 end) as is_risky_country,
        max(case when list_name = 'risky_ip' then 1 else 0 end) as is_risky_ip,
        max(case when list_name = 'trusted_ip' then 1 else 0 end) as is_trusted_ip
    from listed_places
    group by event_id
),

watched_groups as (
    select distinct lower(entry) as group_name from watch_lists
    where list_name = 'watched_group'
),

known_apps as (
    select distinct lower(app_id) as app_key from {{ ref('int_dropbox__linked_app_spans') }}
    where publisher is not null
    union distinct
    select distinct lower(entry) as app_key from watch_lists
    where list_name = 'trusted_app'
),

strengths as (
    select * from {{ ref('policy_strengths') }}
),

weakest as (
    select
        event_type,
        min(strength) as strength
    from strengths
    group by event_type
),

settings as (
    select
        events.event_id,
        events.occurred_on,
        {{ json_text('events.details', '$.new_value.".tag"') }} as new_setting,
        {{ json_text('events.details', '$.previous_value.".tag"') }} as previous_setting
    from events
    inner join weakest
        on events.event_type = weakest.event_type
),

apps as (
    select
        events.event_id,
        lower({{ json_text('events.details', '$.app_info.app_id') }}) as app_id,
        lower({{ json_text('events.details', '$.app_info.display_name') }}) as app_name
    from events
    where events.event_type in ('app_link_team', 'app_link_user', 'app_blocked_by_permissions')
),

unknown_apps as (
    select apps.event_id
    from apps
    left join known_apps as known_by_id
        on apps.app_id = known_by_id.app_key
    left join known_apps as known_by_name
        on apps.app_name = known_by_name.app_key
    where known_by_id.app_key is null and known_by_name.app_key is null
)

select
    events.event_id,
    events.event_type,
    events.event_category,
    events.occurred_at,
    events.occurred_on,
    events.loaded_at,
    events.actor_type,
    events.actor_id,
    events.actor_email,
    events.actor_name,
    events.context_email,
    events.ip_address,
    events.city,
    events.country,
    events.session_id,
    events.details,
    events.access_method,
    team_groups.group_name,
    coalesce(
        people.outside_email,
        people.other_email,
        case when events.context_id <> coalesce(events.actor_id, '') then events.context_email end
    ) as target_email,
    coalesce(
        people.other_id,
        case
            when
                events.context_type <> 'team' and events.context_id <> coalesce(events.actor_id, '')
                then events.context_id
        end,
        people.other_email
    ) as target_id,
    coalesce(people.any_id, people.other_email, people.any_name) as named_id,
    {{ is_weakened('events', 'new_strengths.strength', 'previous_strengths.strength', 'weakest.strength') }}
        as is_weakened,
    events.actor_type = 'anonymous'
    or (events.actor_type = 'user' and coalesce(actor_kinds.is_member, 0) = 0) as is_actor_outside,
    coalesce(people.is_any_outside, 0) = 1 as is_target_outside,
    coalesce(people.is_any_public_mail, 0) = 1 as is_target_free_mail,
    coalesce(people.is_address_outside, 0) = 1 as is_email_outside,
    people.other_id is not null
    or (people.other_email is not null and people.any_id is null)
    or (
        events.context_type <> 'team'
        and events.context_id is not null
        and events.context_id <> coalesce(events.actor_id, '')
    ) as is_target_is_other,
    coalesce(events.involves_non_team_member, false)
    or events.actor_type = 'anonymous'
    or coalesce(people.is_any_outside, 0) = 1
    or (events.actor_type = 'user' and coalesce(actor_kinds.is_member, 0) = 0) as is_outside,
    coalesce(events.involves_non_team_member, false) or coalesce(people.is_any_outside, 0) = 1 as is_sent_outside,
    coalesce(places.is_risky_country, 0) = 1 as is_country_listed,
    coalesce(places.is_risky_ip, 0) = 1 and coalesce(places.is_trusted_ip, 0) = 0 as is_ip_listed,
    coalesce(places.is_trusted_ip, 0) = 1 as is_ip_trusted,
    watched_folders.event_id is not null as is_folder_watched,
    watched_groups.group_name is not null as is_group_watched,
    active_after_leaving.event_id is not null as is_actor_has_left,
    left_now.event_id is not null as is_departure,
    events.is_unknown_type,
    public_links.event_id is not null as is_public_link,
    unknown_apps.event_id is not null as is_publisher_unknown
from events
left join actor_kinds
    on
        events.actor_id = actor_kinds.actor_id
        and events.occurred_on = actor_kinds.occurred_on
left join people
    on
        events.event_id = people.event_id
        and events.occurred_on = people.occurred_on
left join team_groups
    on
        events.event_id = team_groups.event_id
        and events.occurred_on = team_groups.occurred_on
left join watched_groups
    on lower(team_groups.group_name) = watched_groups.group_name
left join watched_folders
    on events.event_id = watched_folders.event_id
left join public_links
    on events.event_id = public_links.event_id
left join places
    on events.event_id = places.event_id
left join active_after_leaving
    on events.event_id = active_after_leaving.event_id
left join left_now
    on events.event_id = left_now.event_id
left join unknown_apps
    on events.event_id = unknown_apps.event_id
left join weakest
    on events.event_type = weakest.event_type
left join settings
    on
        events.event_id = settings.event_id
        and events.occurred_on = settings.occurred_on
left join strengths as new_strengths
    on
        events.event_type = new_strengths.event_type
        and settings.new_setting = new_strengths.setting
left join strengths as previous_strengths
    on
        events.event_type = previous_strengths.event_type
        and settings.previous_setting = previous_strengths.setting
