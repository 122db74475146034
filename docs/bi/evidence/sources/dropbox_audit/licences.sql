select
    day,
    bought,
    provisioned,
    used
from dropbox_audit.licences
