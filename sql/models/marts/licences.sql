with teams as (
    select * from {{ ref('int_dropbox__team_spans') }}
),

members as (
    select * from {{ ref('int_dropbox__member_spans') }}
),

contracts as (
    select * from {{ ref('int_dropbox__contract_spans') }}
),

as_of as (
    select as_of_day from {{ ref('int_dropbox__as_of') }}
),

first_listed as (
    select min(valid_from) as listed_from from members
),

days as (
    select
        each_day.day,
        {{ start_of_day('each_day.day + 1') }} as ends_at
    from {{ each_day(
        '(select ' ~ utc_date('min(valid_from)') ~ ' from teams)',
        '(select as_of_day from as_of)',
        'each_day'
    ) }}
),

counted as (
    select
        days.day,
        days.ends_at,
        teams.num_licensed_users as bought,
        teams.num_provisioned_users as provisioned,
        teams.num_used_licenses as used
    from days
    inner join teams
        on
            days.ends_at > teams.valid_from
            and (teams.valid_to is null or days.ends_at <= teams.valid_to)
),

invited as (
    select
        days.day,
        count(*) as member_count
    from days
    inner join members
        on
            days.ends_at > members.valid_from
            and (members.valid_to is null or days.ends_at <= members.valid_to)
    where members.status = 'invited'
    group by days.day
),

contracted as (
    select
        days.day,
        max(contracts.seats) as seats
    from days
    inner join contracts
        on
            days.day >= contracts.valid_from
            and (contracts.valid_to is null or days.day <= contracts.valid_to)
    group by days.day
)

select
    counted.day,
    counted.bought,
    counted.provisioned,
    counted.used,
    case
        when first_listed.listed_from < counted.ends_at then coalesce(invited.member_count, 0)
        when counted.provisioned > counted.used then counted.provisioned - counted.used
        else 0
    end as pending,
    counted.bought - case
        when counted.used is null or counted.provisioned > counted.used then counted.provisioned
        else counted.used
    end as free,
    contracted.seats as contract_seats
from counted
cross join first_listed
left join invited
    on counted.day = invited.day
left join contracted
    on counted.day = contracted.day
