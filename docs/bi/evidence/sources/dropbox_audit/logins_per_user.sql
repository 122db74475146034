select
    day,
    user_email,
    successful_logins,
    failed_logins,
    distinct_countries
from dropbox_audit.logins_per_user
