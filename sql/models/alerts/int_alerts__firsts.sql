-- What is new for somebody: a value that the baseline of a rule does not hold, of an actor (or of the team) whom the
-- log has known for two weeks, for at first everything is new.
{{ config(materialized = 'ephemeral') }}

with habits as (
    select * from {{ ref('int_alerts__habits') }}
    where {{ near_touched_days('occurred_on', before=401, after=1) }}
),

rules as (
    select * from {{ ref('int_alerts__rules') }}
    where is_enabled and kind = 'first'
),

counts as (
    select * from {{ ref('int_alerts__counts') }}
),

escalations as (
    select * from {{ ref('int_alerts__escalations') }}
    where condition = 'new_in_team'
),

actor_days as (
    select
        occurred_on,
        actor_id
    from {{ ref('int_dropbox__actor_days') }}
    where
        actor_id is not null
        and {{ near_touched_days('occurred_on', before=401, after=1) }}
),

active_days as (
    select distinct
        occurred_on,
        actor_id
    from {{ ref('int_dropbox__actor_type_days') }}
    where
        actor_id is not null
        and event_type not in ('login_fail', 'account_lock_or_unlocked')
        and {{ near_touched_days('occurred_on', before=401, after=1) }}
),

team_since as (
    select min(occurred_on) as first_on from actor_days
),

known_since as (
    select
        actor_id as owner,
        min(occurred_on) as first_on
    from actor_days
    group by actor_id
    union all
    select
        'team' as owner,
        first_on
    from team_since
),

-- Who has been silent for longer than is looked back is known from the directory alone.
joined as (
    select
        account_id as owner,
        min({{ utc_date('joined_on') }}) as joined_on
    from {{ ref('int_dropbox__member_spans') }}
    where account_id is not null and joined_on is not null
    group by account_id
),

with_owners as (
    select
        habits.*,
        rules.baseline_days,
        counts.counted,
        {{ days_between('known_since.first_on', 'habits.occurred_on') }} as known_days,
        case
            when
                counts.counted = 'actors'
                and {{ days_between('team_since.first_on', 'habits.occurred_on') }} >= rules.baseline_days
                then {{ days_between('joined.joined_on', 'habits.occurred_on') }}
        end as member_days
    from habits
    inner join rules
        on habits.rule_id = rules.rule_id
    inner join counts
        on rules.rule_id = counts.rule_id
    cross join team_since
    left join known_since
        on habits.owner = known_since.owner
    left join joined
        on habits.owner = joined.owner
    where {{ near_touched_days('habits.occurred_on', before=1, after=1) }}
),

candidates as (
    select * from with_owners
    where known_days >= 14 or member_days >= baseline_days
),

-- Nothing from before the time that the first candidate of a rule is compared with.
spans as (
    select
        rule_id,
        min(occurred_on) as first_on,
        max(baseline_days) as baseline_days
    from candidates
    group by rule_id
),

compared_habits as (
    select
        habits.rule_id,
        habits.owner,
        habits.value,
        habits.occurred_on
    from habits
    inner join spans
        on habits.rule_id = spans.rule_id
    where {{ days_between('habits.occurred_on', 'spans.first_on') }} <= spans.baseline_days
),

-- Within four hours of what is usual is usual, too: a long day is no sign, the dead of night is.
nearby_hours as (
    {% for hours in range(-4, 5) %}
    select {{ hours }} as hours
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}
),

usual_values as (
    select distinct
        compared_habits.rule_id,
        compared_habits.owner,
        compared_habits.occurred_on,
        case
            when counts.counted = 'hours'
                then cast(
                    mod({{ try_cast('compared_habits.value', 'bigint') }} + nearby_hours.hours + 24, 24)
                    as {{ dbt.type_string() }}
                )
            else compared_habits.value
        end as value
    from compared_habits
    inner join counts
        on compared_habits.rule_id = counts.rule_id
    inner join nearby_hours
        on counts.counted = 'hours' or nearby_hours.hours = 0
),

