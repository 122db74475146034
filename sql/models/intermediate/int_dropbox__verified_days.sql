with verifications as (
    select * from {{ ref('stg_dropbox__verifications') }}
),

days as (
    select * from {{ ref('int_dropbox__log_days') }}
),

-- One that failed before it could compare names no day: it speaks for every whole day of its window.
attempts as (
    select
        day,
        verification_id,
        load_id,
        verified_at,
        result,
        missing_event_count,
        extra_event_count,
        repaired_event_count
    from verifications
    where is_whole_day
    union all
    select
        days.day,
        verifications.verification_id,
        verifications.load_id,
        verifications.verified_at,
        verifications.result,
        verifications.missing_event_count,
        verifications.extra_event_count,
        verifications.repaired_event_count
    from verifications
    inner join days
        on
            (verifications.since is null or verifications.since <= days.starts_at)
            and verifications.until >= days.ends_at
    where verifications.day is null
),

numbered as (
    select
        *,
        -- One that failed proves nothing either way, so it does not take the place of one that compared.
        row_number() over (
            partition by day
            order by
                case when result = 'failed' then 1 else 0 end,
                verified_at desc,
                load_id desc,
                verification_id desc
        ) as recency
    from attempts
)

select
    day,
    verification_id,
    verified_at,
    result,
    missing_event_count,
    extra_event_count,
    repaired_event_count
from numbered
where recency = 1
