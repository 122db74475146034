-- Two signs of one person after each other, from places that nobody gets between in that time. How far two places are
-- apart at least: a city is known to some kilometres, where only the country is known its whole extent is in doubt.
{{ config(materialized = 'ephemeral') }}

with considered as (
    select * from {{ ref('int_alerts__considered') }}
),

rules as (
    select * from {{ ref('int_alerts__rules') }}
    where is_enabled and kind = 'travel'
),

rule_types as (
    select * from {{ ref('int_alerts__rule_types') }}
),

places as (
    select * from {{ ref('places') }}
),

located as (
    select
        considered.event_id,
        considered.occurred_on,
        considered.occurred_at,
        considered.actor_id,
        considered.ip_address,
        considered.country,
        considered.city,
        rules.rule_id,
        rules.threshold,
        rules.window_minutes,
        coalesce(cities.latitude, countries.latitude) as latitude,
        coalesce(cities.longitude, countries.longitude) as longitude,
        coalesce(cities.radius_km, countries.radius_km) as radius_km
    from considered
    inner join rule_types
        on considered.event_type = rule_types.event_type
    inner join rules
        on rule_types.rule_id = rules.rule_id
    left join places as cities
        on
            considered.country = cities.country
            and lower(considered.city) = lower(cities.city)
    inner join places as countries
        on
            considered.country = countries.country
            and countries.city is null
    where
        considered.actor_type in ('user', 'admin')
        and considered.actor_id is not null
        and considered.ip_address is not null
        and not considered.is_ip_trusted
),

journeys as (
    select
        *,
        lag(occurred_at) over (partition by rule_id, actor_id order by occurred_at, event_id) as left_at,
        lag(ip_address) over (partition by rule_id, actor_id order by occurred_at, event_id) as left_ip_address,
        lag(latitude) over (partition by rule_id, actor_id order by occurred_at, event_id) as left_latitude,
        lag(longitude) over (partition by rule_id, actor_id order by occurred_at, event_id) as left_longitude,
        lag(radius_km) over (partition by rule_id, actor_id order by occurred_at, event_id) as left_radius_km,
        lag(coalesce(city || ', ', '') || country) over (
            partition by rule_id, actor_id order by occurred_at, event_id
        ) as left_place
    from located
),

measured as (
    select
        *,
        {{ distance_km('left_latitude', 'left_longitude', 'latitude', 'longitude') }} - radius_km - left_radius_km
            as at_least_km,
        {{ seconds_between('left_at', 'occurred_at') }} as seconds
    from journeys
    where left_at is not null and left_ip_address <> ip_address
)

select
    rule_id,
    event_id,
    occurred_on,
    left_place
from measured
where
    at_least_km > 100
    and seconds <= window_minutes * 60
    -- Faster than so many kilometres in an hour; in less than a minute one minute is taken.
    and at_least_km * 3600 > threshold * case when seconds < 60 then 60 else seconds end
