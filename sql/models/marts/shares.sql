with events as (
    select * from {{ ref('events') }}
),

event_types as (
    select * from {{ ref('event_types') }}
    where activity = 'share'
),

event_assets as (
    select * from {{ ref('event_assets') }}
),

recipients as (
    select
        event_id,
        occurred_on,
        count(*) as recipient_count,
        sum(case when is_external then 1 else 0 end) as external_recipients
    from {{ ref('int_dropbox__judged_people') }}
    where is_recipient
    group by event_id, occurred_on
),

sharing_changes as (
    select
        events.*,
        event_types.share_kind,
        event_types.share_change,
        coalesce(
            {{ json_text('events.details', '$.new_value.".tag"') }},
            {{ json_text('events.details', '$.audience.".tag"') }}
        ) as new_setting,
        {{ json_text('events.details', '$.previous_value.".tag"') }} as previous_setting,
        coalesce(
            {{ json_text('events.details', '$.shared_content_access_level.".tag"') }},
            {{ json_text('events.details', '$.new_access_level.".tag"') }},
            {{ json_text('events.details', '$.shared_link_access_level.".tag"') }},
            {{ json_text('events.details', '$.sharing_permission') }}
        ) as access_level,
        -- Some details name the shared thing by its place in the list of assets; else it is the first.
        coalesce(
            {{ try_cast(json_text('events.details', '$.target_asset_index'), 'bigint') }},
            {{ try_cast(json_text('events.details', '$.request_details.asset_index'), 'bigint') }},
            0
        ) as asset_position
    from events
    inner join event_types
        on events.event_type = event_types.event_type
)

select
    sharing_changes.event_id,
    sharing_changes.actor_type,
    sharing_changes.actor_id,
    sharing_changes.actor_email,
    sharing_changes.actor_name,
    sharing_changes.event_type,
    sharing_changes.description,
    sharing_changes.share_kind,
    sharing_changes.share_change,
    sharing_changes.access_level,
    sharing_changes.new_setting,
    sharing_changes.previous_setting,
    sharing_changes.event_type = 'shared_link_create' as is_link_created,
    sharing_changes.share_kind = 'link' and coalesce(sharing_changes.new_setting, '') = 'public' as is_public_link,
    coalesce(recipients.recipient_count, 0) as recipient_count,
    cast(coalesce(recipients.external_recipients, 0) as bigint) as external_recipients,
    coalesce(recipients.external_recipients, 0) > 0 as is_external,
    sharing_changes.involves_non_team_member,
    event_assets.asset_type,
    event_assets.name as asset_name,
    event_assets.path as asset_path,
    event_assets.file_id,
    sharing_changes.asset_count,
    sharing_changes.access_method,
    sharing_changes.ip_address,
    sharing_changes.city,
    sharing_changes.region,
    sharing_changes.country,
    sharing_changes.occurred_at,
    sharing_changes.occurred_on,
    sharing_changes.loaded_at
from sharing_changes
left join recipients
    on
        sharing_changes.event_id = recipients.event_id
        and sharing_changes.occurred_on = recipients.occurred_on
left join event_assets
    on
        sharing_changes.event_id = event_assets.event_id
        and sharing_changes.occurred_on = event_assets.occurred_on
        and sharing_changes.asset_position = event_assets.position
