{{ directory_rows(
    'shared_links',
    key=['team_member_id', 'url'],
    columns=[
        'team_member_id', 'url', 'link_type', 'name', 'path_lower', 'file_id', 'audience', 'has_password',
        'expires_at', 'can_revoke'
    ]
) }}
