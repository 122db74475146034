{# Rows of a directory table: of completed loads only, and one of each where a crash has left two. #}
{% macro directory_rows(table, key, columns) -%}
with raw_rows as (
    select * from {{ source('dropbox_raw', table) }}
),

completed_loads as (
    select load_id from {{ ref('stg_dropbox__loads') }}
),

numbered as (
    select
        raw_rows.*,
        row_number() over (
            partition by {% for name in ['snapshot_id'] + key %}raw_rows.{{ name }}{{ ', ' if not loop.last }}{% endfor %}
            order by raw_rows._dlt_load_id
        ) as copy_number
    from raw_rows
    inner join completed_loads
        on raw_rows._dlt_load_id = completed_loads.load_id
)

select
    snapshot_id,
    taken_at,
    is_gone,
    {% for name in columns -%}
    {{ name }},
    {% endfor -%}
    row_hash,
    record
from numbered
where copy_number = 1
{%- endmacro %}


{#
    The history of a directory's list: one row per record and stretch of time in which nothing that has a column changed.
    A row holds from its snapshot until the next row of its record says otherwise, or until the next snapshot that was
    written whole: what such a snapshot does not hold was gone by then, what it repeats goes on. `valid_to` is null for
    what still holds.
#}
{% macro directory_spans(table, key, columns) -%}
{%- set record_key = key | join(', ') -%}
with directory_rows as (
    select * from {{ ref('stg_dropbox__' ~ table) }}
),

snapshots as (
    select
        snapshot_id,
        taken_at,
        sum(case when is_full then 1 else 0 end) over (
            order by taken_at, snapshot_id
            rows between unbounded preceding and current row
        ) as era
    from {{ ref('stg_dropbox__directory_snapshots') }}
    where resource = '{{ table }}' and state = 'complete'
),

eras as (
    select
        era,
        min(taken_at) as begins_at
    from snapshots
    group by era
),

placed as (
    select
        directory_rows.*,
        snapshots.era,
        lead(directory_rows.taken_at) over (
            partition by {% for name in key %}directory_rows.{{ name }}{{ ', ' if not loop.last }}{% endfor %}
            order by directory_rows.taken_at, directory_rows.snapshot_id
        ) as next_row_at
    from directory_rows
    inner join snapshots
        on directory_rows.snapshot_id = snapshots.snapshot_id
),

ended as (
    select
        placed.*,
        case
            when eras.begins_at is null or placed.next_row_at <= eras.begins_at then placed.next_row_at
            else eras.begins_at
        end as ends_at
    from placed
    left join eras
        on placed.era + 1 = eras.era
),

compared as (
    select
        *,
        lag(row_hash) over (partition by {{ record_key }} order by taken_at, snapshot_id) as row_hash_before,
        lag(ends_at) over (partition by {{ record_key }} order by taken_at, snapshot_id) as ends_at_before
    from ended
    where not is_gone
),

numbered as (
    select
        *,
        case when row_hash_before = row_hash and ends_at_before = taken_at then 0 else 1 end as is_new,
        sum(case when row_hash_before = row_hash and ends_at_before = taken_at then 0 else 1 end) over (
            partition by {{ record_key }}
            order by taken_at, snapshot_id
            rows between unbounded preceding and current row
        ) as span_no
    from compared
),

spans as (
    select
        {% for name in key -%}
        {{ name }},
        {% endfor -%}
        span_no,
        case when count(*) = count(ends_at) then max(ends_at) end as valid_to
    from numbered
    group by {{ record_key }}, span_no
)

select
    {% for name in columns -%}
    numbered.{{ name }},
    {% endfor -%}
    numbered.taken_at as valid_from,
    spans.valid_to,
    spans.valid_to is null as is_current
from numbered
inner join spans
    on
        {% for name in key -%}
        numbered.{{ name }} = spans.{{ name }}
        and {% endfor -%}
        numbered.span_no = spans.span_no
where numbered.is_new = 1
{%- endmacro %}
