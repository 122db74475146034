-- One row per rule, event near the touched days that the rule is about, and thing of it that the rule counts.
{{ config(materialized = shared_step(), tags = ['in_portions']) }}

with considered as (
    select * from {{ ref('int_alerts__considered') }}
),

rules as (
    select * from {{ ref('int_alerts__rules') }}
),

rule_types as (
    select rule_types.*
    from {{ ref('int_alerts__rule_types') }} as rule_types
    inner join rules
        on rule_types.rule_id = rules.rule_id
    where rules.kind in ('event', 'count')
),

counts as (
    select * from {{ ref('int_alerts__counts') }}
),

events_of_types as (
    select
        considered.*,
        rule_types.rule_id,
        rule_types.is_at_once,
        rule_types.condition
    from considered
    inner join rule_types
        on considered.event_type = rule_types.event_type
    where
        coalesce(rule_types.condition, '') not in ('downloaded_before', 'new_extension', 'ransomware_name')
        and {{ alert_condition('rule_types', 'considered') }}
),

named_events as (
    select * from events_of_types

    union all

    select
        considered.*,
        rule_types.rule_id,
        rule_types.is_at_once,
        rule_types.condition
    from considered
    inner join rule_types
        on rule_types.event_type = '*'
    where
        (rule_types.condition = 'actor_has_left' and considered.is_actor_has_left)
        or (
            rule_types.condition = 'unmatched_policy'
            and considered.event_category = 'team_policies'
            and considered.event_id not in (select events_of_types.event_id from events_of_types)
        )
        or (rule_types.condition = 'unknown_type' and considered.is_unknown_type)

    union all

    select
        considered.*,
        rule_types.rule_id,
        rule_types.is_at_once,
        rule_types.condition
    from considered
    inner join rule_types
        on considered.event_type = rule_types.event_type
    where rule_types.condition in ('downloaded_before', 'new_extension', 'ransomware_name')
),

assets as (
    select
        assets.event_id,
        assets.occurred_on,
        assets.position,
        assets.asset_type,
        assets.name,
        assets.size_bytes,
        {{ asset_key('assets') }} as asset_key,
        {{ file_extension('name') }} as extension
    from {{ ref('event_assets') }} as assets
    where {{ near_touched_days('occurred_on', before=3, after=1) }}
),

ransomware_names as (
    select * from {{ ref('ransomware_names') }}
),

renames as (
    select
        event_id,
        coalesce({{ try_cast(json_text('details', '$.relocate_action_details[0].src_asset_index'), 'bigint') }}, 0)
            as source_position,
        coalesce({{ try_cast(json_text('details', '$.relocate_action_details[0].dest_asset_index'), 'bigint') }}, 1)
            as new_position
    from considered
    where event_type = 'file_rename'
),

-- Such an event names an item twice, where it was and where it is.
moved_from as (
    select
        considered.event_id,
        {{ try_cast(json_item('source', field='src_asset_index'), 'bigint') }} as position,
        count(*) over (partition by considered.event_id) as item_count
    from considered
    {{ cross_join_json_list('considered.details', '$.relocate_action_details', 'source', field='src_asset_index') }}
    where considered.event_type in ('file_move', 'file_rename')
),

asset_counts as (
    select
        event_id,
        count(*) as asset_count
    from assets
    group by event_id
),

left_behind as (
    select
        moved_from.event_id,
        moved_from.position
    from moved_from
    inner join asset_counts
        on moved_from.event_id = asset_counts.event_id
    where asset_counts.asset_count >= 2 * moved_from.item_count
),

new_extensions as (
    select
        renames.event_id,
        renames.new_position as position
    from renames
    inner join assets as sources
        on
            renames.event_id = sources.event_id
            and renames.source_position = sources.position
    inner join assets as targets
        on
            renames.event_id = targets.event_id
            and renames.new_position = targets.position
    where
        coalesce(sources.extension, '') <> targets.extension
        -- Who gives files their names back has them already.
        and coalesce(sources.extension, '') not in (
            select ransomware_names.name from ransomware_names
            where ransomware_names.kind = 'extension'
        )
),

