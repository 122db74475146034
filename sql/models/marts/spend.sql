with contract_months as (
    select
        *,
        {{ start_of_day('last_day + 1') }} as ends_at
    from {{ ref('int_dropbox__contract_months') }}
),

team_groups as (
    select * from {{ ref('int_dropbox__group_spans') }}
),

group_members as (
    select * from {{ ref('int_dropbox__group_member_spans') }}
),

-- A group as it was at the end of the month, or is now in the month in progress.
group_months as (
    select
        contract_months.month,
        contract_months.currency,
        contract_months.parts,
        contract_months.seat_cost_parts,
        team_groups.group_id,
        team_groups.group_name,
        count(distinct group_members.team_member_id) as seats
    from contract_months
    cross join team_groups
    inner join group_members
        on team_groups.group_id = group_members.group_id
    where
        team_groups.valid_from < contract_months.ends_at
        and (team_groups.valid_to is null or team_groups.valid_to >= contract_months.ends_at)
        and group_members.valid_from < contract_months.ends_at
        and (group_members.valid_to is null or group_members.valid_to >= contract_months.ends_at)
    group by
        contract_months.month,
        contract_months.currency,
        contract_months.parts,
        contract_months.seat_cost_parts,
        team_groups.group_id,
        team_groups.group_name
)

select
    month,
    'team' as scope,
    null as group_id,
    null as group_name,
    seats,
    {{ money('round(cost_parts / parts)') }} as cost,
    currency
from contract_months

union all

select
    month,
    'group' as scope,
    group_id,
    group_name,
    seats,
    {{ money('round(seat_cost_parts * seats / parts)') }} as cost,
    currency
from group_months
