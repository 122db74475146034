-- What this run has to do. The ledger is written last, by a model that depends on everything else, so it cannot be a
-- `ref` here: that would be a cycle. A run that fails half-way leaves its loads out of the ledger, and the next run
-- finds them here again.
{{ config(materialized = 'table') }}

{%- set ledger = adapter.get_relation(
    database = this.database, schema = this.schema, identifier = 'int_dropbox__load_ledger'
) if execute else none %}

with loads as (
    select * from {{ ref('stg_dropbox__loads') }}
)

select
    loads.load_id,
    loads.loaded_at
from loads
{%- if ledger is not none and not flags.FULL_REFRESH %}
where loads.load_id not in (select ledger.load_id from {{ ledger }} as ledger)
{%- endif %}
