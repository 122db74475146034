-- From the first day with events or with coverage that has a beginning to the last day with events or coverage. Days on
-- which nothing happened are among them: silence is a finding, and so is a hole.
with walks as (
    select
        covers_from,
        covers_until
    from {{ ref('int_dropbox__walks') }}
    where covers_until is not null and (covers_from is null or covers_from < covers_until)
),

frontier as (
    select
        max(covers_until) as reached,
        -- Where anybody began to read at all; null if that is the beginning of the log.
        case when count(*) = count(covers_from) then min(covers_from) end as begun
    from walks
),

seen_days as (
    select occurred_on as day from {{ ref('int_dropbox__arrival_days') }}
    union distinct
    select {{ utc_date('received_at') }} as day from {{ ref('stg_dropbox__rejected_events') }}
    union distinct
    select {{ utc_date('covers_from') }} as day
    from walks
    where covers_from is not null
    union distinct
    -- Coverage up to midnight does not reach into the day that begins then.
    select
        case
            when reached = {{ start_of_day(utc_date('reached')) }} then {{ utc_date('reached') }} - 1
            else {{ utc_date('reached') }}
        end as day
    from frontier
    where reached is not null
),

span as (
    select
        min(day) as first_day,
        max(day) as last_day
    from seen_days
),

days as (
    select
        each_day.day,
        {{ start_of_day('each_day.day') }} as starts_at,
        {{ start_of_day('each_day.day + 1') }} as ends_at
    from {{ each_day('(select first_day from span)', '(select last_day from span)', 'each_day') }}
)

select
    days.day,
    days.starts_at,
    days.ends_at,
    -- A day is judged as far as anything was to be read: the first one from where reading began (start_time may be
    -- any hour), the one in progress up to the newest reading.
    case
        when frontier.begun > days.starts_at and frontier.begun < days.ends_at then frontier.begun
        else days.starts_at
    end as judged_from,
    case when frontier.reached < days.ends_at then frontier.reached else days.ends_at end as judged_until
from days
cross join frontier
