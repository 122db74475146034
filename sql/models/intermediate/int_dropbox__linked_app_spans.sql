{{ directory_spans(
    'linked_apps',
    key=['team_member_id', 'app_id'],
    columns=[
        'team_member_id', 'app_id', 'app_name', 'publisher', 'publisher_url', 'is_app_folder', 'linked_at'
    ]
) }}
