-- As in int_dropbox__team_domains, but by the last 400 days: a poll must not read all history, and a domain in which
-- nobody acted for so long is the team's no more.
{{ config(materialized = 'ephemeral') }}

{{ team_domain_spans(near_touched_days('occurred_on', before=400)) }}
