{#
    The condition that keeps a scheduled run as cheap as what is new: only days that hold an event of a load which was
    not taken in yet. `true` while a model is built from nothing. Every read of a relation that is partitioned by day
    carries it, because each warehouse prunes relation by relation, and BigQuery on literals only.
#}
{% macro in_touched_days(day) -%}
    {%- set touched = ref('int_dropbox__touched_days') -%}
    {%- if not is_incremental() -%}
        true
    {%- elif var('touched_days', none) is none -%}
        {{ day }} in (select touched.occurred_on from {{ touched }} as touched)
    {%- else -%}
        {{ is_given_day(day) }}
    {%- endif -%}
{%- endmacro %}


{# The days of --vars touched_days as literals; `true` when the variable is not given. #}
{% macro is_given_day(day) -%}
    {%- set days = var('touched_days', none) -%}
    {%- if days is none -%}
        true
    {%- elif days | length == 0 -%}
        false
    {%- else -%}
        {{ day }} in (
            {%- for given in days -%}
                date '{{ modules.datetime.date.fromisoformat(given | string) }}'{{ ', ' if not loop.last }}
            {%- endfor -%}
        )
    {%- endif -%}
{%- endmacro %}


{#
    The opposite, for the ledger's question whether a load holds other days too. BigQuery would scan the whole table for
    it, so there it is not asked on every run; assert_every_taken_in_load_has_its_events asks it.
#}
{% macro is_left_out_day(day) -%}
    {%- if var('touched_days', none) is none or target.type == 'bigquery' -%}
        false
    {%- else -%}
        not ({{ is_given_day(day) }})
    {%- endif -%}
{%- endmacro %}


{#
    Insert-only models never write an event twice: an anti-join, limited to the touched days, with what the target
    already holds. It needs no maximum and no clock, so a run that died half-way is simply continued by the next one.
#}
{% macro not_yet_in_target(event_id) -%}
    {%- if is_incremental() -%}
        not exists (
            select 1
            from {{ this }} as present
            where
                present.event_id = {{ event_id }}
                and {{ in_touched_days('present.occurred_on') }}
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