-- Files that somebody deletes within a day of downloading them, where these are half or more of what they took then.
-- The window of a day's first alert begins on the day before, and what was deleted then was downloaded up to a day
-- earlier.
downloads as (
    select
        events.actor_id,
        events.occurred_at,
        events.occurred_on,
        assets.asset_key
    from {{ ref('events') }} as events
    inner join assets
        on
            events.event_id = assets.event_id
            and events.occurred_on = assets.occurred_on
    where
        events.event_type = 'file_download'
        and events.actor_id is not null
        and {{ near_touched_days('events.occurred_on', before=3, after=1) }}
),

deletes_of_downloads as (
    select distinct
        considered.event_id,
        considered.actor_id,
        considered.occurred_on,
        assets.position,
        assets.asset_key
    from considered
    inner join assets
        on
            considered.event_id = assets.event_id
            and considered.occurred_on = assets.occurred_on
    inner join downloads
        on
            considered.actor_id = downloads.actor_id
            and assets.asset_key = downloads.asset_key
            and considered.occurred_at >= downloads.occurred_at
            and {{ seconds_between('downloads.occurred_at', 'considered.occurred_at') }} <= 86400
    where considered.event_type = 'file_delete'
),

downloads_of_days as (
    select
        actor_id,
        occurred_on,
        count(distinct asset_key) as download_count
    from downloads
    group by actor_id, occurred_on
),

takings as (
    select
        deletes_of_downloads.actor_id,
        deletes_of_downloads.occurred_on,
        count(distinct deletes_of_downloads.asset_key) as deleted_count
    from deletes_of_downloads
    group by deletes_of_downloads.actor_id, deletes_of_downloads.occurred_on
),

downloaded_before as (
    select
        deletes_of_downloads.event_id,
        deletes_of_downloads.position
    from deletes_of_downloads
    inner join takings
        on
            deletes_of_downloads.actor_id = takings.actor_id
            and deletes_of_downloads.occurred_on = takings.occurred_on
    left join downloads_of_days as same_day
        on
            takings.actor_id = same_day.actor_id
            and takings.occurred_on = same_day.occurred_on
    left join downloads_of_days as day_before
        on
            takings.actor_id = day_before.actor_id
            and takings.occurred_on = day_before.occurred_on + 1
    where
        2 * takings.deleted_count
        >= case
            when
                coalesce(same_day.download_count, 0) > coalesce(day_before.download_count, 0)
                then same_day.download_count
            else coalesce(day_before.download_count, 0)
        end
),

items as (
    select
        named_events.event_id,
        named_events.occurred_on,
        named_events.rule_id,
        named_events.condition,
        counts.counted,
        counts.subject_kind,
        assets.position,
        assets.name as asset_name,
        assets.extension,
        assets.asset_type,
        assets.size_bytes,
        assets.asset_key
    from named_events
    inner join counts
        on named_events.rule_id = counts.rule_id
    left join assets
        on
            named_events.event_id = assets.event_id
            and named_events.occurred_on = assets.occurred_on
            and (
                counts.counted in ('assets', 'bytes', 'shares')
                or counts.subject_kind = 'asset'
                or assets.position = 0
            )
),

counted_items as (
    select items.*
    from items
    left join left_behind
        on
            items.event_id = left_behind.event_id
            and items.position = left_behind.position
    left join new_extensions
        on
            items.event_id = new_extensions.event_id
            and items.position = new_extensions.position
    left join downloaded_before
        on
            items.event_id = downloaded_before.event_id
            and items.position = downloaded_before.position
    left join ransomware_names as ransomware_extensions
        on
            ransomware_extensions.kind = 'extension'
            and items.extension = ransomware_extensions.name
    left join ransomware_names as ransom_notes
        on
            ransom_notes.kind = 'note'
            and lower(items.asset_name) = ransom_notes.name
    where
        (left_behind.event_id is null or items.counted <> 'assets')
        and case items.condition
            when 'new_extension' then new_extensions.event_id is not null
            when 'downloaded_before' then downloaded_before.event_id is not null
            when 'ransomware_name'
                then ransomware_extensions.name is not null or ransom_notes.name is not null
            else true
        end
),

