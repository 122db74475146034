{#
    With --vars '{"is_repair": true}' the touched days are made anew from raw: rows that were lost there have been loaded
    again under another walk, so a key may point to a raw row that is gone, and what is left of a day cannot be trusted.
    These hooks run before a model's own insert and take out only what that insert puts back: whatever raw can no
    longer give stays as it is, for nobody else has it. Without the variable they are empty.
#}

{# Of the keys, all copies of an identity that raw holds as often. #}
{% macro take_out_keys_that_raw_gives_again() -%}
{%- if is_repair() -%}
delete from {{ this }}
where
    {{ in_touched_days('occurred_on') }}
    and identity in (
        select held.identity
        from (
            select
                identity,
                count(distinct event_id) as copies
            from {{ this }}
            where {{ in_touched_days('occurred_on') }}
            group by identity
        ) as held
        inner join (
            select
                seen.identity,
                max(seen.copies) as copies
            from (
                select
                    walk_id,
                    identity,
                    count(*) as copies
                from {{ ref('stg_dropbox__events') }}
                where
                    not is_replayed
                    and {{ in_touched_days('occurred_on') }}
                group by walk_id, identity
            ) as seen
            group by seen.identity
        ) as given
            on held.identity = given.identity
        where given.copies >= held.copies
    )
{%- endif -%}
{%- endmacro %}


{# Of the events, those whose key has its raw row. #}
{% macro take_out_events_that_raw_gives_again() -%}
{%- if is_repair() -%}
delete from {{ this }}
where
    {{ in_touched_days('occurred_on') }}
    and event_id in (
        select event_keys.event_id
        from {{ ref('int_dropbox__event_keys') }} as event_keys
        inner join {{ ref('stg_dropbox__events') }} as staged
            on
                event_keys.walk_id = staged.walk_id
                and event_keys.page_no = staged.page_no
                and event_keys.position = staged.position
                and event_keys.occurred_on = staged.occurred_on
        where
            {{ in_touched_days('event_keys.occurred_on') }}
            and {{ in_touched_days('staged.occurred_on') }}
    )
{%- endif -%}
{%- endmacro %}


{# Of an event's assets or participants (`staged`), all if raw holds no fewer. #}
{% macro take_out_items_that_raw_gives_again(staged) -%}
{%- if is_repair() -%}
delete from {{ this }}
where
    {{ in_touched_days('occurred_on') }}
    and event_id in (
        select held.event_id
        from (
            select
                event_id,
                count(distinct position) as items
            from {{ this }}
            where {{ in_touched_days('occurred_on') }}
            group by event_id
        ) as held
        inner join (
            select
                event_keys.event_id,
                count(*) as items
            from {{ ref('int_dropbox__event_keys') }} as event_keys
            inner join {{ ref(staged) }} as staged
                on
                    event_keys.walk_id = staged.walk_id
                    and event_keys.page_no = staged.page_no
                    and event_keys.position = staged.event_position
                    and event_keys.occurred_on = staged.occurred_on
            where
                {{ in_touched_days('event_keys.occurred_on') }}
                and {{ in_touched_days('staged.occurred_on') }}
            group by event_keys.event_id
        ) as given
            on held.event_id = given.event_id
        where given.items >= held.items
    )
{%- endif -%}
{%- endmacro %}


{% macro is_repair() -%}
    {{ return(is_incremental() and var('is_repair', false)) }}
{%- endmacro %}
