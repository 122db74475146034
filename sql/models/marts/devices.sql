with devices as (
    select * from {{ ref('int_dropbox__device_spans') }}
    where is_current
),

members as (
    select * from {{ ref('int_dropbox__member_spans') }}
    where is_current
),

as_of as (
    select as_of_day from {{ ref('int_dropbox__as_of') }}
)

select
    devices.session_id,
    devices.device_type,
    devices.name as device_name,
    devices.platform,
    devices.client_type,
    devices.client_version,
    devices.team_member_id,
    members.account_id,
    members.email,
    members.name,
    members.status as member_status,
    devices.ip_address,
    devices.country,
    devices.created_at,
    devices.updated_at as last_used_at,
    devices.expires_at,
    {{ days_between(utc_date('devices.updated_at'), 'as_of.as_of_day') }} as unused_days
from devices
cross join as_of
left join members
    on devices.team_member_id = members.team_member_id