usual as (
    select
        rule_id,
        owner,
        value,
        occurred_on,
        lag(occurred_on) over (partition by rule_id, owner, value order by occurred_on) as before_on
    from usual_values
),

habit_days as (
    select distinct
        rule_id,
        owner,
        occurred_on
    from compared_habits
),

candidate_days as (
    select distinct
        rule_id,
        owner,
        occurred_on,
        baseline_days
    from candidates
),

earlier_days as (
    select
        candidate_days.rule_id,
        candidate_days.owner,
        candidate_days.occurred_on,
        count(*) as day_count
    from candidate_days
    inner join habit_days
        on
            candidate_days.rule_id = habit_days.rule_id
            and candidate_days.owner = habit_days.owner
            and candidate_days.occurred_on > habit_days.occurred_on
            and {{ days_between('habit_days.occurred_on', 'candidate_days.occurred_on') }}
            <= candidate_days.baseline_days
    group by candidate_days.rule_id, candidate_days.owner, candidate_days.occurred_on
),

-- Whoever worked without signing in anew has not been asleep; whoever only failed to sign in may be somebody else.
last_active as (
    select
        candidates.rule_id,
        candidates.owner,
        candidates.occurred_on,
        max(active_days.occurred_on) as last_on
    from candidates
    inner join active_days
        on
            candidates.owner = active_days.actor_id
            and candidates.occurred_on > active_days.occurred_on
    where candidates.counted = 'actors'
    group by candidates.rule_id, candidates.owner, candidates.occurred_on
),

team_values as (
    select distinct
        compared_habits.rule_id,
        compared_habits.value,
        compared_habits.occurred_on
    from compared_habits
    inner join escalations
        on compared_habits.rule_id = escalations.rule_id
),

team_usual as (
    select
        rule_id,
        value,
        occurred_on,
        lag(occurred_on) over (partition by rule_id, value order by occurred_on) as before_on
    from team_values
),

compared as (
    select
        candidates.*,
        coalesce(earlier_days.day_count, 0) as day_count,
        coalesce(
            {{ days_between('usual.before_on', 'candidates.occurred_on') }} <= candidates.baseline_days, false
        ) as is_usual,
        coalesce(
            {{ days_between('team_usual.before_on', 'candidates.occurred_on') }} <= candidates.baseline_days, false
        ) as is_usual_in_team,
        {{ days_between('last_active.last_on', 'candidates.occurred_on') }} as silent_days
    from candidates
    inner join usual
        on
            candidates.rule_id = usual.rule_id
            and candidates.owner = usual.owner
            and candidates.value = usual.value
            and candidates.occurred_on = usual.occurred_on
    left join earlier_days
        on
            candidates.rule_id = earlier_days.rule_id
            and candidates.owner = earlier_days.owner
            and candidates.occurred_on = earlier_days.occurred_on
    left join last_active
        on
            candidates.rule_id = last_active.rule_id
            and candidates.owner = last_active.owner
            and candidates.occurred_on = last_active.occurred_on
    left join team_usual
        on
            candidates.rule_id = team_usual.rule_id
            and candidates.value = team_usual.value
            and candidates.occurred_on = team_usual.occurred_on
)

select
    compared.rule_id,
    compared.owner,
    compared.value,
    compared.counted,
    compared.occurred_on,
    compared.first_event_id as event_id,
    case
        when escalations.rule_id is not null and not compared.is_usual_in_team
            then {{ severity_rank('escalations.severity') }}
    end as severity_rank
from compared
left join escalations
    on compared.rule_id = escalations.rule_id
where
    case compared.counted
        when 'actors'
            then
                case
                    when compared.silent_days is null then compared.member_days >= compared.baseline_days
                    else compared.silent_days >= compared.baseline_days
                end
        -- An hour is unusual only for somebody whose hours are known.
        when 'hours' then not compared.is_usual and compared.day_count >= 10
        -- To somebody who was away that long every country is new: then only one new to the team says something.
        when 'countries' then not compared.is_usual and (compared.day_count > 0 or not compared.is_usual_in_team)
        else not compared.is_usual
    end
