-- A domain belongs to the team from its verification, or from the first action of a member with such an address, until
-- it is removed from the verified domains; a later verification or member action begins a new span.
{{ team_domain_spans('true') }}
