{#
    The condition that keeps a scheduled run as cheap as what is new: only days that hold an event of a load which was
    not taken in yet. `true` while a model is built from nothing. Every read of a relation that is kept by day carries
    it, because each warehouse prunes relation by relation. The days are always literals: BigQuery prunes partitions on
    nothing else, and DuckDB does not carry a subquery's days down through the views of the staging layer. Without
    --vars they are asked for, from a table with a handful of rows. With --vars is_portion a model is built from the days
    of --vars touched_days only, also from nothing: the others follow, or are there already.
#}
{% macro in_touched_days(day) -%}
    {%- set touched = ref('int_dropbox__touched_days') -%}
    {%- if not is_incremental() and not var('is_portion', false) -%}
        true
    {%- elif var('touched_days', none) is not none -%}
        {{ is_given_day(day) }}
    {%- else -%}
        {{ is_one_of(day, days_in(touched)) }}
    {%- endif -%}
{%- endmacro %}


{% macro days_in(touched) -%}
    {{ return(run_query('select occurred_on from ' ~ touched ~ ' order by occurred_on').columns[0].values()) }}
{%- endmacro %}


{# Only the days of --vars touched_days; `true` when the variable is not given. #}
{% macro is_given_day(day) -%}
    {{ 'true' if var('touched_days', none) is none else is_one_of(day, var('touched_days')) }}
{%- endmacro %}


{#
    For data tests: what is stored was tested when it was new, so an update tests the days that it touches, and costs what
    is new. They are those of --vars touched_days, else those that the update has just written down. `true` without
    either: whoever builds everything tests everything.
#}
{% macro is_tested_day(day) -%}
    {%- if execute and is_update() and var('touched_days', none) is none -%}
        {#- Not a `ref`: it would let the selection of this model pick every test. -#}
        {{ is_one_of(day, days_in(graph.nodes['model.dropbox_audit.int_dropbox__touched_days'].relation_name)) }}
    {%- else -%}
        {{ is_given_day(day) }}
    {%- endif -%}
{%- endmacro %}


{# Whether this is the build of `dropbox-audit transform` that brings stored models up to date, and builds nothing else. #}
{% macro is_update() -%}
    {{ return(flags.WHICH == 'build' and 'config.materialized:incremental' in (invocation_args_dict.select or [])) }}
{%- endmacro %}


{# A day is one of a list of dates, or of texts that must be dates. A long list becomes the span that it fills. #}
{% macro is_one_of(day, dates) -%}
    {%- set literals = [] -%}
    {%- for date in dates | map('string') | unique | sort -%}
        {%- do literals.append("date '" ~ modules.datetime.date.fromisoformat(date[:10]) ~ "'") -%}
    {%- endfor -%}
    {%- if not literals -%}
        false
    {%- elif literals | length > 366 -%}
        {{ day }} between {{ literals | first }} and {{ literals | last }}
    {%- else -%}
        {{ day }} in ({{ literals | join(', ') }})
    {%- endif -%}
{%- endmacro %}


{# The opposite, for the ledger's question whether a load holds other days too. #}
{% macro is_left_out_day(day) -%}
    {%- if var('touched_days', none) is none -%}
        false
    {%- else -%}
        not ({{ is_one_of(day, var('touched_days')) }})
    {%- endif -%}
{%- endmacro %}


{#
    Insert-only models never write an event twice: an anti-join, limited to the touched days, with what the target
    already holds. It needs no maximum and no clock, so a run that died half-way is simply continued by the next one, and
    a row that was lost comes back with the next event of its day. `position` tells the items of one event apart.
#}
{% macro not_yet_in_target(event_id, position=none) -%}
    {%- if is_incremental() -%}
        not exists (
            select 1
            from {{ this }} as present
            where
                present.event_id = {{ event_id }}
                {%- if position %}
                and present.position = {{ position }}
                {%- endif %}
                and {{ in_touched_days('present.occurred_on') }}
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
