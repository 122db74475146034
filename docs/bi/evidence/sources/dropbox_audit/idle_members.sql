select
    name,
    email,
    status,
    idle_days,
    last_seen_at,
    cost_per_year,
    currency
from dropbox_audit.idle_members
