{#
    Stretches of time in which a domain was the team's; `condition` says which days of domain marks are read.
    Domains given by --vars team_domains are the only ones, and always were.
#}
{% macro team_domain_spans(condition) -%}
{%- set public_mail_domains = ref('public_mail_domains') %}
{%- set given = var('team_domains', none) or [] %}
{%- if given %}
{%- for domain in given | map("trim") | map("lower") | unique %}
select
    '{{ domain | replace("'", "''") }}' as domain,
    cast(null as {{ dbt.type_timestamp() }}) as valid_from,
    cast(null as {{ dbt.type_timestamp() }}) as valid_to
{{ 'union all' if not loop.last }}
{%- endfor %}
{%- else %}
with marks as (
    select * from {{ ref('int_dropbox__domain_days') }}
    where {{ condition }}
),

public_mail_domains as (
    select * from {{ public_mail_domains }}
),

-- At one second a start comes before a removal: the removal itself is an action of a member of that domain.
lined_up as (
    select
        marks.domain,
        marks.mark,
        marks.occurred_at,
        lag(marks.mark) over (
            partition by marks.domain order by marks.occurred_at asc, marks.mark desc
        ) as previous_mark,
        min(case when marks.mark = 'removal' then marks.occurred_at end) over (
            partition by marks.domain
            order by marks.occurred_at asc, marks.mark desc
            rows between 1 following and unbounded following
        ) as next_removal_at
    from marks
    where marks.domain not in (select public_mail_domains.domain from public_mail_domains)
)

select
    domain,
    occurred_at as valid_from,
    next_removal_at as valid_to
from lined_up
where
    mark = 'start'
    and coalesce(previous_mark, 'removal') = 'removal'
{%- endif %}
{%- endmacro %}
