-- A row is an address whose domain this warehouse's words in macros/email_domain.sql find differently.
with examples as (
    select
        'Ada@Acme.Example' as email,
        'acme.example' as expected
    union all
    select
        ' bob@sub.acme.example ' as email,
        'sub.acme.example' as expected
    union all
    select
        '"odd@local"@acme.example' as email,
        'acme.example' as expected
    union all
    select
        'nobody' as email,
        'null' as expected
    union all
    select
        'nowhere@' as email,
        'null' as expected
    union all
    select
        '' as email,
        'null' as expected
)

select
    email,
    {{ email_domain('email') }} as found,
    expected
from examples
where coalesce({{ email_domain('email') }}, 'null') <> expected
