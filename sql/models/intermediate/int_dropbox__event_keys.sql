-- Dropbox gives events no id, so this model does. Two promises: twins delivered in one walk all survive, and reading
-- anything again adds nothing. Raw rows are immutable and loads only come after each other, so a candidate's place in
-- the first-seen order never changes, the number of copies never falls, and an id once given stays.
{{
    config(
        materialized = 'incremental',
        incremental_strategy = 'merge' if target.type == 'bigquery' else 'append',
        pre_hook = "{{ take_out_keys_that_raw_gives_again() }}",
        on_schema_change = 'append_new_columns',
        partition_by = {'field': 'occurred_on', 'data_type': 'date'} if target.type == 'bigquery' else none,
        cluster_by = ['occurred_on'] if target.type == 'snowflake' else none
    )
}}

with sightings as (
    select
        walk_id,
        page_no,
        position,
        load_id,
        identity,
        exact_hash,
        occurred_on
    from {{ ref('stg_dropbox__events') }}
    where
        not is_replayed
        and {{ in_touched_days('occurred_on') }}
),

-- The second of two exact equals in one walk is another event than the first; in two walks they may be one.
counted as (
    select
        *,
        row_number() over (partition by walk_id, identity, exact_hash order by page_no, position) as ordinal,
        count(*) over (partition by walk_id, identity) as copies_in_walk
    from sightings
),

-- Every walk that delivered a candidate is a sighting of it; the first one speaks for all.
ranked as (
    select
        *,
        max(copies_in_walk) over (partition by identity) as copies_to_keep,
        row_number() over (
            partition by identity, exact_hash, ordinal
            order by load_id, page_no, position, walk_id
        ) as sighting_number
    from counted
),

candidates as (
    select
        *,
        row_number() over (partition by identity order by load_id, page_no, position, walk_id) as copy_number
    from ranked
    where sighting_number = 1
),

kept as (
    select
        *,
        case when copy_number = 1 then identity else identity || '-' || cast(copy_number as string) end as event_id
    from candidates
    where copy_number <= copies_to_keep
)

select
    kept.event_id,
    kept.identity,
    kept.exact_hash,
    kept.occurred_on,
    kept.walk_id,
    kept.page_no,
    kept.position,
    kept.load_id
from kept
where {{ not_yet_in_target('kept.event_id') }}
{{ keep_days_together('kept.occurred_on') }}
