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

usual as (
    select
        candidates.rule_id,
        candidates.owner,
        candidates.value,
        candidates.occurred_on,
        count(distinct earlier.occurred_on) as day_count,
        max(
            case
                -- Within four hours of what is usual is usual, too: a long day is no sign, the dead of night is.
                when candidates.counted = 'hours'
                    then
                        case
                            when
                                mod(
                                    {{ try_cast('candidates.value', 'bigint') }}
                                    - {{ try_cast('earlier.value', 'bigint') }} + 28,
                                    24
                                ) <= 8
                                then 1
                            else 0
                        end
                when candidates.value = earlier.value then 1
                else 0
            end
        ) as is_usual
    from candidates
    left join habits as earlier
        on
            candidates.rule_id = earlier.rule_id
            and candidates.owner = earlier.owner
            and candidates.occurred_on > earlier.occurred_on
            and {{ days_between('earlier.occurred_on', 'candidates.occurred_on') }} <= candidates.baseline_days
    group by candidates.rule_id, candidates.owner, candidates.value, candidates.occurred_on
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

team_usual as (
    select
        candidates.rule_id,
        candidates.value,
        candidates.occurred_on,
        count(*) as sighting_count
    from candidates
    inner join habits as earlier
        on
            candidates.rule_id = earlier.rule_id
            and candidates.value = earlier.value
            and candidates.occurred_on > earlier.occurred_on
            and {{ days_between('earlier.occurred_on', 'candidates.occurred_on') }} <= candidates.baseline_days
    inner join escalations
        on candidates.rule_id = escalations.rule_id
    group by candidates.rule_id, candidates.value, candidates.occurred_on
)

select
    candidates.rule_id,
    candidates.owner,
    candidates.value,
    candidates.counted,
    candidates.occurred_on,
    candidates.first_event_id as event_id,
    case
        when escalations.rule_id is not null and team_usual.value is null
            then {{ severity_rank('escalations.severity') }}
    end as severity_rank
from candidates
inner join usual
    on
        candidates.rule_id = usual.rule_id
        and candidates.owner = usual.owner
        and candidates.value = usual.value
        and candidates.occurred_on = usual.occurred_on
left join last_active
    on
        candidates.rule_id = last_active.rule_id
        and candidates.owner = last_active.owner
        and candidates.occurred_on = last_active.occurred_on
left join escalations
    on candidates.rule_id = escalations.rule_id
left join team_usual
    on
        candidates.rule_id = team_usual.rule_id
        and candidates.value = team_usual.value
        and candidates.occurred_on = team_usual.occurred_on
where
    case candidates.counted
        when 'actors'
            then
                case
                    when last_active.last_on is null then candidates.member_days >= candidates.baseline_days
                    else {{ days_between('last_active.last_on', 'candidates.occurred_on') }} >= candidates.baseline_days
                end
        -- An hour is unusual only for somebody whose hours are known.
        when 'hours' then usual.is_usual = 0 and usual.day_count >= 10
        -- To somebody who was away that long every country is new: then only one new to the team says something.
        when 'countries' then coalesce(usual.is_usual, 0) = 0 and (usual.day_count > 0 or team_usual.value is null)
        else coalesce(usual.is_usual, 0) = 0
    end
