{{ directory_rows(
    'groups',
    key=['group_id'],
    columns=[
        'group_id', 'group_name', 'group_external_id', 'group_management_type', 'member_count'
    ]
) }}
