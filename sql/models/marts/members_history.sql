with spans as (
    select * from {{ ref('int_dropbox__member_spans') }}
)

select
    team_member_id,
    account_id,
    external_id,
    email,
    is_email_verified,
    name,
    given_name,
    surname,
    status,
    role,
    roles,
    role <> 'member_only' as is_admin,
    membership_type,
    invited_on,
    joined_on,
    suspended_on,
    valid_from,
    valid_to,
    is_current
from spans
