{{ directory_spans(
    'devices',
    key=['team_member_id', 'session_id'],
    columns=[
        'team_member_id', 'session_id', 'device_type', 'name', 'platform', 'client_type', 'client_version',
        'ip_address', 'country', 'created_at', 'updated_at', 'expires_at'
    ]
) }}
