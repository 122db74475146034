-- What the collector says about itself. Evaluated when it is read: a pipeline that stands still builds no tables.
with rules as (
    select * from {{ ref('int_alerts__rules') }}
    where is_enabled and kind = 'collector'
),

runs as (
    select
        *,
        lag(finished_at) over (order by finished_at, run_id) as run_before_at,
        lead(finished_at) over (order by finished_at, run_id) as run_after_at
    from {{ ref('pipeline_runs') }}
    where outcome in ('loaded', 'nothing_new') and finished_at is not null
),

gaps as (
    select
        run_id,
        finished_at as begins_at,
        coalesce(run_after_at, {{ now_with_time_zone() }}) as ends_at,
        run_after_at is null as is_open,
        avg({{ seconds_between('run_before_at', 'finished_at') }}) over (
            order by finished_at, run_id rows between 20 preceding and current row
        ) as usual_seconds,
        row_number() over (order by finished_at, run_id) as run_no
    from runs
),

-- The record of a run that found nothing may wait six hours on its machine, so silence up to then says nothing yet.
measured as (
    select
        run_id,
        begins_at,
        ends_at,
        is_open,
        usual_seconds,
        {{ seconds_between('begins_at', 'ends_at') }} - case when is_open then 21600 else 0 end as gap_seconds
    from gaps
    -- The first runs of all are made by hand.
    where is_open or run_no > 3
),

days as (
    select * from {{ ref('int_dropbox__arrival_days') }}
),

last_days as (
    select
        min(occurred_on) as first_on,
        max(case when file_event_count > 0 then occurred_on end) as last_file_on,
        max(case when event_count > 0 then occurred_on end) as last_on,
        max(last_received_at) as last_received_at
    from days
)

select
    rules.rule_id,
    measured.run_id as subject,
    measured.begins_at as occurred_at,
    -- As long as it lasts, an alert must not be another one with each look at it.
    case when measured.is_open then measured.begins_at else measured.ends_at end as last_at,
    case when measured.is_open then measured.begins_at else measured.ends_at end as raised_at,
    case
        when measured.is_open then rules.threshold
        else cast(floor(measured.gap_seconds / 60) as bigint)
    end as item_count,
    cast(null as {{ dbt.type_string() }}) as item_name,
    case when measured.gap_seconds >= 10800 then 2 end as severity_rank,
    {{ json_member('last_run_id', 'measured.run_id') }} as facts
from measured
inner join rules
    on rules.rule_id = 'I01'
where
    measured.gap_seconds >= rules.threshold * 60
    -- Who polls once a day is not late after an hour.
    and measured.gap_seconds > 2 * coalesce(measured.usual_seconds, 0)

union all

select
    rules.rule_id,
    runs.run_id as subject,
    runs.started_at as occurred_at,
    runs.finished_at as last_at,
    runs.loaded_at as raised_at,
    runs.reset_count as item_count,
    null as item_name,
    null as severity_rank,
    {{ json_member('run_id', 'runs.run_id') }} as facts
from {{ ref('pipeline_runs') }} as runs
inner join rules
    on rules.rule_id = 'I02'
where runs.reset_count >= rules.threshold

union all

select
    rules.rule_id,
    cast(days.occurred_on as {{ dbt.type_string() }}) as subject,
    {{ start_of_day('days.occurred_on') }} as occurred_at,
    days.last_received_at as last_at,
    days.last_received_at as raised_at,
    days.late_count as item_count,
    null as item_name,
    null as severity_rank,
    {{ json_member('most_behind_seconds', 'cast(days.most_behind_seconds as bigint)', is_text=false) }} as facts
from days
inner join rules
    on rules.rule_id = 'I04'
where days.late_count >= rules.threshold

union all

select
    rules.rule_id,
    cast(coalesce(last_days.last_file_on, last_days.first_on) as {{ dbt.type_string() }}) as subject,
    {{ start_of_day('last_days.last_on') }} as occurred_at,
    last_days.last_received_at as last_at,
    last_days.last_received_at as raised_at,
    {{ days_between('coalesce(last_days.last_file_on, last_days.first_on)', 'last_days.last_on') }} as item_count,
    null as item_name,
    null as severity_rank,
    {{ json_member('last_file_event_on', 'last_days.last_file_on') }} as facts
from last_days
inner join rules
    on rules.rule_id = 'I05'
where
    {{ days_between('coalesce(last_days.last_file_on, last_days.first_on)', 'last_days.last_on') }} >= rules.threshold
