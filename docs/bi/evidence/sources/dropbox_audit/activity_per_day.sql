select
    day,
    sum(events) as events,
    count(distinct user_id) as people
from dropbox_audit.user_activity
group by day
