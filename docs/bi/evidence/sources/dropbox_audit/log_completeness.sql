select
    day,
    status,
    events,
    last_verified_at,
    missing_events,
    extra_events
from dropbox_audit.log_completeness
