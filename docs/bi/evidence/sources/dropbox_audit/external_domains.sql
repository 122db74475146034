select
    domain,
    is_public_mail_provider,
    external_shares,
    people_count,
    sharing_user_count,
    last_seen_at
from dropbox_audit.external_domains
