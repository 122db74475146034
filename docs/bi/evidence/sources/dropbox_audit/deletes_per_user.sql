select
    day,
    user_email,
    deleted_items,
    permanently_deleted_items
from dropbox_audit.deletes_per_user