named as (
    select
        event_id,
        {{ named_thing('details') }} as thing,
        {{ app_key('details') }} as app_key
    from considered
    where event_type in (
        select rule_types.event_type
        from rule_types
        inner join rules
            on rule_types.rule_id = rules.rule_id
        where rules.kind = 'event'
    )
),

escalations as (
    select * from {{ ref('int_alerts__escalations') }}
),

escalated as (
    select
        named_events.rule_id,
        named_events.event_id,
        min({{ severity_rank('escalations.severity') }}) as severity_rank
    from named_events
    inner join escalations
        on named_events.rule_id = escalations.rule_id
    where {{ alert_condition('escalations', 'named_events') }}
    group by named_events.rule_id, named_events.event_id
),

parts as (
    select
        named_events.*,
        escalated.severity_rank,
        counted_items.counted,
        counted_items.subject_kind,
        counted_items.position as asset_position,
        counted_items.asset_name,
        counted_items.asset_type,
        counted_items.asset_key,
        counted_items.extension,
        counted_items.size_bytes,
        named.thing,
        named.app_key,
        coalesce(
            named_events.group_name,
            named.thing,
            counted_items.asset_name,
            case named_events.event_type
                when 'member_permanently_delete_account_contents'
                    then 'all files of ' || coalesce(named_events.target_email, 'a member')
                when 'member_transfer_account_contents' then 'all files of a member'
            end
        ) as item_name
    from named_events
    inner join counted_items
        on
            named_events.event_id = counted_items.event_id
            and named_events.occurred_on = counted_items.occurred_on
            and named_events.rule_id = counted_items.rule_id
            and coalesce(named_events.condition, '') = coalesce(counted_items.condition, '')
    left join named
        on named_events.event_id = named.event_id
    left join escalated
        on
            named_events.rule_id = escalated.rule_id
            and named_events.event_id = escalated.event_id
)

select
    parts.rule_id,
    parts.counted,
    parts.subject_kind,
    {{ alert_subject(
        'subject_kind',
        'parts',
        "case when subject_kind = 'asset' then asset_key else item_name end",
        'extension'
    ) }}
        as subject,
    case parts.counted
        when 'assets' then coalesce(parts.asset_key, parts.event_id)
        when 'bytes' then coalesce(parts.asset_key, parts.event_id)
        when 'ip_addresses' then parts.ip_address
        when 'actors' then coalesce(parts.actor_id, lower(parts.actor_email))
        when 'targets' then coalesce(parts.target_id, parts.target_email, parts.named_id, parts.event_id)
        when 'apps' then coalesce(parts.app_key, parts.event_id)
        -- Thirty people taken off one folder are thirty, one taken off three folders is three.
        when 'shares'
            then
                coalesce(parts.asset_key, parts.event_id)
                || ' '
                || coalesce(parts.target_id, parts.target_email, parts.named_id, parts.group_name, '')
        else parts.event_id
    end as item,
    case
        when parts.counted = 'bytes' then coalesce(parts.size_bytes, 0)
        when parts.counted = 'assets' and parts.asset_type = 'folder' and parts.event_type = 'file_delete' then 10
        else 1
    end as weight,
    parts.is_at_once,
    parts.event_id,
    parts.event_type,
    parts.occurred_at,
    parts.occurred_on,
    parts.loaded_at,
    parts.actor_type,
    parts.actor_id,
    parts.actor_email,
    parts.target_email,
    parts.ip_address,
    parts.city,
    parts.country,
    parts.context_email,
    parts.item_name,
    parts.asset_name,
    parts.severity_rank
from parts
where
    case parts.counted
        when 'ip_addresses' then parts.ip_address is not null
        when 'actors' then coalesce(parts.actor_id, parts.actor_email) is not null
        else true
    end
