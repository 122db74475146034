{#
    Alerts look over the edge of a day: a window that ends on a day may begin on the one before, and a habit is what was
    so for weeks. The touched days with so many more around each, as literals; with --vars alerts_since, for a back-test,
    every day from that one on. `true` where nothing was built yet.
#}
{% macro near_touched_days(day, before=0, after=0) -%}
    {%- set touched = ref('int_dropbox__touched_days') -%}
    {%- if not execute or var('alerts_since', none) is none and load_relation(touched) is none -%}
        true
    {%- elif var('alerts_since', none) is not none -%}
        {{ day }} >= date '{{ modules.datetime.date.fromisoformat(var("alerts_since")) - modules.datetime.timedelta(days=before) }}'
    {%- else -%}
        {%- set given = var('touched_days', none) -%}
        {{ is_one_of(day, days_around(days_in(touched) if given is none else given, before, after)) }}
    {%- endif -%}
{%- endmacro %}


{% macro days_around(days, before, after) -%}
    {%- set around = [] -%}
    {%- for day in days -%}
        {%- set middle = modules.datetime.date.fromisoformat((day | string)[:10]) -%}
        {%- for step in range(-before, after + 1) -%}
            {%- do around.append(middle + modules.datetime.timedelta(days=step)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(around) }}
{%- endmacro %}
