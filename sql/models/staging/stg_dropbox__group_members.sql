{{ directory_rows(
    'group_members',
    key=['group_id', 'team_member_id'],
    columns=[
        'group_id', 'team_member_id', 'email', 'access_type'
    ]
) }}
