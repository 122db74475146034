{{ directory_spans(
    'team_info',
    key=['team_id'],
    columns=[
        'team_id', 'name', 'num_licensed_users', 'num_provisioned_users', 'num_used_licenses', 'policies'
    ]
) }}
