select
    user_id,
    max(user_name) as name,
    max(user_email) as email,
    sum(events) as events,
    sum(downloads) as downloads,
    sum(deletes) as deletes,
    sum(shares) as shares,
    max(day) as last_day
from dropbox_audit.user_activity
where user_id is not null
group by user_id
