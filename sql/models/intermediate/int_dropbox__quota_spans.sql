{{ directory_spans(
    'member_quotas',
    key=['team_member_id'],
    columns=[
        'team_member_id', 'quota_gb'
    ]
) }}
