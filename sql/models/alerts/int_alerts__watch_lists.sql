-- What the team's own settings file lists: one row per list and entry.
{{ config(materialized = 'ephemeral') }}

select distinct
    setting as list_name,
    trim(value) as entry
from {{ ref('stg_dropbox__alert_settings') }}
where coalesce(rule_id, '') = '' and trim(value) <> ''
