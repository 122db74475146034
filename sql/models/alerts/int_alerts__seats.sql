-- What the directory and the contracts ask for attention. Counted up to the newest run like all of the team's views.
with rules as (
    select * from {{ ref('int_alerts__rules') }}
    where is_enabled and kind = 'seats'
),

as_of as (
    select
        as_of,
        as_of_day,
        {{ week_start('as_of_day') }} as week
    from {{ ref('int_dropbox__as_of') }}
),

spans as (
    select
        team_id,
        valid_from,
        num_used_licenses,
        num_licensed_users,
        lag(num_used_licenses) over (partition by team_id order by valid_from) as used_before,
        lag(num_licensed_users) over (partition by team_id order by valid_from) as licensed_before
    from {{ ref('int_dropbox__team_spans') }}
),

waiting as (
    select
        rules.rule_id,
        count(*) as member_count,
        min(members.email) as example
    from {{ ref('members') }} as members
    cross join as_of
    inner join rules
        on
            (
                rules.rule_id = 'J03'
                and members.status = 'invited'
                and {{ days_between(utc_date('members.invited_on'), 'as_of.as_of_day') }} > rules.threshold
            )
            or (
                rules.rule_id = 'J04'
                and members.status = 'suspended'
                and {{ days_between(utc_date('members.suspended_on'), 'as_of.as_of_day') }} > rules.threshold
            )
    group by rules.rule_id
),

idle as (
    select
        rules.rule_id,
        count(*) as member_count,
        min(idle_members.email) as example,
        sum(idle_members.cost_per_year) as cost_per_year,
        max(idle_members.currency) as currency
    from {{ ref('idle_members') }} as idle_members
    inner join rules
        on rules.rule_id = 'J02'
    where idle_members.status = 'active' and idle_members.idle_days >= rules.threshold
    group by rules.rule_id
),

renewals as (
    select
        rules.rule_id,
        renewals.*,
        case
            when renewals.days_left <= 30 then 30
            when renewals.days_left <= 60 then 60
            else rules.threshold
        end as step
    from {{ ref('renewals') }} as renewals
    inner join rules
        on rules.rule_id = 'J05'
    where renewals.is_current and renewals.days_left between 0 and rules.threshold
)

select
    rules.rule_id,
    cast({{ utc_date('spans.valid_from') }} as {{ dbt.type_string() }}) as subject,
    spans.valid_from as occurred_at,
    spans.valid_from as raised_at,
    spans.num_used_licenses as item_count,
    cast(null as {{ dbt.type_string() }}) as item_name,
    cast(null as {{ dbt.type_int() }}) as severity_rank,
    {{ json_member('seats_used', 'spans.num_used_licenses', is_text=false) }}
    || {{ json_member('seats_bought', 'spans.num_licensed_users', is_text=false) }} as facts
from spans
inner join rules
    on rules.rule_id = 'J01'
where
    spans.num_used_licenses * 100 >= rules.threshold * spans.num_licensed_users
    and coalesce(spans.used_before * 100 < rules.threshold * spans.licensed_before, true)

union all

select
    idle.rule_id,
    cast(as_of.week as {{ dbt.type_string() }}) as subject,
    {{ start_of_day('as_of.week') }} as occurred_at,
    as_of.as_of as raised_at,
    idle.member_count as item_count,
    idle.example as item_name,
    null as severity_rank,
    {{ json_member('cost_per_year', money_text('idle.cost_per_year'), is_text=false) }}
    || {{ json_member('currency', 'idle.currency') }} as facts
from idle
cross join as_of

union all

select
    waiting.rule_id,
    cast(as_of.week as {{ dbt.type_string() }}) as subject,
    {{ start_of_day('as_of.week') }} as occurred_at,
    as_of.as_of as raised_at,
    waiting.member_count as item_count,
    waiting.example as item_name,
    null as severity_rank,
    {{ json_member('example', 'waiting.example') }} as facts
from waiting
cross join as_of

union all

select
    renewals.rule_id,
    cast(renewals.renewal_date as {{ dbt.type_string() }})
    || ' '
    || cast(renewals.step as {{ dbt.type_string() }}) as subject,
    {{ start_of_day(days_before('renewals.renewal_date', 'renewals.step')) }} as occurred_at,
    as_of.as_of as raised_at,
    renewals.days_left as item_count,
    cast(renewals.renewal_date as {{ dbt.type_string() }}) as item_name,
    case when renewals.step <= 30 then 2 end as severity_rank,
    {{ json_member('renewal_date', 'renewals.renewal_date') }}
    || {{ json_member('notice_deadline', 'renewals.notice_deadline') }}
    || {{ json_member('seats', 'renewals.seats', is_text=false) }}
    || {{ json_member('seats_needed', 'renewals.seats_needed', is_text=false) }} as facts
from renewals
cross join as_of
