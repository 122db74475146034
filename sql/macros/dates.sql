{# The UTC date of a timestamp. Never `timestamp::date`: DuckDB and Snowflake would take the session's time zone. #}
{% macro utc_date(timestamp) -%}
    {{ return(adapter.dispatch('utc_date', 'dropbox_audit')(timestamp)) }}
{%- endmacro %}

{% macro default__utc_date(timestamp) -%}
    cast({{ timestamp }} at time zone 'UTC' as date)
{%- endmacro %}

{% macro bigquery__utc_date(timestamp) -%}
    date({{ timestamp }}, 'UTC')
{%- endmacro %}

{% macro snowflake__utc_date(timestamp) -%}
    to_date(convert_timezone('UTC', {{ timestamp }}))
{%- endmacro %}


{# Seconds from one timestamp to a later one, as a decimal number. #}
{% macro seconds_between(earlier, later) -%}
    {{ return(adapter.dispatch('seconds_between', 'dropbox_audit')(earlier, later)) }}
{%- endmacro %}

{% macro default__seconds_between(earlier, later) -%}
    (epoch({{ later }}) - epoch({{ earlier }}))
{%- endmacro %}

{% macro bigquery__seconds_between(earlier, later) -%}
    (timestamp_diff({{ later }}, {{ earlier }}, microsecond) / 1000000)
{%- endmacro %}

{% macro snowflake__seconds_between(earlier, later) -%}
    (cast(timestampdiff(microsecond, {{ earlier }}, {{ later }}) as double) / 1000000)
{%- endmacro %}


{# A table of every day from one date to another, both included, as `<alias>.day`. #}
{% macro each_day(first, last, alias) -%}
    {{ return(adapter.dispatch('each_day', 'dropbox_audit')(first, last, alias)) }}
{%- endmacro %}

{% macro default__each_day(first, last, alias) -%}
    (
        select cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 day)) as date) as day
    ) as {{ alias }}
{%- endmacro %}

{% macro bigquery__each_day(first, last, alias) -%}
    (select day from unnest(generate_date_array({{ first }}, {{ last }})) as day) as {{ alias }}
{%- endmacro %}

{% macro snowflake__each_day(first, last, alias) -%}
    (
        select cast(dateadd(day, item.value::int, ends.first_day) as date) as day
        from (
            select
                {{ first }} as first_day,
                {{ last }} as last_day
        ) as ends
        cross join
            lateral flatten(
                input => array_generate_range(0, datediff(day, ends.first_day, ends.last_day) + 1)
            ) as item
    ) as {{ alias }}
{%- endmacro %}


{# The first instant of a UTC day as a timestamp with time zone. #}
{% macro start_of_day(day) -%}
    {{ return(adapter.dispatch('start_of_day', 'dropbox_audit')(day)) }}
{%- endmacro %}

{% macro default__start_of_day(day) -%}
    (cast({{ day }} as timestamp) at time zone 'UTC')
{%- endmacro %}

{% macro bigquery__start_of_day(day) -%}
    timestamp({{ day }}, 'UTC')
{%- endmacro %}

{% macro snowflake__start_of_day(day) -%}
    timestamp_tz_from_parts(year({{ day }}), month({{ day }}), day({{ day }}), 0, 0, 0, 0, 'UTC')
{%- endmacro %}


{# The first day of a date's month. #}
{% macro month_start(day) -%}
    {{ return(adapter.dispatch('month_start', 'dropbox_audit')(day)) }}
{%- endmacro %}

{% macro default__month_start(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{% macro bigquery__month_start(day) -%}
    cast(date_trunc({{ day }}, month) as date)
{%- endmacro %}


{# Days from one date to a later one; negative where it is earlier. #}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch('days_between', 'dropbox_audit')(earlier, later)) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    date_diff('day', {{ earlier }}, {{ later }})
{%- endmacro %}

{% macro bigquery__days_between(earlier, later) -%}
    date_diff({{ later }}, {{ earlier }}, day)
{%- endmacro %}

{% macro snowflake__days_between(earlier, later) -%}
    datediff(day, {{ earlier }}, {{ later }})
{%- endmacro %}


{# The date so many days before another one. #}
{% macro days_before(day, count) -%}
    {{ return(adapter.dispatch('days_before', 'dropbox_audit')(day, count)) }}
{%- endmacro %}

{% macro default__days_before(day, count) -%}
    ({{ day }} - cast({{ count }} as integer))
{%- endmacro %}

{% macro bigquery__days_before(day, count) -%}
    date_sub({{ day }}, interval {{ count }} day)
{%- endmacro %}

{% macro snowflake__days_before(day, count) -%}
    cast(dateadd(day, -{{ count }}, {{ day }}) as date)
{%- endmacro %}


{# The Monday of a date's week. #}
{% macro week_start(day) -%}
    {{ return(adapter.dispatch('week_start', 'dropbox_audit')(day)) }}
{%- endmacro %}

{% macro default__week_start(day) -%}
    cast(date_trunc('week', {{ day }}) as date)
{%- endmacro %}

{% macro bigquery__week_start(day) -%}
    cast(date_trunc({{ day }}, week(monday)) as date)
{%- endmacro %}


{# The reader's moment. #}
{% macro now_with_time_zone() -%}
    {{ return(adapter.dispatch('now_with_time_zone', 'dropbox_audit')()) }}
{%- endmacro %}

{% macro default__now_with_time_zone() -%}
    current_timestamp
{%- endmacro %}

{% macro bigquery__now_with_time_zone() -%}
    current_timestamp()
{%- endmacro %}

{% macro snowflake__now_with_time_zone() -%}
    convert_timezone('UTC', current_timestamp())
{%- endmacro %}
