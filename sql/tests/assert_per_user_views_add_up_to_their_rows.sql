-- A row is a day on which a per-user view and the view of single rows behind it tell different numbers.
with listed as (
    select
        occurred_on as day,
        'delete_events' as measure,
        count(distinct event_id) as listed_count
    from {{ ref('deletes') }}
    where {{ is_tested_day('occurred_on') }}
    group by occurred_on

    union all

    select
        occurred_on as day,
        'share_events' as measure,
        count(*) as listed_count
    from {{ ref('shares') }}
    where {{ is_tested_day('occurred_on') }}
    group by occurred_on

    union all

    select
        occurred_on as day,
        'external_shares' as measure,
        sum(external_recipients) as listed_count
    from {{ ref('shares') }}
    where {{ is_tested_day('occurred_on') }}
    group by occurred_on

    union all

    select
        occurred_on as day,
        'public_links' as measure,
        sum(case when is_public_link then 1 else 0 end) as listed_count
    from {{ ref('shares') }}
    where {{ is_tested_day('occurred_on') }}
    group by occurred_on

    union all

    select
        occurred_on as day,
        'sign_ins' as measure,
        sum(case when event_type in ('login_success', 'login_fail') then 1 else 0 end) as listed_count
    from {{ ref('logins') }}
    where {{ is_tested_day('occurred_on') }}
    group by occurred_on
),

per_user as (
    select
        day,
        'delete_events' as measure,
        sum(delete_events) as summed_count
    from {{ ref('deletes_per_user') }}
    group by day

    union all

    select
        day,
        'share_events' as measure,
        sum(share_events) as summed_count
    from {{ ref('shares_per_user') }}
    group by day

    union all

    select
        day,
        'external_shares' as measure,
        sum(external_shares) as summed_count
    from {{ ref('shares_per_user') }}
    group by day

    union all

    select
        day,
        'public_links' as measure,
        sum(public_links) as summed_count
    from {{ ref('shares_per_user') }}
    group by day

    union all

    select
        day,
        'sign_ins' as measure,
        sum(successful_logins + failed_logins) as summed_count
    from {{ ref('logins_per_user') }}
    group by day
)

select
    listed.day,
    listed.measure,
    listed.listed_count,
    per_user.summed_count
from listed
left join per_user
    on
        listed.day = per_user.day
        and listed.measure = per_user.measure
where listed.listed_count <> coalesce(per_user.summed_count, 0)
