select
    day,
    user_email,
    share_events,
    external_shares,
    links_created,
    public_links
from dropbox_audit.shares_per_user
