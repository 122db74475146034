-- Of each member, the links of the last time that they were different. Dropbox no longer shows those of somebody who
-- was suspended or removed, so theirs are as they were last seen.
with shared_links as (
    select * from {{ ref('stg_dropbox__shared_links') }}
),

readings as (
    select
        snapshot_id,
        team_member_id,
        row_number() over (partition by team_member_id order by taken_at desc, snapshot_id desc) as recency
    from {{ ref('stg_dropbox__directory_snapshots') }}
    where resource = 'shared_links' and team_member_id is not null
)

select
    shared_links.team_member_id,
    shared_links.url,
    shared_links.link_type,
    shared_links.name,
    shared_links.path_lower,
    shared_links.file_id,
    shared_links.audience,
    shared_links.has_password,
    shared_links.expires_at,
    shared_links.taken_at
from shared_links
inner join readings
    on
        shared_links.team_member_id = readings.team_member_id
        and shared_links.snapshot_id = readings.snapshot_id
where readings.recency = 1
