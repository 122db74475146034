{{ directory_spans(
    'members',
    key=['team_member_id'],
    columns=[
        'team_member_id', 'account_id', 'external_id', 'email', 'is_email_verified', 'name', 'given_name',
        'surname', 'status', 'role', 'roles', 'membership_type', 'invited_on', 'joined_on', 'suspended_on'
    ]
) }}
